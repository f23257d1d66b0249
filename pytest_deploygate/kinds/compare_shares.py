"""Judge how many times the share of counted events of the new side is that of the old side."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.core.errors import ConfigurationError
from pytest_deploygate.core.result import Sides
from pytest_deploygate.core.series import Query, Series
from pytest_deploygate.kinds import compare_words as words
from pytest_deploygate.kinds.base import InRun
from pytest_deploygate.kinds.compare_base import TwoSides
from pytest_deploygate.kinds.compare_pair import Pair, Spans
from pytest_deploygate.kinds.compare_sides import NEW, OLD, Key
from pytest_deploygate.kinds.compare_slices import age_of, places_of, range_of, silent_for
from pytest_deploygate.kinds.decision import Decision, Lack
from pytest_deploygate.kinds.times import Times
from pytest_deploygate.promql.windows import has_window

_FALLS = 0.1  # the share of samples at which a counter of restarting programs does not fall
_FEWEST_MISSED = 20.0  # events: none of them by chance has a probability of 2e-9
_JUST_BEFORE = 0.001
"""A range includes its start: a scrape at a round time would belong to two slices."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shares(TwoSides):
    """Judge how many times the share of the new side is that of the old side.

    Args:
        total: the query for all events.
    """

    total: str = ""

    def _in_run(self, run: InRun, owner: str) -> Self:
        new, old, total = (run.in_query(one, owner) for one in (self.new, self.old, self.total))
        return replace(self, new=new, old=old, total=total)

    def _refuse(self, criterion: Criterion, owner: str) -> None:
        TwoSides._refuse(self, criterion, owner)
        for name, template in self._templates(criterion).items():
            if not has_window(template):
                raise ConfigurationError(
                    f"{owner}: {name} has no $window: shares need counts of a slice of time, as in "
                    "increase(metric[$window])"
                )

    def _templates(self, criterion: Criterion) -> dict[str, str]:
        return {"query": self.state.template or criterion.query, "total": self.total}

    @property
    def _apart(self) -> float:
        """Seconds from one slice to the next.

        A range of n scrapes has the increase over n - 1 scrape intervals: slices that follow each
        other without an overlap would lose one interval in each of them.
        """
        return self._step() - self._interval

    def queries(self, criterion: Criterion, times: Times) -> Sequence[Query]:
        """The judged events and all events of both sides, a point for each slice."""
        spans, step = self._spans(times.end), self._step()
        if not self._has_room(spans):
            return []
        return [
            range_of(
                self.state.sides.counts(template, side, step, step / self._apart),
                end - _JUST_BEFORE,
                max(spans.length - self._reach(), 0.0),
                self._apart,
            )
            for side, end in ((NEW, spans.new_end), (OLD, spans.old_end))
            for template in self._templates(criterion).values()
        ]

    def _reach(self) -> float:
        return self._step()

    def _why_no_counters(self, criterion: Criterion) -> str:
        scrapes = self.state.scrapes
        if scrapes.falls > max(2.0, _FALLS * scrapes.samples):
            return words.falling(scrapes.falls, self.length)
        return ""

    def _counted(
        self, grouped: Sequence[Mapping[Key, Sequence[Series]]]
    ) -> tuple[Mapping[Key, Sequence[Series]], Mapping[Key, Sequence[Series]]]:
        return grouped[1], grouped[3]

    def _decide_pair(
        self, pair: Pair, found: Sequence[Sequence[Series]], spans: Spans, error: float
    ) -> Decision:
        apart = self._apart
        ends = [spans.new_end] * 2 + [spans.old_end] * 2
        columns = [
            self._counts(one, end - _JUST_BEFORE) for one, end in zip(found, ends, strict=True)
        ]
        if min((count for column in columns for count in column.values()), default=0) < 0:
            return pair.failed(words.NEGATIVE)
        pair = pair.knowing(*_known(columns))
        for side, given, column in ((NEW, found[1], columns[1]), (OLD, found[3], columns[3])):
            if not given:
                return pair.nothing(words.no_side(side))
            if not any(column.values()):
                return pair.nothing(words.no_traffic(side), self._lack(side))
        for side, given, end in ((NEW, found[1], spans.new_end), (OLD, found[3], spans.old_end)):
            if age := age_of(given, end - _JUST_BEFORE, apart):
                return pair.nothing(words.ended(side, age))
        for side, own, other in ((NEW, columns[1], columns[3]), (OLD, columns[3], columns[1])):
            if silent := _silent(own, other):
                return pair.nothing(words.silent(side, silent * apart))
        both = sorted(columns[1].keys() & columns[3].keys())
        counts = [[column.get(place, 0) for place in both] for column in columns]
        traffic = [sum(column) for column in counts]
        minutes = len(both) * apart / 60
        if (fewest := min(traffic[1], traffic[3])) < self.minimum:
            why = words.below_minimum(traffic[1], traffic[3], self.minimum, minutes)
            return pair.nothing(why, Lack.TIME if fewest else Lack.DATA)
        shares = [
            [a / b if b else math.nan for a, b in zip(*two, strict=True)]
            for two in (counts[:2], counts[2:])
        ]
        return self._decide_counts(pair.drawn(both, shares, spans, apart), counts, minutes, error)

    def _decide_counts(
        self, pair: Pair, counts: Sequence[Sequence[float]], minutes: float, error: float
    ) -> Decision:
        from pytest_deploygate.kinds.compare_statistics import Counts, ShareRatio

        criterion = pair.criterion
        sums = [sum(column) for column in counts]
        means = [sums[0] / sums[1], sums[2] / sums[3]]
        used = Counts.of(*counts)
        if used.slices < 2:
            lack = Lack.TIME if used.slices else Lack.DATA
            return pair.nothing(words.too_few(used.slices, 2, self._apart), lack)
        if not sums[0] and not sums[2]:
            return pair.without_events(means, sums)
        most = self._tolerable(criterion)
        undivided = 1 - self.confidence
        return pair.decided(ShareRatio(used), most, error, undivided, minutes, means, sums)

    def _counts(self, series: Sequence[Series], end: float) -> dict[int, float]:
        """Whole events in each slice, by the number of slices before the newest one."""
        found: dict[int, float] = {}
        for one in series:
            for place, value in places_of(one, end, self._apart).items():
                counted = round(value * self._apart / self._step())
                found[place] = found.get(place, 0) + counted
        return found

    def sides(self, criterion: Criterion, decision: Decision) -> Sides | None:
        """Both shares and the interval, for reports."""
        return words.sides("ratio", decision)

    def _ratio(self, criterion: Criterion) -> str:
        bad, total = self._templates(criterion).values()
        shares = (
            f"(\n{self._over_all(bad, side)}\n/\n{self._over_all(total, side)}\n)"
            for side in (NEW, OLD)
        )
        return self._divided(*shares)


def _known(columns: Sequence[Mapping[int, float]]) -> tuple[list[float], list[float]]:
    """The share of each side, NaN without traffic, and its judged and all events."""
    sums = [math.fsum(column.values()) for column in columns]
    shares = [bad / total if total else math.nan for bad, total in (sums[:2], sums[2:])]
    return shares, sums


def _silent(own: Mapping[int, float], other: Mapping[int, float]) -> int:
    """The newest slices in which a side had no event while the other had, unless by chance."""
    counts, others = ({n: count for n, count in side.items() if count} for side in (own, other))
    silent = silent_for(counts, others)
    missed = sum(counts.values()) / (max(counts) - silent + 1) * silent
    return silent if missed >= _FEWEST_MISSED else 0
