"""What a backtest is asked, and its answer."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from pytest_deploygate.cli.backtest.known import Given, file_or_expression
from pytest_deploygate.cli.backtest.steps import given, steps
from pytest_deploygate.config import settings as config
from pytest_deploygate.config.values import numbers
from pytest_deploygate.core.backtest import BacktestReport, Incident, Outcome, Suggestion
from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.core.durations import spoken
from pytest_deploygate.core.errors import ConfigurationError, SourceError, did_you_mean
from pytest_deploygate.core.files import refuse_unwritable
from pytest_deploygate.core.series import Measurement, Query, RangeQuery
from pytest_deploygate.core.text import counted, printable
from pytest_deploygate.engine.asking import Measurements
from pytest_deploygate.engine.backtest.events import (
    deployments_during,
    deployments_in,
    incidents_during,
    incidents_in,
)
from pytest_deploygate.engine.backtest.running import Backtest, Known
from pytest_deploygate.engine.backtest.suggestions import toml_lines
from pytest_deploygate.engine.backtest.verdicts import Judged
from pytest_deploygate.engine.over_time import OverTime
from pytest_deploygate.engine.run import GateRun
from pytest_deploygate.kinds.times import Times
from pytest_deploygate.plugin.collecting import Collected, collect
from pytest_deploygate.sources.prometheus import PrometheusSource
from pytest_deploygate.sources.retention import retention

# Unless given: what a week of points takes is not what one value may take. Two minutes is
# Prometheus' own limit for a query.
_QUERY_TIMEOUT, _TIMEOUT = 120.0, 600.0
_HOUR = 3600.0
_MOST_NAMED = 3

Event = TypeVar("Event")
Shown = Callable[[Iterable[tuple[int, int]]], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A backtest before anything is asked: everything that was given can be used.

    Attributes:
        end: where the last step ends, in Unix seconds.
        other: thresholds of ``--against``; empty for none.
        incidents: a list from a file, or what to find them with; None if they are not known.
        deployments: the same for deployments.
    """

    collected: Collected
    times: Times
    end: float
    suggest: bool
    other: Mapping[str, float]
    incidents: Sequence[Incident] | Given | None
    deployments: Sequence[tuple[float, str]] | Given | None

    @property
    def run(self) -> GateRun:
        """The run that a bare gate here would be."""
        return self.collected.run


def asked(arguments: argparse.Namespace) -> Asked:
    """Everything that was given, read and checked.

    Raises:
        ConfigurationError: something cannot be used.
    """
    _refuse_empty(arguments)
    other = given("--against", numbers, arguments.against)
    for option in ("--json", "--html"):
        if path := getattr(arguments, option.removeprefix("--")):
            refuse_unwritable(option, path)
    steps(arguments, None)  # what is wrong with them is said before criteria are collected
    collected = collect(arguments.pytest_arguments)
    run = collected.run
    _refuse_what_is_of_one_run(arguments, run.settings)
    if misfits := run.misfits(collected.given):
        raise ConfigurationError(misfits[0])
    _refuse_unknown(other, collected.given)
    times, end = steps(arguments, run.settings.gate_at)
    incidents = file_or_expression("--incidents", arguments.incidents, run.scope)
    deployments = file_or_expression("--deployments", arguments.deployments, run.scope)
    question = Asked(
        collected=collected,
        times=times,
        end=end,
        suggest=arguments.suggest,
        other=other,
        incidents=_read(incidents, incidents_in),
        deployments=_read(deployments, deployments_in),
    )
    _refuse_what_is_gone(arguments, run, times)
    return question


def _refuse_empty(arguments: argparse.Namespace) -> None:
    # An unset variable of a pipeline must not choose the default.
    for option in ("last", "from", "to", "step", "incidents", "deployments"):
        if getattr(arguments, {"from": "from_"}.get(option, option)) == "":
            raise ConfigurationError(f"--{option}: is empty; give a value, or leave it out")


def _refuse_what_is_of_one_run(arguments: argparse.Namespace, settings: config.Settings) -> None:
    if settings.replays:
        name = settings.origins["gate-replay" if settings.gate_replay else "gate-demo"]
        raise ConfigurationError(
            f"{name}: evidence has no answers for other times than its own; leave it out, and give "
            "the server with --prometheus-url"
        )
    if arguments.from_ and settings.origins["gate-at"].startswith("--"):
        raise ConfigurationError("--gate-at with --from and --to: leave --gate-at out")
    for name in settings.outputs:
        if settings.origins[name].startswith("--"):
            raise ConfigurationError(
                f"--{name}: is a report of one run; a backtest writes --json and --html"
            )


def _refuse_unknown(other: Mapping[str, float], criteria: Sequence[Criterion]) -> None:
    known = {one.key for criterion in criteria for one in criterion.thresholds}
    for key in other:
        if key not in known:
            raise ConfigurationError(
                f"--against {key}: no criterion has this threshold, {did_you_mean(key, known)}"
            )


def _refuse_what_is_gone(arguments: argparse.Namespace, run: GateRun, times: Times) -> None:
    """A backtest of more than the server keeps would show an ill gate where there is no data."""
    kept = retention(run.source) if isinstance(run.source, PrometheusSource) else None
    if kept is None or times.start >= time.time() - kept - times.step:
        return
    option = "--from" if arguments.from_ else "--last"
    said = arguments.from_ or arguments.last or spoken(times.step * times.count)
    raise ConfigurationError(
        f"{option} {said}: {run.source.info.location} keeps only {spoken(kept)}; give at most "
        f"--last {spoken(kept)}"
    )


def _read(
    found: Given | None, read: Callable[[str], Sequence[Event]]
) -> Sequence[Event] | Given | None:
    if found is None or not found.file:
        return found
    return given(f"{found.option} {found.file}", read, found.text)


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
        self._measurements = _measurements(question.run)
        self._backtest = self._of(question.run)
        self._problems: list[str] = []

    def _of(self, run: GateRun) -> Backtest:
        criteria, times = self._question.collected.given, self._question.times
        return Backtest(run, criteria, times, self._measurements)

    def report(self) -> BacktestReport:
        question, backtest = self._question, self._backtest
        criteria = backtest.queries()
        self._ask([*criteria, *self._more_queries()])
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
            queries=sum(isinstance(one, RangeQuery) for one in self._measurements.answers()),
            duration=round(time.monotonic() - self._began, 3),
        )

    def _ask(self, queries: Sequence[Query]) -> None:
        self._measurements.prefetch(queries)
        self._shown(self._measurements.progress(queries))

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
        answers = self._measurements.answers()
        whole = [one for one in map(answers.get, queries) if isinstance(one, Measurement)]
        points = [one.points[0][0] for answer in whole for one in answer.series]
        times = self._question.times
        if not whole or len(whole) < len(queries):
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
        backtest = self._of(GateRun(settings, os.environ, run.source))
        return backtest.outcome(backtest.judged(), known)

    def _suggestions(self, judged: Sequence[Judged], known: Known) -> tuple[Suggestion, ...]:
        return self._backtest.suggestions(judged, known.incidents or ())

    def _toml(self, suggestions: Sequence[Suggestion] | None) -> dict[str, str]:
        comparisons = [one.comparison for one in self._question.collected.given]
        sides = [1.0 if one.lower_is_better else -1.0 for one in comparisons]
        return toml_lines(suggestions, sides) if suggestions is not None else {}

    def _notices(self) -> Iterator[str]:
        yield from self._run.source.notices()
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
