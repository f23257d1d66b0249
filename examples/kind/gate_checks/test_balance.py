"""The load is spread evenly."""

from __future__ import annotations

from balance import Balanced

from pytest_deploygate import Criterion, Gate, gate_criteria, threshold

BALANCE = Criterion(
    id="load_balance",
    title="Load Balance",
    query="sum by (instance) (rate(http_requests_total[5m]))",
    at_most=threshold("load_balance_max", 1.5),
    kind=Balanced(),
)


@gate_criteria(BALANCE)
def test_balance(criterion: Criterion, gate: Gate) -> None:
    """The busiest instance is not far above the average."""
    gate.check(criterion)
