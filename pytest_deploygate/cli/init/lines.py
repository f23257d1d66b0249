"""What ``deploygate init`` says: what was found, what was written, and what to do next."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from pytest_deploygate.cli.init.files import Written
from pytest_deploygate.cli.init.found import Latency
from pytest_deploygate.cli.init.server import Answer, Found
from pytest_deploygate.core.text import counted, inert, printable

_MOST_NAMES = 5
_MOST_JOBS = 5


def lines(answer: Answer | None, written: Written, directory: Path) -> Iterator[str]:
    """All lines of the output; without an answer no server was asked."""
    for line in (
        *(_found(answer) if answer else ()),
        *_written(written, directory),
        *_next(answer, directory),
    ):
        yield inert(printable(line, 2000))


def _found(answer: Answer) -> Iterator[str]:
    found = answer.found
    yield f"Found on {answer.location}"
    rows = [*_rows(found)]
    width = max((len(what) for what, _ in rows), default=0)
    yield from (f"  {what:<{width}}  {text}" for what, text in rows)
    if not found.recognised:
        yield "  no metrics of HTTP requests or of machines that are known to this command"
        shown = ", ".join(found.names[:_MOST_NAMES])
        more = " ..." if len(found.names) > _MOST_NAMES else ""
        yield f"  {counted(len(found.names), 'metric')}{': ' if shown else ''}{shown}{more}"
    if found.more:
        yield f"  left out, add them if you need them: {', '.join(found.more)}"
    yield ""


def _rows(found: Found) -> Iterator[tuple[str, str]]:
    if found.jobs:
        yield "targets", f"up {_jobs(found.jobs)}"
    for one in found.errors:
        metric, label, jobs = one.requests
        yield "requests", f"{metric}, statuses in the label {label} {_jobs(jobs)}"
    for slow in found.slowness:
        yield "latency", f"{_series(slow.latency)} {_jobs(slow.latency.jobs)}"
    if found.machines:
        yield "machines", f"{', '.join(found.machines)} (node exporter)"


def _series(latency: Latency) -> str:
    if latency.form == "histogram":
        return f"{latency.metric}_bucket"
    return f"{latency.metric}_sum and _count, no buckets: the mean instead of the p95"


def _jobs(jobs: Sequence[str]) -> str:
    shown = ", ".join(job or "none" for job in jobs[:_MOST_JOBS])
    more = f" and {len(jobs) - _MOST_JOBS} more" if len(jobs) > _MOST_JOBS else ""
    return f"(job {shown}{more})"


def _written(written: Written, directory: Path) -> Iterator[str]:
    yield "Written" if directory == Path() else f"Written in {directory}"
    width = max(map(len, written.texts))
    for path in written.texts:
        ids = ", ".join(written.checks.get(path, ()))
        yield f"  {path:<{width}}  {ids}".rstrip()
    yield ""


def _next(answer: Answer | None, directory: Path) -> Iterator[str]:
    yield "What to do next"
    if directory != Path():
        yield f"  cd {shlex.quote(str(directory))}"
    steps = {"pytest -p deploygate": "ask for the verdict"}
    if answer is None:
        steps = {
            "deploygate.toml": "set prometheus-url",
            "deploygate doctor": "see whether the server has the metrics",
            **steps,
        }
    else:
        steps |= {
            "deploygate backtest --last 7d --suggest": "see which limits fit",
        }
    width = max(map(len, steps))
    yield from (f"  {command:<{width}}  {why}" for command, why in steps.items())
