"""A plugin of the gate in one file: a source, a kind of action, a report, and a log of verdicts.

Write it in the ``conftest.py`` of the root directory, or in an installed pytest plugin. Try it:
``pytest -p deploygate --gate-act``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from pytest_deploygate import (
    ActionKind,
    Context,
    Deadline,
    GateReport,
    InstantQuery,
    Measurement,
    Query,
    Series,
    Settings,
    SourceError,
    SourceInfo,
)


class NumbersFile:
    """A source: answers an expression with the number that a JSON file has under that name."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def info(self) -> SourceInfo:
        """How the reports name it."""
        return SourceInfo(kind="numbers", location=self._path.name)

    def ask(self, query: Query, deadline: float) -> Measurement:
        """One series with one point; no series if the file does not have the name."""
        if not isinstance(query, InstantQuery):
            raise SourceError(f"{self._path.name} has no history; ask for one value")
        value = json.loads(self._path.read_text()).get(query.expr)
        return Measurement(() if value is None else (Series({}, ((query.at, float(value)),)),))

    def notices(self) -> list[str]:
        """Nothing to report."""
        return []


class Ticket:
    """An action that appends a line to a file. Its options are in deploygate.toml."""

    def __init__(self, options: Mapping[str, Any], context: Context) -> None:
        self._path = context.directory / options["file"]

    def describe(self) -> str:
        """What ``--gate-act`` would do."""
        return f"a ticket in {self._path.name}"

    def check(self) -> None:
        """Nothing can be missing."""

    def run(self, report: GateReport, deadline: Deadline) -> str:
        """What was done; raise ActionError if that failed."""
        with self._path.open("a") as file:
            file.write(f"{report.verdict.label}: {report.sentence}\n")
        return f"written to {self._path.name}"


def as_text(report: GateReport) -> str:
    """A report with one line for each check."""
    return "".join(f"{result.status} {result.id} {result.value}\n" for result in report.results)


def pytest_deploygate_source(config: pytest.Config, settings: Settings) -> NumbersFile:
    """Query the file instead of a Prometheus."""
    return NumbersFile(config.rootpath / "numbers.json")


def pytest_deploygate_actions(config: pytest.Config) -> dict[str, ActionKind]:
    """Allow kind = "ticket" in deploygate.toml."""
    return {
        "ticket": ActionKind(Ticket, properties={"file": {"type": "string"}}, required=("file",))
    }


def pytest_deploygate_reports(config: pytest.Config) -> dict[Path, Callable[[GateReport], str]]:
    """Write gate.txt beside the other reports."""
    return {Path("gate.txt"): as_text}


def pytest_deploygate_verdict(report: GateReport, config: pytest.Config) -> None:
    """Keep a log of verdicts."""
    with (config.rootpath / "verdicts.log").open("a") as log:
        log.write(f"{report.verdict.label}, {len(report.actions)} actions\n")
