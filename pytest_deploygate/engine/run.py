"""One process's part of a run: its settings, its source, and criteria judged with both."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property, partial
from typing import TYPE_CHECKING

from pytest_deploygate.config.settings import Settings
from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.core.errors import ConfigurationError, SourceError
from pytest_deploygate.core.result import Reason, Result
from pytest_deploygate.core.secrets import Redactor
from pytest_deploygate.core.series import InstantQuery, Measurement, Query
from pytest_deploygate.core.text import printable
from pytest_deploygate.core.waivers import holding
from pytest_deploygate.engine import alerting, unlabelled
from pytest_deploygate.engine.asking import Measurements
from pytest_deploygate.engine.comparisons import Comparisons
from pytest_deploygate.engine.judging import judge, queries_of
from pytest_deploygate.engine.outcome import unanswered
from pytest_deploygate.engine.pace import ClockSchedule, Pace, RecordedSchedule, Schedule
from pytest_deploygate.engine.scope import Scope, Scoped
from pytest_deploygate.engine.waiving import waived_as_a_whole
from pytest_deploygate.kinds.base import InRun
from pytest_deploygate.kinds.times import Times
from pytest_deploygate.promql.narrowing import Matchers

if TYPE_CHECKING:
    from pytest_deploygate.sources.base import Source
    from pytest_deploygate.sources.recording import Evidence, Recording

_NOW = 60.0  # seconds for which the rules of a server are those of an evaluation time


class GateRun:
    """Judges criteria at any evaluation time, all from one source.

    Args:
        settings: of this run.
        environ: the process's environment.
        source: instead of the server that the settings name; a recording comes first.

    Attributes:
        at: the evaluation time in Unix seconds; in a watch or a wait that of the round.
        pace: the options of a watch or a wait, None in an ordinary run.
        waivers: those of the configuration; of a recording, those with which it was recorded.
        comparisons: what the comparisons of the run have to know of each other.

    Raises:
        ConfigurationError: the settings name a source that cannot be used.
    """

    def __init__(
        self, settings: Settings, environ: Mapping[str, str], source: Source | None = None
    ) -> None:
        self.redactor = Redactor()
        self.redactor.add(environ.get("PROMETHEUS_TOKEN", "").strip())  # whoever is asked
        recording = _recording(settings)
        self.settings = settings
        self.scope = Scope(settings)
        self.at = recording.times[0] if recording else _start(settings)
        self.pace = _recorded_pace(recording) if recording else Pace.of(settings)
        self.waivers = recording.waivers if recording else settings.waivers
        self._recording = recording
        source = recording or source or self._server(environ)
        self.measurements = _asking(source, settings, settings.gate_timeout)
        self._charts = _asking(source, settings, settings.gate_query_timeout)
        # By id and query: a criterion need not be hashable. Equal ones, such as those that a test
        # makes anew each time that it asks, are one.
        self._resolved: dict[tuple[str, str], list[tuple[Criterion, Scoped]]] = {}
        self._misfits: dict[str, None] = {}
        self._histories: dict[Query, Measurement] = {}
        self.comparisons = Comparisons(
            self.scope, self.scoped, self.ask, lambda queries: self.measurements.prefetch(queries)
        )
        self._in_run = InRun(
            deployed_at=settings.gate_deployed_at,
            pairs=self.comparisons.pairs,
            rounds=self.pace.planned + self.pace.most_added if self.pace else 1,
        )

    @property
    def source(self) -> Source:
        """Where the measurements come from."""
        return self.measurements.source

    @property
    def criteria(self) -> list[Criterion]:
        """Every criterion that this process has seen: collected, deselected, or asked ad hoc."""
        return [criterion for known in self._resolved.values() for criterion, _ in known]

    def resolved(self, criterion: Criterion) -> Criterion:
        """The criterion with the settings of this run, worked out once."""
        return self.scoped(criterion).criterion

    def scoped(self, criterion: Criterion) -> Scoped:
        """The same with what narrows it, and with the reason why it cannot be asked, if any."""
        known = self._resolved.setdefault((criterion.id, criterion.query), [])
        for given, scoped in known:
            if given is criterion or given == criterion:
                return scoped
        scoped = self.scope.of(self.settings.resolve(criterion), self._in_run)
        known.append((criterion, scoped))
        return scoped

    def misfits(self, criteria: Iterable[Criterion]) -> list[str]:
        """Why these criteria cannot be asked, and those that were, where a setting is wrong."""
        found = (one.problem for one in map(self.scoped, criteria) if one.misfit)
        return list(dict.fromkeys((*self._misfits, *found)))

    def schedule(self, pace: Pace, wait: Callable[[float], None]) -> Schedule:
        """When the rounds begin; those of a recording are judged without waiting."""
        if self._recording is not None:
            return RecordedSchedule(pace, self._recording.times, self._recording.dropped)
        return ClockSchedule(pace, self.at, wait)

    @cached_property
    def evidence(self) -> Evidence:
        """The answers of the rounds that are over, where evidence is recorded."""
        from pytest_deploygate.sources.recording import Evidence

        return Evidence()

    def begin_round(self, at: float) -> None:
        """Another round begins, at an evaluation time in Unix seconds: it asks everything anew."""
        self.at = at
        self.measurements = _asking(self.source, self.settings, self.settings.gate_timeout)

    def end_round(self) -> None:
        """A round is over; its answers are kept if evidence is recorded."""
        if self.settings.gate_record:
            self.evidence.add_round(self.at, self.measurements.answers())

    def prefetch(self, criteria: Iterable[Criterion], at: float) -> None:
        """Begin to ask for these criteria; judging them waits for the answers."""
        self.measurements.prefetch(self._queries(criteria, at))

    def progress(self, criteria: Iterable[Criterion], at: float) -> Iterator[tuple[int, int]]:
        """How many queries are answered, of how many, until those of these criteria are."""
        return self.measurements.progress(self._queries(criteria, at))

    def _queries(self, criteria: Iterable[Criterion], at: float) -> list[Query]:
        times = Times(at)
        return [query for one in criteria for query in self._queries_of(self.scoped(one), times)]

    def _queries_of(self, scoped: Scoped, times: Times) -> list[Query]:
        criterion, own, problem, _ = scoped
        if problem:
            return []
        try:
            queries = queries_of(criterion, times)
            asked = [self.scope.narrowed(one, own) for one in queries] if own else [*queries]
        except SourceError:  # its judgement says why
            return []
        if own and (labels := unlabelled.question(criterion, own, times.start)):
            asked.append(labels)
        if (rules := alerting.question(criterion, times.start)) and self._is_now(rules):
            asked.append(rules)
        return asked

    def judge(self, criterion: Criterion, at: float) -> Result:
        """One criterion judged at an evaluation time (Unix seconds), with this run's settings."""
        scoped = self.scoped(criterion)
        criterion, own, problem, misfit = scoped
        if misfit:
            self._misfits[problem] = None
        if problem:
            return unanswered(criterion, at, problem)
        waivers = holding(self.waivers, printable(criterion.id), at)
        if not own:
            result = judge(criterion, at, self.ask, waivers)
        else:
            ask = partial(self._ask_narrowed, own)
            result = judge(criterion, at, ask, waivers)
            with suppress(SourceError):  # what was measured counts
                result = unlabelled.checked(result, criterion, own, self.ask)
        if rules := alerting.question(criterion, at):
            is_now = self._is_now(rules)
            result = alerting.checked(result, criterion, self.ask, is_now=is_now)
        return waived_as_a_whole(result, waivers) if waivers else result

    def _is_now(self, rules: InstantQuery) -> bool:
        """Whether the rules are those of the time; a recording has them if they were."""
        if self._recording is not None:
            return self._recording.has(rules)
        return rules.at > time.time() - _NOW

    def freezes(self) -> tuple[Result, ...]:
        """The results of the freezes, judged now; those of a recording are what they were.

        Raises:
            ConfigurationError: what reads calendars is not installed.
        """
        if self._recording is not None:
            return self._recording.freezes
        if not self.settings.freezes:
            return ()
        from pytest_deploygate.engine.freezes import judged

        return self.waived(judged(self.settings.freezes, self.at))

    def waived(self, results: Sequence[Result]) -> tuple[Result, ...]:
        """The results, with those that are waived as a whole; of tests nothing else is."""
        return tuple(waived_as_a_whole(one, self.waivers) for one in results)

    def _ask_narrowed(self, own: Matchers, query: Query) -> Measurement:
        return self.ask(self.scope.narrowed(query, own))

    def ask(self, query: Query) -> Measurement:
        """The source's answer to a query as it is.

        Raises:
            SourceError: the source could not answer.
        """
        return self.measurements.ask(query)

    def ask_in_scope(self, query: Query) -> Measurement:
        """The source's answer to a query of a test: with variables, narrowed like all others.

        Raises:
            ConfigurationError: a variable is not defined.
            SourceError: the source could not answer, or the query cannot be narrowed.
        """
        try:
            return self.ask(self.scope.ad_hoc(query))
        except ConfigurationError as error:
            self._misfits[str(error)] = None
            raise

    def why_nothing_is_selected(self, results: Iterable[Result], at: float) -> str:
        """That no series has the matchers of the run, where nothing that has them was measured."""
        own = self.scope.matchers
        judged = [one for one in results if one.reason is not Reason.ERROR]
        if not own or any(self._is_narrowed(one) and one.evaluated for one in judged):
            return ""
        if not any(one.reason is Reason.NO_DATA for one in judged):
            return ""
        with suppress(SourceError):
            return unlabelled.why_nothing(own, self.settings.origins["gate-select"], at, self.ask)
        return ""

    def _is_narrowed(self, result: Result) -> bool:
        return all(one.expr in result.query for one in self.scope.matchers)

    def with_history(
        self, results: Sequence[Result], at: float, meanwhile: Callable[[], object]
    ) -> tuple[Result, ...]:
        """The results, with the two hours before ``at`` if there will be a page with charts.

        ``meanwhile`` is called while the source answers.
        """
        if not self.settings.gate_html:
            return tuple(results)
        from pytest_deploygate.engine import history

        queries = history.queries(history.wanted(results), at)
        if not queries:
            return tuple(results)
        self._charts.prefetch(queries)
        for number, query in enumerate(queries):
            with suppress(SourceError):
                self._histories[query] = self._charts.ask(query)
            if number == 0:  # not earlier: a busy interpreter would hold up the requests
                meanwhile()
        return history.joined(results, self._histories)

    def answers(self) -> dict[Query, Measurement | SourceError]:
        """Everything that was asked and what came of it; of the charts, what was answered.

        The answers of rounds are in the evidence already.
        """
        return {**self._histories, **({} if self.pace else self.measurements.answers())}

    def _server(self, environ: Mapping[str, str]) -> Source:
        from pytest_deploygate.sources.prometheus import open_server

        return open_server(
            self.settings.prometheus_url,
            self.redactor,
            origin=self.settings.origins["prometheus-url"],
            environ=environ,
            config=self.settings.prometheus_config,
            connections=self.settings.gate_concurrency,
        )


def _start(settings: Settings) -> float:
    # Milliseconds are what Prometheus distinguishes, and evidence keeps.
    return round(time.time(), 3) if settings.gate_at is None else settings.gate_at


def _asking(source: Source, settings: Settings, longest: float) -> Measurements:
    return Measurements(
        source,
        concurrency=settings.gate_concurrency,
        query_timeout=settings.gate_query_timeout,
        run_timeout=longest,
    )


def _recorded_pace(recording: Recording) -> Pace | None:
    """The options with which it was recorded.

    Raises:
        ConfigurationError: they are something else.
    """
    if recording.watch is None:
        return None
    try:
        return Pace.from_builtins(recording.watch)
    except (ValueError, TypeError, KeyError, OverflowError):
        raise ConfigurationError(
            f"--gate-replay {recording.info.location}: its watch cannot be read; record it again"
        ) from None


def _recording(settings: Settings) -> Recording | None:
    demo, path = settings.gate_demo, settings.gate_replay
    if not demo and not path:
        return None
    from pytest_deploygate.sources.recording import open_demo, open_recording

    return open_recording(path) if path else open_demo(demo)
