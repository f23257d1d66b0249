"""Durations as Prometheus writes them, and back."""

from __future__ import annotations

import re
from datetime import timedelta

from pytest_deploygate.core.errors import ConfigurationError

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|[smhdw]))+")
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdw])")

Duration = float | str | timedelta


def seconds(given: Duration) -> float:
    """Seconds of a number, a ``timedelta`` or a string such as ``5m`` or ``1h30m``.

    Raises:
        ConfigurationError: it is none of these, or not positive.
    """
    if isinstance(given, timedelta):
        value = given.total_seconds()
    elif isinstance(given, str):
        value = _parse(given)
    else:
        value = float(given)
    if not 0 < value < float("inf"):
        raise ConfigurationError(f"duration {given!r}: must be above zero, such as '5m' or '2h'")
    return value


def _parse(text: str) -> float:
    if not _DURATION.fullmatch(text):
        raise ConfigurationError(f"duration {text!r}: write it as '30s', '5m', '2h' or '1h30m'")
    return sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text))


def spoken(duration: float) -> str:
    """A duration in its largest two units: ``20m``, ``1h30m``, ``45s``; also valid PromQL."""
    whole = round(duration)
    parts = []
    for unit in ("d", "h", "m", "s"):
        count, whole = divmod(whole, int(_SECONDS[unit]))
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts[:2]) or "0s"
