"""Text for people: values with their unit, labels, and harmless foreign text."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping

from pytest_deploygate.core.durations import spoken

_COMMAND = re.compile(r"\s*::.*?::")
_HASH_COMMAND = re.compile(r"##(\w*\[)")
SAME = 1e-9
"""Numbers that differ by at most this share are equal: floating-point rounding explains it."""

LONGEST = 500
"""Characters of foreign text that are shown; a longer text is cut, and its length is added."""


def printable(text: str, longest: int = LONGEST) -> str:
    """Foreign text on one line: no control character, no bidirectional mark, no lone surrogate.

    A character that cannot be shown becomes its escape, so that nothing is lost or hidden.
    """
    cut = f"{text[:longest]}… ({len(text)} characters)" if len(text) > longest else text
    if cut.isascii() and cut.isprintable():
        return cut
    return "".join(_shown(character) for character in cut)


def _shown(character: str) -> str:
    if character in "\n\r\t":
        return " "
    # Cc control, Cf format (bidirectional marks), Cs surrogate, Co private use, Zl/Zp separators
    if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"):
        return character.encode("unicode_escape").decode("ascii")
    return character


def printable_block(text: str, longest: int = 20_000) -> str:
    """Foreign text of several lines, each of them harmless."""
    return "\n".join(printable(line, longest) for line in text[:longest].splitlines())


def inert(line: str) -> str:
    """A line that no CI system executes as a command, whatever foreign text it contains.

    GitHub executes ``::name::`` after leading white space, and ``##[name]`` anywhere. Azure and
    TeamCity execute ``##name[``.
    """
    if _COMMAND.match(line):
        line = line.replace("::", ": :", 1)
    return _HASH_COMMAND.sub(r"# #\1", line)


def counted(number: int, thing: str) -> str:
    """A number of things: ``1 check``, ``6,440 checks``."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def labels_text(labels: Mapping[str, str]) -> str:
    """Labels as a person writes them: ``instance=app-1, mode=fast``; without the metric name."""
    shown = (f"{key}={value}" for key, value in sorted(labels.items()) if key != "__name__")
    return ", ".join(shown)


def value_text(value: float, unit: str, digits: int | None = None) -> str:
    """A value with its unit: ``4.92 s``, ``0.234 %``, ``12.45 GiB``, ``120``."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("infinity" if value > 0 else "-infinity")
    if unit == "seconds":
        return _seconds(value, digits)
    if unit == "ratio":
        return f"{_percent(value * 100) if digits is None else f'{value * 100:.{digits}f}'} %"
    if unit == "bytes":
        return _bytes(value, digits)
    number = _plain(value) if digits is None else f"{value:.{digits}f}"
    return f"{number} {unit}".rstrip()


def _plain(value: float) -> str:
    """Four significant digits, but whole up to 999,999: ``1e+05`` is hard to read."""
    return f"{value:.0f}" if 1000 <= abs(value) < 999_999.5 else f"{value:.4g}"


def _percent(value: float) -> str:
    """Three significant digits, without the zeros at the end: ``67.2``, ``60``, ``0.5``."""
    digits = max(1, 2 - math.floor(math.log10(abs(value)))) if value else 0
    text = f"{value:.{min(digits, 15)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _seconds(value: float, digits: int | None) -> str:
    if value and abs(value) < 0.1:
        return f"{_rounded(value * 1000, 1 if digits is None else digits)} ms"
    return f"{value:.{2 if digits is None else digits}f} s"


def _bytes(value: float, digits: int | None) -> str:
    if abs(value) < 1024:
        return f"{_rounded(value, digits or 0)} B"
    value /= 1024
    for unit in ("KiB", "MiB", "GiB"):
        if abs(value) < 1024:
            return f"{_rounded(value, 2 if digits is None else digits)} {unit}"
        value /= 1024
    return f"{_rounded(value, 2 if digits is None else digits)} TiB"


def _rounded(value: float, digits: int) -> str:
    """A small number keeps two significant digits: 0.0004 must not be shown as 0.00."""
    if value and abs(value) < 10**-digits:
        return f"{value:.2g}"
    return f"{value:.{digits}f}"


def same(value: float, limit: float) -> bool:
    """Whether two numbers are equal, apart from floating-point rounding (a billionth at most)."""
    return math.isclose(value, limit, rel_tol=SAME)


def value_and_limit(value: float, limit: float, unit: str) -> tuple[str, str]:
    """Both as text, with enough digits that two different numbers look different."""
    shown, bound = value_text(value, unit), value_text(limit, unit)
    if same(value, limit) or not math.isfinite(value) or shown != bound:
        return shown, bound
    for digits in range(1, 16):
        shown, bound = value_text(value, unit, digits), value_text(limit, unit, digits)
        if shown != bound:
            break
    return shown, bound


def lasting(seconds: float) -> str:
    """How long something has lasted, from ten minutes on in whole minutes: ``45s``, ``22m``."""
    return spoken(seconds if seconds < 600 else seconds // 60 * 60)


SCREEN = 80
"""The columns of a terminal."""


def cut(text: str, width: int = SCREEN) -> str:
    """The text, at most so many characters of it."""
    return text if len(text) <= width else f"{text[: width - 3]}..."
