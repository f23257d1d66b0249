"""The machines have free GPU memory, CPU and memory."""

from __future__ import annotations

from gate_checks.criteria import RESOURCES
from pytest_deploygate import Criterion, Gate, gate_criteria


@gate_criteria(RESOURCES)
def test_resources(criterion: Criterion, gate: Gate) -> None:
    gate.check(criterion)
