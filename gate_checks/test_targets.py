"""The targets of the application are up."""

from __future__ import annotations

from gate_checks.criteria import TARGETS
from pytest_deploygate import Criterion, Gate, gate_criteria


@gate_criteria(TARGETS)
def test_targets(criterion: Criterion, gate: Gate) -> None:
    gate.check(criterion)
