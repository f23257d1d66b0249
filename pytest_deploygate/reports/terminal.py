"""The gate's block on the terminal: the light, the reason, the checks by status."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, Protocol

from pytest_deploygate.model import Reason, Result, Status, Verdict
from pytest_deploygate.report import LIGHTS, WORST_FIRST, ActionStatus, GateReport
from pytest_deploygate.text import inert, value_and_limit

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


class Writer(Protocol):
    """What is used of pytest's terminal writer."""

    fullwidth: int

    def line(self, text: str = "", **markup: bool) -> None:
        """Write one line."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line and its colour."""

    text: str = ""
    colour: str = ""
    bold: bool = False


def write(writer: Any, report: GateReport, written: Mapping[str, str]) -> None:
    """Write the block; a terminal that cannot show an emoji or a symbol gets words."""
    encoding = getattr(getattr(writer, "_file", None), "encoding", None) or "utf-8"
    shows_all = _can_encode("".join(LIGHTS.values()) + "≤≥…•", encoding)
    writer.line()
    for line in lines(report, written, width=min(writer.fullwidth, 100), emoji=shows_all):
        text = line.text if shows_all else line.text.translate(_PLAIN)
        text = inert(text.encode(encoding, "backslashreplace").decode(encoding))
        markup = {line.colour: True} if line.colour else {}
        writer.line(text, bold=line.bold, **markup)


def _can_encode(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def lines(
    report: GateReport, written: Mapping[str, str], *, width: int, emoji: bool
) -> Iterator[Line]:
    """The whole block, without writing it."""
    yield from _boxed("DEPLOYMENT GATE CHECK", width)
    yield from _conclusion(report, emoji)
    yield Line()
    if report.results:
        yield from _boxed("CHECK DETAILS", width)
        yield from _details(report, width, emoji)
    yield from _actions(report, width)
    yield from _context(report, written)
    yield Line("=" * width)
    yield _light(report, emoji)


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
    else:
        yield Line(_sign(*_WORDS[report.verdict], emoji), colour)
    for problem in (*report.problems, *([report.blind] if report.blind else [])):
        yield Line(f"   {problem}", colour)
    if report.advisory and report.exit_code != report.verdict.exit_code:
        yield Line(f"   Advisory run: exit code 0 instead of {report.verdict.exit_code}", "yellow")
    if report.partial:
        yield Line(f"   Partial: {report.partial}", "yellow")
    for notice in report.notices:
        yield Line(f"   Notice: {notice}", "yellow")


def _sign(sign: str, text: str, emoji: bool) -> str:
    return f"{sign} {text}" if emoji else text


def _light(report: GateReport, emoji: bool) -> Line:
    """The last line, where the eye is when the run is over."""
    light = f"{LIGHTS[Status(report.verdict)]} " if emoji else ""
    reason = "" if report.verdict is Verdict.GO else f": {report.sentence}"
    text = f"{light}{report.verdict.label} (exit code {report.exit_code}){reason}"
    return Line(text, _COLOURS[report.verdict.value], bold=True)


def _actions(report: GateReport, width: int) -> Iterator[Line]:
    if not report.actions:
        return
    yield Line("ACTIONS", bold=True)
    yield Line("-" * width)
    for action in report.actions:
        told = f"  • {action.name} ({action.kind}): {action.status}, {action.message}"
        yield Line(told, _ACTION_COLOURS[action.status])
        for line in action.output.splitlines()[-_MOST_OUTPUT:] if action.failed else ():
            yield Line(f"      {line}")
    yield Line()


def _context(report: GateReport, written: Mapping[str, str]) -> Iterator[Line]:
    for change in report.changes:
        told = f"{change.name} = {change.value} (default {change.default}; {change.origin})"
        yield Line(f"Set: {told}")
    moment = datetime.fromtimestamp(report.evaluated_at, UTC).isoformat(timespec="milliseconds")
    replayed = " (replayed)" if report.source.is_recording else ""
    environment = f"{report.environment}, " if report.environment else ""
    yield Line(f"Source: {environment}{report.source.location}{replayed}")
    yield Line(f"Timestamp: {moment.replace('+00:00', 'Z')}")
    for path, origin in written.items():
        yield Line(f"Wrote: {path} ({origin})")


def _details(report: GateReport, width: int, emoji: bool) -> Iterator[Line]:
    """The bad ones first; few enough that a fleet's gate stays readable."""
    for status in WORST_FIRST:
        results = report.with_status(status)
        if not results:
            continue
        count = f"({len(results)} check{'s' if len(results) > 1 else ''})"
        title = f"{status.value.replace('_', '-')} {count}"
        yield Line(_sign(LIGHTS[status], title, emoji), _COLOURS[status.value], bold=True)
        yield Line("-" * width)
        most = _MOST_FAILURES if status in (Status.NO_GO, Status.WARNING) else _MOST_OTHERS
        yield from _listed(results[:most])
        if len(results) > most:
            yield Line(f"  ... and {len(results) - most} more, in the reports")
            yield Line()


def _listed(results: Sequence[Result]) -> Iterator[Line]:
    """Checks one after the other; those that fail for one and the same reason share it."""
    for _, alike in groupby(results, key=lambda result: result.message):
        group = list(alike)
        if len(group) > 1 and all(result.value is None for result in group):
            yield from (Line(f"  • {_titled(result)}") for result in group)
            yield Line(f"    {_explained(group[0])}")
            yield Line()
        else:
            for result in group:
                yield from _check(result)
                yield Line()


def _titled(result: Result) -> str:
    return result.name if result.status is Status.GO else f"{result.name} [{result.severity}]"


def _explained(result: Result) -> str:
    return f"error: {result.message}" if result.reason is Reason.ERROR else result.message


def _check(result: Result) -> Iterator[Line]:
    yield Line(f"  • {_titled(result)}")
    yield Line(f"    {_explained(result)}")
    if result.value is not None and result.threshold is not None:
        value, threshold = value_and_limit(result.value, result.threshold, result.unit)
        yield Line(f"    Value: {value} | Threshold: {result.comparison} {threshold}")
