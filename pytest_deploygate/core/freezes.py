"""Change freezes: times in which nothing may be deployed.

A local time that a change of clocks skips or repeats is taken so that the freeze is longer.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta, tzinfo
from pathlib import Path
from typing import NamedTuple

from pytest_deploygate.core.severity import Severity

WEEK = timedelta(days=7)
_MIDNIGHT = time()


class Period(NamedTuple):
    """From ``begin`` to just before ``end``, in Unix seconds; ``zone`` is for people."""

    begin: float
    end: float
    zone: tzinfo = UTC

    def holds(self, at: float) -> bool:
        """Whether it holds at a time in Unix seconds."""
        return self.begin <= at < self.end


class FixedFreeze(NamedTuple):
    """One period; ``severity`` is what a deployment in it means."""

    name: str
    severity: Severity
    period: Period

    def periods(self, at: float) -> Iterator[Period]:
        """The periods that may hold at a time (Unix seconds) or begin within a week after it."""
        yield self.period


class WeekTime(NamedTuple):
    """A time of the week: days after Monday, and minutes after midnight."""

    day: int
    minutes: int

    def after(self, monday: datetime) -> datetime:
        """This time in the week of a Monday."""
        return monday + timedelta(days=self.day, minutes=self.minutes)


class WeeklyFreeze(NamedTuple):
    """A period in every week, of local time."""

    name: str
    severity: Severity
    first: WeekTime
    last: WeekTime
    zone: tzinfo

    def periods(self, at: float) -> Iterator[Period]:
        """The same: those of the weeks around a time."""
        today = datetime.fromtimestamp(at, self.zone).date()
        monday = datetime.combine(today - timedelta(days=today.weekday()), _MIDNIGHT)
        for week in (monday - WEEK, monday, monday + WEEK):
            end = self.last.after(week if self.last > self.first else week + WEEK)
            begin = earliest(self.first.after(week), self.zone)
            yield Period(begin, latest(end, self.zone), self.zone)


class CalendarFreeze(NamedTuple):
    """The events of an iCalendar file.

    Attributes:
        written: the file as the configuration names it.
        zone: of events whose times have none; None for the calendar's own.
    """

    file: Path
    written: str
    severity: Severity
    zone: tzinfo | None = None


AnyFreeze = FixedFreeze | WeeklyFreeze | CalendarFreeze


def earliest(local: datetime, zone: tzinfo) -> float:
    """Unix seconds of a local time without a zone, the earlier where there are two meanings."""
    return min(_meanings(local, zone))


def latest(local: datetime, zone: tzinfo) -> float:
    """The same, the later one."""
    return max(_meanings(local, zone))


def _meanings(local: datetime, zone: tzinfo) -> tuple[float, float]:
    first, second = (local.replace(tzinfo=zone, fold=fold).timestamp() for fold in (0, 1))
    return first, second
