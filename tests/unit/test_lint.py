"""The rules of ``deploygate doctor --strict`` that need no server: defects and their neighbours."""

from __future__ import annotations

from functools import partial

import pytest

from gate_checks import criteria
from pytest_deploygate import Criterion
from pytest_deploygate.promql.lint import findings, windows, works_without

SHIPPED = [
    one
    for group in vars(criteria).values()
    if isinstance(group, list)
    for one in group
    if isinstance(one, Criterion)
]
HIDES, NAN, LE, EQUALS = "hides that", "makes it NaN", "adds up the buckets", "a rate is rarely"
DEFECTS = {
    "sum(rate(errors[5m])) or vector(0)": ("or vector(0)", HIDES),
    "(rate(errors[5m])) or on () (vector(0))": ("or (vector(0))", HIDES),
    "(sum(rate(errors[5m])) or vector(0)) / sum(rate(requests[5m]))": ("or vector(0)", HIDES),
    "rate(errors[5m]) or 0 * up": ("or 0 * up", HIDES),
    "rate(errors[5m]) or up * 0": ("or up * 0", HIDES),
    "count(up == 0) or vector(0)": ("or vector(0)", HIDES),
    'sum({__name__="a.b"}) or vector(0)': ("or vector(0)", HIDES),
    "sum(a / b)": ("sum(a / b)", NAN),
    "sum by (job) (100 * (a / on (job) b))": ("sum by (job)(100 * (a / on (job) b))", NAN),
    "avg(1 - rate(a[5m]) / rate(b[5m]))": ("avg(1 - rate(a[5m]) / rate(b[5m]))", NAN),
    "sum(abs(a / (b * 60)))": ("sum(abs(a / (b * 60)))", NAN),
    "max(c) / sum(a / b)": ("sum(a / b)", NAN),
    "histogram_quantile(0.9, sum(rate(x_bucket[5m])))": ("sum(rate(x_bucket[5m]))", LE),
    "histogram_quantile(0.9, sum by (job) (rate(x_bucket[5m]))) < 9": (
        "sum by (job)(rate(x_bucket[5m]))",
        LE,
    ),
    "histogram_quantile(0.9, (sum without (le) (x_bucket)) > 0)": (
        "sum without (le)(x_bucket)",
        LE,
    ),
    "histogram_quantile(0.9, sum by (le) (sum by (job) (x_bucket)))": (
        "sum by (job)(x_bucket)",
        LE,
    ),
    "rate(a[5m]) == 0.1": ("rate(a[5m]) == 0.1", EQUALS),
    "5 == bool sum(increase(a[5m]))": ("5 == bool sum(increase(a[5m]))", EQUALS),
    "max(histogram_quantile(0.9, rate(x_bucket[5m]))) == 1": (
        "max(histogram_quantile(0.9, rate(x_bucket[5m]))) == 1",
        EQUALS,
    ),
    "count((rate(a[5m]) / 2) == 0)": ("(rate(a[5m]) / 2) == 0", EQUALS),
}
INNOCENT = (
    # another part of the query has no value without the metric
    '(sum(rate(requests{status="500"}[5m])) or vector(0)) / sum(rate(requests[5m]))',
    "(sum(rate(errors[5m])) or 0 * sum(rate(requests[5m]))) / sum(rate(requests[5m]))",
    "count(up == 0) or 0 * count(up)",
    "rate(errors[5m]) / rate(requests[5m]) or 0 * rate(requests[5m])",
    "(sum(errors) > 0) / (sum(requests) > 0 or vector(1)) or 0 * sum(requests)",
    "absent(up) or vector(0)",
    "orders or vector(7)",  # it does not keep the limit
    "a or b",
    "a or 2 * b",
    "sum(a) / sum(b)",
    "sum(a / 60)",
    "sum(a / (b > 0))",
    "sum(a / clamp_min(b, 1))",
    "sum(a / b >= 0)",
    "sum(a / b and b > 0)",
    "sum(a / scalar(sum(b) + 1))",
    "max(a / b)",
    "count(a / b)",
    "histogram_quantile(0.9, rate(x_bucket[5m]))",
    "histogram_quantile(0.9, sum by (le, job) (rate(x_bucket[5m])))",
    "histogram_quantile(0.9, sum without (instance) (rate(x_bucket[5m])))",
    "histogram_quantile(0.9, sum by (job) (rate(native[5m])))",
    "histogram_quantile(0.9, topk(3, x_bucket))",
    "histogram_quantile(0.9, x_bucket and on () sum(x_bucket))",
    "up == 0",
    "up == bool 1",
    "count(rate(a[5m])) == 3",
    "increase(a[5m]) != 0",
    "(rate(a[5m]) > bool 0) == 1",
    "round(rate(a[5m])) == 0",
    "rate(a[5m]",  # the doctor says that it cannot be parsed
)


def low(value: float) -> bool:
    return value < 2


@pytest.mark.parametrize("expr", DEFECTS)
def test_a_defect_is_found_once_with_its_part(expr: str) -> None:
    [found] = findings(expr, low)
    part, advice = DEFECTS[expr]
    assert found.part == part
    assert advice in found.advice
    assert "; write " in found.advice


@pytest.mark.parametrize("expr", INNOCENT)
def test_its_neighbours_are_not(expr: str) -> None:
    assert findings(expr, low) == []


def test_zero_may_be_what_fails() -> None:
    assert findings("sum(rate(orders[5m])) or vector(0)", lambda value: value > 100) == []
    assert findings("1 + (sum(rate(orders[5m])) or vector(0))", lambda value: value > 100)


def test_nothing_is_found_in_what_ships() -> None:
    assert len(SHIPPED) == 14
    for one in SHIPPED:
        passes = partial(one.comparison.passes, limit=one.limit)
        enough = one.enough.query if one.enough else ""
        for expr in (one.query, one.culprit, enough):
            assert findings(expr, passes) == [], one


def test_windows_of_rates_are_found() -> None:
    expr = 'rate(a{b="c"}[20s]) / increase({__name__="b"}[1m]) + rate({x="y"}[9s])'
    assert windows(f"{expr} + max_over_time(c[1s]) + rate(d[5m:1s])") == [
        ("a", 20.0, 'rate(a{b="c"}[20s])'),
        ("b", 60.0, 'increase({__name__="b"}[1m])'),
        ("", 9.0, 'rate({x="y"}[9s])'),
    ]


@pytest.mark.parametrize(
    ("expr", "label", "works"),
    [
        ("sum(a) / sum(b)", "", False),
        ("sum(a) or sum(b)", "", True),
        ("b unless a", "", True),
        ('a{x="1"} / a', "x", False),
        ('a{x="1"} or a', "x", True),
        ('a{x="2"}', "x", True),
        ("rate(b[5m])", "", True),
        ("a[", "", False),
    ],
)
def test_what_a_query_needs(expr: str, label: str, works: bool) -> None:
    assert works_without(expr, "a", label, "1") is works
