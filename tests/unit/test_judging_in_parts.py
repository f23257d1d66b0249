"""Many times are cut only where a source demands it, and what fails is unknown only there."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.core.errors import SourceError, TooMuchError
from pytest_deploygate.core.series import InstantQuery, Measurement, Query, RangeQuery
from pytest_deploygate.engine import judging_many, over_time
from pytest_deploygate.engine.judging_many import judge_many, parts, queries_of_many
from pytest_deploygate.engine.over_time import MOST_POINTS, OverTime, runs
from pytest_deploygate.kinds.base import Kind
from pytest_deploygate.kinds.instant import Instant
from pytest_deploygate.kinds.many import points_of
from pytest_deploygate.kinds.sustained import Sustained
from pytest_deploygate.kinds.times import Times
from pytest_deploygate.kinds.trend import Trend
from tests.alike import assert_alike, together
from tests.unit.test_judging_many import (
    AT,
    CRITERIA,
    VALUES,
    Production,
    criterion,
    spread,
)

WEEK = 7 * 86_400.0
UP = Criterion(id="x", query="up", below=2.0)


@contextmanager
def at_most(points: int) -> Iterator[None]:
    """A source that answers with no more points."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judging_many, "MOST_POINTS", points)
        patch.setattr(over_time, "MOST_POINTS", points)
        yield


def covers(query: Query, time: float) -> bool:
    """Whether an answer has to say something about this time."""
    if isinstance(query, InstantQuery):
        return query.at == time
    on_grid = math.isclose((time - query.start) % query.step, 0, abs_tol=1e-6)
    return query.start <= time <= query.end and on_grid


def refusing(
    ask: Callable[[Query], Measurement], time: float, error: type[SourceError]
) -> Callable[[Query], Measurement]:
    """The same source, which cannot say anything about one time."""

    def asked(query: Query) -> Measurement:
        if covers(query, time):
            raise error("not at this time")
        return ask(query)

    return asked


@settings(max_examples=150, deadline=None)
@given(
    fields=CRITERIA,
    samples=st.dictionaries(st.sampled_from(["a1", "b1", "c"]), spread(VALUES), max_size=3),
    points=st.integers(5, 90),
    step=st.sampled_from([15.0, 20.0, 60.0]),
    count=st.integers(1, 12),
)
def test_times_in_parts_are_judged_as_each_of_them_alone(
    fields: Mapping[str, Any],
    samples: Mapping[str, Sequence[float | None]],
    points: int,
    step: float,
    count: int,
) -> None:
    times = Times(AT - step * (count - 1), step, count)
    with at_most(points):
        assert_alike(criterion(fields), times, Production(samples).ask)


@pytest.mark.parametrize("kind", [None, Sustained("5m"), Sustained("7m"), Trend("2h")])
@pytest.mark.parametrize("step", [60.0, 300.0, 3600.0])
def test_a_week_is_cut_into_as_few_queries_as_the_limit_allows(kind: Any, step: float) -> None:
    given = Criterion(id="x", query="up", below=1.0, kind=kind)
    times = Times(AT - WEEK, step, int(WEEK / step))
    found = parts(given, times)
    assert [time for part in found for time in part.all] == list(times.all)
    assert most_points(given, times, len(found)) <= MOST_POINTS
    if len(found) > 1:
        assert most_points(given, times, len(found) - 1) > MOST_POINTS


def most_points(given: Criterion, times: Times, number: int) -> int:
    """Of the largest query, if the times are cut into so many parts."""
    longest = times.part(0, -(-times.count // number))
    asked = (given.kind if isinstance(given.kind, Kind) else Instant()).queries(given, longest)
    return max(points_of(query) for query in asked if isinstance(query, RangeQuery))


def test_one_range_query_answers_a_week_of_values() -> None:
    times = Times(AT - WEEK, 300.0, 2016)
    assert len(queries_of_many(UP, times)) == 1
    assert (
        len(queries_of_many(Criterion(id="x", query="up", below=1, kind=Trend("2h")), times)) == 1
    )


def test_a_query_about_the_ends_of_its_range_is_asked_for_each_time() -> None:
    times = Times(AT - 240, 60.0, 5)
    for query in ("up - up @ end()", "up offset 1m @  start ( )"):
        asked = queries_of_many(Criterion(id="x", query=query, below=1), times)
        assert asked == [InstantQuery(query, at) for at in times.all]
    assert len(queries_of_many(Criterion(id="x", query="up @ 1.5", below=1), times)) == 1


def test_a_part_that_failed_is_unknown_and_only_that() -> None:
    times = Times(AT - 11 * 60, 60.0, 12)
    source = Production({"a1": [1.0] * 80})
    with at_most(4):
        found = judge_many(UP, times, refusing(source.ask, times.all[5], SourceError))
    expected = [("NO_GO", "error") if 4 <= place < 8 else ("GO", "ok") for place in range(12)]
    assert [together(found, place)[:2] for place in range(12)] == expected


@pytest.mark.parametrize("kind", [None, Sustained("2m"), Trend("10m", min_points=2, coverage=0.1)])
def test_a_time_that_the_source_cannot_evaluate_is_alone_unknown(kind: Any) -> None:
    """As where two series have one name for a minute: a query for a week fails, too."""
    times = Times(AT - 80 * 60, 60.0, 81)
    given = Criterion(id="x", query="up", below=2.0, kind=kind)
    asked: list[Query] = []
    answer = refusing(Production({"a1": [1.0] * 80}).ask, times.all[40], TooMuchError)

    def ask(query: Query) -> Measurement:
        asked.append(query)
        return answer(query)

    assert_alike(given, times, ask)
    found = judge_many(given, times, answer)
    assert next(place for place in range(81) if together(found, place)[1] == "error") == 40
    whole = OverTime.of("up", times, answer)
    assert list((whole.failed >= 0).nonzero()[0]) == [40]


def test_a_query_that_can_never_be_executed_is_not_asked_again_and_again() -> None:
    asked: set[Query] = set()

    def refuse(query: Query) -> Measurement:
        asked.add(query)
        raise TooMuchError("many-to-many matching not allowed")

    times = Times(AT - WEEK, 300.0, 2016)
    found = judge_many(UP, times, refuse)
    assert {together(found, place)[:2] for place in range(2016)} == {("NO_GO", "error")}
    assert len(asked) <= 9


def test_a_source_over_time_answers_as_at_each_time() -> None:
    times = Times(AT - 11 * 60, 60.0, 12)
    source = Production({"a1": [1.0] * 60 + [2.0] * 20, "b": [None] * 70 + [3.0] * 10})
    with at_most(5):
        found = OverTime.of("up", times, refusing(source.ask, times.all[6], SourceError))
    for place, at in enumerate(times.all):
        if 4 <= place < 8:
            with pytest.raises(SourceError, match="not at this time"):
                found.at(place)
        else:
            assert found.at(place) == source.ask(InstantQuery("up", at))


@given(st.lists(st.booleans(), max_size=30))
def test_runs_are_unbroken_and_whole(flags: list[bool]) -> None:
    found = runs(flags)
    assert [n for first, behind in found for n in range(first, behind)] == [
        n for n, flag in enumerate(flags) if flag
    ]
    assert all(one[1] < other[0] for one, other in pairwise(found))
