"""A breach is one that lasted for the whole of a window without a break, until now."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.core.durations import Duration, seconds, spoken
from pytest_deploygate.core.result import Reason
from pytest_deploygate.core.series import RangeQuery, Series
from pytest_deploygate.core.text import lasting
from pytest_deploygate.kinds import window as past
from pytest_deploygate.kinds.base import Answers, Kind
from pytest_deploygate.kinds.decision import Decision, Decisions, Lack
from pytest_deploygate.kinds.limit import explained, hold, keeps, largest_bucket, unjudged
from pytest_deploygate.kinds.times import Times
from pytest_deploygate.promql import comparisons as promql
from pytest_deploygate.promql.expressions import Expressions, duration, either, grouped, operand
from pytest_deploygate.promql.histograms import largest_bucket as largest_in_promql

_DUST = 0.0005  # seconds; the source's timestamps have a resolution of one millisecond
_STEPS_IN_WINDOW = 20
_LOOKBACK = 7200.0
_MOST_POINTS = 5000  # a range query may return 11,000 points a series

_GONE = "gone"
_BRIEF = "brief"
_PARTLY = "partly measured"
_LASTING = "lasting"
_LONGER = "lasting since before the look-back"


@dataclass(frozen=True, slots=True)
class Sustained(Kind):
    """A breach is one that lasted for the whole window without a break, until now."""

    window: Duration = "5m"

    def __post_init__(self) -> None:
        """Refuse a window that is not a duration."""
        seconds(self.window)

    @property
    def length(self) -> float:
        """The window in seconds."""
        return seconds(self.window)

    @property
    def step(self) -> float:
        """Seconds between two points."""
        return self.length / _STEPS_IN_WINDOW

    @property
    def lookback(self) -> float:
        """Seconds that are asked for: two hours if possible, so that "for 20m" can be said.

        They are whole steps, so that the last point is that of the evaluation time.
        """
        steps = min(int(_LOOKBACK / self.step + _DUST), _MOST_POINTS)
        return self.step * max(_STEPS_IN_WINDOW, steps)

    def queries(self, criterion: Criterion, times: Times) -> Sequence[RangeQuery]:
        """The look-back before each time."""
        return (times.window(criterion.query, self.lookback, self.step),)

    def decide(self, criterion: Criterion, answers: Answers, at: float) -> list[Decision]:
        """One decision for each series; one that ended before the window is of the past.

        If all of them ended, each has no data. One that ended within the window has no data
        either, unless it goes on elsewhere: what lasted has ended, and nothing is known of now.
        """
        begin = at - self.length - _DUST
        counted = [_without_gaps(criterion, one) for one in answers[0]]
        recent = [one for one in counted if one.points and one.points[-1][0] >= begin]
        if not recent:
            return [unjudged(criterion, one, _GONE) for one in answers[0]]
        going_on = past.without_replaced(recent, at, self.step)
        return [self._decide_one(criterion, one, at) for one in going_on]

    def _decide_one(self, criterion: Criterion, series: Series, at: float) -> Decision:
        if age := past.age_of_ended(series, at, self.step):
            return unjudged(criterion, series, past.ENDED, (age,))
        largest = largest_bucket(criterion, series)
        current = hold(criterion, series, series.value, largest=largest)
        if current.reason is Reason.OK:
            return current
        recent = [value for time, value in series.points if time >= at - self.length - _DUST]
        lasted = at - _breach_start(criterion, series, at)
        if any(keeps(criterion, value, largest=largest) for value in recent):
            return current._replace(reason=Reason.OK, case=_BRIEF, numbers=(lasted,))
        if lasted < self.length - _DUST:
            return unjudged(criterion, series, _PARTLY, (lasted,), Lack.TIME)
        case = _LONGER if lasted >= self.lookback - _DUST else _LASTING
        return current._replace(case=case, numbers=(lasted,))

    def decide_many(self, criterion: Criterion, answers: Answers, times: Times) -> Decisions:
        """The same over the matrix."""
        from pytest_deploygate.kinds.many_windows import sustained

        return sustained(self, criterion, answers[0], times, self.length)

    def explain(self, criterion: Criterion, decision: Decision) -> str:
        """The value and the limit, and for how long it has not been kept."""
        window = spoken(self.length)
        if decision.case == _GONE:
            return f"nothing in the last {window}"
        if decision.case == past.ENDED:
            return past.ended(decision.numbers[0])
        if decision.case == _PARTLY:
            return f"only {spoken(decision.numbers[0])} of {window} measured, all of it in breach"
        text = explained(criterion, _as_held(criterion, decision))
        if decision.case == _BRIEF:
            lasted = lasting(decision.numbers[0])
            return f"{text}, for {lasted}, allowed for less than {window}"
        if decision.case in (_LASTING, _LONGER):
            more = " or more" if decision.case == _LONGER else ""
            return f"{text}, for {lasting(decision.numbers[0])}{more}"
        return text

    def promql(self, criterion: Criterion) -> Expressions:
        """A series is in breach if it did not pass at the start of the window, nor ever since.

        Only a series that is there now is judged. One that was there since the window began and
        is not now is missed, unless what it measured is measured elsewhere now.
        """
        query, largest = operand(promql.asked(criterion)), largest_in_promql(criterion)
        window, step = duration(self.length), duration(self.step)
        before = duration(self.lookback - self.length)
        now = promql.measured(criterion, query)
        if isinstance(largest, str):
            # The value nearest to keeping the limit, because the buckets are those of now.
            since = promql.keeps(criterion, f"min_over_time({now}[{window}:{step}])", largest)
            last = f"last_over_time({now}[{before}:{step}] offset {window})"
            start = promql.keeps(criterion, last, largest)
        else:
            passes = grouped(promql.keeps(criterion, now, largest))
            since = f"max_over_time({passes}[{window}:{step}])"
            start = f"last_over_time({passes}[{before}:{step}] offset {window})"
        since, start = grouped(since), grouped(start)
        breach = f"{since}\n+ {start}\n== 0\nand {now}"
        named = ", ".join(sorted(past.PLACES))
        ended = f"last_over_time({now}[{window}:{step}]) unless ignoring ({named}) {now}"
        return Expressions(
            value=promql.asked(criterion),
            judged=either(breach, f"{since} == 1\nand {now}"),
            every=either(f"{since}\nand {now}", f"0 * ({ended}) ^ 0"),
            graded=either(breach, f"clamp_min({since}, 0.5)\nand {now}", f"0.5 * ({ended}) ^ 0"),
            condition=f"a breach if it lasted for {spoken(self.length)}",
        )


def _without_gaps(criterion: Criterion, series: Series) -> Series:
    """NaN is a gap, unless it is a breach."""
    if criterion.nan_is_breach:
        return series
    return series._replace(points=tuple(p for p in series.points if not math.isnan(p[1])))


def _breach_start(criterion: Criterion, series: Series, at: float) -> float:
    """When the breach that lasts until now began. A gap does not end it: nothing was measured."""
    start, largest = at, largest_bucket(criterion, series)
    for time, value in reversed(series.points):
        if keeps(criterion, value, largest=largest):
            break
        start = time
    return start


def _as_held(criterion: Criterion, decision: Decision) -> Decision:
    """The comparison of the newest value alone, for the first half of the sentence."""
    largest = largest_bucket(criterion, decision.series)
    return hold(criterion, decision.series, decision.value, largest=largest)
