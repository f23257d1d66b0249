"""One process's part of a gate run: its settings, its source, and criteria judged with both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from pytest_deploygate.evaluation import evaluate, query_of
from pytest_deploygate.measurements import Measurements
from pytest_deploygate.model import Criterion, Measurement, Query, Result
from pytest_deploygate.redaction import Redactor
from pytest_deploygate.settings import Settings
from pytest_deploygate.sources.base import Source
from pytest_deploygate.sources.recording import Recording, open_demo, open_recording


class GateRun:
    """Judges criteria at one evaluation time, all from one source.

    Raises:
        ConfigurationError: the settings name a source that cannot be used.
    """

    def __init__(self, settings: Settings, environ: Mapping[str, str]) -> None:
        self.redactor = Redactor()
        recording = _recording(settings)
        self.settings = settings if recording is None else replace(settings, at=recording.at)
        source = recording or self._server(environ)
        self.measurements = Measurements(
            source,
            concurrency=int(settings.text("gate-concurrency")),
            query_timeout=settings.seconds("gate-query-timeout"),
            run_timeout=settings.seconds("gate-timeout"),
        )

    @property
    def at(self) -> float:
        """The evaluation time of the whole run, in Unix seconds."""
        return self.settings.at

    @property
    def source(self) -> Source:
        """Where the measurements come from."""
        return self.measurements.source

    def prefetch(self, criteria: Iterable[Criterion]) -> None:
        """Begin to ask for these criteria; judging them waits for the answers."""
        resolved = (self.settings.resolve(criterion) for criterion in criteria)
        self.measurements.prefetch(query_of(criterion, self.at) for criterion in resolved)

    def judge(self, criterion: Criterion) -> Result:
        """One criterion judged with the settings of this run."""
        return evaluate(self.settings.resolve(criterion), self.at, self.ask)

    def ask(self, query: Query) -> Measurement:
        """The source's answer.

        Raises:
            SourceError: there is none.
        """
        return self.measurements.ask(query)

    def _server(self, environ: Mapping[str, str]) -> Source:
        from pytest_deploygate.sources.access import access_to
        from pytest_deploygate.sources.prometheus import PrometheusSource

        url = self.settings.options["prometheus-url"]
        origin = "--prometheus-url" if url.origin == "command line" else url.origin
        access = access_to(str(url.value), environ, self.redactor, origin)
        return PrometheusSource(access, connections=int(self.settings.text("gate-concurrency")))


def _recording(settings: Settings) -> Recording | None:
    if demo := settings.text("gate-demo"):
        return open_demo(demo)
    path = settings.path("gate-replay")
    return open_recording(path) if path else None
