"""How a value is held against a limit, as PromQL.

What the expressions rest on:

- a comparison with ``bool`` answers 1 or 0, and 0 for NaN;
- ``x >= -Inf`` drops NaN and nothing else, ``x % Inf`` makes NaN of infinity and of nothing else;
- ``x ^ 0`` is 1 for every x, NaN included;
- a value that differs from a limit by a billionth is equal to it.
"""

from __future__ import annotations

import math

from pytest_deploygate.core.criterion import Comparison, Criterion
from pytest_deploygate.core.text import SAME
from pytest_deploygate.promql.expressions import either, grouped, literal, selecting
from pytest_deploygate.promql.histograms import histogram

_OPERATORS = {
    Comparison.BELOW: "<",
    Comparison.AT_MOST: "<=",
    Comparison.ABOVE: ">",
    Comparison.AT_LEAST: ">=",
    Comparison.EQUALS: "==",
}
# The comparisons whose limit moves towards zero to let a value pass that rounding has moved.
_LOWERED = (Comparison.BELOW, Comparison.AT_LEAST)


def asked(criterion: Criterion) -> str:
    """The query, without the series that ``match`` leaves out."""
    return selecting(criterion.query.strip(), criterion.match)


def measured(criterion: Criterion, vector: str) -> str:
    """What was measured: without NaN, unless NaN is a breach."""
    return vector if criterion.nan_is_breach else grouped(f"{vector} >= -Inf")


def keeps(criterion: Criterion, vector: str, largest: str | float = math.inf) -> str:
    """1 where a value keeps the limit, 0 where it does not; NaN and infinity never keep it.

    Args:
        criterion: its limit.
        vector: the values, as an operand.
        largest: the bound from which on a value may be larger than it says: PromQL, or a number.
            Where PromQL has no sample for a value, there is none.
    """
    limit = criterion.limit
    if isinstance(largest, float) and limit >= largest:
        return f"{vector} % Inf < bool {literal(largest)}"
    if isinstance(largest, str):
        within = f"{vector} % Inf {_within(criterion, largest)}"
        behind = histogram(criterion.query)
        if behind is not None and behind.alone and not criterion.match:
            return grouped(within)
        plain = f"{vector} % Inf {held_against(criterion.comparison, literal(limit), limit)}"
        return grouped(either(within, plain))
    if criterion.comparison is Comparison.EQUALS:
        return f"abs({vector} - {literal(limit)}) <= bool {literal(SAME)} * {literal(abs(limit))}"
    return f"{vector} % Inf {held_against(criterion.comparison, literal(limit), limit)}"


def _within(criterion: Criterion, largest: str) -> str:
    """A comparison with the limit, or with what is just below the largest bound if that is less."""
    comparison, limit = criterion.comparison, criterion.limit
    bound = f"{largest} * {literal(1 - SAME)}"
    dusted = held_against(comparison, literal(limit), limit).partition(" bool ")[2]
    operator = _OPERATORS[comparison]
    return f"{operator} bool clamp_max({bound}, {dusted})"


def held_against(comparison: Comparison, limit: str, sign: float) -> str:
    """A comparison with a limit and what is equal to it; ``sign`` says which way zero is."""
    operator = _OPERATORS[comparison]
    if sign == 0:
        return f"{operator} bool {limit}"
    lower = (comparison in _LOWERED) == (sign > 0)
    return f"{operator} bool {limit} * (1 {'-' if lower else '+'} {literal(SAME)})"
