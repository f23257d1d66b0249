"""The checks that freezes are: judged once, at the start of a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, tzinfo
from typing import NamedTuple

from pytest_deploygate.core.freezes import AnyFreeze, CalendarFreeze, Period
from pytest_deploygate.core.result import Reason, Result, Status
from pytest_deploygate.core.severity import Severity
from pytest_deploygate.core.text import printable
from pytest_deploygate.engine.outcome import failed_status

_WEEK = 7 * 86_400.0


class _Named(NamedTuple):
    """A freeze with the periods that matter now, or why they are not known."""

    name: str
    severity: Severity
    periods: Sequence[Period] = ()
    error: str = ""


def judged(freezes: Iterable[AnyFreeze], at: float) -> tuple[Result, ...]:
    """A result for each freeze, for a calendar one for each of its events' names.

    Args:
        freezes: of the configuration.
        at: the evaluation time, in Unix seconds.

    Raises:
        ConfigurationError: what reads calendars is not installed.
    """
    found: dict[str, Result] = {}
    for one in (named for freeze in freezes for named in _named(freeze, at)):
        result = _result(one, at)
        name, number = result.id, 2
        while result.id in found:
            result = result._replace(id=f"{name}-{number}")
            number += 1
        found[result.id] = result
    return tuple(found.values())


def _named(freeze: AnyFreeze, at: float) -> Iterator[_Named]:
    if not isinstance(freeze, CalendarFreeze):
        yield _Named(freeze.name, freeze.severity, tuple(freeze.periods(at)))
        return
    from pytest_deploygate.engine.calendars import CalendarError, events

    try:
        found = events(freeze, at, at + _WEEK)
    except CalendarError as error:
        yield _Named(freeze.written, freeze.severity, error=f"{freeze.file}: {error}")
        return
    for name, periods in found.items():
        yield _Named(name, freeze.severity, periods)
    if not found:
        yield _Named(freeze.written, freeze.severity)


def _result(freeze: _Named, at: float) -> Result:
    name = printable(freeze.name)
    now = [period for period in freeze.periods if period.holds(at)]
    coming = [one for one in freeze.periods if at < one.begin <= at + _WEEK]
    status, reason = failed_status(freeze.severity), Reason.BREACH
    if freeze.error:
        reason, message = Reason.ERROR, freeze.error
    elif now:
        last = max(now, key=lambda one: one.end)
        message = f"change freeze {name} until {_spoken(last.end, last.zone, at)}"
    else:
        status, reason = Status.GO, Reason.OK
        first = min(coming, default=None, key=lambda one: one.begin)
        begins = f"; the next one begins {_spoken(first.begin, first.zone, at)}" if first else ""
        message = f"no change freeze now{begins or ', none within a week'}"
    return Result(
        id=f"freeze[{name}]",
        name=f"Freeze {name}",
        severity=freeze.severity,
        status=status,
        reason=reason,
        message=printable(message),
        timestamp=at,
    )


def _spoken(moment: float, zone: tzinfo, at: float) -> str:
    """``Mon 30 Nov, 23:59 (Europe/Berlin)``; with the year where it is another one."""
    local = datetime.fromtimestamp(moment, zone)
    year = f" {local.year}" if local.year != datetime.fromtimestamp(at, zone).year else ""
    place = getattr(zone, "key", "") or datetime.fromtimestamp(moment, zone).tzname() or "UTC"
    return f"{local:%a} {local.day} {local:%b}{year}, {local:%H:%M} ({place})"
