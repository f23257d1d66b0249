"""What a run used: one list for the terminal, the page and the summary of a pull request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from pytest_deploygate.core.durations import spoken
from pytest_deploygate.core.report import GateReport
from pytest_deploygate.core.rounds import Watched
from pytest_deploygate.core.text import counted
from pytest_deploygate.core.verdict import Verdict


class Used(NamedTuple):
    """One thing that a verdict rests on: its name, its text, and a link or an empty text."""

    name: str
    text: str
    link: str = ""


def deployed(report: GateReport) -> Iterator[Used]:
    """What is to be deployed, and the pipeline that asks: the artifact, and what CI knows."""
    if report.attested:
        yield Used("Artifact", str(report.attested.subject))
    yield from (Used(*fact) for fact in report.context.facts())


def used(report: GateReport) -> Iterator[Used]:
    """The source, the configuration and what narrowed the queries.

    The configuration is always there: to read none is worth as much as to read the wrong one.
    """
    if report.watched:
        yield Used("Rounds", _rounds(report, report.watched))
    replayed = " (replayed)" if report.source.is_recording else ""
    yield Used("Source", f"{report.source.location}{replayed}")
    yield Used("Configuration", report.configuration or "none")
    if report.environment:
        yield Used("Environment", report.environment)
    if report.selection:
        yield Used("Selection", report.selection)
    if report.variables:
        yield Used("Variables", ", ".join(f"{k}={v}" for k, v in sorted(report.variables.items())))


def _rounds(report: GateReport, watched: Watched) -> str:
    """What was planned, how it ended, and the verdicts of the rounds."""
    counts = Counter(one.verdict for one in report.rounds)
    verdicts = ", ".join(f"{counts[one]:,} {one.label}" for one in reversed(Verdict) if counts[one])
    dropped = f"; {counted(watched.dropped, 'round')} left out" if watched.dropped else ""
    outcome = f", {watched.outcome}" if watched.outcome else ""
    return f"{watched.mode} of {spoken(watched.length)}{outcome}: {verdicts}{dropped}"
