"""The training does not decline or diverge."""

from __future__ import annotations

from gate_checks.criteria import RL
from pytest_deploygate import Criterion, Gate, gate_criteria


@gate_criteria(RL)
def test_rl(criterion: Criterion, gate: Gate) -> None:
    gate.check(criterion)
