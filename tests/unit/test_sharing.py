"""What is asked finely answers what is asked coarsely, exactly as the source would."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_deploygate.core.errors import SourceError
from pytest_deploygate.core.report import SourceInfo
from pytest_deploygate.core.series import InstantQuery, Measurement, Query, RangeQuery
from pytest_deploygate.engine.asking import Measurements
from pytest_deploygate.engine.backtest.sharing import Shared
from tests.unit.test_judging_many import AT, VALUES, Production, spread


class Source:
    """Counts what it is asked; refuses what it is told to."""

    def __init__(self, production: Production, refused: Query | None = None) -> None:
        self.info = SourceInfo("test", "here")
        self.asked: list[Query] = []
        self._production = production
        self._refused = refused

    def ask(self, query: Query, deadline: float) -> Measurement:
        self.asked.append(query)
        if query == self._refused:
            raise SourceError("refused")
        return self._production.ask(query)

    def notices(self) -> list[str]:
        return []


def shared(source: Any) -> Shared:
    return Shared(Measurements(source, concurrency=2, query_timeout=9.0, run_timeout=9.0))


def same(one: Measurement, other: Measurement) -> bool:
    """Whether they have the same series and points, NaN included, in any order."""
    return sorted(repr(each) for each in one.series) == sorted(repr(each) for each in other.series)


def parts(start: float, cuts: list[int], step: float) -> list[RangeQuery]:
    """Queries that follow each other, each from a window before its first time on."""
    times, found = start, []
    for count in cuts:
        found.append(RangeQuery("up", times - 4 * step, times + (count - 1) * step, step))
        times += count * step
    return found


@settings(max_examples=100, deadline=None)
@given(
    samples=st.dictionaries(st.sampled_from(["a1", "b1"]), spread(VALUES), max_size=2),
    cuts=st.lists(st.integers(1, 12), min_size=1, max_size=4),
    every=st.sampled_from([2, 3, 5]),
)
def test_the_answer_is_that_of_the_source(
    samples: dict[str, list[float | None]], cuts: list[int], every: int
) -> None:
    start, count = AT - 600, sum(cuts)
    finer = parts(start, cuts, 15.0)
    last = start + (count - 1) // every * every * 15.0
    coarse = RangeQuery("up", start, last, 15.0 * every)
    source = Source(Production(samples))
    asking = shared(source)
    asked = asking.prefetch([coarse, *finer])
    assert asked
    assert set(asked) <= set(finer)
    assert same(asking.ask(coarse), Production(samples).ask(coarse))
    assert all(same(asking.ask(one), Production(samples).ask(one)) for one in finer)
    assert sorted(source.asked) == sorted(asked)


@pytest.mark.parametrize(
    "other",
    [
        RangeQuery("down", AT - 600, AT, 15.0),
        RangeQuery("up", AT - 595, AT, 15.0),
        RangeQuery("up", AT - 600, AT - 60, 15.0),
        RangeQuery("up", AT - 540, AT, 15.0),
        RangeQuery("up", AT - 600, AT, 25.0),
        InstantQuery("up", AT),
    ],
)
def test_what_does_not_have_all_points_answers_nothing_else(other: Query) -> None:
    coarse = RangeQuery("up", AT - 600, AT, 60.0)
    asking = shared(Source(Production({"a": [1.0] * 80})))
    assert asking.prefetch([coarse, other]) == [coarse, other]


def test_a_part_of_what_is_asked_is_not_asked() -> None:
    whole = RangeQuery("up", AT - 600, AT, 60.0)
    part = RangeQuery("up", AT - 480, AT - 240, 60.0)
    source = Source(Production({"a": [1.0] * 80}))
    asking = shared(source)
    assert asking.prefetch([part, whole]) == [whole]
    assert same(asking.ask(part), Production({"a": [1.0] * 80}).ask(part))
    assert source.asked == [whole]


def test_windows_that_overlap_are_asked_as_one_where_that_is_wanted() -> None:
    windows = [RangeQuery("up", AT - 900 + n * 90, AT - 600 + n * 90, 45.0) for n in range(5)]
    apart = RangeQuery("up", AT - 890, AT - 590, 45.0)  # between the points of the others
    later = RangeQuery("up", AT - 45, AT, 45.0)
    source = Source(Production({"a": [float(n) for n in range(80)]}))
    asking = shared(source)
    union = RangeQuery("up", AT - 900, AT - 240, 45.0)
    given = [windows[3], apart, *windows[:3], later, windows[4]]
    assert sorted(asking.prefetch(given, join=True)) == sorted([apart, union, later])
    for one in given:
        assert same(asking.ask(one), Production({"a": [float(n) for n in range(80)]}).ask(one))
    assert sorted(source.asked) == sorted([apart, union, later])


def test_no_union_has_more_points_than_a_source_answers() -> None:
    windows = [RangeQuery("up", AT + n * 6000.0, AT + (n + 1) * 6000.0, 1.0) for n in range(3)]
    asking = shared(Source(Production({})))
    assert asking.prefetch(windows, join=True) == windows


def test_what_is_not_asked_answers_nothing() -> None:
    steps = (15.0, 60.0, 120.0)
    fine, middle, coarse = (RangeQuery("up", AT - 600, AT, step) for step in steps)
    source = Source(Production({"a": [1.0] * 80}))
    asking = shared(source)
    assert asking.prefetch([middle, coarse, fine]) == [fine]
    assert len(asking.ask(coarse).series[0].points) == 6
    assert source.asked == [fine]


@pytest.mark.parametrize("late", [0.0, 1.0, 40.0, 59.0])
def test_times_that_a_frontend_rounds_are_put_where_they_were_asked_for(late: float) -> None:
    query = RangeQuery("up", AT - 600, AT, 60.0)

    class Frontend(Source):
        def ask(self, query: Query, deadline: float) -> Measurement:
            assert isinstance(query, RangeQuery)
            moved = query._replace(start=query.start - late, end=query.end - late)
            return super().ask(moved, deadline)

    asking = shared(Frontend(Production({"a": [1.0] * 40 + [2.0] * 40})))
    times = [time for time, _ in asking.ask(query).series[0].points]
    assert times == [AT - 600 + 60 * n for n in range(11)]
    assert asking.rounded == late


def test_what_a_finer_query_cannot_answer_is_asked_by_itself() -> None:
    coarse, finer = RangeQuery("up", AT - 60, AT, 60.0), RangeQuery("up", AT - 60, AT, 15.0)
    source = Source(Production({"a": [1.0] * 80}), refused=finer)
    asking = shared(source)
    asking.prefetch([coarse, finer])
    assert len(asking.ask(coarse).series[0].points) == 2
    with pytest.raises(SourceError, match="refused"):
        asking.ask(finer)
