"""The new version of the shop against the old one that runs beside it."""

from pytest_deploygate import Compare, Criterion, Gate, gate_criteria

# A real canary has a window of 30m and needs no step: this one is scraped every second.
CANARY = Compare(
    new='version="$version"', old='version!="$version"', window="30s", step="4s", minimum=1000
)

CRITERIA = [
    Criterion(
        id="canary_errors",
        query='sum(increase(shop_orders_total{$side,status=~"5.."}[$window]))',
        kind=CANARY.shares(total="sum(increase(shop_orders_total{$side}[$window]))"),
        at_most=1.25,
        quantity="error share",
    ),
    Criterion(
        id="canary_slow",
        query=(
            "sum(increase(shop_order_seconds_count{$side}[$window]))"
            ' - sum(increase(shop_order_seconds_bucket{$side,le="0.5"}[$window]))'
        ),
        kind=CANARY.shares(total="sum(increase(shop_order_seconds_count{$side}[$window]))"),
        at_most=1.25,
        quantity="slow orders",
    ),
]


@gate_criteria(CRITERIA)
def test_canary(criterion: Criterion, gate: Gate) -> None:
    """Compare both versions."""
    gate.check(criterion)
