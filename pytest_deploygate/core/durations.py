"""Durations as Prometheus writes them, to seconds and back."""

from __future__ import annotations

import re
from datetime import timedelta

from pytest_deploygate.core.errors import ConfigurationError

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|[smhdw]))+")
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdw])")

Duration = float | str | timedelta


def seconds(given: Duration, *, zero: bool = False) -> float:
    """The seconds of a duration: a number, a ``timedelta``, or a text such as ``5m`` or ``1h30m``.

    Args:
        given: the duration.
        zero: whether it may be zero.

    Raises:
        ConfigurationError: it is none of these, or it is not above zero, or it is not finite.
    """
    if isinstance(given, timedelta):
        value = given.total_seconds()
    elif isinstance(given, str):
        value = _parse(given)
    else:
        value = _finite(given)
    if zero and value == 0:
        return 0.0
    if not 0 < value < float("inf"):
        raise ConfigurationError(f"duration {given!r} must be above zero, such as '5m' or '2h'")
    return value


def _finite(given: float) -> float:
    try:
        return float(given)
    except (TypeError, ValueError, OverflowError):  # None, a list, a number of 400 digits
        raise _not_a_duration(given) from None


def _parse(text: str) -> float:
    if not _DURATION.fullmatch(text):
        raise _not_a_duration(text)
    return sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text))


def _not_a_duration(given: object) -> ConfigurationError:
    return ConfigurationError(
        f"{given!r} is not a duration; write it as '30s', '5m', '2h' or '1h30m'"
    )


def spoken(duration: float) -> str:
    """Seconds in their largest two units: ``20m``, ``1h30m``, ``45s``; also valid in PromQL."""
    whole = round(duration)
    parts = []
    for unit in ("d", "h", "m", "s"):
        count, whole = divmod(whole, int(_SECONDS[unit]))
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts[:2]) or "0s"


_WORDS = {"d": "day", "h": "hour", "m": "minute", "s": "second"}


def in_words(duration: float) -> str:
    """Seconds in their largest two units, in full: ``5 minutes``, ``1 hour 30 minutes``."""
    parts = re.findall(r"(\d+)([dhms])", spoken(duration))
    return " ".join(f"{n} {_WORDS[unit]}{'' if n == '1' else 's'}" for n, unit in parts)
