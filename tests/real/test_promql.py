"""A criterion's PromQL says of every kind of series what the gate says of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import combinations, product
from typing import Any

import pytest

from pytest_deploygate.cli.exports import states as promql
from pytest_deploygate.core.criterion import Criterion, NoData
from pytest_deploygate.core.severity import Severity
from pytest_deploygate.core.verdict import Verdict
from pytest_deploygate.kinds.base import Kind
from pytest_deploygate.kinds.instant import Instant
from pytest_deploygate.kinds.runaway import Runaway
from pytest_deploygate.kinds.sustained import Sustained
from pytest_deploygate.kinds.trend import Trend
from tests import servers
from tests.real.asking import gate_run, instant, judged, verdict
from tests.samples import number

AT = 1_790_000_040.0  # a whole minute, so that Prometheus' subqueries and the gate look alike
SCRAPES = range(3 * 3600, -1, -15)
NAN, INF = math.nan, math.inf
Value = Callable[[float], float | None]


def born(age: float, value: float) -> Value:
    """There since this age."""
    return lambda now: value if now <= age else None


def ended(age: float, value: float) -> Value:
    """Gone since this age."""
    return lambda now: value if now > age else None


def lately(age: float, now: float, before: float) -> Value:
    """Another value since this age."""
    return lambda then: now if then <= age else before


def values(*constants: float) -> list[Value]:
    """One series for each of these."""
    return [lambda age, value=value: value for value in constants]  # type: ignore[misc]


# The limit is 5, from above or from below.
NOW: Mapping[str, list[Value]] = {
    "low": values(1),
    "high": values(9),
    "at the limit": values(5),
    "at the limit but for rounding": values(5 * (1 + 1e-12)),
    "just above the limit": values(5 * (1 + 1e-6)),
    "just below the limit": values(5 * (1 - 1e-6)),
    "zero": values(0),
    "negative": values(-9),
    "NaN": values(NAN),
    "infinite": values(INF),
    "minus infinity": values(-INF),
    "low and NaN": values(1, NAN),
    "high and NaN": values(9, NAN),
    "low and infinite": values(1, INF),
    "high and minus infinity": values(9, -INF),
    "low and high": values(1, 9),
    "low, high and NaN": values(1, 9, NAN),
    "several NaN": values(NAN, NAN),
    "nothing": [],
}
LATELY: Mapping[str, list[Value]] = {
    "steady": values(1),
    "high all the time": values(9),
    "zero all the time": values(0),
    "NaN all the time": values(NAN),
    "rising": [lambda age: 10 - age / 7200],
    "falling": [lambda age: 1 + age / 7200],
    "one rises, one falls": [lambda age: 10 - age / 7200, lambda age: 1 + age / 7200],
    "falling by rounding": [lambda age: 12.45 * (1 + 1e-13 * age)],
    "falling by little more": [lambda age: 12.45 * (1 + 1e-12 * age)],
    "high for ten minutes": [lately(600, 9, 1)],
    "high for three minutes": [lately(180, 9, 1)],
    "high for exactly five minutes": [lately(300, 9, 1)],
    "high until a minute ago": [lately(60, 1, 9)],
    "four times its average": [lately(60, 4, 1)],
    "above an average below zero": [lately(60, 1, -3)],
    "above an average of zero": [lately(60, 0.5, 0)],
    "new and low": [born(180, 1)],
    "new and high": [born(180, 9)],
    "an hour old": [born(3700, 1)],
    "not yet an hour old": [born(3400, 1)],
    "old and low, new and high": [*values(1), born(180, 9)],
    "ended": [ended(900, 1)],
    "ended, another goes on": [ended(900, 9), *values(1)],
    "high, ended two minutes ago": [ended(420, 9)],
    "low, ended two minutes ago": [ended(420, 1)],
    "high, ended two minutes ago, another goes on": [ended(420, 9), *values(1)],
    "high, ended two minutes ago, another shard goes on": [ended(420, 9), *values(1)],
    "low, ended two minutes ago, another shard is high": [ended(420, 1), *values(9)],
    "high, ended six minutes ago, another shard goes on": [ended(660, 9), *values(1)],
    "high, NaN for two minutes, another shard goes on": [lately(120, NAN, 9), *values(1)],
    "a gap": [lambda age: None if 700 < age < 3000 else 9],
    "a gap where the window begins": [lambda age: None if 60 < age < 700 else 9],
    "NaN for a minute": [lately(60, NAN, 1)],
    "NaN for a minute, then high": [lambda age: NAN if 60 < age <= 120 else 9],
    "NaN now, high before": [lately(60, NAN, 9)],
    "infinite for a minute": [lately(60, INF, 1)],
    "infinite for a while": [lambda age: INF if 600 < age < 1200 else 1],
    "nothing": [],
}
KINDS: Mapping[str, tuple[Kind, str, float]] = {
    "sustained": (Sustained("5m"), "at_most", 5.0),
    "sustained from below": (Sustained("5m"), "at_least", 5.0),
    "trend": (Trend("2h"), "at_least", 0.0),
    "trend with a limit": (Trend("2h"), "below", 0.5),
    "runaway": (Runaway("2h", factor=3.0), "at_most", 5.0),
    "runaway that must stay below": (Runaway("2h", factor=3.0), "below", 5.0),
    "runaway from below": (Runaway("2h", factor=3.0), "at_least", 0.0),
}


POLICIES: list[dict[str, Any]] = [
    {"no_data": "warning"},
    {"no_data": "no-go", "nan_is_breach": True},
    {"no_data": "skip"},
    {"optional": True, "nan_is_breach": True},
]


def openmetrics() -> str:
    """Every case as series of one metric."""
    lines = ["# TYPE x gauge\n"]
    for case, series in {**NOW, **LATELY}.items():
        for place, value in enumerate(series):
            name = "shard" if "shard" in case else "instance"
            labels = f'case="{case}",{name}="{place}"'
            found = ((age, value(age)) for age in SCRAPES)
            lines += [
                f"x{{{labels}}} {number(sample)} {AT - age}\n"
                for age, sample in found
                if sample is not None
            ]
    return "".join([*lines, "# EOF\n"])


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Prometheus that holds every case."""
    with servers.prometheus(openmetrics(), tmp_path_factory.mktemp("promql")) as server:
        yield server.url


def variants(criterion: Criterion) -> Iterator[Criterion]:
    """The criterion with each severity, and with everything that missing data can mean."""
    for severity, no_data, optional, nan in product(Severity, NoData, (False, True), (False, True)):
        yield replace(
            criterion,
            id=f"{severity} {no_data} {optional} {nan}",
            severity=severity,
            no_data=no_data,
            optional=optional,
            nan_is_breach=nan,
        )


def asked(case: str, kind: Kind, keyword: str, limit: float) -> Criterion:
    """A criterion about the series of one case."""
    limits: dict[str, Any] = {keyword: limit}
    return Criterion(id="x", query=f'x{{case="{case}"}}', kind=kind, **limits)


def disagreements(url: str, criteria: list[Criterion]) -> dict[str, tuple[float, float, str]]:
    """What PromQL says, what the gate says, and why, where they differ."""
    results = judged(gate_run(url, AT), criteria)
    found = instant(url, promql.states(criteria), AT)
    states = {labels["criterion"]: value for labels, value in found}
    assert len(found) == len(criteria)
    gates = {id: promql.STATES[result.status] for id, result in results.items()}
    return {
        id: (states[id], gate, results[id].message)
        for id, gate in gates.items()
        if states[id] != gate and not (math.isnan(states[id]) and math.isnan(gate))
    }


@pytest.mark.parametrize("case", NOW)
@pytest.mark.parametrize("keyword", ["below", "at_most", "above", "at_least", "equals"])
def test_the_newest_values_are_judged_as_by_the_gate(case: str, keyword: str, url: str) -> None:
    criteria = list(variants(asked(case, Instant(), keyword, 5.0)))
    assert disagreements(url, criteria) == {}


@pytest.mark.parametrize("limit", [-9.0, 0.0])
@pytest.mark.parametrize("keyword", ["below", "at_most", "above", "at_least", "equals"])
def test_a_limit_may_be_zero_or_below(limit: float, keyword: str, url: str) -> None:
    criteria = [
        replace(asked(case, Instant(), keyword, limit), id=case, severity="critical")
        for case in NOW
    ]
    assert disagreements(url, criteria) == {}


@pytest.mark.parametrize("case", LATELY)
@pytest.mark.parametrize("kind", KINDS)
def test_what_happened_lately_is_judged_as_by_the_gate(kind: str, case: str, url: str) -> None:
    criterion = asked(case, *KINDS[kind])
    criteria = [
        replace(criterion, id=str(place), severity=severity, **policy)
        for place, (severity, policy) in enumerate(product(Severity, POLICIES))
    ]
    assert disagreements(url, criteria) == {}


def test_a_quantile_in_the_largest_bucket_never_passes(url: str) -> None:
    kinds: list[Kind] = [Instant(), Sustained("5m")]
    for kind, limit in product(kinds, (5.0, 9.0, 12.0)):
        criterion = asked("high all the time", kind, "at_most", limit)
        bucketed = replace(criterion, buckets=(1.0, 5.0, 9.0), severity="critical")
        assert disagreements(url, [bucketed]) == {}
        assert instant(url, promql.state(bucketed), AT) == [({}, 0.0)]


def test_a_trend_is_held_against_no_bucket(url: str) -> None:
    for limit in (0.1, 0.5, 2.0):
        criterion = asked("rising", Trend("2h"), "below", limit)
        bucketed = replace(criterion, buckets=(0.1, 0.2), severity="critical")
        assert disagreements(url, [bucketed]) == {}
        assert instant(url, promql.state(bucketed), AT) == [({}, float(limit > 0.5))]


def test_only_the_series_that_match_are_judged(url: str) -> None:
    criterion = asked("low and high", Instant(), "below", 5.0)
    for place, state in (("0", 1.0), ("1", 0.0), ("2", 0.5)):
        matching = replace(criterion, match={"instance": place, "case": "low and high"})
        assert disagreements(url, [matching]) == {}
        assert instant(url, promql.state(matching), AT) == [({}, state)]


@pytest.mark.parametrize(("labels", "state"), [({"z": ""}, 1.0), ({"instance": ""}, 0.5)])
def test_an_empty_label_is_one_that_is_not_there(
    labels: dict[str, str], state: float, url: str
) -> None:
    matching = replace(asked("low", Instant(), "below", 5.0), match={"case": "low", **labels})
    assert disagreements(url, [matching]) == {}
    assert instant(url, promql.state(matching), AT) == [({}, state)]


@pytest.mark.parametrize(
    "query",
    [
        'vector(scalar(x{case="low"}))',
        'x{case="low"} # a comment',
        '# a comment\nx{case="low"}',
        'x{case="low"} or x{case="high"}',
        'x{case="low"} > 0',
        'x{case="NaN"} >= bool 0',
        '{__name__=~"x|y", case="low"}',
        'x{case=~"lo."}',
    ],
)
def test_a_query_may_be_any_expression(query: str, url: str) -> None:
    for kind in (Instant(), Sustained("5m"), Runaway("2h")):
        criterion = Criterion(id="any", query=query, kind=kind, below=5.0)
        assert disagreements(url, [criterion]) == {}
        [(_, value)] = instant(url, promql.value(criterion), AT)
        result = judged(gate_run(url, AT), [criterion])["any"]
        assert result.value is None or value == pytest.approx(result.value, rel=1e-6)


@pytest.mark.parametrize("keyword", ["below", "above", "equals"])
def test_the_value_is_that_of_the_worst_series(keyword: str, url: str) -> None:
    for case in ("low and high", "low and NaN", "high", "low, high and NaN"):
        criterion = asked(case, Instant(), keyword, 4.0)
        result = judged(gate_run(url, AT), [criterion])["x"]
        assert instant(url, promql.value(criterion), AT) == [({}, result.value)]


def test_without_data_there_is_no_value(url: str) -> None:
    assert instant(url, promql.value(asked("nothing", Instant(), "below", 5.0)), AT) == []


CHECKS = [
    replace(asked(case, Instant(), "below", 5.0), severity=severity, no_data=no_data, optional=o)
    for case, severity, no_data, o in [
        ("low", "critical", "warning", False),
        ("high", "critical", "warning", False),
        ("low and NaN", "critical", "warning", False),
        ("nothing", "critical", "warning", False),
        ("nothing", "critical", "no-go", False),
        ("nothing", "critical", "go", False),
        ("nothing", "critical", "warning", True),
        ("low and NaN", "critical", "skip", False),
        ("low", "warning", "warning", False),
        ("high", "warning", "warning", False),
        ("nothing", "warning", "warning", False),
        ("nothing", "warning", "skip", False),
    ]
]
GATES = [
    [replace(check, id=f"check {place}") for place, check in enumerate(checks)]
    for size in (1, 2, 3)
    for checks in combinations(CHECKS, size)
]


def test_the_worst_check_decides_and_a_blind_gate_is_no_go(url: str) -> None:
    wrong = {}
    lights = {Verdict.GO: 1.0, Verdict.WARNING: 0.5, Verdict.NO_GO: 0.0}
    for gate in GATES:
        expected = verdict(judged(gate_run(url, AT), gate))
        if (found := instant(url, promql.gate_state(gate), AT)) != [({}, lights[expected])]:
            wrong[str(gate)] = (found, expected)
    assert wrong == {}
