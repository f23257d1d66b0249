"""What a run used: one list for the terminal, the page and the summary of a pull request."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from pytest_deploygate.core.report import GateReport


class Used(NamedTuple):
    """One thing that a verdict rests on: its name, its text, and a link or an empty text."""

    name: str
    text: str
    link: str = ""


def used(report: GateReport) -> Iterator[Used]:
    """The source, the configuration and what narrowed the queries, and what CI knows.

    The configuration is always there: to read none is worth as much as to read the wrong one.
    """
    replayed = " (replayed)" if report.source.is_recording else ""
    yield Used("Source", f"{report.source.location}{replayed}")
    yield Used("Configuration", report.configuration or "none")
    if report.environment:
        yield Used("Environment", report.environment)
    if report.selection:
        yield Used("Selection", report.selection)
    if report.variables:
        yield Used("Variables", ", ".join(f"{k}={v}" for k, v in sorted(report.variables.items())))
    yield from (Used(*fact) for fact in report.context.facts())
