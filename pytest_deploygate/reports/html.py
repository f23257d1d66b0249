"""One self-contained HTML page: no script, no network, nothing foreign that is not escaped."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pytest_deploygate.core.durations import spoken
from pytest_deploygate.core.report import (
    WORST_FIRST,
    GateReport,
    alike,
    families,
    family,
    series_text,
)
from pytest_deploygate.core.result import Reason, Result, Status
from pytest_deploygate.core.rounds import Mode
from pytest_deploygate.core.text import printable_block, value_and_limit
from pytest_deploygate.core.verdict import Verdict
from pytest_deploygate.reports.charts import SIZE, Bar, Chart, bar, chart, is_slope, why_no_chart
from pytest_deploygate.reports.links import graph_link
from pytest_deploygate.reports.page_cache import CompiledTemplates
from pytest_deploygate.reports.strips import strips
from pytest_deploygate.reports.used import deployed, used

PAGE = "page.html.j2"
_FAILED = (Status.NO_GO, Status.WARNING)
_MOST_IN_FULL = 100
_MOST_OTHERS = 500
_MOST_ALIKE = 20
_MOST_UNLISTED = 20  # cards that are found without a list of them
_ADVICE = {
    Verdict.GO: "Go ahead",
    Verdict.WARNING: "Review before deploying",
    Verdict.NO_GO: "Deployment blocked",
}
_ADVICE_OF_A_WATCH = {
    Verdict.GO: "It stays well",
    Verdict.WARNING: "Review what happened meanwhile",
    Verdict.NO_GO: "It does not stay well",
}
_REASONS = {
    Reason.BREACH: "limit not kept",
    Reason.NO_DATA: "no data",
    Reason.ERROR: "could not be measured",
    Reason.WAIVED: "waived",
}


class Check(NamedTuple):
    """One check as it is shown; ``alike`` could not be measured for the very same reason.

    Of these ``same`` there are only the first ones. ``measured`` and ``labels`` are what the
    message does not say: a reader finds each fact once. ``member`` is its name in its family.
    """

    number: int
    result: Result
    alike: tuple[Result, ...]
    same: int
    tags: tuple[str, ...]
    member: str
    measured: str
    labels: tuple[tuple[str, str], ...]
    bar: Bar | None
    chart: Chart | None
    no_chart: str
    series: str
    link: str


class Card(NamedTuple):
    """One check, or those of one family that failed alike, with a title and ``6 of 500``."""

    checks: tuple[Check, ...]
    title: str
    share: str


class Section(NamedTuple):
    """All checks of one status: the first in full, more in a table, the rest only counted.

    Where there are many checks, only those that failed are shown in full.
    """

    status: Status
    label: str
    total: int
    families: str
    cards: tuple[Card, ...]
    table: tuple[Result, ...]
    omitted: int


def render(report: GateReport) -> str:
    """The page. Everything printed passes :func:`_harmless` and is escaped after that."""
    page = environment().get_template(PAGE)
    sections = list(_sections(report))
    return page.render(
        report=report,
        sections=sections,
        index=_index(sections),
        failed=len(report.with_status(*_FAILED)),
        status=report.verdict.value,
        advice=_advice(report),
        remarks=list(_remarks(report)),
        about=list(deployed(report)),
        used=list(used(report)),
        strips=strips(report),
        size=SIZE,
    )


@cache
def environment() -> Environment:
    """What renders the templates of pages: text is made harmless, and then escaped."""
    environment = Environment(
        loader=PackageLoader("pytest_deploygate.reports", "page"),
        bytecode_cache=CompiledTemplates(),
        autoescape=True,
        finalize=_harmless,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        time=_time, iso=_iso, spoken=spoken, label=_label, printable=_harmless
    )
    return environment


def _harmless(value: Any) -> Any:
    """Text that can neither hide nor reorder anything, whoever wrote it; markup stays as it is."""
    return printable_block(value) if isinstance(value, str) and type(value) is not Markup else value


def _label(status: Status) -> str:
    return status.value.replace("_", "-")


def _time(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")


def _advice(report: GateReport) -> str:
    """What to do; a page that lies about does not send anybody ahead."""
    if report.problems:
        return "No verdict was reached: deployment blocked"
    if report.source.is_recording:
        return "Replayed from a recording: says nothing about now"
    if report.verdict is Verdict.NO_GO and report.advisory:
        return "This would block, but the run is advisory"
    if report.passed_in_part:
        return "Passed, but not everything was checked"
    if report.watched and report.watched.mode is Mode.WATCH:
        return _ADVICE_OF_A_WATCH[report.verdict]
    return _ADVICE[report.verdict]


def _remarks(report: GateReport) -> Iterator[tuple[str, str]]:
    """What stands in the way of a verdict, or must be known to trust it."""
    yield from (("Problem", text) for text in report.obstacles if text != report.sentence)
    if report.partial:
        yield "Partial", f"not everything was checked: {report.partial}"
    if report.watched and report.watched.unsteady:
        yield "Unsteady", report.watched.unsteady
    if report.advisory and report.exit_code != report.verdict.exit_code:
        code = report.verdict.exit_code
        yield "Advisory", f"the run ends in 0 instead of {code}: it blocks nothing"
    if report.source.is_recording:
        yield "Recording", f"judged from {report.source.location}, not from a server"
    yield from (("Notice", text) for text in report.notices)


def _sections(report: GateReport) -> Iterator[Section]:
    number, space = 0, _MOST_OTHERS
    few = len(report.results) <= _MOST_IN_FULL
    for status in WORST_FIRST:
        results = report.shown(status)
        groups = alike(results)
        room = max(0, _MOST_IN_FULL - number) if few or status in _FAILED else 0
        rest = [result for group in groups[room:] for result in group]
        shown = rest if status in _FAILED else rest[:space]
        if status not in _FAILED:
            space -= len(shown)
        if results:
            many = status in _FAILED and len(results) > _MOST_UNLISTED
            yield Section(
                status=status,
                label=_label(status),
                total=len(results),
                families=families(results, report.results) if many else "",
                cards=tuple(_cards(groups[:room], report, number)),
                table=tuple(shown),
                omitted=len(rest) - len(shown),
            )
        number += len(groups[:room])


def _index(sections: Sequence[Section]) -> list[Check]:
    """The checks that failed and are shown in full, where they are too many to be looked over."""
    failed = [
        check
        for one in sections
        if one.status in _FAILED
        for card in one.cards
        for check in card.checks
    ]
    return failed if len(failed) > _MOST_UNLISTED else []


def _cards(groups: Sequence[list[Result]], report: GateReport, number: int) -> Iterator[Card]:
    """The groups in order, but those of one family that failed alike together at the first."""
    together: dict[tuple[object, ...], list[list[Result]]] = {}
    for position, group in enumerate(groups):
        together.setdefault(_alike_in_family(group) or (position,), []).append(group)
    sizes = Counter(family(result) for result in report.results)
    for groups_of_one in together.values():
        first = groups_of_one[0][0]
        checks = tuple(
            _check(group, report, number + position)
            for position, group in enumerate(groups_of_one, start=1)
        )
        number += len(checks)
        share = f"{len(checks):,} of {sizes[family(first)]:,}"
        yield Card(checks=checks, title=_title(first), share=share)


def _alike_in_family(group: Sequence[Result]) -> tuple[object, ...]:
    """What measured failures of one family have in common; empty for any other check."""
    first = group[0]
    if first.status not in _FAILED or first.value is None or family(first) == first.id:
        return ()
    return family(first), first.reason, *_tags(first)


def _title(result: Result) -> str:
    """The name without what names the member of its family."""
    return result.name.partition("[")[0].strip() or family(result)


def _check(group: Sequence[Result], report: GateReport, number: int) -> Check:
    result, *others = group
    drawn = chart(result, report.deployed_at)
    return Check(
        number=number,
        result=result,
        alike=tuple(others[:_MOST_ALIKE]),
        same=len(others),
        tags=tuple(_tags(result)),
        member=result.id.partition("[")[2].removesuffix("]") or result.name,
        measured=_measured(result),
        labels=tuple(_labels(result)),
        bar=bar(result),
        chart=drawn,
        no_chart="" if drawn else why_no_chart(result),
        series=series_text(result),
        link=graph_link(report.source, result),
    )


def _tags(result: Result) -> Iterator[str]:
    """The severity, and why it did not pass."""
    yield result.severity.value
    if result.is_freeze and result.reason is Reason.BREACH:
        yield "change freeze"
    elif result.reason in _REASONS:
        yield _REASONS[result.reason]
    if result.waived and result.status is not Status.WAIVED:
        yield "partly waived"


def _measured(result: Result) -> str:
    """The value and its limit, where the message lacks one of them, as a kind of a user's may."""
    if result.value is None or result.threshold is None:
        return ""
    value, limit = value_and_limit(result.value, result.threshold, result.unit)
    if _says(result.message, value) and _says(result.message, limit):
        return ""
    per_hour = " per hour" if is_slope(result) else ""
    return f"{value}{per_hour}, limit {result.comparison} {limit}{per_hour}"


def _labels(result: Result) -> Iterator[tuple[str, str]]:
    """The labels of the series that the message does not name."""
    for name, value in sorted(result.labels.items()):
        if name != "__name__" and not _says(result.message, f"{name}={value}"):
            yield name, value


def _says(message: str, fact: str) -> bool:
    """Whether a message has a fact whole: 14.4 does not say 4.4, and eu-west does not say eu."""
    return bool(re.search(rf"(?<![\w.-]){re.escape(fact)}(?![\w/-]|[.:]\w)", message))
