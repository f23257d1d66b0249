"""Counts from zero: which calls of increase() are replaced, and that the result is PromQL."""

from __future__ import annotations

import promql_parser
import pytest

from pytest_deploygate.promql.counting import from_zero


@pytest.mark.parametrize(
    "expr",
    [
        "sum(increase(x[1m]))",
        'sum by (job) (increase(x{a="}[1m])",b=~"5.."}[1m])) - sum(increase(y{}[90s]))',
        "increase ( # all of them\n x [1m] ) / 2",
    ],
)
def test_every_increase_of_a_selector_counts_from_zero(expr: str) -> None:
    found = from_zero(expr, 'version="2"', 4 / 3)
    assert found.count("present_over_time") == expr.count("increase")
    assert found.count('{version="2"}[') == expr.count("increase")
    promql_parser.parse(found)


@pytest.mark.parametrize(
    "expr",
    [
        "increase(x[10m:1m])",
        "increase(x[1m] offset 5m)",
        "increase(rate(x[1m])[10m:1m])",
        "rate(x[1m])",
        "increase",
        "sum by (increase) (x)",
        'x{increase="increase(x[1m])"}',
        "increase(x{",
    ],
)
def test_everything_else_stays_as_it_is(expr: str) -> None:
    assert from_zero(expr, 'version="2"', 4 / 3) == expr
