"""One pair of sides of a comparison, and the decision that the interval of their ratio makes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.core.result import Reason
from pytest_deploygate.core.series import Series
from pytest_deploygate.kinds import compare_words as words
from pytest_deploygate.kinds.compare_words import NOTHING, Found
from pytest_deploygate.kinds.decision import Decision, Lack

if TYPE_CHECKING:
    from pytest_deploygate.kinds.compare_statistics import Mean, ShareRatio


class Spans(NamedTuple):
    """Where each side is asked for: until when in Unix seconds, and for how many seconds."""

    new_end: float
    old_end: float
    length: float


class Logarithmic:
    """The interval of a ratio from that of its logarithm."""

    def __init__(self, mean: Mean) -> None:
        self._mean = mean
        self.value = math.exp(mean.value)

    def lower(self, error: float, more: float = 1.0) -> float:
        """The lower end, as that of the logarithm."""
        return _exp(self._mean.lower(error, more))

    def upper(self, error: float, more: float = 1.0) -> float:
        """The upper end, as that of the logarithm."""
        return _exp(self._mean.upper(error, more))


class Differences(NamedTuple):
    """The mean of new - times x old, for the limit and for what is tolerable."""

    limit: Mean
    tolerable: Mean


class Pair(NamedTuple):
    """Two sides that are compared, and how their decision is made."""

    criterion: Criterion
    series: Series
    old: tuple[tuple[float, float], ...] = ()
    known: Found = NOTHING

    def drawn(
        self,
        places: Sequence[int],
        values: Sequence[Sequence[float]],
        spans: Spans,
        step: float,
    ) -> Pair:
        """The same with both lines for a chart; the old side at the times of the new one."""
        times = [spans.new_end - place * step for place in places]
        new, old = (
            tuple(sorted((t, v) for t, v in zip(times, column, strict=True) if math.isfinite(v)))
            for column in values
        )
        return self._replace(series=self.series._replace(points=new or self.series.points), old=old)

    def knowing(self, means: Sequence[float], sums: Sequence[float] = ()) -> Pair:
        """The same, with what is known of both sides where the pair cannot be judged."""
        return self._replace(known=Found(math.nan, math.nan, math.nan, *means, *sums))

    def nothing(self, why: str, lack: Lack = Lack.DATA) -> Decision:
        """It has no data; ``lack`` is time if it has some of both sides."""
        found = undecided(self.criterion, self.series, Reason.NO_DATA, why)
        return found._replace(case=words.UNKNOWN, numbers=self.known, lack=lack)

    def failed(self, why: str) -> Decision:
        """It has a meaning for nobody."""
        return undecided(self.criterion, self.series, Reason.ERROR, why)

    def without_events(self, means: Sequence[float], sums: Sequence[float]) -> Decision:
        """No event on either side: nothing is worse."""
        return self._decision(Reason.OK, Found(1.0, 0.0, math.inf, *means, *sums), words.NO_EVENTS)

    def without_values(self) -> Decision:
        """Zero on both sides all the time: nothing is worse."""
        return self._decision(Reason.OK, Found(1.0, 0.0, math.inf, 0.0, 0.0), words.ZEROS)

    def decided(
        self,
        ratio: ShareRatio | Logarithmic,
        most: float,
        error: float,
        undivided: float,
        minutes: float,
        means: Sequence[float],
        sums: Sequence[float] = (),
    ) -> Decision:
        """By the interval of the ratio.

        Args:
            ratio: it.
            most: the ratio that is tolerable.
            error: the probability of a false alarm.
            undivided: the probability that ok is wrong.
            minutes: of the traffic.
            means: of both sides.
            sums: of events, if they were counted.
        """
        lower_is_better, limit = self.criterion.comparison.lower_is_better, self.criterion.limit
        breach = partial(ratio.lower if lower_is_better else ratio.upper, error)
        fine = partial(ratio.upper if lower_is_better else ratio.lower, undivided)
        worse: Callable[[float, float], bool] = _greater if lower_is_better else _less

        def reason(more: float = 1.0) -> Reason:
            if worse(breach(more), limit):
                return Reason.BREACH
            return Reason.OK if worse(most, fine(more)) else Reason.NO_DATA

        low, high = sorted((breach(), fine()))
        value = low if math.isinf(ratio.value) else ratio.value
        found = Found(value, low, high, *means, *sums)
        decided = reason()
        if decided is Reason.NO_DATA:
            found = found._replace(minutes=_more_minutes(reason, minutes))
        return self._decision(decided, found, words.SHARES if sums else words.VALUES)

    def decided_by_difference(
        self,
        apart: Differences,
        error: float,
        undivided: float,
        minutes: float,
        means: Sequence[float],
    ) -> Decision:
        """By the interval of a mean difference: there is no ratio."""
        better = self.criterion.comparison.lower_is_better

        def ends(more: float = 1.0) -> tuple[float, float]:
            if better:
                return apart.limit.lower(error, more), apart.tolerable.upper(undivided, more)
            return -apart.limit.upper(error, more), -apart.tolerable.lower(undivided, more)

        def reason(more: float = 1.0) -> Reason:
            breach, fine = ends(more)
            if breach > 0:
                return Reason.BREACH
            return Reason.OK if fine < 0 else Reason.NO_DATA

        found = Found(math.nan, *ends(), *means)
        decided = reason()
        if decided is Reason.NO_DATA:
            found = found._replace(minutes=_more_minutes(reason, minutes))
        return self._decision(decided, found, words.DIFFERENCES)._replace(badness=found.lower)

    def _decision(self, reason: Reason, found: Found, case: str) -> Decision:
        comparison, limit = self.criterion.comparison, self.criterion.limit
        bad = comparison.badness(found.value, limit)
        held = Decision(self.series, reason, found.value, comparison, limit, bad, case, found)
        lack = Lack.CERTAINTY if reason is Reason.NO_DATA else Lack.DATA
        return held._replace(other=self.old, lack=lack)


def _more_minutes(reason: Callable[[float], Reason], minutes: float) -> float:
    from pytest_deploygate.kinds.compare_statistics import times_more

    more = times_more(lambda times: reason(times) is not Reason.NO_DATA)
    return math.inf if more is None else max(1.0, math.ceil((more - 1) * minutes))


def _greater(one: float, other: float) -> bool:
    return one > other


def _less(one: float, other: float) -> bool:
    return one < other


def _exp(logarithm: float) -> float:
    return math.exp(logarithm) if logarithm < 700 else math.inf


def undecided(criterion: Criterion, series: Series, reason: Reason, why: str) -> Decision:
    """A decision in the given words about what cannot be judged."""
    held = criterion.comparison, criterion.limit
    return Decision(series, reason, math.nan, *held, text=why)
