"""``[[waivers]]`` of the configuration file."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from pytest_deploygate.config.values import unix_seconds
from pytest_deploygate.core.durations import spoken
from pytest_deploygate.core.errors import ConfigurationError
from pytest_deploygate.core.waivers import Waiver

LONGEST = 14 * 86400.0
"""The most seconds that a waiver may last."""


def text_schema(description: str) -> dict[str, Any]:
    """The JSON Schema of a text that says something."""
    return {"type": "string", "pattern": r"\S", "description": description}


# TOML has dates, and JSON Schema does not: a time is read below.
TIME = {"title": "time"}
"""The JSON Schema of a time, a date of TOML or a text."""

SCHEMA: Mapping[str, Any] = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "check": text_schema("id of a check, or a pattern; * and ? match anything"),
            "reason": text_schema("why the check may fail"),
            "by": text_schema("who lets it"),
            "ticket": text_schema("where to read more"),
            "labels": {
                "type": "object",
                "additionalProperties": {"type": "string"},
                "description": "only a failure of the series with these labels is waived",
            },
            "from": {**TIME, "description": "when it begins; else it holds already"},
            "until": {**TIME, "description": "when it ends, at most 14 days after it begins"},
            "at_most": {"type": "number", "description": "a higher value fails"},
            "at_least": {"type": "number", "description": "a lower value fails"},
            "no_data": {"type": "boolean", "description": "whether it waives no data, too"},
        },
        "required": ["check", "reason", "by", "until"],
        "additionalProperties": False,
    },
    "description": "who lets which failing check pass, and until when",
}


def waivers(tables: Iterable[Mapping[str, Any]], now: float) -> tuple[Waiver, ...]:
    """The waivers of these tables, which keep to :data:`SCHEMA`.

    Args:
        tables: in their order.
        now: the wall clock, in Unix seconds.

    Raises:
        ConfigurationError: a time cannot be used; the message begins with its key.
    """
    return tuple(_waiver(table, now) for table in tables)


def _waiver(table: Mapping[str, Any], now: float) -> Waiver:
    key = f"waivers.{table['check']}"
    begin = instant(table["from"], f"{key}.from") if "from" in table else -math.inf
    until = instant(table["until"], f"{key}.until")
    if until < begin:
        raise ConfigurationError(f"{key}.until: is before its from; give a later time")
    since, after = (now, "now") if math.isinf(begin) else (begin, "its from")
    if until - since > LONGEST:
        raise ConfigurationError(
            f"{key}.until: is {spoken(until - since)} after {after}; a waiver lasts "
            f"{spoken(LONGEST)} at most"
        )
    for name in ("at_most", "at_least"):
        if not math.isfinite(table.get(name, 0)):
            raise ConfigurationError(f"{key}.{name}: {table[name]} is not a finite number")
    return Waiver(
        check=table["check"],
        by=table["by"],
        reason=table["reason"],
        until=until,
        begin=begin,
        ticket=table.get("ticket", ""),
        labels=tuple(table.get("labels", {}).items()),
        at_most=table.get("at_most"),
        at_least=table.get("at_least"),
        no_data=table.get("no_data", False),
    )


def instant(given: object, key: str) -> float:
    """A time of the file in Unix seconds: TOML's own, with its offset, or a text of RFC 3339.

    Raises:
        ConfigurationError: it is something else; the message begins with the key.
    """
    if isinstance(given, datetime | date):
        given = given.isoformat()
    elif not isinstance(given, str) or given.replace(".", "", 1).isdigit():
        raise ConfigurationError(f"{key}: {given!r} is not a time; write 2026-01-31T12:00:00Z")
    try:
        return unix_seconds(given)
    except ConfigurationError as error:
        raise ConfigurationError(f"{key}: {error}") from None
