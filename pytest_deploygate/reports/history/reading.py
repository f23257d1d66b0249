"""A history read back from its file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from pytest_deploygate.core.context import Context
from pytest_deploygate.core.errors import ConfigurationError
from pytest_deploygate.core.history import Entry, Failure, History
from pytest_deploygate.core.text import printable
from pytest_deploygate.core.verdict import Verdict


def read(path: Path, *, begin: float, end: float, environment: str = "") -> History:
    """The entries of a file in a span of time.

    A line that is not an entry, such as the last one of a process that was killed, is counted and
    left out.

    Args:
        path: what ``--gate-history`` wrote.
        begin: Unix seconds.
        end: Unix seconds.
        environment: only entries of this environment; empty for all.

    Raises:
        ConfigurationError: the file cannot be read, or no line of it is an entry.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise ConfigurationError(
            f"{path}: {error.strerror}; give a file of --gate-history"
        ) from None
    found = [_entry(line) for line in lines if line.strip()]
    entries = [one for one in found if one is not None]
    if found and not entries:
        raise ConfigurationError(f"{path}: is not a history; give a file of --gate-history")
    wanted = (one for one in entries if begin <= one.time <= end)
    kept = [one for one in wanted if environment in ("", one.environment)]
    return History(
        file=str(path),
        begin=begin,
        end=end,
        entries=tuple(sorted(kept, key=lambda one: one.time)),
        torn=len(found) - len(entries),
    )


def _entry(line: bytes) -> Entry | None:
    try:
        given = json.loads(line)
        return Entry(
            time=datetime.fromisoformat(given["time"]).timestamp(),
            verdict=Verdict(given["verdict"]),
            partial=bool(given["partial"]),
            environment=_text(given["environment"]),
            context=Context(**{k: _text(v or "") for k, v in given["context"].items()}),
            checks=int(given["checks"]),
            problems=tuple(map(_text, given["problems"])),
            failed=tuple(map(_failure, given["failed"])),
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return None


def _failure(given: Mapping[str, Any]) -> Failure:
    names = ("id", "name", "status", "reason", "message")
    return Failure(**{name: _text(given[name]) for name in names})


def _text(given: object) -> str:
    """Whoever can write the file can write anything into it."""
    return printable(str(given))
