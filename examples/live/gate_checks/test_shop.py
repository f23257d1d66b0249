"""What the shop must keep to while a new version goes out."""

import pytest

from pytest_deploygate import Gate


@pytest.mark.critical
def test_orders_fail(gate: Gate) -> None:
    """Share of orders that fail."""
    gate.check(
        'sum(rate(shop_orders_total{status=~"5.."}[5s])) / sum(rate(shop_orders_total[5s]))',
        below=0.05,
        unit="ratio",
    )


@pytest.mark.critical
def test_order_p95(gate: Gate) -> None:
    """Time of an order, p95."""
    gate.check(
        "histogram_quantile(0.95, sum by (le) (rate(shop_order_seconds_bucket[5s])))",
        below=0.5,
        unit="seconds",
    )


@pytest.mark.warning
def test_instances(gate: Gate) -> None:
    """Instances that are up."""
    gate.check('sum(up{job="shop"})', at_least=2)
