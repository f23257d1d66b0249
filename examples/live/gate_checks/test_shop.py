"""What the shop must keep to while a new version goes out."""

from pytest_deploygate import Criterion, Gate, gate_criteria

CRITERIA = [
    Criterion(
        id="orders_fail",
        title="Share of orders that fail",
        query="""
          sum(rate(shop_orders_total{status=~"5.."}[5s])) / sum(rate(shop_orders_total[5s]))
        """,
        below=0.05,
        unit="ratio",
    ),
    Criterion(
        id="order_p95",
        title="Time of an order, p95",
        query="histogram_quantile(0.95, sum by (le) (rate(shop_order_seconds_bucket[5s])))",
        below=0.5,
        unit="seconds",
    ),
    Criterion(
        id="instances",
        title="Instances that are up",
        query='sum(up{job="shop"})',
        severity="warning",
        at_least=2,
    ),
]


@gate_criteria(CRITERIA)
def test_shop(criterion: Criterion, gate: Gate) -> None:
    """Ask for one of the criteria."""
    gate.check(criterion)
