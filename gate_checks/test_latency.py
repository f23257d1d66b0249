"""The latency of every mode is within its limit."""

from __future__ import annotations

from gate_checks.criteria import LATENCY
from pytest_deploygate import Criterion, Gate, gate_criteria


@gate_criteria(LATENCY)
def test_latency(criterion: Criterion, gate: Gate) -> None:
    gate.check(criterion)
