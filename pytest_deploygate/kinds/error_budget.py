"""How much of the budget of an objective is left."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pytest_deploygate.core.criterion import Comparison, Criterion
from pytest_deploygate.core.durations import in_words
from pytest_deploygate.core.result import Reason
from pytest_deploygate.core.series import Query, Series
from pytest_deploygate.core.text import SAME, same
from pytest_deploygate.kinds import bad_events as events
from pytest_deploygate.kinds.bad_events import BadEvents, Found, Labels, labels_of
from pytest_deploygate.kinds.base import Answers
from pytest_deploygate.kinds.decision import Decision, Decisions
from pytest_deploygate.kinds.limit import explained, holds
from pytest_deploygate.kinds.times import Times
from pytest_deploygate.promql.comparisons import held_against
from pytest_deploygate.promql.expressions import (
    Expressions,
    duration,
    either,
    literal,
    operand,
)

_SLICES = 360  # of a period, in each of which data is looked for: two hours of 30 days
_UNITS = (("days", 86_400.0), ("hours", 3600.0), ("minutes", 60.0), ("seconds", 1.0))


@dataclass(frozen=True, kw_only=True, slots=True)
class ErrorBudget(BadEvents):
    """Judge the share of the period's budget that is left: 1 - (bad / total) / (1 - objective).

    It is judged over what the source holds of the period, and the message says how much that is.
    """

    @property
    def windows(self) -> tuple[float, ...]:
        """The whole period."""
        return (self.period,)

    @property
    def lengths(self) -> tuple[float, ...]:
        """The period, and a slice of it."""
        return (self.period, self.period / _SLICES)

    def queries(self, criterion: Criterion, times: Times) -> Sequence[Query]:
        """Bad events and all events of the period, and in how many slices of it there is data."""
        period, part = self.lengths
        data = operand(self.texts[part].total)
        held = f"count_over_time({data}[{duration(period)}:{duration(part)}])"
        return [*BadEvents.queries(self, criterion, times), times.instant(held)]

    def decide(self, criterion: Criterion, answers: Answers, at: float) -> list[Decision]:
        """One decision for each series of total or of bad events that total does not count."""
        [found] = self.found(answers[:2])
        held = {labels_of(one): one.value for one in answers[2]}
        return [
            self._decide_one(criterion, labels, found, at, held.get(labels, 0.0))
            for labels in sorted(found.known | found.uncounted)
        ]

    def _decide_one(
        self, criterion: Criterion, labels: Labels, found: Found, at: float, held: float
    ) -> Decision:
        if labels in found.uncounted:
            return self.unjudged(criterion, labels, at, events.UNCOUNTED, self.period)
        used = found.shares.get(labels, math.nan) / self.allowed
        if math.isnan(used):
            case = events.NO_NUMBER if labels in found.shares else events.SILENT
            return self.unjudged(criterion, labels, at, case, self.period)
        limit, most = criterion.limit, 1 - criterion.limit
        left = limit if same(used, most) else 1 - used
        reason = Reason.OK if holds(Comparison.AT_MOST, used, most) else Reason.BREACH
        series = Series(dict(labels), ((at, left),))
        judged = Decision(series, reason, left, criterion.comparison, limit, used)
        return judged._replace(numbers=(min(self.period, held * self.lengths[1]),))

    def decide_many(self, criterion: Criterion, answers: Answers, times: Times) -> Decisions:
        """The same over arrays."""
        import numpy as np

        from pytest_deploygate.kinds.decision import ABSENT
        from pytest_deploygate.kinds.many import CODE, keeps

        labels, [found] = self.found_many(answers, times)
        used = np.where(found.traffic, found.shares, np.nan) / self.allowed
        limit, most = criterion.limit, 1 - criterion.limit
        kept = keeps(Comparison.AT_MOST, used, most)
        unknown = np.isnan(used)
        codes = np.select(
            [found.uncounted, ~found.known, unknown, ~kept],
            [CODE[Reason.ERROR], ABSENT, CODE[Reason.NO_DATA], CODE[Reason.BREACH]],
            CODE[Reason.OK],
        ).astype(np.int8)
        with np.errstate(invalid="ignore"):
            near = np.abs(used - most) <= SAME * np.maximum(np.abs(used), abs(most))
        left = np.where(near & np.isfinite(used), limit, 1 - used)
        judged = ~(unknown | found.uncounted)
        return Decisions(
            tuple(map(dict, labels)),
            codes,
            np.where(judged, left, np.nan),
            np.full(used.shape, limit),
            np.where(judged, used, np.inf),
        )

    def explain(self, criterion: Criterion, decision: Decision) -> str:
        """What is left, and over how much of the period it is judged."""
        if why := self.why_not(decision):
            return why
        return f"{explained(criterion, decision)}{self._over(decision.numbers[0])}"

    def _over(self, held: float) -> str:
        """``, over 15 of 30 days``; empty for the whole period."""
        unit, length = next(one for one in _UNITS if self.period >= 2 * one[1])
        part, whole = (
            f"{round(one / length, 0 if one >= 2 * length else 1):g}" for one in (held, self.period)
        )
        part = "less than 0.1" if part == "0" else part
        return "" if part == whole else f", over {part} of {whole} {unit}"

    def drawn(self) -> str:
        """What is left."""
        return f"1 - {self._used}"

    @property
    def _used(self) -> str:
        """PromQL for the share of the budget that is used."""
        return f"{self.texts[self.period].share} / {self.divisor}"

    def promql(self, criterion: Criterion) -> Expressions:
        """What is left against the limit."""
        texts, most = self.texts[self.period], 1 - criterion.limit
        kept = held_against(Comparison.AT_MOST, literal(most), most)
        judged = either(texts.uncounted, f"{self._used} % Inf {kept}")
        unknown = f"({texts.total}) ^ 0"
        return Expressions(
            value=self.drawn(),
            judged=judged,
            every=either(judged, f"0 * {unknown}"),
            graded=either(judged, f"0.5 * {unknown}"),
            condition=f"of the budget of {in_words(self.period)}",
        )
