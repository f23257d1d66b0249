"""What pytest knows of a test and of what became of it, in the gate's words."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_deploygate.errors import CheckFailed, NoDataError, SourceError
from pytest_deploygate.ledger import Told
from pytest_deploygate.model import Criterion, Reason, Severity, humanised
from pytest_deploygate.redaction import Redactor
from pytest_deploygate.text import printable

_MARKS = tuple(Severity)
_NOT_JUDGED = ("collectonly", "setuponly", "setupplan")


def is_worker(config: pytest.Config) -> bool:
    """Whether this process is one of xdist's workers."""
    return hasattr(config, "workerinput")


def judges(config: pytest.Config) -> bool:
    """Whether this run carries its checks out at all."""
    return not any(getattr(config.option, name) for name in _NOT_JUDGED)


def cut_short(session: pytest.Session) -> str:
    """Why the run was ended before its last test, empty if it was not."""
    reason = session.shouldfail or session.shouldstop
    return str(reason) if reason else ""


def criterion_of(item: pytest.Item) -> Criterion | None:
    """The criterion that is the parameter of a test."""
    callspec = getattr(item, "callspec", None)
    for value in callspec.params.values() if callspec else ():
        if isinstance(value, Criterion):
            return value
    return None


def severities_of(item: pytest.Item) -> set[Severity]:
    """What a test is marked; one at most, if it is marked right."""
    return {Severity(mark.name) for mark in item.iter_markers() if mark.name in _MARKS}


def mark(item: pytest.Item, severity: Severity) -> None:
    """Mark a test anew."""
    item.own_markers[:] = [mark for mark in item.own_markers if mark.name not in _MARKS]
    item.add_marker(severity.value)


def known(item: pytest.Item, severity: Severity | None, at: float) -> Told:
    """What is known of a check before it is judged."""
    criterion = criterion_of(item)
    if criterion is None:
        return Told(severity, item.name.removeprefix("test_"), _title(item), "", at)
    return Told(severity, criterion.id, criterion.title, criterion.query, at)


def _title(item: pytest.Item) -> str:
    doc = getattr(getattr(item, "obj", None), "__doc__", None)
    first = (doc or "").strip().splitlines()
    return printable(first[0].rstrip(".") if first else humanised(item.name))


def failure_of(call: pytest.CallInfo[None], redactor: Redactor) -> tuple[Reason, str] | None:
    """Why a phase failed, unless a recorded result or a skip already says so."""
    error = call.excinfo
    if error is None or error.errisinstance((CheckFailed, pytest.skip.Exception)):
        return None
    reason, message = Reason.ERROR, error.exconly()
    if error.errisinstance(NoDataError):
        reason, message = Reason.NO_DATA, str(error.value)
    elif error.errisinstance(SourceError):
        message = str(error.value)
    elif error.errisinstance((AssertionError, pytest.fail.Exception)) and call.when == "call":
        reason, message = Reason.BREACH, message.removeprefix("AssertionError: ")
    told = redactor.text(message.removeprefix("Failed: "))
    return reason, printable(told)


def message_of(report: pytest.TestReport) -> str:
    """A report's own words, for what the gate's payload does not tell."""
    if report.passed:
        return ""
    if report.skipped and isinstance(report.longrepr, tuple):
        return printable(str(report.longrepr[2]).removeprefix("Skipped: "))
    if report.skipped and hasattr(report, "wasxfail"):
        return f"xfail: {printable(report.wasxfail)}"
    return last_line(report)


def last_line(report: Any) -> str:
    """The line of a failed report that tells best what went wrong."""
    lines = [line for line in str(report.longrepr or "").splitlines() if line.strip()]
    errors = [line[1:].strip() for line in lines if line.startswith("E ")]
    return printable((errors or lines or [""])[-1])
