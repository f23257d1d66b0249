"""The outputs that one run has."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from pytest_deploygate import reports
from pytest_deploygate.core.errors import ConfigurationError
from pytest_deploygate.core.report import GateReport
from pytest_deploygate.engine.findings import Findings
from pytest_deploygate.engine.run import GateRun
from pytest_deploygate.reports.outputs import Output, Pushgateway, ReportFile, Terminal
from pytest_deploygate.reports.platforms import GitHubLog, github_files, on_github

Render = Callable[[GateReport], str | Iterable[str]]


def report_files(
    run: GateRun, findings: Findings, added: Mapping[Path, Render], *, render_json: Render
) -> list[ReportFile]:
    """Every file that this run writes.

    Args:
        run: its settings name the files.
        findings: hold the evidence.
        added: the reports of plugins, by their file.
        render_json: makes the text of the JSON report.
    """
    renderers: dict[str, Render] = {
        "gate-json": render_json,
        "gate-record": partial(_render_evidence, run, findings),
        **{option: partial(reports.render, option) for option in reports.OPTIONS},
    }
    own = [
        ReportFile(f"--{option}", path, renderers[option])
        for option, path in run.settings.outputs.items()
    ]
    return own + [
        ReportFile("pytest_deploygate_reports", path, render) for path, render in added.items()
    ]


def _render_evidence(run: GateRun, findings: Findings, report: GateReport) -> Iterator[str]:
    watch, watched = None, findings.watched
    if run.pace and watched:
        watch = {**run.pace.to_builtins(), "dropped": watched.dropped}
    answers = findings.notes.answers
    location = run.source.info.location
    freezes = [one for one in report.results if one.is_freeze]
    return run.evidence.encoded(report.evaluated_at, location, answers, watch, run.waivers, freezes)


def make_way(files: Sequence[ReportFile], *, discards: bool) -> None:
    """Every file can be written, and none of an earlier run is there should this one die.

    Args:
        files: of this run.
        discards: whether to remove those of an earlier run; not where nothing is judged.

    Raises:
        ConfigurationError: a file cannot be written, or two reports have one.
    """
    from pytest_deploygate.core.files import discard, is_stream, refuse_unwritable

    taken: dict[str, str] = {}
    for file in files:
        refuse_unwritable(file.origin, file.path)
        first = taken.setdefault(os.path.realpath(file.path), file.origin)
        if first != file.origin and not is_stream(file.path):
            raise ConfigurationError(
                f"{file.origin} {file.path}: is the file of {first}; give another"
            )
    for file in files if discards else ():
        discard(file.path)


def outputs_of(
    run: GateRun,
    files: Sequence[ReportFile],
    pushed: Sequence[Output],
    *,
    judges: bool,
    writer: Any,
    verbosity: int,
    log: GitHubLog | None,
) -> list[Output]:
    """Every output of a run: its files, then what can say that they could not be written.

    Args:
        run: its settings name the history.
        files: of :func:`report_files`.
        pushed: of :func:`pushgateway`.
        judges: whether checks are carried out; a step of CI hears nothing of a mere collection.
        writer: pytest's terminal writer, None without a terminal.
        verbosity: pytest's.
        log: of a step of GitHub Actions.
    """
    step = github_files(os.environ) if judges else []
    history = [] if run.pace or not judges else _history(run)
    logs = _logs(files, writer, verbosity, log)
    return [*files, *pushed, *history, *step, *logs]


def round_outputs(
    run: GateRun, files: Sequence[ReportFile], pushed: Sequence[Output]
) -> list[Output]:
    """What is written in every round of a watch or a wait: the metrics and the history."""
    metrics = [file for file in files if file.origin == "--gate-metrics"]
    return [*metrics, *pushed, *_history(run)]


def _history(run: GateRun) -> Iterator[Output]:
    if path := run.settings.gate_history:
        from pytest_deploygate.reports.history.file import HistoryFile

        yield HistoryFile(path)


def pushgateway(run: GateRun) -> list[Output]:
    """The Pushgateway of a run, if there is one; from here on its password is hidden.

    Raises:
        ConfigurationError: its URL cannot be used.
    """
    url = run.settings.gate_pushgateway
    if not url:
        return []
    from pytest_deploygate.http.access import access_by_url
    from pytest_deploygate.http.client import put

    origin = run.settings.origins["gate-pushgateway"]
    gateway = access_by_url(url, run.redactor, origin=origin)
    return [Pushgateway(gateway.url, partial(put, gateway), run.redactor.text)]


def _logs(
    files: Sequence[ReportFile], writer: Any, verbosity: int, log: GitHubLog | None
) -> Iterator[Output]:
    if writer is not None:
        yield Terminal(writer, files, verbosity=verbosity)
    if log is not None:
        yield log


def github_log(writer: Any) -> GitHubLog | None:
    """The log of this step of GitHub Actions, from here on without commands; None elsewhere."""
    if writer is None or not on_github(os.environ):
        return None
    log = GitHubLog(writer)
    log.begin()
    return log
