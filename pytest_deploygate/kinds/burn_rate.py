"""How many times too fast the budget of an objective burns, over two windows at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pytest_deploygate.core.criterion import Comparison, Criterion
from pytest_deploygate.core.durations import in_words, spoken
from pytest_deploygate.core.result import Reason
from pytest_deploygate.core.series import Series
from pytest_deploygate.core.text import SAME, value_text
from pytest_deploygate.kinds import bad_events as events
from pytest_deploygate.kinds.bad_events import BadEvents, Found, Labels
from pytest_deploygate.kinds.base import Answers
from pytest_deploygate.kinds.decision import Decision, Decisions
from pytest_deploygate.kinds.limit import explained, holds
from pytest_deploygate.kinds.times import Times
from pytest_deploygate.promql.expressions import (
    Expressions,
    call,
    either,
    grouped,
    labelled,
    literal,
    operand,
)

_WINDOW, _PAIR = "deploygate_window", "deploygate_pair"


class Pair(NamedTuple):
    """Two windows, in seconds, in both of which the budget must not burn faster than so many times.

    The long one says that it matters, the short one that it has not stopped.
    """

    factor: float
    long: float
    short: float

    @property
    def wording(self) -> str:
        """Both windows in a message."""
        return f"over {spoken(self.long)} and {spoken(self.short)}"


@dataclass(frozen=True, kw_only=True, slots=True)
class BurnRate(BadEvents):
    """Judge how many times too fast the budget burns, in both windows of any of several pairs.

    The value is the smaller burn rate of the pair that is nearest to its factor, or furthest
    beyond it; the factor is its limit. A short window without traffic burns nothing. Without
    traffic in a long window, or without a series of ``total`` in a short one, nothing is known,
    unless another pair is in breach: nobody knows that it has stopped.

    Args:
        window_pairs: pairs of windows; the first one's factor is the limit of the criterion, too.
    """

    window_pairs: tuple[Pair, ...]

    @property
    def windows(self) -> tuple[float, ...]:
        """The long and the short window of each pair."""
        return tuple(length for pair in self.window_pairs for length in (pair.long, pair.short))

    def decide(self, criterion: Criterion, answers: Answers, at: float) -> list[Decision]:
        """One decision for each series of total or of bad events that total does not count."""
        found = self.found(answers)
        longs, shorts = found[::2], found[1::2]
        uncounted = {one for each in found for one in each.uncounted}
        every = {one for each in longs for one in each.known} | uncounted
        return [
            self._decide_one(criterion, labels, list(zip(longs, shorts, strict=True)), at)
            for labels in sorted(every)
        ]

    def _decide_one(
        self,
        criterion: Criterion,
        labels: Labels,
        found: Sequence[tuple[Found, Found]],
        at: float,
    ) -> Decision:
        rates = [self._rate(labels, *one) for one in found]
        nearness = [
            -math.inf if math.isnan(rate) else rate / pair.factor
            for rate, pair in zip(rates, self.window_pairs, strict=True)
        ]
        chosen = nearness.index(max(nearness))
        rate, pair = rates[chosen], self.window_pairs[chosen]
        reason = Reason.OK
        if not math.isnan(rate) and not holds(Comparison.AT_MOST, rate, pair.factor):
            reason = Reason.BREACH
        if reason is Reason.OK:
            for each, length in zip((w for both in found for w in both), self.windows, strict=True):
                if labels in each.uncounted:
                    return self.unjudged(criterion, labels, at, events.UNCOUNTED, length)
            for (long, _), one, each_rate in zip(found, self.window_pairs, rates, strict=True):
                if math.isnan(each_rate):
                    case, length = _why_unknown(labels, long, one)
                    return self.unjudged(criterion, labels, at, case, length)
        series = Series(dict(labels), ((at, rate),))
        held = Comparison.AT_MOST, pair.factor, nearness[chosen]
        drawn = self._drawn(pair)
        return Decision(series, reason, rate, *held, numbers=(float(chosen),), query=drawn)

    def _rate(self, labels: Labels, long: Found, short: Found) -> float:
        """The smaller burn rate of both windows; NaN if nothing is known of one of them."""
        rate = long.shares.get(labels, math.nan) / self.allowed
        if math.isnan(rate) or labels not in short.known:
            return math.nan
        recent = short.shares.get(labels, 0.0) / self.allowed
        return rate if math.isnan(recent) else min(rate, recent)

    def decide_many(self, criterion: Criterion, answers: Answers, times: Times) -> Decisions:
        """The same over arrays."""
        import numpy as np

        from pytest_deploygate.kinds.decision import ABSENT
        from pytest_deploygate.kinds.many import CODE, keeps

        labels, found = self.found_many(answers, times)
        shape = (len(labels), times.count)
        rates = np.full((len(self.window_pairs), *shape), np.nan)
        for place, (long, short) in enumerate(zip(found[::2], found[1::2], strict=True)):
            rate = np.where(long.traffic, long.shares, np.nan) / self.allowed
            recent = np.where(short.traffic, short.shares, 0.0) / self.allowed
            is_known = ~np.isnan(rate) & short.known
            rates[place] = np.where(is_known, np.fmin(rate, recent), np.nan)
        factors = np.array([one.factor for one in self.window_pairs]).reshape(-1, 1, 1)
        nearness = np.where(np.isnan(rates), -np.inf, rates / factors)
        chosen = nearness.argmax(axis=0)[None]
        rate = np.take_along_axis(rates, chosen, axis=0)[0]
        near = np.take_along_axis(nearness, chosen, axis=0)[0]
        limits = factors.reshape(-1)[chosen[0]]
        breach = ~np.isnan(rate) & ~keeps(Comparison.AT_MOST, rate, limits)
        uncounted = np.zeros(shape, dtype=bool)
        known = np.zeros(shape, dtype=bool)
        for each in found:
            uncounted |= each.uncounted
        for each in found[::2]:
            known |= each.known
        codes = np.select(
            [breach, uncounted, ~known, np.isnan(rates).any(axis=0)],
            [CODE[Reason.BREACH], CODE[Reason.ERROR], ABSENT, CODE[Reason.NO_DATA]],
            CODE[Reason.OK],
        ).astype(np.int8)
        judged = (codes == CODE[Reason.BREACH]) | (codes == CODE[Reason.OK])
        return Decisions(
            tuple(map(dict, labels)),
            codes,
            np.where(judged, rate, np.nan),
            np.where(judged, limits, criterion.limit),
            np.where(judged, near, np.inf),
        )

    def explain(self, criterion: Criterion, decision: Decision) -> str:
        """The burn rate, over which windows, and when the budget is gone at this rate."""
        if why := self.why_not(decision):
            return why
        pair = self.window_pairs[int(decision.numbers[0])]
        text = f"{explained(criterion, decision)} {pair.wording}"
        if not 1 < decision.value < math.inf:
            return text
        gone = in_words(self.period / decision.value)
        return f"{text}; at this rate a budget of {in_words(self.period)} is gone in {gone}"

    def drawn(self) -> str:
        """The burn rate of the first pair."""
        return self._drawn(self.window_pairs[0])

    def _drawn(self, pair: Pair) -> str:
        """PromQL for the smaller burn rate of a pair."""
        long, short = self.texts[pair.long], self.texts[pair.short]
        measured = grouped(f"{long.share}\nand\n{operand(short.total)}")
        both = "\nor\n".join(
            labelled(f"{share} / {self.divisor}", _WINDOW, name)
            for share, name in ((measured, "long"), (short.share_or_quiet, "short"))
        )
        return call(f"min without ({_WINDOW}) ", both)

    def promql(self, criterion: Criterion) -> Expressions:
        """Multi-window alert rules: 0 where both windows of a pair burn too fast."""
        breaches, known, silent = [], [], []
        for pair in self.window_pairs:
            long, short = self.texts[pair.long], self.texts[pair.short]
            bound = f"{literal(pair.factor)} * (1 + {literal(SAME)})"
            measured = f"and\n{operand(short.total)}"
            # A short window that is not a number says nothing against the long one.
            breaches.append(
                f"{long.share} / {self.divisor} > {bound}\n{measured}\nunless\n"
                f"{short.share_or_quiet} / {self.divisor} <= {bound}"
            )
            known.append(f"{long.share}\n{measured}")
            silent.append(f"({long.total}) ^ 0")
        burning = "\nor\n".join(map(grouped, breaches))
        uncounted = [self.texts[length].uncounted for length in self.windows]
        passing = grouped("\nand\n".join(map(grouped, known)))
        judged = either(f"0 * {grouped(burning)}", *uncounted, f"{passing} ^ 0")
        unknown = grouped(either(*silent))
        others = "; ".join(
            f"or {Comparison.AT_MOST.symbol} {value_text(one.factor, criterion.unit)} {one.wording}"
            for one in self.window_pairs[1:]
        )
        return Expressions(
            value=call(f"max without ({_PAIR}) ", self._nearest(f"topk without ({_PAIR})")),
            worst=call("max", self._nearest("topk")),
            judged=judged,
            every=either(judged, f"0 * {unknown}"),
            graded=either(judged, f"0.5 * {unknown}"),
            condition=f"{self.window_pairs[0].wording}, {others}".removesuffix(", "),
        )

    def _nearest(self, topk: str) -> str:
        """The value of the pair that is nearest to its factor."""
        numbered = list(enumerate(self.window_pairs))
        nearness = "\nor\n".join(
            labelled(f"{self._drawn(pair)} / {literal(pair.factor)}", _PAIR, str(number))
            for number, pair in numbered
        )
        factors = "\nor\n".join(
            labelled(f"vector({literal(pair.factor)})", _PAIR, str(number))
            for number, pair in numbered
        )
        return f"{topk} (1,\n{nearness}\n)\n* on ({_PAIR}) group_left ()\n{grouped(factors)}"


def _why_unknown(labels: Labels, long: Found, pair: Pair) -> tuple[str, float]:
    """Why nothing is known of a pair, and the window of which that is so."""
    if labels not in long.shares:
        return events.SILENT, pair.long
    if math.isnan(long.shares[labels]):
        return events.NO_NUMBER, pair.long
    return events.ENDED, pair.short
