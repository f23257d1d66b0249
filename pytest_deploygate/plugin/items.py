"""What pytest knows of a test and of what became of it, in the gate's words."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from pytest_deploygate.core.criterion import Criterion, humanised
from pytest_deploygate.core.severity import Severity
from pytest_deploygate.core.text import printable
from pytest_deploygate.engine.ledger import CheckNote, PhaseReport
from pytest_deploygate.plugin.failures import without_colour

CHECKS = "gate_checks"
"""The directory of a project's checks, and the package of those that ship."""

SHIPPED_CHECKS = Path(__file__).parents[2] / CHECKS
"""The checks that ship: both packages are installed into one directory."""

TRANSFER = "deploygate"
"""The key of what xdist's processes send each other."""

NOTE = "_deploygate"
"""The attribute of pytest's reports that holds the gate's note."""

_MARKS = tuple(Severity)
_GIVEN = pytest.StashKey[Severity]()
_CRITERIA = pytest.StashKey[list[Criterion]]()
_FAILED_LAST = "cache/lastfailed"
_NOT_JUDGED = ("collectonly", "setuponly", "setupplan")


def is_worker(config: pytest.Config) -> bool:
    """Whether this process is one of xdist's workers."""
    return hasattr(config, "workerinput")


def is_first(config: pytest.Config) -> bool:
    """Whether this process says what all of them find: every worker collects the same tests."""
    worker = getattr(config, "workerinput", None)
    return worker is None or worker["workerid"] == "gw0"


def judges(config: pytest.Config) -> bool:
    """Whether this run carries its checks out at all."""
    return not any(getattr(config.option, name, False) for name in _NOT_JUDGED)


def cut_short(session: pytest.Session) -> str:
    """Why the run was ended before its last test, empty if it was not."""
    reason = session.shouldfail or session.shouldstop
    return str(reason) if reason else ""


def left_out(config: pytest.Config) -> list[str]:
    """What the command line leaves out without deselecting it."""
    found = []
    if any("::" in argument for argument in config.args):
        found.append("single tests were named on the command line")
    if runs_last_failed(config):
        found.append("--lf runs only what failed last time")
    return found


def runs_last_failed(config: pytest.Config) -> bool:
    """Whether ``--lf`` leaves out what passed the last time."""
    asked = getattr(config.option, "lf", False) and config.cache
    return bool(asked and config.cache.get(_FAILED_LAST, {}))


def narrowed(config: pytest.Config) -> bool:
    """Whether files or tests were named, so that the configuration may speak of others."""
    return any(_is_one_file(config, argument) for argument in config.args)


def _is_one_file(config: pytest.Config, argument: str) -> bool:
    name, test = argument.partition("::")[::2]
    if test or (config.invocation_params.dir / name).is_file():
        return True
    try:
        module = find_spec(name) if config.option.pyargs else None
    except (ImportError, ValueError):
        return False
    return module is not None and not module.submodule_search_locations


def is_mentioned(paths: Iterable[Path], name: str) -> bool:
    """Whether one of these files has the name as a text of its own, or as a variable."""
    forms = (f'"{name}"', f"'{name}'", f"${name}", f"${{{name}}}")
    return any(
        any(form in text for form in forms)
        for text in (path.read_text("utf-8", "replace") for path in paths if path.is_file())
    )


def part_was_named(config: pytest.Config) -> bool:
    """Whether ``-k``, ``-m`` or a node id stands on the command line itself.

    What stands in ``addopts`` or a variable was not meant for this run.
    """
    arguments = [os.fspath(one) for one in config.invocation_params.args]
    given, _ = config._parser.parse_known_and_unknown_args(arguments)
    named = any("::" in str(one) for one in getattr(given, "file_or_dir", ()))
    return bool(given.keyword or given.markexpr or named)


def collected_twice(items: Iterable[pytest.Item]) -> list[str]:
    """The node ids that stand for more than one test: their reports could not be kept apart."""
    return [nodeid for nodeid, count in Counter(i.nodeid for i in items).items() if count > 1]


def criteria_of(item: pytest.Item) -> list[Criterion]:
    """The criteria that are parameters of a test."""
    found = item.stash.get(_CRITERIA, None)
    if found is None:  # kept, because it is asked several times for each of thousands of tests
        callspec = getattr(item, "callspec", None)
        values = callspec.params.values() if callspec else ()
        found = item.stash[_CRITERIA] = [one for one in values if isinstance(one, Criterion)]
    return found


def asks(item: pytest.Item) -> bool:
    """Whether a test is a check of the gate, not one of the project's ordinary tests."""
    uses_gate = "gate" in getattr(item, "fixturenames", ())
    return uses_gate or bool(severities_of(item) or criteria_of(item))


def severities_of(item: pytest.Item) -> set[Severity]:
    """What a test is marked; one at most, if it is marked right."""
    given = item.stash.get(_GIVEN, None)
    if given is not None:
        return {given}
    return {Severity(mark.name) for mark in item.iter_markers() if mark.name in _MARKS}


def mark(item: pytest.Item, severity: Severity) -> None:
    """Mark a test anew, whatever its class or module is marked."""
    item.own_markers[:] = [mark for mark in item.own_markers if mark.name not in _MARKS]
    item.add_marker(severity.value)
    item.stash[_GIVEN] = severity


def known(
    item: pytest.Item, severity: Severity | None, at: float, criterion: Criterion | None
) -> CheckNote:
    """What is known of a check before it is judged; ``criterion`` is its own, resolved."""
    if criterion is None:
        return CheckNote(severity, item.name.removeprefix("test_"), _title(item), "", at)
    return CheckNote(severity, criterion.id, criterion.title, criterion.query, at)


def _title(item: pytest.Item) -> str:
    doc = getattr(getattr(item, "obj", None), "__doc__", None)
    first = (doc or "").strip().splitlines()
    return printable(first[0].rstrip(".") if first else humanised(item.name))


def attach(report: pytest.TestReport, note: CheckNote) -> None:
    """Attach the gate's note to a report: it travels with it between xdist's processes."""
    setattr(report, NOTE, note)


def attached(report: pytest.TestReport) -> CheckNote | None:
    """The gate's note of a report; None after a crash."""
    note: CheckNote | None = getattr(report, NOTE, None)
    return note


def part_of(report: pytest.TestReport) -> str:
    """The description of the subtest that a report is about; empty for the test itself."""
    context = getattr(report, "context", None)
    if context is None:
        return ""
    values = ", ".join(f"{name}={value}" for name, value in sorted(context.kwargs.items()))
    named = f"[{context.msg}]" if isinstance(context.msg, str) else ""
    return f"{named} {f'({values})' if values else ''}".strip() or "[subtest]"


def message_of(report: pytest.TestReport) -> str:
    """A report's own words, for what the gate's note does not say."""
    if report.passed:
        return ""
    if report.skipped and isinstance(report.longrepr, tuple):
        return printable(str(report.longrepr[2]).removeprefix("Skipped: "))
    if report.skipped and hasattr(report, "wasxfail"):
        return f"xfail: {printable(report.wasxfail)}"
    return last_line(report)


def phase_of(report: pytest.TestReport) -> PhaseReport:
    """A report in the words of the ledger."""
    return PhaseReport(
        report.nodeid,
        report.when or "",
        report.outcome,
        report.duration,
        attached(report),
        message_of(report),
        part_of(report),
    )


def last_line(report: Any) -> str:
    """The line of a failed report that says best what went wrong."""
    text = without_colour(str(report.longrepr or ""))
    lines = [line for line in text.splitlines() if line.strip()]
    errors = [line[1:].strip() for line in lines if line.startswith("E ")]
    return printable((errors or lines or [""])[-1])
