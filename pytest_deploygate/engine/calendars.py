"""Events of an iCalendar file: when they are, and what they are called.

Source: RFC 5545. Recurring events are worked out by recurring-ical-events.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

from pytest_deploygate.core.errors import ConfigurationError, GateError
from pytest_deploygate.core.freezes import CalendarFreeze, Period, earliest, latest

_A_DAY = timedelta(days=1)
_UNTITLED = "without a summary"


class CalendarError(GateError):
    """A calendar is missing, or cannot be read."""


def events(freeze: CalendarFreeze, begin: float, end: float) -> dict[str, list[Period]]:
    """The summaries of all events, each with its periods that meet a span of time.

    Args:
        freeze: names the file.
        begin: of the span, in Unix seconds.
        end: of the span, in Unix seconds.

    Raises:
        CalendarError: the file is missing, or cannot be read.
        ConfigurationError: what reads calendars is not installed.
    """
    try:
        import icalendar
        import recurring_ical_events
    except ImportError:
        raise ConfigurationError(
            f"freezes.{freeze.written}: calendars need pip install 'pytest-deploygate[calendar]'"
        ) from None
    try:
        calendar: Any = icalendar.Calendar.from_ical(freeze.file.read_bytes())
    except OSError as error:
        raise CalendarError(f"cannot be read: {error.strerror}") from None
    except Exception as error:  # the library raises what it happens to meet
        raise CalendarError(f"is not an iCalendar file: {error}") from None
    if calendar.name != "VCALENDAR":
        raise CalendarError("is not an iCalendar file: it has no VCALENDAR")
    zone = freeze.zone or _zone_of(calendar)
    try:
        found: dict[str, list[Period]] = {
            _summary(one): [] for one in calendar.walk("VEVENT") if not _is_cancelled(one)
        }
        span = (datetime.fromtimestamp(at, UTC) for at in (begin, end))
        margin_begin, margin_end = next(span) - _A_DAY, next(span) + _A_DAY
        every = recurring_ical_events.of(calendar).between(margin_begin, margin_end)
        for one in every:
            if not _is_cancelled(one):
                found.setdefault(_summary(one), []).append(_period(one, zone))
    except CalendarError:
        raise
    except Exception as error:
        raise CalendarError(f"has an event that cannot be read: {error}") from None
    return found


def _summary(event: Any) -> str:
    return str(event.get("SUMMARY", "")).strip() or _UNTITLED


def _is_cancelled(event: Any) -> bool:
    return str(event.get("STATUS", "")).upper() == "CANCELLED"


def _zone_of(calendar: Any) -> tzinfo | None:
    """The zone of a calendar's times that have none."""
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(str(calendar["X-WR-TIMEZONE"]))
    except (LookupError, ValueError, OSError):
        return None


def _period(event: Any, zone: tzinfo | None) -> Period:
    begin, end = event["DTSTART"].dt, event["DTEND"].dt
    if isinstance(begin, datetime) and begin.tzinfo is not None:
        return Period(begin.timestamp(), end.timestamp(), zone or begin.tzinfo)
    if zone is None:
        raise CalendarError(
            f"the times of {_summary(event)!r} have no zone; give the freeze a timezone"
        )
    return Period(earliest(_local(begin), zone), latest(_local(end), zone), zone)


def _local(moment: date) -> datetime:
    """A day begins at midnight."""
    return moment if isinstance(moment, datetime) else datetime.combine(moment, time())
