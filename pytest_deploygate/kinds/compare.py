"""Is the new version worse than the old one? Judge the ratio of two sides by its interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.core.series import Query, Series
from pytest_deploygate.kinds import compare_words as words
from pytest_deploygate.kinds.compare_base import TwoSides
from pytest_deploygate.kinds.compare_pair import Differences, Logarithmic, Pair, Spans
from pytest_deploygate.kinds.compare_shares import Shares
from pytest_deploygate.kinds.compare_sides import NEW, OLD
from pytest_deploygate.kinds.compare_slices import age_of, places_of, range_of, silent_for
from pytest_deploygate.kinds.decision import Decision, Lack
from pytest_deploygate.kinds.limit import hold
from pytest_deploygate.kinds.times import Times

if TYPE_CHECKING:
    from pytest_deploygate.kinds.compare_statistics import Mean

_FEWEST_VALUES = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Compare(TwoSides):
    """Judge how many times the value of the new side is the value of the old side.

    The query has ``$side`` in a selector, which becomes the matchers of each side. Its values are
    paired in time; :meth:`shares` compares counted events instead. Series of the two sides are
    paired by their labels, less those that ``new`` and ``old`` name.

    It is a breach if the whole confidence interval of the ratio lies beyond the limit, ok if the
    interval excludes ``tolerable``, and no data otherwise.

    Args:
        new: label matchers of the new side, such as ``version="$version"``.
        old: label matchers of the old side, such as ``version!="$version"``.
        before: instead of both: the old side is so much earlier.
        window: how far back both are asked for.
        step: the length of a slice; by default the longest of 1m, four scrape intervals, and the
            ranges of the query.
        minimum: the fewest events of ``total`` on each side.
        confidence: one-sided, from 0.5 to below 1. What is left of 1 is divided among all pairs of
            all comparisons of the run, and among the rounds of a watch (Bonferroni), before
            something is a breach; ``ok`` needs it undivided.
        tolerable: the ratio that ``ok`` excludes; by default 2 times an ``at_most`` or ``below``,
            half of an ``at_least`` or ``above``.
        per_pair: whether the confidence is not divided among pairs.
        blocks: whether a comparison with the time before may be NO-GO.

    Raises:
        ConfigurationError: these do not make a comparison.
    """

    def shares(self, *, total: str) -> Shares:
        """The same for shares of counted events.

        Args:
            total: the query for all events, as the criterion's query is for those that are judged;
                both have ``$window``, which becomes the length of a slice.
        """
        given = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return Shares(**given, total=total)

    def queries(self, criterion: Criterion, times: Times) -> Sequence[Query]:
        """The values of both sides, a point for each slice."""
        spans, step = self._spans(times.end), self._step()
        if not self._has_room(spans):
            return []
        (template,) = self._templates(criterion).values()
        length = spans.length - self._reach()
        return [
            range_of(self.state.sides.expr(template, side, step), end, length, step)
            for side, end in ((NEW, spans.new_end), (OLD, spans.old_end))
        ]

    def _decide_pair(
        self, pair: Pair, found: Sequence[Sequence[Series]], spans: Spans, error: float
    ) -> Decision:
        criterion, step = pair.criterion, self._step()
        pair = pair.knowing([_mean(one) for one in found])
        for side, given in zip((NEW, OLD), found, strict=True):
            if not given:
                return pair.nothing(words.no_side(side))
            if len(given) > 1:
                return pair.failed(words.several(side, len(given)))
        ends = spans.new_end, spans.old_end
        for side, given, end in zip((NEW, OLD), found, ends, strict=True):
            if age := age_of(given, end, step):
                return pair.nothing(words.ended(side, age))
        if why := words.cut_off(criterion, [one[0] for one in found]):
            return pair.failed(why)
        new = found[0][0]
        if not math.isfinite(new.value) and (criterion.nan_is_breach or math.isinf(new.value)):
            return hold(criterion, pair.series, new.value)
        columns = [places_of(one[0], end, step) for one, end in zip(found, ends, strict=True)]
        for side, own, other in zip((NEW, OLD), columns, columns[::-1], strict=True):
            if silent := silent_for(own, other):
                return pair.nothing(words.silent(side, silent * step, "value"))
        both = [place for place in sorted(columns[0].keys() & columns[1].keys())]
        values = [[column[place] for place in both] for column in columns]
        if len(both) < _FEWEST_VALUES:
            lack = Lack.TIME if both else Lack.DATA
            return pair.nothing(words.too_few(len(both), _FEWEST_VALUES, step), lack)
        return self._decide_values(pair.drawn(both, values, spans, step), both, values, step, error)

    def _decide_values(
        self,
        pair: Pair,
        places: Sequence[int],
        values: Sequence[Sequence[float]],
        step: float,
        error: float,
    ) -> Decision:
        from pytest_deploygate.kinds.compare_statistics import Mean

        criterion = pair.criterion
        new, old = values
        most = self._tolerable(criterion)
        undivided = 1 - self.confidence
        minutes = len(places) * step / 60
        if min(*new, *old) > 0:
            logs = [math.log(a / b) for a, b in zip(new, old, strict=True)]
            interval = Logarithmic(Mean(places, logs))
            means = [math.exp(math.fsum(map(math.log, one)) / len(one)) for one in values]
            return pair.decided(interval, most, error, undivided, minutes, means)

        if not any(new) and not any(old):
            return pair.without_values()

        def apart(times: float) -> Mean:
            return Mean(places, [a - times * b for a, b in zip(new, old, strict=True)])

        means = [math.fsum(one) / len(one) for one in values]
        against = Differences(apart(criterion.limit), apart(most))
        return pair.decided_by_difference(against, error, undivided, minutes, means)

    def _ratio(self, criterion: Criterion) -> str:
        (template,) = self._templates(criterion).values()
        return self._divided(*(self._over_all(template, side) for side in (NEW, OLD)))


def _mean(side: Sequence[Series]) -> float:
    """The mean of the only series of a side, NaN without one."""
    values = [value for _, value in side[0].points if math.isfinite(value)] if side else []
    return math.fsum(values) / len(values) if len(side) == 1 and values else math.nan
