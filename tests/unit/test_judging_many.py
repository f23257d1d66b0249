"""One semantics: many times at once are judged exactly as each of them alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.core.errors import SourceError
from pytest_deploygate.core.series import InstantQuery, Measurement, Query, RangeQuery, Series
from pytest_deploygate.engine.judging_many import judge_many
from pytest_deploygate.kinds.base import Answers, Kind
from pytest_deploygate.kinds.decision import Decision
from pytest_deploygate.kinds.instant import Instant
from pytest_deploygate.kinds.limit import explained, hold
from pytest_deploygate.kinds.runaway import Runaway
from pytest_deploygate.kinds.sustained import Sustained
from pytest_deploygate.kinds.times import Times
from pytest_deploygate.kinds.trend import Trend
from tests.alike import assert_alike, together

AT = 1_750_000_000.0
GRID = 15.0  # seconds between two samples
SAMPLES = 80


@dataclass(frozen=True)
class Doubled(Kind):
    """A kind of somebody's own, which leaves many times to the base class."""

    def queries(self, criterion: Criterion, times: Times) -> Sequence[Query]:
        return (times.instant(criterion.query), times.window(criterion.query, 60.0, 15.0))

    def decide(self, criterion: Criterion, answers: Answers, at: float) -> list[Decision]:
        longest = {str(one.labels): len(one.points) for one in answers[1]}
        return [
            hold(criterion, one, one.value * longest.get(str(one.labels), 0)) for one in answers[0]
        ]

    def explain(self, criterion: Criterion, decision: Decision) -> str:
        return explained(criterion, decision)


@dataclass(frozen=True)
class Production:
    """Series by their name, each with a sample every 15 seconds, None where there is none."""

    samples: Mapping[str, Sequence[float | None]]
    warnings: tuple[str, ...] = ()

    def ask(self, query: Query) -> Measurement:
        """What a server would answer."""
        if isinstance(query, InstantQuery):
            times = [query.at]
        else:
            count = int((query.end - query.start) / query.step + 1e-6) + 1
            times = [round(query.start + n * query.step, 3) for n in range(count)]
        found = [
            Series({"instance": name, "job": name[0]}, points)
            for name, samples in self.samples.items()
            if (points := tuple(self._points(samples, times)))
        ]
        return Measurement(tuple(found), self.warnings)

    def _points(
        self, samples: Sequence[float | None], times: Sequence[float]
    ) -> list[tuple[float, float]]:
        points = []
        for time in times:
            place = math.floor((time - AT) / GRID) + len(samples) - 10
            value = samples[place] if 0 <= place < len(samples) else None
            if value is not None:
                points.append((time, value))
        return points


def spread(values: st.SearchStrategy[float | None]) -> st.SearchStrategy[list[float | None]]:
    """Runs of equal samples: what a history mostly is, and what windows are about."""
    runs = st.lists(st.tuples(values, st.integers(1, 25)), min_size=1, max_size=8)
    return runs.map(lambda all_: [v for value, count in all_ for v in [value] * count][-SAMPLES:])


VALUES = st.one_of(
    st.sampled_from([None, math.nan, math.inf, -math.inf, 0.0, 1.0, 2.0, 3.0, -1.0, 10.0]),
    st.floats(-100, 100),
)
KINDS: list[Kind | None] = [
    *[None, Instant(), Doubled(), Trend("10m"), Trend("10m", coverage=0.1, min_points=2)],
    *[
        Sustained("5m"),
        Sustained("100s"),
        Sustained(
            "7m",
        ),
        Runaway("10m", factor=1.5),
    ],
    Runaway("7m30s", factor=3.0, min_points=2, coverage=0.2),
]
CRITERIA = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(KINDS),
        "severity": st.sampled_from(["critical", "warning"]),
        "no_data": st.sampled_from(["warning", "no-go", "skip", "go"]),
        "optional": st.booleans(),
        "nan_is_breach": st.booleans(),
        "buckets": st.sampled_from([(), (1.0, 2.0, 5.0)]),
        "limit": st.tuples(
            st.sampled_from(["below", "at_most", "above", "at_least", "equals"]),
            st.sampled_from([0.0, 1.0, 2.0, 2.5, 7.0, -1.0]),
        ),
    }
)
TIMES = st.builds(
    lambda step, count: Times(AT - step * (count - 1), step, count),
    st.sampled_from([15.0, 20.0, 60.0, 7.5]),
    st.integers(1, 8),
)


def criterion(fields: Mapping[str, Any]) -> Criterion:
    """A criterion of these fields."""
    keyword, limit = fields["limit"]
    rest = {name: value for name, value in fields.items() if name != "limit"}
    return Criterion(id="x", query="up", **{keyword: limit}, **rest)


@settings(max_examples=150)
@given(
    fields=CRITERIA,
    times=TIMES,
    samples=st.dictionaries(st.sampled_from(["a1", "a2", "b1", "c"]), spread(VALUES), max_size=4),
    warned=st.sampled_from([(), (), ("a part is missing",)]),
)
def test_many_times_are_judged_as_each_of_them_alone(
    fields: Mapping[str, Any],
    times: Times,
    samples: Mapping[str, Sequence[float | None]],
    warned: tuple[str, ...],
) -> None:
    assert_alike(criterion(fields), times, Production(samples, warned).ask)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("missing", [0, 1, 11])
def test_a_change_at_every_place_of_a_window_is_judged_alike(
    kind: Kind | None, missing: int
) -> None:
    """What chance seldom draws: a change just inside a window, and just outside of it."""
    given = Criterion(id="x", query="up", below=2.0, kind=kind)
    for since in range(1, 48):
        samples = [1.0] * (70 - since) + [3.0] * since + [None] * missing
        both = {"a1": samples, "a2": [1.5] * 30 + samples[30:60] + [1.0] * (len(samples) - 60)}
        assert_alike(given, Times(AT - 45, 15.0, 4), Production(both).ask)


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_that_does_not_fit_is_judged_one_time_after_the_other(kind: Kind | None) -> None:
    given = Criterion(id="x", query="up", below=2.0, kind=kind)
    times = Times(AT - 100, 33.333, 4)
    assert_alike(given, times, Production({"a": [1.0] * 60 + [3.0] * 20}).ask)


def test_a_source_that_cannot_answer_is_an_error_at_every_time() -> None:
    def refuse(query: Query) -> Measurement:
        raise SourceError("refused")

    given = Criterion(id="x", query="up", below=2.0, severity="warning")
    found = judge_many(given, Times(AT, 60.0, 3), refuse)
    assert [together(found, place)[:2] for place in range(3)] == [("WARNING", "error")] * 3


def test_windows_of_many_times_are_one_query() -> None:
    times = Times(AT, 300.0, 2016)
    (query,) = Sustained("5m").queries(Criterion(id="x", query="up", below=1.0), times)
    assert query == RangeQuery("up", AT - 7200, AT + 300 * 2015, 15)
