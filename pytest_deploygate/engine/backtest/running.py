"""All criteria of a run, asked and judged at many times."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from pytest_deploygate.core.backtest import Deployment, Incident, Outcome, Period, Suggestion
from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.core.errors import SourceError
from pytest_deploygate.core.required import Measured, unmet
from pytest_deploygate.core.result import Reason
from pytest_deploygate.core.series import Measurement, Query
from pytest_deploygate.core.text import printable
from pytest_deploygate.core.verdict import Verdict
from pytest_deploygate.engine import culprit, over_time
from pytest_deploygate.engine.backtest import unlabelled
from pytest_deploygate.engine.backtest.incidents import compared, within
from pytest_deploygate.engine.backtest.periods import histories, periods, worst_results
from pytest_deploygate.engine.backtest.sharing import Shared
from pytest_deploygate.engine.backtest.suggestions import suggestion
from pytest_deploygate.engine.backtest.verdicts import VERDICTS, Flags, Judged, verdicts
from pytest_deploygate.engine.culprit import Ask
from pytest_deploygate.engine.judgements import Judgements, unanswered_many
from pytest_deploygate.engine.judging_many import judge_many, queries_of_compared, queries_of_many
from pytest_deploygate.engine.over_time import OverTime
from pytest_deploygate.engine.run import GateRun
from pytest_deploygate.engine.scope import Scoped
from pytest_deploygate.engine.unlabelled import exist_together
from pytest_deploygate.kinds.times import Times
from pytest_deploygate.promql.narrowing import Matchers

_NOT_MEASURED = "a required check was not measured"
_NOTHING = "no series has the matchers of --gate-select"

Events = Sequence[tuple[float, str]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """What is known of the past besides measurements; None where it is not."""

    incidents: Sequence[Incident] | None = None
    deployments: Events | None = None


@dataclass(frozen=True, slots=True)
class Backtest:
    """The criteria of a gate at many times.

    Args:
        run: its settings and its scope count; it does not ask itself.
        criteria: as they are written.
        times: of the steps.
        source: what asks.
        why: the errors of the source by the id of the check, filled while it is judged.
    """

    run: GateRun
    criteria: Sequence[Criterion]
    times: Times
    source: Shared
    why: dict[str, dict[str, None]] = field(default_factory=dict)

    def queries(self) -> list[Query]:
        """What has to be asked for sure, each once."""
        asked = (query for one in self.criteria for query in self._queries_of(self._scoped(one)))
        return list(dict.fromkeys(asked))

    def compared(self) -> list[Query]:
        """What comparisons ask besides, each once; the others have to be answered before."""
        asked: list[Query] = []
        for given in self.criteria:
            criterion, own, problem, _ = self._scoped(given)
            if not problem:
                with suppress(SourceError):  # its judgement says why
                    ask = partial(self._asked, own)
                    found = queries_of_compared(criterion, self.times, ask)
                    asked += [self._narrowed(query, own) for query in found]
        return list(dict.fromkeys(asked))

    def _asked(self, own: Matchers, query: Query) -> Measurement:
        return self.source.ask(self._narrowed(query, own))

    def _queries_of(self, scoped: Scoped) -> Iterator[Query]:
        criterion, own, problem, _ = scoped
        if problem:
            return
        with suppress(SourceError):  # its judgement says why
            narrowed = partial(self.run.scope.narrowed, own=own)
            yield from map(narrowed, queries_of_many(criterion, self.times))
        if own:
            yield from unlabelled.questions(criterion, own, self.times)

    def _scoped(self, given: Criterion) -> Scoped:
        """The criterion as the run asks for it. A culprit is asked for later, once a period."""
        scoped = self.run.scoped(given)
        return scoped._replace(criterion=replace(scoped.criterion, culprit=""))

    def judged(self) -> list[Judged]:
        """Every criterion at every step, exactly as ``GateRun.judge`` does at each of them."""
        self.run.comparisons.answered_by(self.source.ask)
        return [
            Judged(self.run.resolved(one), self._judge(one), self.run.scoped(one).matchers)
            for one in self.criteria
        ]

    def _judge(self, given: Criterion) -> Judgements:
        criterion, own, problem, _ = self._scoped(given)
        if problem:
            self._note(criterion.id, problem)
            return unanswered_many(criterion, self.times)
        found = judge_many(criterion, self.times, self._asking(criterion.id, own))
        if own:
            plain = self.source.ask
            found = unlabelled.checked_many(found, criterion, own, self.times, plain)
        return found

    def _asking(self, check: str, own: Matchers) -> Ask:
        """Asks for a check, and notes why the source could not answer."""

        def ask(query: Query) -> Measurement:
            try:
                return self.source.ask(self._narrowed(query, own))
            except SourceError as error:
                self._note(check, str(error))
                raise

        return ask

    def _note(self, check: str, why: str) -> None:
        self.why.setdefault(check, {})[printable(why)] = None

    def outcome(self, judged: Sequence[Judged], known: Known) -> Outcome:
        """What the gate would have said, with periods, incidents and deployments."""
        codes = verdicts(judged)
        reasons = list(self._more_reasons(judged))
        go_not = VERDICTS.index(Verdict.NO_GO)
        for flags, _ in reasons:
            codes[flags] = go_not
        blocked = codes == go_not

        def why(place: int) -> str:
            return next((text for flags, text in reasons if flags[place]), "")

        found = self._with_culprits(judged, periods(judged, blocked, self.times, why))
        compare = None
        if known.incidents is not None:
            compare, found = compared(known.incidents, blocked, found, self.times)
        every = tuple(VERDICTS[code] for code in codes)
        return Outcome(
            verdicts=every,
            checks=histories(judged, self.times),
            periods=found,
            incidents=compare,
            deployments=self._deployments(known.deployments, every),
        )

    def _more_reasons(self, judged: Sequence[Judged]) -> Iterator[tuple[Flags, str]]:
        """At which steps a run is NO-GO whatever its checks say, and why."""
        lost = self._required_and_lost(judged)
        if lost.any():
            yield lost, _NOT_MEASURED
        nothing = self._nothing_selected(judged)
        if nothing.any():
            yield nothing, _NOTHING

    def _required_and_lost(self, judged: Sequence[Judged]) -> Flags:
        """At which steps a check that ``required`` names was not measured."""
        lost = np.zeros(self.times.count, dtype=bool)
        for pattern in self.run.settings.required:
            for one in judged:
                absent, _ = unmet([pattern], [Measured(one.criterion.id, True, "")])
                if not absent:
                    lost |= ~one.evaluated
        return lost

    def _nothing_selected(self, judged: Sequence[Judged]) -> Flags:
        """At which steps no series has the matchers of the run, as a run notices it."""
        own, none = self.run.scope.matchers, np.zeros(self.times.count, dtype=bool)
        if not own or not judged:
            return none
        narrowed = [one for one in judged if all(m.expr in one.criterion.query for m in own)]
        seen = [one.evaluated for one in narrowed]
        missing = np.any([one.because(Reason.NO_DATA) for one in judged], axis=0)
        doubtful = missing & ~np.any(seen, axis=0) if seen else missing
        if not doubtful.any():
            return none
        answer = OverTime.of(exist_together(own), self.times, self.source.ask)
        exists = answer.present.any(axis=0) | (answer.failed >= 0)
        return np.asarray(doubtful & ~exists)

    def _with_culprits(
        self, judged: Sequence[Judged], found: tuple[Period, ...]
    ) -> tuple[Period, ...]:
        """The periods with the worst series behind each failure, asked for side by side."""
        asked = list(worst_results(judged, found, self.times))
        for _, one, result in asked:
            if (query := culprit.question(one.criterion, result)) is not None:
                with suppress(SourceError):
                    self.source.prefetch([self._narrowed(query, one.own)])
        named: list[dict[str, str]] = [{} for _ in found]
        for number, one, result in asked:
            ask = self._asking(f"{one.criterion.id}: culprit", one.own)
            if worst := culprit.culprit_of(result, one.criterion, ask):
                named[number][printable(one.criterion.id)] = printable(worst)
        return tuple(
            replace(period, culprits=texts) for period, texts in zip(found, named, strict=True)
        )

    def _narrowed(self, query: Query, own: Matchers) -> Query:
        return self.run.scope.narrowed(query, own) if own else query

    def _deployments(
        self, known: Events | None, every: Sequence[Verdict]
    ) -> tuple[Deployment, ...] | None:
        """Each with the verdict of the last step until then."""
        if known is None:
            return None
        found = []
        for time, name in sorted(known):
            step = int((time - self.times.start) / self.times.step + 1e-6)
            inside = time >= self.times.start - 1e-3 and step < self.times.count
            verdict = every[step] if inside else None
            found.append(Deployment(time=time, name=name, verdict=verdict))
        return tuple(found)

    def suggestions(
        self, judged: Sequence[Judged], incidents: Iterable[Incident]
    ) -> tuple[Suggestion, ...]:
        """For each criterion the limits that fit the time outside of incidents."""
        outside = ~within(list(incidents), self.times)
        return tuple(
            suggestion(given, one.criterion, one.found, partial(self._with_limit, given), outside)
            for given, one in zip(self.criteria, judged, strict=True)
        )

    def _with_limit(self, given: Criterion, limit: float) -> Judgements:
        criterion, own, _, _ = self._scoped(given)
        changed: dict[str, Any] = {criterion.comparison.keyword: limit}
        ask = self._asking(criterion.id, own)
        return judge_many(replace(criterion, **changed), self.times, ask)

    def over_time(self, expr: str) -> OverTime:
        """An expression at every step, narrowed and with variables like a query of a test.

        Raises:
            SourceError: a part of it could not be answered.
        """

        def ask(query: Query) -> Measurement:
            return self.source.ask(self.run.scope.ad_hoc(query))

        answer = OverTime.of(expr, self.times, ask)
        if answer.errors:
            raise answer.errors[0]
        return answer

    def queries_for(self, expr: str) -> list[Query]:
        """What :meth:`over_time` asks.

        Raises:
            ConfigurationError: a variable is not defined.
            SourceError: the expression cannot be narrowed.
        """
        return list(map(self.run.scope.ad_hoc, over_time.queries(expr, self.times)))
