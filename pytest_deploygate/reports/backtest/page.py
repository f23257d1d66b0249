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
    what_failed,
)
from pytest_deploygate.reports.html import environment

_MOST_ROWS, _MOST_PERIODS = 100, 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One row of the calendar; ``summary`` says in words what its cells show."""

    name: str
    cells: tuple[Cell, ...]
    summary: str


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
        what_failed=what_failed,
        incidents_text=incidents_text,
    )


def _verdicts(report: BacktestReport) -> Iterator[Row]:
    yield _verdict("Verdict", report.outcome, report)
    if report.against is not None:
        yield _verdict("Verdict, --against", report.against, report)


def _verdict(name: str, outcome: Outcome, report: BacktestReport) -> Row:
    shares = ", ".join(f"{one.label} {percent(outcome.share(one))}" for one in Verdict)
    return Row(name=name, cells=cells(outcome.verdicts, report), summary=shares)


def _row(check: CheckHistory, report: BacktestReport) -> Row:
    blocked = f"blocked {spoken(check.blocked)}" if check.blocked else "never blocked"
    failed = f", failed {spoken(check.failed)}" if check.failed > check.blocked else ""
    return Row(name=check.name, cells=cells(check.statuses, report), summary=f"{blocked}{failed}")


def _shown(one: Suggestion) -> tuple[Suggestion, list[str]]:
    """A suggestion, and its values as text."""
    values = [one.median, one.p95, one.p99, one.worst, one.limit]
    values += [one.limits[name] for name in SHARES]
    return one, ["none" if value is None else value_text(value, one.unit) for value in values]
