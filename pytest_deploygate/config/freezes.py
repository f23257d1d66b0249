"""``[[freezes]]`` of the configuration file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any

from pytest_deploygate.config.waivers import TIME, text_schema
from pytest_deploygate.core.errors import ConfigurationError
from pytest_deploygate.core.freezes import (
    AnyFreeze,
    CalendarFreeze,
    FixedFreeze,
    Period,
    WeeklyFreeze,
    WeekTime,
    earliest,
    latest,
)
from pytest_deploygate.core.severity import Severity

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TIME = rf"({'|'.join(_DAYS)})\s+(\d\d?):(\d\d)"
_WEEKLY = re.compile(rf"\s*{_TIME}\s*-\s*{_TIME}\s*", re.IGNORECASE | re.ASCII)


FORMS = [
    {
        "required": ["name", "from", "to"],
        "properties": dict.fromkeys(("weekly", "calendar"), False),
    },
    {
        "required": ["name", "weekly", "timezone"],
        "properties": dict.fromkeys(("from", "to", "calendar"), False),
    },
    {
        "required": ["calendar"],
        "properties": dict.fromkeys(("name", "from", "to", "weekly"), False),
    },
]
"""The JSON Schemas of a freeze, of which it keeps to one; :func:`freezes` says what is wrong."""

SCHEMA: Mapping[str, Any] = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "name": text_schema("for messages; a waiver names it as freeze[NAME]"),
            "weekly": text_schema("as in fri 16:00 - mon 08:00"),
            "timezone": text_schema("as in Europe/Berlin"),
            "calendar": text_schema("path of an iCalendar file; its events are freezes"),
            "from": {**TIME, "description": "when it begins"},
            "to": {**TIME, "description": "when it ends"},
            "severity": {
                "enum": list(Severity),
                "description": "what it is while it holds: critical (default) is NO-GO",
            },
        },
        "additionalProperties": False,
        "oneOf": FORMS,
    },
    "description": "times in which nothing may be deployed",
}


def freezes(tables: Iterable[Mapping[str, Any]], directory: Path) -> tuple[AnyFreeze, ...]:
    """The freezes of these tables, which keep to :data:`SCHEMA`.

    Args:
        tables: in their order.
        directory: where the path of a calendar begins.

    Raises:
        ConfigurationError: one cannot be used; the message begins with its key.
    """
    found: dict[str, AnyFreeze] = {}
    for number, table in enumerate(tables, start=1):
        called = table.get("name") or table.get("calendar")
        freeze = _freeze(table, f"freezes.{called or number}", directory)
        if called in found:
            raise ConfigurationError(f"freezes.{called}: two have this name; give each its own")
        found[str(called)] = freeze
    return tuple(found.values())


def _freeze(table: Mapping[str, Any], key: str, directory: Path) -> AnyFreeze:
    forms = [form for form in ("from", "weekly", "calendar") if form in table]
    if len(forms) != 1 or ("to" in table) != ("from" in table):
        raise ConfigurationError(f"{key}: give from and to, or weekly, or calendar")
    severity = Severity(table.get("severity", Severity.CRITICAL))
    zone = _zone(table["timezone"], key) if "timezone" in table else None
    if "calendar" in table:
        if "name" in table:
            raise ConfigurationError(f"{key}.name: the events of a calendar have their own names")
        return CalendarFreeze(directory / table["calendar"], table["calendar"], severity, zone)
    if "name" not in table:
        raise ConfigurationError(f"{key}: has no name; give one")
    if "weekly" in table:
        if zone is None:
            raise ConfigurationError(f"{key}: has no timezone; give one, such as Europe/Berlin")
        first, last = _week_times(table["weekly"], key)
        return WeeklyFreeze(table["name"], severity, first, last, zone)
    period = _period(table, key, zone)
    return FixedFreeze(table["name"], severity, period)


def _period(table: Mapping[str, Any], key: str, zone: tzinfo | None) -> Period:
    begin, end = (_moment(table[name], f"{key}.{name}", zone) for name in ("from", "to"))
    seconds = [
        one.timestamp() if one.tzinfo else meaning(one, zone or UTC)
        for one, meaning in ((begin, earliest), (end, latest))
    ]
    if seconds[1] <= seconds[0]:
        raise ConfigurationError(f"{key}.to: is not after its from; give a later time")
    return Period(seconds[0], seconds[1], zone or begin.tzinfo or UTC)


def _moment(given: object, key: str, zone: tzinfo | None) -> datetime:
    """A time with its offset, or one without where the freeze has a timezone."""
    try:
        found = datetime.fromisoformat(given) if isinstance(given, str) else given
    except ValueError:
        found = None
    if not isinstance(found, datetime) or (isinstance(given, str) and len(given) < 16):
        raise ConfigurationError(
            f"{key}: {str(given)!r} is not a time; write 2026-11-27T00:00:00+01:00"
        )
    if found.tzinfo is None and zone is None:
        raise ConfigurationError(
            f"{key}: {str(given)!r} has no offset from UTC; add one, or give the freeze a timezone"
        )
    return found


def _week_times(given: str, key: str) -> tuple[WeekTime, WeekTime]:
    found = _WEEKLY.fullmatch(given)
    if found is not None:
        first, last = _week_time(*found.groups()[:3]), _week_time(*found.groups()[3:])
        if first is not None and last is not None and first != last:
            return first, last
    raise ConfigurationError(
        f"{key}.weekly: {given!r} is not a time of the week; write 'fri 16:00 - mon 08:00'"
    )


def _week_time(day: str, hours: str, minutes: str) -> WeekTime | None:
    total = int(hours) * 60 + int(minutes)
    is_time = int(minutes) < 60 and total <= 24 * 60
    return WeekTime(_DAYS.index(day.lower()), total) if is_time else None


def _zone(name: str, key: str) -> tzinfo:
    from zoneinfo import ZoneInfo, available_timezones

    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        known = available_timezones()
        hint = "write it as Europe/Berlin" if known else "this machine knows none: install tzdata"
        raise ConfigurationError(f"{key}.timezone: {name!r} is not known; {hint}") from None
