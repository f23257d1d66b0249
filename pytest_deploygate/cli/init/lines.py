"""What ``deploygate init`` says: what was found, what was written, and what to do next."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from pytest_deploygate.cli.init.files import Written
from pytest_deploygate.cli.init.found import Latency
from pytest_deploygate.cli.init.server import Found
from pytest_deploygate.core.text import counted, inert, printable

_MOST_NAMES = 5
_MOST_JOBS = 5


def lines(
    found: Found | None,
    location: str,
    written: Written,
    directory: Path,
    *,
    url_is_missing: bool,
) -> Iterator[str]:
    """All lines of the output.

    Args:
        found: what the server has; None if it was not asked.
        location: its URL, without credentials.
        written: the files.
        directory: where they are.
        url_is_missing: whether the URL that was given is not in them.
    """
    for line in (
        *(_found(found, location) if found else ()),
        *_written(written, directory),
        *_next(directory, asked=found is not None, url_is_missing=url_is_missing),
    ):
        yield inert(printable(line, 2000))


def _found(found: Found, location: str) -> Iterator[str]:
    yield f"Found on {location}"
    rows = [*_rows(found)]
    width = max((len(what) for what, _ in rows), default=0)
    yield from (f"  {what:<{width}}  {text}".rstrip() for what, text in rows)
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
    if "" in jobs:
        return ""
    more = f" and {len(jobs) - _MOST_JOBS} more" if len(jobs) > _MOST_JOBS else ""
    return f"(job {', '.join(jobs[:_MOST_JOBS])}{more})"


def _written(written: Written, directory: Path) -> Iterator[str]:
    yield "Written" if directory == Path() else f"Written in {directory}"
    width = max(map(len, written.texts))
    for path in written.texts:
        ids = ", ".join(written.checks.get(path, ()))
        yield f"  {path:<{width}}  {ids}".rstrip()
    yield ""


def _next(directory: Path, *, asked: bool, url_is_missing: bool) -> Iterator[str]:
    yield "What to do next"
    if directory != Path():
        yield f"  cd {shlex.quote(str(directory))}"
    steps: dict[str, str] = {}
    if url_is_missing:
        steps["export PROMETHEUS_URL=..."] = "the URL has a secret, and is not in deploygate.toml"
    if not asked:
        steps["deploygate doctor"] = "does the server have the metrics? set prometheus-url first"
    steps["pytest -p deploygate"] = "ask for the verdict"
    if asked:
        steps["deploygate backtest --last 7d --suggest"] = "see which limits fit"
    width = max(map(len, steps))
    yield from (f"  {command:<{width}}  {why}" for command, why in steps.items())
