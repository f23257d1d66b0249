"""What was given for an option, converted to the value that the settings hold."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from pytest_deploygate.config.options import Option, OptionType
from pytest_deploygate.core.durations import seconds
from pytest_deploygate.core.errors import ConfigurationError

# Unix seconds. A greater number is Unix milliseconds by mistake.
_YEAR_10000 = 253_402_300_800.0


def converted(option: Option, given: Any, directory: Path) -> object:
    """The value of an option: a path, a number, seconds ... as its type says.

    Args:
        option: what the value was given for.
        given: a text of the command line, or a value of the file.
        directory: where a relative path starts.

    Raises:
        ConfigurationError: the value cannot be used. The message does not name the option.
    """
    if option.type in ("path", "output", "log"):
        return directory / given
    return _CONVERTERS[option.type](given)


def unix_seconds(text: str) -> float:
    """A time in Unix seconds, given as RFC 3339 with its offset, or as Unix seconds.

    Raises:
        ConfigurationError: it is neither, or it has no offset, or it is out of range.
    """
    try:
        value = float(text)
    except ValueError:
        value = _rfc3339(text)
    if not 0 < value < _YEAR_10000:
        raise _not_a_time(text)
    return round(value, 3)


def _rfc3339(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _not_a_time(text) from None
    if moment.tzinfo is None:
        raise ConfigurationError(
            f"{text!r} has no offset from UTC; write it as 2026-01-31T12:00:00Z"
        )
    return moment.timestamp()


def _not_a_time(text: str) -> ConfigurationError:
    return ConfigurationError(
        f"{text!r} is not a time; write RFC 3339 (2026-01-31T12:00:00Z) or Unix seconds"
    )


def _count(given: Any) -> int:
    text = str(given)
    if not text.isdecimal() or int(text) < 1:
        raise ConfigurationError(f"{given!r} is not a whole number above zero")
    return int(text)


def numbers(given: Iterable[str]) -> dict[str, float]:
    """Numbers by their key, each given as KEY=VALUE.

    Raises:
        ConfigurationError: one has no key, or its value is not a finite number.
    """
    return dict(_number(text) for text in given)


def _number(text: str) -> tuple[str, float]:
    key, equals, value = text.partition("=")
    key = key.strip()
    if not equals or not key:
        raise ConfigurationError(f"{text!r}: write it as KEY=VALUE, such as fast_p95_max=3")
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ConfigurationError(
            f"{text!r}: {value!r} is not a finite number; write a ratio as a share of one, "
            "such as 0.005 for 0.5 %"
        )
    return key, number


def _texts(given: Iterable[str]) -> dict[str, str]:
    return dict(_text(text) for text in given)


def _text(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    name = name.strip()
    if not equals or not name:
        raise ConfigurationError(f"{text!r}: write it as NAME=VALUE, such as namespace=prod")
    # An unset variable of a pipeline: NAME="" would select the series without the label.
    if not value:
        raise ConfigurationError(f"{text!r}: the value is empty; give a value, or leave it out")
    return name, value


_CONVERTERS: Mapping[OptionType, Callable[[Any], object]] = {
    "text": str,
    "flag": bool,
    "numbers": numbers,
    "texts": _texts,
    "duration": seconds,
    "length": partial(seconds, zero=True),
    "count": _count,
    "time": unix_seconds,
}
