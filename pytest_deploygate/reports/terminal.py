"""The gate's block on the terminal: the verdict, the reason, the checks by status."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from pytest_deploygate.core.report import (
    LIGHTS,
    WORST_FIRST,
    ActionStatus,
    GateReport,
    alike,
    families,
    series_text,
)
from pytest_deploygate.core.result import Reason, Result, Status
from pytest_deploygate.core.text import inert, labels_text, printable, value_and_limit
from pytest_deploygate.core.verdict import Verdict
from pytest_deploygate.reports.links import graph_link
from pytest_deploygate.reports.used import deployed, used

_COLOURS = {
    "GO": "green",
    "WARNING": "yellow",
    "NO_GO": "red",
    "SKIPPED": "white",
    "WAIVED": "blue",
}
_WORDS = {
    Verdict.GO: ("✅", "All checks passed - Deployment is GO"),
    Verdict.WARNING: ("⚠️", "Some warnings detected - review before deploying"),
    Verdict.NO_GO: ("❌", "Critical issues detected - deployment blocked"),
}
_PLAIN = str.maketrans({"≤": "<=", "≥": ">=", "…": "...", "•": "*", "×": "x", "→": "->"})
_FAILED = (Status.NO_GO, Status.WARNING)
# More lines would bury the verdict; -v lists every check.
_MOST_FAILURES = 50
_MOST_OTHERS = 30
_MOST_OUTPUT = 10
_ACTION_COLOURS = {
    ActionStatus.DONE: "green",
    ActionStatus.FAILED: "red",
    ActionStatus.TIMED_OUT: "red",
    ActionStatus.PLANNED: "yellow",
    ActionStatus.SKIPPED: "white",
}


class Line(NamedTuple):
    """A line and its colour."""

    text: str = ""
    colour: str = ""
    bold: bool = False
    link: str = ""


class Style(NamedTuple):
    """The width of the block in columns, whether it has emoji, and pytest's verbosity."""

    width: int
    emoji: bool
    verbosity: int = 0


def write(
    writer: Any, report: GateReport, written: Mapping[str, str], *, verbosity: int = 0
) -> None:
    """Write the block; plain text replaces what the terminal's encoding lacks.

    Args:
        writer: pytest's terminal writer.
        report: what to show.
        written: the files that were written, each with the option that asked for it.
        verbosity: pytest's; -2: only the last line; -1: without the checks that passed; 1: with
            queries; 2: with everything that is known about a check.
    """
    file = getattr(writer, "_file", None)
    encoding = getattr(file, "encoding", None) or "utf-8"
    shows_all = _can_encode("".join(LIGHTS.values()) + "≤≥…•", encoding)
    shown = file is not None and file.isatty() and writer.hasmarkup
    # these terminals print the escape sequence of a link instead of ignoring it
    links = shown and os.environ.get("TERM") not in (None, "dumb", "linux")
    # rules of 200 columns are hard to read in a log
    style = Style(min(writer.fullwidth, 100), shows_all, verbosity)
    writer.line()
    whole = lines(report, written, style)
    # a log keeps its lines whole: they are searched
    for line in _wrapped(whole, writer.fullwidth) if shown else whole:
        text = line.text if shows_all else line.text.translate(_PLAIN)
        text = inert(text.encode(encoding, "backslashreplace").decode(encoding))
        markup = {line.colour: True} if line.colour else {}
        if links and line.link:
            text = f"\x1b]8;;{line.link}\x1b\\{text}\x1b]8;;\x1b\\"
        writer.line(text, bold=line.bold, **markup)


def _wrapped(lines: Iterable[Line], width: int) -> Iterator[Line]:
    """The same lines, the long ones cut between words and indented alike."""
    for line in lines:
        if len(line.text) <= width:
            yield line
            continue
        from textwrap import wrap

        indent = " " * (len(line.text) - len(line.text.lstrip()))
        parts = wrap(line.text, width, subsequent_indent=indent, break_on_hyphens=False)
        yield from (line._replace(text=part) for part in parts)


def _can_encode(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def lines(report: GateReport, written: Mapping[str, str], style: Style) -> Iterator[Line]:
    """All lines of the block."""
    if style.verbosity > -2:
        yield from _boxed("DEPLOYMENT GATE CHECK", style.width)
        yield from _conclusion(report, style.emoji)
        yield Line()
        if report.results:
            yield from _boxed("CHECK DETAILS", style.width)
            yield from _details(report, style)
        yield from _actions(report, style.width)
        yield from _context(report, written)
        yield Line("=" * style.width)
    yield _light(report, style.emoji)


def _boxed(title: str, width: int) -> Iterator[Line]:
    yield Line("=" * width)
    yield Line(title, bold=True)
    yield Line("=" * width)
    yield Line()


def _conclusion(report: GateReport, emoji: bool) -> Iterator[Line]:
    colour = _COLOURS[report.verdict.value]
    light = f"{LIGHTS[Status(report.verdict)]} " if emoji else ""
    yield Line(f"Overall Status: {light}{report.verdict.label}", colour, bold=True)
    yield Line()
    if report.problems:
        yield Line(_sign("❌", "No verdict was reached - deployment blocked", emoji), colour)
    elif report.passed_in_part:
        yield Line(_sign("⚠️", "All checks that were run passed - partial", emoji), colour)
    else:
        yield Line(_sign(*_WORDS[report.verdict], emoji), colour)
    for problem in report.obstacles:
        yield Line(f"   {problem}", colour)
    if report.advisory and report.exit_code != report.verdict.exit_code:
        yield Line(f"   Advisory run: exit code 0 instead of {report.verdict.exit_code}", "yellow")
    if report.partial:
        yield Line(f"   Partial: {report.partial}", "yellow")
    if report.watched and report.watched.unsteady:
        yield Line(f"   Not steady: {report.watched.unsteady}", "yellow")
    for notice in report.notices:
        yield Line(f"   Notice: {notice}", "yellow")


def _sign(sign: str, text: str, emoji: bool) -> str:
    return f"{sign} {text}" if emoji else text


def _light(report: GateReport, emoji: bool) -> Line:
    """The last line: people look there when the run ends."""
    light = f"{LIGHTS[Status(report.verdict)]} " if emoji else ""
    reason = "" if report.verdict is Verdict.GO else f": {report.sentence}"
    partial = f"; partial: {report.partial}" if report.partial not in reason else ""
    text = f"{light}{report.verdict.label} (exit code {report.exit_code}){reason}{partial}"
    return Line(text, _COLOURS[report.verdict.value], bold=True)


def _actions(report: GateReport, width: int) -> Iterator[Line]:
    if not report.actions:
        return
    yield Line("ACTIONS", bold=True)
    yield Line("-" * width)
    for action in report.actions:
        text = f"  • {action.name} ({action.kind}): {action.status}, {action.message}"
        yield Line(text, _ACTION_COLOURS[action.status])
        for line in action.output.splitlines()[-_MOST_OUTPUT:] if action.failed else ():
            yield Line(f"      {line}")
    yield Line()


def _context(report: GateReport, written: Mapping[str, str]) -> Iterator[Line]:
    for change in report.changes:
        origin = f"default {change.default}; {change.origin}"
        yield Line(f"Set: {change.name} = {change.value} ({origin})")
    moment = datetime.fromtimestamp(report.evaluated_at, UTC).isoformat(timespec="milliseconds")
    known = (*used(report), *deployed(report))
    yield from (Line(f"{name}: {text}", link=link) for name, text, link in known)
    yield Line(f"Timestamp: {moment.replace('+00:00', 'Z')}")
    for path, origin in written.items():
        yield Line(f"Wrote: {path} ({origin})", link=Path(path).absolute().as_uri())


def _details(report: GateReport, style: Style) -> Iterator[Line]:
    """The failed checks first; not all of thousands, so that the block stays readable."""
    for status in WORST_FIRST:
        results = report.shown(status)
        if not results:
            continue
        count = f"({len(results)} check{'s' if len(results) > 1 else ''})"
        title = f"{status.value.replace('_', '-')} {count}"
        yield Line(_sign(LIGHTS[status], title, style.emoji), _COLOURS[status.value], bold=True)
        if status is Status.GO and _only_counts_passed(report, style.verbosity):
            yield Line()
            continue
        yield Line("-" * style.width)
        most = _most(status, style.verbosity)
        if status in _FAILED and len(results) > _MOST_FAILURES:
            yield from _families(results, report)
        yield from _listed(report, results, most, style)
        if len(results) > most:
            yield Line(f"  ... and {len(results) - most} more; -v and the reports list all")
            yield Line()


def _most(status: Status, verbosity: int) -> int:
    """How many checks of a status are listed."""
    if verbosity > 0:
        return sys.maxsize
    return _MOST_FAILURES if status in _FAILED else _MOST_OTHERS


def _only_counts_passed(report: GateReport, verbosity: int) -> bool:
    """Whether passed checks are not listed: with -q, or where not all fit below the failures."""
    counts = report.counts
    failed = any(counts[status] for status in _FAILED)
    all_listed = all(count <= _most(status, verbosity) for status, count in counts.items())
    return verbosity < 0 or (failed and not all_listed)


def _families(failed: Sequence[Result], report: GateReport) -> Iterator[Line]:
    if counts := families(failed, report.results):
        yield Line(f"  {counts}")
        yield Line()


def _listed(
    report: GateReport, results: Iterable[Result], most: int, style: Style
) -> Iterator[Line]:
    """Checks one after the other; checks with the same message share it as a heading."""
    groups = list(_within(alike(results, passed=True), most))
    values = [_value(result) for shown, _ in groups for result in shown]
    column = max(map(len, values), default=0)
    for shown, count in groups:
        if count > 1:
            yield Line(f"  {_explained(shown[0])} - {count} checks:")
        for result in shown:
            yield Line(f"  • {_titled(result)}", link=graph_link(report.source, result))
            if count == 1:
                yield Line(f"    {_explained(result)}")
            yield from _numbers(result, column)
            yield from _more(result, style.verbosity)
        yield Line()


def _within(groups: Iterable[list[Result]], most: int) -> Iterator[tuple[list[Result], int]]:
    """The first ``most`` checks in their groups, each group with its full number of checks."""
    for group in groups:
        if most > 0:
            yield group[:most], len(group)
        most -= len(group)


def _titled(result: Result) -> str:
    return result.name if result.status is Status.GO else f"{result.name} [{result.severity}]"


def _explained(result: Result) -> str:
    return f"error: {result.message}" if result.reason is Reason.ERROR else result.message


def _value(result: Result) -> str:
    if result.value is None or result.threshold is None:
        return ""
    return value_and_limit(result.value, result.threshold, result.unit)[0]


def _numbers(result: Result, column: int) -> Iterator[Line]:
    if result.value is not None and result.threshold is not None:
        value, threshold = value_and_limit(result.value, result.threshold, result.unit)
        yield Line(f"    Value: {value:<{column}} | Threshold: {result.comparison} {threshold}")


def _more(result: Result, verbosity: int) -> Iterator[Line]:
    """What -v and -vv add to a check."""
    if verbosity > 0 and result.query:
        yield Line(f"    Query: {printable(' '.join(result.query.split()), 2_000)}")
    if verbosity > 1:
        yield Line(f"    Id: {result.id} | Reason: {result.reason} | Took: {result.duration:.3f} s")
        if result.total:
            labels = f" | Worst: {labels_text(result.labels)}" if result.labels else ""
            yield Line(f"    Series: {series_text(result) or '1'}{labels}")
        for warning in result.warnings:
            yield Line(f"    The source warns: {warning}")
