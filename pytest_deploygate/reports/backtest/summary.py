"""A backtest on one screen of 80 columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from pytest_deploygate.core.backtest import (
    SHARES,
    BacktestReport,
    CheckHistory,
    Incidents,
    Outcome,
    Period,
    Suggestion,
)
from pytest_deploygate.core.durations import spoken
from pytest_deploygate.core.text import SCREEN, counted, cut, value_text
from pytest_deploygate.core.verdict import Verdict

_MOST_PERIODS, _MOST_CHECKS, _MOST_NAMED = 3, 7, 2
_RULE = "-" * SCREEN


def lines(report: BacktestReport, written: Mapping[str, str]) -> Iterator[str]:
    """The summary, without secrets only if the report has none.

    Args:
        report: what to show.
        written: the files that were written, each with the option that asked for it.
    """
    outcome = report.outcome
    yield cut(
        f"BACKTEST  {moment(report.start)} to {moment(report.end)} UTC, "
        f"{counted(len(report.times), 'step')} of {spoken(report.step)}"
    )
    yield _RULE
    yield verdict_shares(outcome, report.step)
    if report.against is not None:
        yield f"{verdict_shares(report.against, report.step)}  (--against)"
    yield from _periods(outcome, report.against)
    yield from _checks(outcome, report.against)
    yield from _incidents(outcome.incidents, report.against)
    yield from _deployments(outcome)
    yield from _suggestions(report.suggestions or (), report.toml)
    yield _RULE
    yield from _facts(report, written)


def moment(time: float) -> str:
    """``2026-01-31 12:00``, with seconds where they matter; UTC."""
    pattern = "%Y-%m-%d %H:%M" if time % 60 == 0 else "%Y-%m-%d %H:%M:%S"
    return f"{datetime.fromtimestamp(time, UTC):{pattern}}"


def percent(share: float) -> str:
    """A share of the time: never 0 % or 100 % for what is only nearly so."""
    if 0 < share < 0.001:
        return "<0.1 %"
    if 0.999 < share < 1:
        return ">99.9 %"
    return f"{share * 100:.1f} %"


def verdict_shares(outcome: Outcome, step: float) -> str:
    """``GO 91.3 % (6d9h)   WARNING 6.2 % (10h25m)   NO-GO 2.5 % (4h15m)``."""
    parts = []
    for verdict in Verdict:
        count = outcome.verdicts.count(verdict)
        parts.append(f"{verdict.label} {percent(outcome.share(verdict))} ({spoken(count * step)})")
    return "   ".join(parts)


def _periods(outcome: Outcome, against: Outcome | None) -> Iterator[str]:
    found = outcome.periods
    other = f" ({len(against.periods)} with --against)" if against is not None else ""
    if not found:
        yield f"Never NO-GO{other}"
        return
    yield f"{counted(len(found), 'period')} of NO-GO{other}, the longest first"
    for period in sorted(found, key=lambda one: -one.length)[:_MOST_PERIODS]:
        failed, worst = what_failed(period), worst_series(period)
        line = f"  {moment(period.begin)}  {spoken(period.length):>7}  {failed}"
        apart = bool(worst) and len(line) + len(worst) + 2 > SCREEN
        yield cut(line if apart or not worst else f"{line}; {worst}")
        if apart:
            yield cut(f"    {worst}")
    if len(found) > _MOST_PERIODS:
        yield f"  ... and {len(found) - _MOST_PERIODS} more; --html and --json list all"


def what_failed(period: Period) -> str:
    """The checks that failed in a period, or why else it was NO-GO."""
    named = list(period.failed[:_MOST_NAMED])
    named += [f"{len(period.failed) - _MOST_NAMED} more"] if len(named) < len(period.failed) else []
    return ", ".join(named) or period.why


def worst_series(period: Period) -> str:
    """The culprit of the check that failed longest, ``worst: 9.10 s, instance=app-2``."""
    culprits = (period.culprits.get(name) for name in period.failed)
    first = next(filter(None, culprits), "")
    return f"worst: {first}" if first else ""


def _checks(outcome: Outcome, against: Outcome | None) -> Iterator[str]:
    shown = [one for one in outcome.checks if one.failed or one.no_data or one.unanswered]
    shown.sort(key=lambda one: (-one.blocked, -one.failed, -one.no_data))
    if not shown:
        yield "Every check passed at every step"
        return
    others = {one.id: one.blocked for one in against.checks} if against is not None else {}
    width = 29 if others else 37
    head = (
        f"{'check':<{width}} {'blocked':>8} {'alone':>8} {'flaps':>6} {'no data':>8} {'error':>7}"
    )
    yield head + (f" {'against':>8}" if others else "")
    for one in shown[:_MOST_CHECKS]:
        other = f" {_time(others[one.id]):>8}" if others else ""
        yield _check(one, width) + other
    if len(shown) > _MOST_CHECKS:
        yield f"  ... and {len(shown) - _MOST_CHECKS} more; --html and --json list all"


def _check(one: CheckHistory, width: int) -> str:
    times = f"{_time(one.blocked):>8} {_time(one.alone):>8} {one.flaps:>6,}"
    return (
        f"{cut(one.id, width):<{width}} {times} {_time(one.no_data):>8} {_time(one.unanswered):>7}"
    )


def _time(seconds: float) -> str:
    return spoken(seconds) if seconds else "-"


def _incidents(found: Incidents | None, against: Outcome | None) -> Iterator[str]:
    if found is None:
        return
    yield cut(f"Incidents: {incidents_text(found)}")
    other = against.incidents if against is not None else None
    if other is not None:
        yield cut(f"  --against: {incidents_text(other)}")
    missed = [one.name or moment(one.start) for one in found.incidents if not one.seen]
    if missed:
        yield cut(f"  not seen: {', '.join(missed)}")
    delays = sorted(one.delay for one in found.incidents if one.delay is not None)
    if delays:
        after = f"{spoken(delays[len(delays) // 2])} in the median, {spoken(delays[-1])} at most"
        yield cut(f"  seen after {after}; {spoken(found.false_alarm)} of NO-GO were no incident")
    if found.outside:
        yield cut(f"  outside of the backtest: {', '.join(one or '?' for one in found.outside)}")


def incidents_text(found: Incidents) -> str:
    """``recall 67 % (2 of 3 incidents), precision 50 % (1 of 2 periods)``."""
    true = found.periods - found.false_periods
    recall = "" if found.recall is None else f"recall {found.recall:.0%} ".replace("%", " %")
    precision = "none" if found.precision is None else f"{found.precision:.0%}".replace("%", " %")
    seen = f"({found.seen} of {counted(len(found.incidents), 'incident')})"
    return f"{recall}{seen}, precision {precision} ({true} of {counted(found.periods, 'period')})"


def _deployments(outcome: Outcome) -> Iterator[str]:
    if outcome.deployments is None:
        return
    inside = [one for one in outcome.deployments if one.verdict is not None]
    blocked = [one for one in inside if one.verdict is Verdict.NO_GO]
    named = [f"{one.name} {moment(one.time)}".strip() for one in blocked]
    which = f": {', '.join(named)}" if named else ""
    yield cut(
        f"{len(blocked)} of {counted(len(inside), 'deployment')} would have been blocked{which}"
    )
    if outside := len(outcome.deployments) - len(inside):
        yield f"  {counted(outside, 'deployment')} outside of the backtest"


def _suggestions(found: Sequence[Suggestion], toml: Mapping[str, str]) -> Iterator[str]:
    if not found:
        return
    yield ""
    columns = ("median", "p95", "p99", "worst", "limit")
    yield f"{'value':<25}" + "".join(f"{name:>11}" for name in columns)
    for one in found:
        values = [one.median, one.p95, one.p99, one.worst, one.limit]
        yield f"{cut(one.id, 25):<25}" + "".join(f"{_value(v, one.unit):>11}" for v in values)
    for name in SHARES:
        if toml.get(name):
            yield ""
            share = f"block at most {name} of the time" if SHARES[name] else "never block"
            yield f"# {share} outside of incidents"
            yield "[thresholds]"
            yield from toml[name].splitlines()
    impossible = [one.id for one in found if one.worst is not None and None in one.limits.values()]
    if impossible:
        yield ""
        yield cut(f"No limit blocks as little as that for {', '.join(impossible)}")


def _value(value: float | None, unit: str) -> str:
    return "-" if value is None else cut(value_text(value, unit), 10)


def _facts(report: BacktestReport, written: Mapping[str, str]) -> Iterator[str]:
    yield cut(
        f"Source: {report.source.location}, {counted(report.queries, 'range query')}, "
        f"{report.duration:.1f} s".replace("querys", "queries")
    )
    yield cut(f"Configuration: {report.configuration or 'none'}")
    if report.environment:
        yield cut(f"Environment: {report.environment}")
    if report.selection:
        yield cut(f"Selection: {report.selection}")
    if report.left_out:
        names = ", ".join(report.left_out)
        yield cut(f"Left out, as no criterion: {counted(len(report.left_out), 'test')}: {names}")
    for problem in report.problems:
        yield cut(f"Problem: {problem}")
    for notice in report.notices:
        yield cut(f"Notice: {notice}")
    for path, option in written.items():
        yield f"Wrote: {path} ({option})"
