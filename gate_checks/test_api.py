"""The API answers without errors."""

from __future__ import annotations

from gate_checks.criteria import API
from pytest_deploygate import Criterion, Gate, gate_criteria


@gate_criteria(API)
def test_api(criterion: Criterion, gate: Gate) -> None:
    gate.check(criterion)
