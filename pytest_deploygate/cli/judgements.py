"""How each kind of criterion judges its series, as PromQL.

What the expressions rest on:

- a comparison with ``bool`` answers 1 or 0, and 0 for NaN;
- ``x >= -Inf`` drops NaN and nothing else, ``x % Inf`` makes NaN of infinity and of nothing else;
- ``x ^ 0`` is 1 for every x, NaN included;
- what differs from a limit by a billionth is equal to it.

A subquery looks at the same window in the same steps as the gate's range query, but Prometheus
rounds their times to whole steps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pytest_deploygate.core.criterion import Comparison, Criterion, number
from pytest_deploygate.core.durations import seconds
from pytest_deploygate.core.series import RangeQuery
from pytest_deploygate.core.text import SAME
from pytest_deploygate.engine.judging import query_of
from pytest_deploygate.kinds.base import Kind
from pytest_deploygate.kinds.instant import Instant
from pytest_deploygate.kinds.limit import LOWER_IS_BETTER, largest_bucket
from pytest_deploygate.kinds.runaway import Runaway
from pytest_deploygate.kinds.sustained import Sustained
from pytest_deploygate.kinds.trend import DUST, PLACES, Trend
from pytest_deploygate.promql.expressions import (
    duration,
    either,
    grouped,
    literal,
    operand,
    selecting,
)

_OPERATORS = {
    Comparison.BELOW: "<",
    Comparison.AT_MOST: "<=",
    Comparison.ABOVE: ">",
    Comparison.AT_LEAST: ">=",
    Comparison.EQUALS: "==",
}
_LOWERED = (Comparison.BELOW, Comparison.AT_LEAST)


@dataclass(frozen=True, slots=True)
class Judgement:
    """The series of one criterion, each of these an instant vector.

    ``value`` is what is held against the limit. ``judged`` is 1 for a series that passes and 0
    for one that does not, without those that cannot be judged. ``every`` is 0 for these too, and
    ``graded`` is 0.5 for them.
    """

    value: str
    judged: str
    every: str
    graded: str


def judgement(criterion: Criterion) -> Judgement:
    """How the series of a criterion, its thresholds resolved, are judged."""
    judge: Callable[[Criterion], Judgement] = _KINDS[type(criterion.kind or Instant())]  # type: ignore[index]
    return judge(criterion)


def asked(criterion: Criterion) -> str:
    """The query, without the series that ``match`` leaves out."""
    return selecting(criterion.query.strip(), criterion.match)


def _instant(criterion: Criterion) -> Judgement:
    query = operand(asked(criterion))
    every, judged = _keeps(criterion, query), _keeps(criterion, _measured(criterion, query))
    graded = either(judged, f"0.5 * {query} ^ 0") if judged != every else every
    return Judgement(value=asked(criterion), judged=judged, every=every, graded=graded)


def _measured(criterion: Criterion, vector: str) -> str:
    """What was measured: without NaN, unless that is a breach."""
    return vector if criterion.nan_is_breach else grouped(f"{vector} >= -Inf")


def _keeps(criterion: Criterion, vector: str) -> str:
    """1 where a value keeps to the limit, 0 where it does not; NaN and infinity never do."""
    limit = criterion.limit
    largest = largest_bucket(criterion)
    if limit >= largest:
        return f"{vector} % Inf < bool {literal(largest)}"
    if criterion.comparison is Comparison.EQUALS:
        return f"abs({vector} - {literal(limit)}) <= bool {literal(SAME)} * {literal(abs(limit))}"
    return f"{vector} % Inf {_held_against(criterion.comparison, literal(limit), limit)}"


def _held_against(comparison: Comparison, limit: str, sign: float) -> str:
    """A comparison with a limit and what is equal to it; ``sign`` says which way zero is."""
    operator = _OPERATORS[comparison]
    if sign == 0:
        return f"{operator} bool {limit}"
    lower = (comparison in _LOWERED) == (sign > 0)
    return f"{operator} bool {limit} * (1 {'-' if lower else '+'} {literal(SAME)})"


def _sustained(criterion: Criterion) -> Judgement:
    """A series is in breach if it did not pass at the start of the window, nor ever since."""
    assert isinstance(criterion.kind, Sustained)
    query = _range(criterion)
    window, step = seconds(criterion.kind.window), duration(query.step)
    before = duration(query.end - query.start - window)
    passes = grouped(_keeps(criterion, _measured(criterion, operand(asked(criterion)))))
    since = f"max_over_time({passes}[{duration(window)}:{step}])"
    start = f"last_over_time({passes}[{before}:{step}] offset {duration(window)})"
    breach = f"{since}\n+ {start}\n== 0"
    return Judgement(
        value=asked(criterion),
        judged=either(breach, f"{since} == 1"),
        every=since,
        graded=either(breach, f"clamp_min({since}, 0.5)"),
    )


def _trend(criterion: Criterion) -> Judgement:
    """The slope per hour of a series that is a number now, with its dust off."""
    assert isinstance(criterion.kind, Trend)
    past = _Past.of(criterion, criterion.kind)
    slope = f"deriv({past.finite}[{past.window}])"
    largest = f"max_over_time(abs{past.finite}[{past.window}])"
    value = f"""\
  3600 * {slope}
  * (
    abs({slope}) * {literal(seconds(criterion.kind.window))}
    > bool {literal(DUST)} * {largest}
  )
and -Inf < {past.query} < Inf
and {past.enough}"""
    passes = _keeps(criterion, grouped(value))
    no_number = f"{_measured(criterion, past.query)} % Inf >= bool -Inf == 0"
    return past.judgement(value, passes, either(passes, no_number))


def _runaway(criterion: Criterion) -> Judgement:
    """The newest value against the limit and, if it keeps to that, against its baseline."""
    assert isinstance(criterion.kind, Runaway)
    past = _Past.of(criterion, criterion.kind)
    now = _measured(criterion, past.query)
    kept = both = _keeps(criterion, now)
    if baseline := average(criterion):
        both = f"{now} {_held_against(Comparison.AT_MOST, baseline, 1)}"
    judged = either(f"{kept} == 0", f"{both}\nand {past.enough}")
    return past.judgement(asked(criterion), judged, judged)


def average(criterion: Criterion) -> str:
    """The multiple of the average magnitude that a runaway is held against, if it is."""
    if not isinstance(criterion.kind, Runaway) or criterion.comparison not in LOWER_IS_BETTER:
        return ""
    past = _Past.of(criterion, criterion.kind)
    factor = literal(number(criterion.kind.factor))
    return f"{factor} * avg_over_time(abs{past.finite}[{past.window}])"


@dataclass(frozen=True, slots=True)
class _Past:
    """The window that a trend or a baseline comes from, written ``2h:1m``."""

    kind: Trend | Runaway
    query: str
    window: str

    @classmethod
    def of(cls, criterion: Criterion, kind: Trend | Runaway) -> _Past:
        asked_range = _range(criterion)
        length = duration(asked_range.end - asked_range.start)
        return cls(kind, operand(asked(criterion)), f"{length}:{duration(asked_range.step)}")

    @property
    def finite(self) -> str:
        """The points that are numbers."""
        return grouped(f"-Inf < {self.query} < Inf")

    @property
    def enough(self) -> str:
        """Whether they are enough for the window; the newest one is that of now."""
        length = self.kind.window if isinstance(self.kind, Trend) else self.kind.baseline
        covered = literal(self.kind.coverage * seconds(length))
        return (
            f"count_over_time({self.finite}[{self.window}]) >= {self.kind.min_points}\n"
            f"and time() - min_over_time(timestamp{self.finite}[{self.window}]) >= {covered}"
        )

    def judgement(self, value: str, passes: str, judged: str) -> Judgement:
        """A series that ended is missed, unless what it measured is measured elsewhere now."""
        places = ", ".join(sorted(PLACES))
        ended = f"count_over_time({self.query}[{self.window}])"
        all_of_them = f"{self.query}\nor {ended}\nunless ignoring ({places}) {self.query}"
        return Judgement(
            value=value,
            judged=judged,
            every=either(passes, f"0 * {grouped(all_of_them)} ^ 0"),
            graded=either(judged, f"0.5 * {grouped(all_of_them)} ^ 0"),
        )


def _range(criterion: Criterion) -> RangeQuery:
    query = query_of(criterion, at=0.0)
    assert isinstance(query, RangeQuery)
    return query


_KINDS: dict[type[Kind], Callable[[Criterion], Judgement]] = {
    Instant: _instant,
    Sustained: _sustained,
    Trend: _trend,
    Runaway: _runaway,
}
