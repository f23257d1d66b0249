"""Answers match their schema."""

from __future__ import annotations

from gate_checks.criteria import SCHEMA
from pytest_deploygate import Criterion, Gate, gate_criteria


@gate_criteria(SCHEMA)
def test_schema(criterion: Criterion, gate: Gate) -> None:
    gate.check(criterion)
