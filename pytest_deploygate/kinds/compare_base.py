"""What comparisons of two sides have in common: their sides, their slices, and what is missing."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from typing import NamedTuple, Self

from pytest_deploygate.core.criterion import Comparison, Criterion, Limit, NoData, number
from pytest_deploygate.core.durations import Duration, seconds, spoken
from pytest_deploygate.core.errors import ConfigurationError
from pytest_deploygate.core.result import Reason, Sides
from pytest_deploygate.core.series import InstantQuery, Series
from pytest_deploygate.core.severity import Severity
from pytest_deploygate.kinds import compare_sides as sided
from pytest_deploygate.kinds import compare_words as words
from pytest_deploygate.kinds.base import Answers, InRun, Kind
from pytest_deploygate.kinds.compare_pair import Pair, Spans, undecided
from pytest_deploygate.kinds.compare_sides import NEW, OLD, Key, Scrapes
from pytest_deploygate.kinds.decision import Decision, Lack
from pytest_deploygate.promql.expressions import NotExpressible, label_name, operand

_CANNOT = "PromQL has no interval for a ratio of two versions; only the ratio is drawn"
_TIMES = "x"
_LEAST_STEP = 60.0
_SCRAPES_IN_STEP = 4
_USUAL_INTERVAL = 15.0


class _State(NamedTuple):
    """What a run adds to a comparison: its query and unit as written, and what was measured."""

    template: str = ""
    unit: str = ""
    sides: sided.Sides = sided.Sides()
    run: InRun = InRun()
    scrapes: Scrapes = Scrapes()


@dataclass(frozen=True, kw_only=True, slots=True)
class TwoSides(Kind):
    """What every comparison of two sides has in common.

    The fields are those of :class:`~.compare.Compare`.

    Raises:
        ConfigurationError: they do not make a comparison.
    """

    new: str = ""
    old: str = ""
    before: Duration | None = None
    window: Duration = "30m"
    step: Duration | None = None
    minimum: float = 100
    confidence: float = 0.99
    tolerable: Limit | None = None
    per_pair: bool = False
    blocks: bool = False
    state: _State = field(default=_State(), repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse what is not a comparison."""
        length = seconds(self.window)
        if self.step is not None and seconds(self.step) * 2 > length:
            raise ConfigurationError(
                f"Compare: step {self.step!r} is more than half of window {self.window!r}"
            )
        if self.before is None and not (self.new.strip() and self.old.strip()):
            raise ConfigurationError(
                "Compare: give the matchers of both sides, new='version=\"2\"' and "
                "old='version!=\"2\"', or before='1d'"
            )
        if self.before is not None and (self.new or self.old):
            raise ConfigurationError("Compare: give new and old, or before, not both")
        if self.before is not None and seconds(self.before) < length:
            raise ConfigurationError(
                f"Compare: before {self.before!r} is shorter than window {self.window!r}: both "
                "sides would overlap"
            )
        if not 0.5 <= self.confidence < 1:
            raise ConfigurationError(
                f"Compare: confidence is {self.confidence!r}; write a number from 0.5 to below 1, "
                "such as 0.99"
            )
        if not 0 < self.minimum < math.inf:
            raise ConfigurationError(f"Compare: minimum is {self.minimum!r}, not a number above 0")

    def limits(self) -> Mapping[str, Limit]:
        """What is tolerable, if it is given."""
        return {} if self.tolerable is None else {"tolerable": self.tolerable}

    @property
    def compares(self) -> bool:
        """It does."""
        return True

    @property
    def length(self) -> float:
        """The window in seconds."""
        return seconds(self.window)

    def in_run(self, criterion: Criterion, run: InRun) -> Criterion:
        """The criterion with the sides of this run.

        Raises:
            ConfigurationError: it cannot be compared.
        """
        owner = f"criterion {criterion.id!r}"
        if find_spec("scipy") is None:
            raise ConfigurationError(
                f"{owner}: Compare needs scipy: pip install 'pytest-deploygate[compare]'"
            )
        given = self._in_run(run, owner)
        given._refuse(criterion, owner)
        sides = sided.Sides() if self.before else sided.Sides.of(given.new, given.old, owner)
        state = _State(criterion.query, criterion.unit, sides, run)
        at_worst_warning = self.before is not None and not self.blocks
        policy = criterion.no_data
        if at_worst_warning and policy is NoData.NO_GO:
            policy = NoData.WARNING
        return replace(
            criterion,
            kind=replace(given, state=state),
            unit=_TIMES,
            query=sides.expr(criterion.query, NEW, given._step()),
            culprit=sides.expr(criterion.culprit, NEW, given._step()),
            severity=Severity.WARNING if at_worst_warning else criterion.severity,
            no_data=policy,
        )

    def _in_run(self, run: InRun, owner: str) -> Self:
        return replace(self, new=run.in_query(self.new, owner), old=run.in_query(self.old, owner))

    def _refuse(self, criterion: Criterion, owner: str) -> None:
        if criterion.comparison is Comparison.EQUALS:
            raise ConfigurationError(f"{owner}: a comparison needs at_most or at_least, not equals")
        limit, worst = criterion.limit, self._tolerable(criterion)
        lower = criterion.comparison.lower_is_better
        if not limit > 0 or not worst > 0 or (worst <= limit if lower else worst >= limit):
            raise ConfigurationError(
                f"{owner}: limit {limit:g} and tolerable {worst:g}: give ratios above 0, and a "
                "tolerable that is worse than the limit"
            )
        for name, template in self._templates(criterion).items():
            if self.before is None and not sided.has_side(template):
                raise ConfigurationError(
                    f"{owner}: {name} has no $side: write it in a selector, as in metric{{$side}}"
                )
            if self.before is not None and sided.has_side(template):
                raise ConfigurationError(
                    f"{owner}: {name} has $side, which a comparison with before does not know"
                )

    def _templates(self, criterion: Criterion) -> dict[str, str]:
        return {"query": self.state.template or criterion.query}

    def _tolerable(self, criterion: Criterion) -> float:
        if self.tolerable is not None:
            return number(self.tolerable)
        return criterion.limit * (2 if criterion.comparison.lower_is_better else 0.5)

    def measuring(self, criterion: Criterion, at: float) -> InstantQuery | None:
        """How often the metric is scraped, and which label values exist."""
        template = next(reversed(self._templates(criterion).values()))
        expr = sided.question(template, self.state.sides, self.length)
        return InstantQuery(expr, at) if expr else None

    def measured(self, series: Sequence[Series]) -> Self:
        """The same, knowing that."""
        return replace(
            self,
            state=self.state._replace(scrapes=Scrapes.of(series, self.state.sides, self.length)),
        )

    @property
    def _interval(self) -> float:
        return self.state.scrapes.interval or _USUAL_INTERVAL

    def _least_step(self) -> float:
        return max(
            _SCRAPES_IN_STEP * self.state.scrapes.interval, sided.longest_range(self.state.template)
        )

    def _step(self) -> float:
        """The length of a slice in seconds."""
        return seconds(self.step) if self.step is not None else max(_LEAST_STEP, self._least_step())

    def _spans(self, at: float) -> Spans:
        if self.before is None:
            return Spans(at, at, self.length)
        deployed, before = self.state.run.deployed_at, seconds(self.before)
        if deployed is None:
            return Spans(at, at - before, self.length)
        length = min(self.length, at - deployed)
        return Spans(at, min(at - before, deployed), length)

    def pairs(self, answers: Answers) -> int:
        """How many pairs share the confidence; one that lacks both sides counts, too."""
        if self.per_pair:
            return 0
        keys = {self.state.sides.key(one) for answer in answers for one in answer}
        return max(1, len(keys))

    def decide(self, criterion: Criterion, answers: Answers, at: float) -> list[Decision]:
        """One decision for each pair."""
        problem = self.state.scrapes.why_not(self.state.sides) or self._why_no_counters(criterion)
        if problem:
            return [_nothing(criterion, at, Reason.ERROR, problem)]
        if self.step is not None and self._step() < self._least_step():
            return [_nothing(criterion, at, Reason.NO_DATA, self._too_short())]
        spans = self._spans(at)
        if not self._has_room(spans):
            why = words.just_deployed(spans.length, self._reach())
            return [_nothing(criterion, at, Reason.NO_DATA, why)._replace(lack=Lack.TIME)]
        grouped = [_by_key(self.state.sides, one) for one in answers]
        keys = sorted({key for one in grouped for key in one})
        divisor = 1 if self.per_pair else self.state.run.pairs(at)
        error = (1 - self.confidence) / (divisor * self.state.run.rounds)
        pairs = {key: Pair(criterion, Series(dict(key), ((at, math.nan),))) for key in keys}
        decisions = [
            self._decide_pair(pair, [one.get(key, []) for one in grouped], spans, error)
            for key, pair in pairs.items()
        ]
        if missing := self._missing(grouped):
            return [self._without_a_side(criterion, at, decisions, missing)]
        return decisions

    def _without_a_side(
        self,
        criterion: Criterion,
        at: float,
        decisions: Sequence[Decision],
        missing: Sequence[str],
    ) -> Decision:
        """About all pairs together, with what a single pair knows of its other side."""
        lack = Lack.TIME
        if all(self._lack(side) is Lack.TIME for side in missing):
            why = words.just_begun(missing, self._step())
        elif self.before is not None:
            why, lack = words.nothing_then("now" if NEW in missing else "before"), Lack.DATA
        else:
            named = [(side, self.state.sides.wording(side)) for side in missing]
            why, lack = words.matches_nothing(named, self.state.scrapes.values), Lack.DATA
        found = _nothing(criterion, at, Reason.NO_DATA, why)._replace(lack=lack)
        if len(decisions) == 1 and decisions[0].reason is Reason.NO_DATA:
            return found._replace(numbers=decisions[0].numbers)
        return found

    def _lack(self, side: str) -> Lack:
        """What a side without counts lacks: time, while its first scrape is but a slice ago."""
        return Lack.TIME if self.state.scrapes.age(side) <= self._step() else Lack.DATA

    def _reach(self) -> float:
        """Seconds by which a point reaches back: it may not reach beyond the deployment."""
        return sided.longest_range(self.state.template) if self.before is not None else 0.0

    def _has_room(self, spans: Spans) -> bool:
        """Whether a point fits in behind the deployment; else nothing is asked."""
        return self.before is None or spans.length >= self._reach()

    def _why_no_counters(self, criterion: Criterion) -> str:
        return ""

    def _too_short(self) -> str:
        longest, needed = sided.longest_range(self.state.template), self._least_step()
        interval = self.state.scrapes.interval
        why = (
            f"the range of its query, {spoken(longest)}"
            if longest == needed
            else f"four scrape intervals of {spoken(interval)}"
        )
        return sided.too_short(self._step(), needed, why)

    def _missing(self, grouped: Sequence[Mapping[Key, Sequence[Series]]]) -> list[str]:
        """The sides that match nothing at all."""
        return [
            side
            for side, found in zip((NEW, OLD), self._counted(grouped), strict=True)
            if not found
        ]

    def _counted(
        self, grouped: Sequence[Mapping[Key, Sequence[Series]]]
    ) -> tuple[Mapping[Key, Sequence[Series]], Mapping[Key, Sequence[Series]]]:
        """What must be there of the new side and of the old side."""
        new, old = grouped
        return new, old

    def explain(self, criterion: Criterion, decision: Decision) -> str:
        """Both values, and what the interval of their ratio is."""
        return words.explained(criterion, self.state.unit, decision)

    def sides(self, criterion: Criterion, decision: Decision) -> Sides | None:
        """Both values and the interval, for reports."""
        return words.sides(self.state.unit, decision)

    def promql(self, criterion: Criterion) -> NotExpressible:
        """The ratio, to be drawn."""
        return NotExpressible(_CANNOT, self._ratio(criterion))

    def _over_all(self, template: str, side: str) -> str:
        expr = operand(self.state.sides.expr(template, side, self.length).strip())
        if side == NEW or self.before is None:
            return expr
        return f"last_over_time({expr}[1m:1m] offset {spoken(seconds(self.before))})"

    def _divided(self, new: str, old: str) -> str:
        names = self.state.sides.names
        ignoring = f" ignoring ({', '.join(map(label_name, names))})" if names else ""
        return f"{new}\n/{ignoring}\n{old}"

    @abstractmethod
    def _decide_pair(
        self, pair: Pair, found: Sequence[Sequence[Series]], spans: Spans, error: float
    ) -> Decision:
        """Decide about one pair.

        Args:
            pair: that is judged.
            found: its series, of each query.
            spans: the times of both sides.
            error: what is left of 1 by the confidence, divided among all pairs and rounds.
        """

    @abstractmethod
    def _ratio(self, criterion: Criterion) -> str:
        """The ratio as PromQL, to be drawn."""


def _by_key(sides: sided.Sides, answer: Sequence[Series]) -> dict[Key, list[Series]]:
    found: dict[Key, list[Series]] = {}
    for one in answer:
        found.setdefault(sides.key(one), []).append(one)
    return found


def _nothing(criterion: Criterion, at: float, reason: Reason, why: str) -> Decision:
    """About all pairs together."""
    found = undecided(criterion, Series(dict(criterion.match), ((at, math.nan),)), reason, why)
    if reason is Reason.NO_DATA:
        return found._replace(case=words.UNKNOWN, numbers=words.NOTHING)
    return found
