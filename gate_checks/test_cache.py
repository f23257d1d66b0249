"""The caches answer most requests."""

from __future__ import annotations

from gate_checks.criteria import CACHE
from pytest_deploygate import Criterion, Gate, gate_criteria


@gate_criteria(CACHE)
def test_cache(criterion: Criterion, gate: Gate) -> None:
    gate.check(criterion)
