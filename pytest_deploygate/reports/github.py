"""What a step of GitHub Actions shows: summary in Markdown, annotations and outputs, as text.

Names and messages come from outside. They must not end a table cell, start a command of the
runner, or add an output.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from pytest_deploygate.core.report import (
    LIGHTS,
    WORST_FIRST,
    GateReport,
    alike,
    families,
)
from pytest_deploygate.core.result import Result, Status
from pytest_deploygate.core.text import counted, printable, value_and_limit
from pytest_deploygate.core.verdict import Verdict
from pytest_deploygate.reports.used import deployed, used

SUMMARY_BYTES = 1024 * 1024
"""GitHub's limit for the summary of a step; it shows nothing of a longer one."""
ANNOTATIONS = 10
"""GitHub's limit for the annotations of a level in a step; it ignores the others."""

_FAILED = (Status.NO_GO, Status.WARNING)
_MOST_OTHERS = 30
_MOST_FAILURES = 50
_MOST_NAMES = 3
_REST_BYTES = 200  # room for the line that counts the checks without a row
_PROBLEMS = 20
_CODES = (0, 1, 2, 4)
# Entities work in table cells and in bold text; a backslash does not escape | or < everywhere.
_MARKDOWN = str.maketrans({character: f"&#{ord(character)};" for character in "\\`*_[]<>|&~$"})
_HEADER = "| | Check | Value | Limit | Message |\n| --- | --- | ---: | ---: | --- |\n"


def summary(report: GateReport, most: int = SUMMARY_BYTES) -> str:
    """The verdict and a table of the checks in at most ``most`` bytes, the failed checks first.

    A few of the checks that passed get a row; the others are counted, and so are checks that do
    not fit. The text is empty if not even the verdict fits.
    """
    head = "".join(f"{line}\n\n" for line in _head(report))
    groups, left = _shown(report)
    foot = _foot(report)
    room = most - _size(head + _HEADER + foot) - _REST_BYTES
    if room < 0:
        return ""
    rows = list(_fitting(map(_row, groups), room))
    table = _HEADER + "".join(rows) + "\n" if rows else ""
    left += [result for group in groups[len(rows) :] for result in group]
    return head + table + _rest(left) + foot


def _shown(report: GateReport) -> tuple[list[list[Result]], list[Result]]:
    """The groups of checks that get a row each, and the checks that get none."""
    groups: list[list[Result]] = []
    left: list[Result] = []
    for status in WORST_FIRST:
        alike_ones = alike(report.shown(status))
        most = len(alike_ones) if status in _FAILED else _MOST_OTHERS
        groups += alike_ones[:most]
        left += [result for group in alike_ones[most:] for result in group]
    return groups, left


def _size(text: str) -> int:
    return len(text.encode("utf-8", "backslashreplace"))


def _fitting(rows: Iterable[str], room: int) -> Iterator[str]:
    for row in rows:
        room -= _size(row)
        if room < 0:
            return
        yield row


def _head(report: GateReport) -> Iterator[str]:
    light = LIGHTS[Status(report.verdict)]
    yield f"## {light} Deployment gate: {report.verdict.label}"
    yield f"**{_escaped(report.sentence)}**"
    if report.results:
        yield _counts(report.counts)
    yield from _families(report)
    problems = report.obstacles
    if len(problems) > 1:
        yield "\n".join(f"- {_escaped(problem)}" for problem in problems[:_PROBLEMS])
    if report.partial and report.partial not in report.sentence:
        yield f"Partial: {_escaped(report.partial)}"
    if report.exit_code != report.verdict.exit_code and not report.problems:
        yield f"Advisory run: exit code {report.exit_code}"
    yield from (f"Notice: {_escaped(notice)}" for notice in report.notices[:_PROBLEMS])


def _counts(counts: Mapping[Status, int]) -> str:
    return ", ".join(f"{counts[s]:,} {_label(s)}" for s in WORST_FIRST if counts[s])


def _label(status: Status) -> str:
    return status.value.replace("_", "-")


def _families(report: GateReport) -> Iterator[str]:
    """Failures by the name of the check, if the table is too long to see them."""
    for status in _FAILED:
        failed = report.with_status(status)
        text = families(failed, report.results) if len(failed) > _MOST_FAILURES else ""
        if text:
            yield f"{_label(status)} by check: {_escaped(text)}"


def _row(group: Sequence[Result]) -> str:
    result = group[0]
    value = limit = ""
    if result.value is not None and result.threshold is not None:
        value, limit = value_and_limit(result.value, result.threshold, result.unit)
        limit = f"{result.comparison} {limit}"
    light = f"{LIGHTS[result.status]} {_label(result.status)}"
    cells = (light, _names(group), *map(_escaped, (value, limit, result.message)))
    return f"| {' | '.join(cells)} |\n"


def _names(group: Sequence[Result]) -> str:
    names = ", ".join(_escaped(result.name) for result in group[:_MOST_NAMES])
    left = len(group) - _MOST_NAMES
    return f"{names} and {left:,} more" if left > 0 else names


def _escaped(text: str) -> str:
    """Text that Markdown shows as it is, on one line and in one cell."""
    return printable(text).strip().translate(_MARKDOWN).encode("utf-8", "backslashreplace").decode()


def _rest(left: Sequence[Result]) -> str:
    if not left:
        return ""
    counts = _counts(Counter(result.status for result in left))
    return f"... and {counted(len(left), 'more check')} ({counts}): the reports list all.\n\n"


def _foot(report: GateReport) -> str:
    moment = datetime.fromtimestamp(report.evaluated_at, UTC).isoformat(timespec="seconds")
    checks = counted(len(report.results), "check")
    known = (*used(report), *deployed(report))
    facts = (f"{one.name}: {_linked(one.text, one.link)}" for one in known)
    return f"{checks} at {moment.replace('+00:00', 'Z')} · {' · '.join(facts)}\n"


def _linked(text: str, link: str) -> str:
    return f"[{_escaped(text)}]({link})" if link else _escaped(text)


def annotated(report: GateReport) -> list[str]:
    """Commands of the runner: an error for each NO-GO, a warning for each WARNING."""
    problems = report.obstacles
    errors = [("No verdict", problem) for problem in problems]
    errors += [_annotation(result) for result in report.shown(Status.NO_GO)]
    warnings = [_annotation(result) for result in report.shown(Status.WARNING)]
    return [*_commands("error", errors), *_commands("warning", warnings)]


def _annotation(result: Result) -> tuple[str, str]:
    return f"{_label(result.status)}: {result.name}", result.message


def _commands(level: str, annotations: Sequence[tuple[str, str]]) -> list[str]:
    """One command for each annotation; the last says how many GitHub would not show."""
    if len(annotations) > ANNOTATIONS:
        more = len(annotations) - ANNOTATIONS + 1
        rest = ("Deployment gate", f"{more} more, in the summary")
        annotations = [*annotations[: ANNOTATIONS - 1], rest]
    return [f"::{level} title={_property(title)}::{_data(text)}" for title, text in annotations]


def _data(text: str) -> str:
    return printable(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def outputs(report: GateReport, before: str = "") -> str:
    """The step's outputs. Both values come from closed sets, so no input can add a line.

    Args:
        report: of this run.
        before: what the step has written until now. The runner takes the last value of an output:
            after another gate in the same step that is the worse one of both.
    """
    labels = [verdict.label for verdict in Verdict]
    verdicts = [report.verdict.label, *re.findall(_output("verdict", labels), before)]
    codes = [str(report.exit_code), *re.findall(_output("exit-code", map(str, _CODES)), before)]
    return f"verdict={max(verdicts, key=labels.index)}\nexit-code={max(codes, key=int)}\n"


def _output(name: str, values: Iterable[str]) -> str:
    return rf"(?m)^{name}=({'|'.join(values)})\r?$"
