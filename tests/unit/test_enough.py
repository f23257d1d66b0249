"""Too little traffic: no data, never a pass and never a breach."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_deploygate import ConfigurationError, Criterion, Enough, threshold
from pytest_deploygate.config.layers import command_line, merge
from pytest_deploygate.config.mistakes import wrong_units
from pytest_deploygate.core.result import Result
from pytest_deploygate.core.series import InstantQuery, Measurement, Query, Series
from pytest_deploygate.engine import judging
from pytest_deploygate.engine.scope import Scope
from pytest_deploygate.kinds.base import Kind
from pytest_deploygate.kinds.instant import Instant
from pytest_deploygate.kinds.sustained import Sustained
from pytest_deploygate.kinds.times import Times
from tests.alike import assert_alike
from tests.unit.judging import AT, criterion, light, one

REQUESTS = "sum by (mode) (increase(requests_total[5m]))"
NO_DATA = ("WARNING", "no-data")


def judged(given: Criterion, series: Sequence[Series], traffic: Sequence[Series]) -> Result:
    """The result where these are the answers."""

    def ask(query: Query) -> Measurement:
        return Measurement(tuple(traffic if "requests_total" in query.expr else series))

    return judging.judge(given.resolved({}), AT, ask)


@pytest.mark.parametrize("value", [1.0, 9.0, math.inf])
def test_with_less_there_is_no_data(value: float) -> None:
    given = criterion(enough=Enough("sum(increase(requests_total[5m]))", at_least=100))
    result = judged(given, [one(value)], [one(12.4)])
    assert light(result) == NO_DATA
    assert result.message == "no data: 12 requests in 5 minutes, 100 wanted"
    assert result.value is None


@pytest.mark.parametrize(
    ("traffic", "words"),
    [
        (100, ""),
        (100 - 1e-8, ""),
        (math.inf, ""),
        (99.7, "99 requests in 5 minutes"),
        (1, "1 request in 5 minutes"),
        (0, "0 requests in 5 minutes"),
        (math.nan, "NaN requests in 5 minutes"),
        (None, "0 requests in 5 minutes"),
    ],
)
def test_what_is_enough_at_the_boundary(traffic: float | None, words: str) -> None:
    given = criterion(enough=Enough(REQUESTS, at_least=100))
    result = judged(given, [one(9)], [] if traffic is None else [one(traffic)])
    assert light(result) == (NO_DATA if words else ("NO_GO", "breach"))
    assert words in result.message
    assert result.pending is (bool(words) and traffic is not None and traffic > 0)
    assert result.evaluated is not bool(words)


def test_every_series_is_held_against_the_traffic_with_its_labels() -> None:
    given = criterion(enough=Enough(REQUESTS, at_least=100))
    series = [one(1, mode="fast", job="a"), one(9, mode="slow", job="a"), one(9, mode="new")]
    few = [one(500, mode="fast"), one(12, mode="slow")]
    result = judged(given, series, few)
    assert light(result) == NO_DATA
    assert "no data for 2 of 3 series (job=a, mode=slow): 12 requests in" in result.message
    result = judged(given, series, [*few, one(200, mode="new")])
    assert (light(result), result.labels) == (("NO_GO", "breach"), {"mode": "new"})


def test_finer_traffic_is_summed() -> None:
    given = criterion(enough=Enough("requests_total", at_least=100), match={"mode": "a"})
    traffic = [one(60, mode="a", pod="1"), one(40, mode="a", pod="2"), one(900, mode="b", pod="1")]
    series = [one(9, mode="a"), one(9, mode="b")]
    assert light(judged(given, series, traffic)) == ("NO_GO", "breach")
    less = [one(60, mode="a", pod="1"), one(39, mode="a", pod="2")]
    assert "99 requests, 100 wanted" in judged(given, series, less).message


@pytest.mark.parametrize("least", [0, threshold("requests_min", 0)])
def test_nothing_is_asked_where_any_traffic_is_enough(least: float) -> None:
    given = criterion(enough=Enough(REQUESTS, at_least=least)).resolved({})
    assert [query.expr for query in judging.queries_of(given, Times(AT))] == ["up"]
    assert light(judged(given, [one(1)], [])) == ("GO", "ok")


def test_a_threshold_switches_it_on() -> None:
    given = criterion(enough=Enough(REQUESTS, at_least=threshold("requests_min", 0)), unit="ratio")
    run = merge(command_line({"gate-set": ["requests_min=100"]}))
    assert wrong_units(run, [given]) == []  # requests are no share of one
    resolved = run.resolve(given)
    assert resolved.enough == Enough(REQUESTS, at_least=100.0)
    assert [query.expr for query in judging.queries_of(resolved, Times(AT))] == ["up", REQUESTS]


def test_variables_are_replaced_in_its_query() -> None:
    given = criterion(enough=Enough('requests_total{app="$app"}', at_least=1))
    run = merge(command_line({"gate-var": ["app=shop"]}))
    found = Scope(run).of(given).criterion.enough
    assert found is not None
    assert found.query == 'requests_total{app="shop"}'


@pytest.mark.parametrize("wrong", [100, "requests_total", Enough])
def test_something_else_is_refused(wrong: object) -> None:
    with pytest.raises(ConfigurationError, match=r"enough is .*; give Enough"):
        criterion(enough=wrong)
    with pytest.raises(ConfigurationError, match="must not be empty"):
        Enough(" ", at_least=1)
    with pytest.raises(ConfigurationError, match="not a finite number"):
        criterion(enough=Enough(REQUESTS, at_least=math.nan))


VALUES = st.sampled_from([None, math.nan, 0.0, 1.0, 4.0, 9.0, 60.0, 200.0, math.inf])
SAMPLES = st.dictionaries(
    st.sampled_from(["a", "b", "c"]), st.lists(VALUES, min_size=40, max_size=40), max_size=3
)


@settings(max_examples=60)
@given(
    kind=st.sampled_from([None, Instant(), Sustained("5m")]),
    series=SAMPLES,
    traffic=SAMPLES,
    no_data=st.sampled_from(["warning", "no-go", "skip"]),
)
def test_many_times_are_judged_as_each_of_them_alone(
    kind: Kind | None,
    series: Mapping[str, Sequence[float | None]],
    traffic: Mapping[str, Sequence[float | None]],
    no_data: str,
) -> None:
    def ask(query: Query) -> Measurement:
        samples = traffic if "requests_total" in query.expr else series
        if isinstance(query, InstantQuery):
            start = end = query.at
        else:
            start, end = query.start, query.end
        found = []
        for name, values in samples.items():
            times = [AT - 15.0 * (len(values) - 1 - n) for n in range(len(values))]
            points = [
                (time, value)
                for time, value in zip(times, values, strict=True)
                if value is not None and start <= time <= end
            ]
            if points:
                found.append(Series({"mode": name}, tuple(points)))
        return Measurement(tuple(found))

    judged = criterion(kind=kind, no_data=no_data, enough=Enough(REQUESTS, at_least=60))
    assert_alike(judged, Times(AT - 60, 15.0, 5), ask)
