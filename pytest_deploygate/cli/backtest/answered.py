"""The answer: everything asked, judged, and put together."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from pytest_deploygate.cli.backtest.asked import Asked
from pytest_deploygate.cli.backtest.known import Given
from pytest_deploygate.config import settings as config
from pytest_deploygate.core.backtest import BacktestReport, Outcome, Suggestion
from pytest_deploygate.core.durations import spoken
from pytest_deploygate.core.errors import SourceError
from pytest_deploygate.core.series import Measurement, Query, RangeQuery
from pytest_deploygate.core.text import counted, printable
from pytest_deploygate.engine.asking import Measurements
from pytest_deploygate.engine.backtest.events import (
    deployments_during,
    incidents_during,
)
from pytest_deploygate.engine.backtest.running import Backtest, Known
from pytest_deploygate.engine.backtest.sharing import Shared
from pytest_deploygate.engine.backtest.suggestions import toml_lines
from pytest_deploygate.engine.backtest.verdicts import Judged
from pytest_deploygate.engine.over_time import OverTime
from pytest_deploygate.engine.run import GateRun

# Unless given: what a week of points takes is not what one value may take. Two minutes is
# Prometheus' own limit for a query.
_QUERY_TIMEOUT, _TIMEOUT = 120.0, 600.0
_HOUR = 3600.0
_MOST_NAMED = 3
_MINUTE = 60.0

Event = TypeVar("Event")
Shown = Callable[[Iterable[tuple[int, int]]], None]


def answered(question: Asked, shown: Shown) -> BacktestReport:
    """Ask, judge, and put it together.

    Args:
        question: what is asked.
        shown: is given the numbers of answers while queries are under way.
    """
    return _Answering(question, shown).report()


class _Answering:
    def __init__(self, question: Asked, shown: Shown) -> None:
        self._question = question
        self._run = question.run
        self._shown = shown
        self._began = time.monotonic()
        self._source = Shared(_measurements(question.run))
        self._backtest = self._of(question.run)
        self._problems: list[str] = []

    def _of(self, run: GateRun) -> Backtest:
        criteria, times = self._question.collected.given, self._question.times
        return Backtest(run, criteria, times, self._source)

    def report(self) -> BacktestReport:
        question, backtest = self._question, self._backtest
        criteria = backtest.queries()
        self._ask([*criteria, *self._more_queries()])
        self._ask(backtest.compared(), join=True)
        judged = backtest.judged()
        self._note_unanswered(judged)
        self._note_what_is_gone(criteria)
        known = self._known()
        outcome = backtest.outcome(judged, known)
        suggestions = self._suggestions(judged, known) if question.suggest else None
        run, settings = self._run, self._run.settings
        return BacktestReport(
            start=question.times.start,
            end=question.end,
            step=question.times.step,
            times=question.times.all,
            outcome=outcome,
            against=self._against(known) if question.other else None,
            other_thresholds=question.other,
            suggestions=suggestions,
            toml=self._toml(suggestions),
            left_out=self._left_out(),
            problems=tuple(self._problems),
            notices=tuple(self._notices()),
            source=run.source.info,
            configuration=printable(str(settings.file or "")),
            environment=printable(settings.gate_env),
            selection=run.scope.selection,
            variables=dict(run.scope.variables.values),
            queries=sum(isinstance(one, RangeQuery) for one in self._source.answers()),
            duration=round(time.monotonic() - self._began, 3),
            deployed_at=settings.gate_deployed_at,
        )

    def _ask(self, queries: Sequence[Query], *, join: bool = False) -> None:
        self._shown(self._source.progress(self._source.prefetch(queries, join=join)))

    def _more_queries(self) -> list[Query]:
        exprs = (self._question.incidents, self._question.deployments)
        given_ = [one.expr for one in exprs if isinstance(one, Given)]
        return [query for expr in given_ for query in self._backtest.queries_for(expr)]

    def _known(self) -> Known:
        incidents, deployments = self._question.incidents, self._question.deployments
        return Known(
            incidents=self._found(incidents, incidents_during)
            if isinstance(incidents, Given)
            else incidents,
            deployments=self._found(deployments, deployments_during)
            if isinstance(deployments, Given)
            else deployments,
        )

    def _found(
        self, asked: Given, found: Callable[[OverTime, str], list[Event]]
    ) -> list[Event] | None:
        """The events that an expression finds; None if it could not be answered."""
        try:
            return found(self._backtest.over_time(asked.expr), printable(asked.expr, 60))
        except SourceError as error:
            self._problems.append(f"{asked.option}: {error}")
            return None

    def _note_unanswered(self, judged: Sequence[Judged]) -> None:
        """Say of how many steps nothing is known, and why; the same reason once."""
        steps_, why = self._question.times.count, self._backtest.why
        by_reason: dict[str, list[str]] = {}
        for id_, reasons in why.items():
            for reason in reasons:
                by_reason.setdefault(reason, []).append(id_)
        lost = {one.criterion.id: int(one.unanswered.sum()) for one in judged}
        for reason, ids in by_reason.items():
            named = ", ".join(ids[:_MOST_NAMED]) + (" ..." if len(ids) > _MOST_NAMED else "")
            most = max(lost.get(one, 0) for one in ids)
            if most:
                self._problems.append(
                    f"{named}: not measured at {most:,} of {counted(steps_, 'step')}: {reason}"
                )

    def _note_what_is_gone(self, queries: Sequence[Query]) -> None:
        """Say if the first steps have no data of anything: the server does not keep it any more."""
        answers = self._source.answers()
        asked = [one for one in queries if one in answers]
        whole = [one for one in map(answers.get, asked) if isinstance(one, Measurement)]
        points = [one.points[0][0] for answer in whole for one in answer.series]
        times = self._question.times
        if not whole or len(whole) < len(asked):
            return
        if not points:
            self._problems.append(
                "nothing that is asked has a sample in this time; check --prometheus-url, and give "
                "another --from and --to"
            )
        elif min(points) > times.start + max(_HOUR, times.step):
            kept = spoken(times.end + times.step - min(points))
            self._problems.append(
                f"what is asked has no sample before the last {kept}: the server does not keep "
                f"{spoken(times.step * times.count)}; give --last {kept}, or a later --from"
            )

    def _against(self, known: Known) -> Outcome:
        run, other = self._run, self._question.other
        more = {key: config.Given(value, "--against") for key, value in other.items()}
        settings = replace(run.settings, thresholds={**run.settings.thresholds, **more})
        other_run = GateRun(settings, os.environ, run.source)
        other_run.comparisons.expect(self._question.collected.given)
        backtest = self._of(other_run)
        return backtest.outcome(backtest.judged(), known)

    def _suggestions(self, judged: Sequence[Judged], known: Known) -> tuple[Suggestion, ...]:
        return self._backtest.suggestions(judged, known.incidents or ())

    def _toml(self, suggestions: Sequence[Suggestion] | None) -> dict[str, str]:
        comparisons = [one.comparison for one in self._question.collected.given]
        sides = [1.0 if one.lower_is_better else -1.0 for one in comparisons]
        return toml_lines(suggestions, sides) if suggestions is not None else {}

    def _notices(self) -> Iterator[str]:
        yield from self._run.source.notices()
        if self._source.rounded:
            yield (
                "the source rounds the times of range queries: values are up to "
                f"{spoken(self._source.rounded)} older than their step; give --from and --to that "
                "are multiples of --step"
            )
        ahead = sum(at > time.time() + _MINUTE for at in self._question.times.all)
        if ahead:
            yield f"{counted(ahead, 'step')} in the future: nothing is known of them yet"
        if partial := self._question.collected.partial:
            yield f"partial, so that the gate itself is at best a WARNING: {partial}"
        for id_ in sorted(self._run.settings.left_out):
            yield printable(self._run.settings.why_left_out(id_))

    def _left_out(self) -> tuple[str, ...]:
        return tuple(printable(test.name) for test in self._question.collected.tests)


def _measurements(run: GateRun) -> Measurements:
    settings = run.settings

    def limit(name: str, given: float, usual: float) -> float:
        return usual if settings.origins[name] == config.DEFAULT else given

    return Measurements(
        run.source,
        concurrency=settings.gate_concurrency,
        query_timeout=limit("gate-query-timeout", settings.gate_query_timeout, _QUERY_TIMEOUT),
        run_timeout=limit("gate-timeout", settings.gate_timeout, _TIMEOUT),
    )
