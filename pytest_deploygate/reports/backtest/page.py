"""A backtest as one self-contained HTML page: no script, no network, everything escaped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pytest_deploygate.core.backtest import (
    SHARES,
    BacktestReport,
    CheckHistory,
    Outcome,
    Suggestion,
)
from pytest_deploygate.core.durations import spoken
from pytest_deploygate.core.report import WORST_FIRST
from pytest_deploygate.core.result import Status
from pytest_deploygate.core.text import value_text
from pytest_deploygate.core.verdict import Verdict
from pytest_deploygate.reports.backtest.cells import Cell, cells, marks, steps_in_a_cell
from pytest_deploygate.reports.backtest.summary import (
    incidents_text,
    moment,
    percent,
)
from pytest_deploygate.reports.html import environment

_MOST_ROWS, _MOST_PERIODS = 100, 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One row of the calendar; ``summary`` says in words what its cells show."""

    name: str
    cells: tuple[Cell, ...]
    summary: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """A mark on the axis of the calendar, in thousandths of its length; ``seen`` by the gate."""

    x: float
    width: float
    title: str
    seen: bool


def render(report: BacktestReport) -> str:
    """The page."""
    outcome = report.outcome
    checks = sorted(outcome.checks, key=lambda one: (-one.blocked, -one.failed, one.flaps == 0))
    size = steps_in_a_cell(len(report.times), report.step)
    template = environment().get_template("backtest.html.j2")
    return template.render(
        report=report,
        outcome=outcome,
        against=report.against,
        shares=[(verdict, outcome.share(verdict)) for verdict in reversed(Verdict)],
        rows=[*_verdicts(report), *(_row(one, report) for one in checks[:_MOST_ROWS])],
        events=list(_events(report)),
        more_rows=max(0, len(checks) - _MOST_ROWS),
        count=-(-len(report.times) // size),
        legend=[one for one in WORST_FIRST if one is not Status.WAIVED],
        cell=spoken(size * report.step),
        size=size,
        marks=marks(report),
        periods=outcome.periods[:_MOST_PERIODS],
        more_periods=max(0, len(outcome.periods) - _MOST_PERIODS),
        checks=checks,
        others={one.id: one for one in report.against.checks} if report.against else {},
        suggestions=[_shown(one) for one in report.suggestions or ()],
        toml=[(name, report.toml[name]) for name in SHARES if report.toml.get(name)],
        worst="NO_GO" if report.blocks else "GO",
        moment=moment,
        percent=percent,
        incidents_text=incidents_text,
    )


def _verdicts(report: BacktestReport) -> Iterator[Row]:
    yield _verdict("Verdict", report.outcome, report)
    if report.against is not None:
        yield _verdict("Verdict, --against", report.against, report)


def _verdict(name: str, outcome: Outcome, report: BacktestReport) -> Row:
    shares = ", ".join(f"{one.label} {percent(outcome.share(one))}" for one in Verdict)
    return Row(name=name, cells=cells(outcome.verdicts, report), summary=shares)


def _events(report: BacktestReport) -> Iterator[tuple[str, str, list[Event]]]:
    """Incidents, deployments, and when the new version was: a name, a summary, and the marks."""
    incidents, deployments = report.outcome.incidents, report.outcome.deployments
    if incidents is not None and incidents.incidents:
        marked = [
            _event(report, one.start, one.end, one.name or "incident", seen=one.seen)
            for one in incidents.incidents
        ]
        yield "Incidents", f"{incidents.seen} of {len(marked)} seen", marked
    inside = [one for one in deployments or () if one.verdict is not None]
    if inside:
        blocked = [one for one in inside if one.verdict is Verdict.NO_GO]
        marked = [
            _event(report, one.time, one.time, one.name or "deployment", seen=one in blocked)
            for one in inside
        ]
        yield "Deployments", f"{len(blocked)} of {len(inside)} blocked", marked
    at = report.deployed_at
    if at is not None and report.start <= at <= report.end:
        text = f"{moment(at)} UTC"
        yield "Deployed", text, [_event(report, at, at, "--gate-deployed-at", seen=True)]


def _event(report: BacktestReport, start: float, end: float, name: str, *, seen: bool) -> Event:
    scale = 1000 / (report.end - report.start)
    first = max(0.0, (start - report.start) * scale)
    width = max(4.0, (min(end, report.end) - max(start, report.start)) * scale)
    title = f"{moment(start)} UTC: {name}"
    return Event(x=round(min(first, 996.0), 1), width=round(width, 1), title=title, seen=seen)


def _row(check: CheckHistory, report: BacktestReport) -> Row:
    blocked = f"blocked {spoken(check.blocked)}" if check.blocked else "never blocked"
    failed = f", failed {spoken(check.failed)}" if check.failed > check.blocked else ""
    return Row(name=check.name, cells=cells(check.statuses, report), summary=f"{blocked}{failed}")


def _shown(one: Suggestion) -> tuple[Suggestion, list[str]]:
    """A suggestion, and its values as text."""
    values = [one.median, one.p95, one.p99, one.worst, one.limit]
    values += [one.limits[name] for name in SHARES]
    return one, ["none" if value is None else value_text(value, one.unit) for value in values]
