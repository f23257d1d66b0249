"""The notation of series in promtool's unit tests, as samples.

The rules are those of Prometheus' own parser of ``input_series`` (``generated_parser.y`` and
``lexValueSequence`` in ``promql/parser``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from pytest_deploygate.core.errors import ConfigurationError
from pytest_deploygate.core.text import printable

STALE: Final = "stale"
"""In place of a value: the series ended here."""

Sample = float | str | None
"""A value, :data:`STALE`, or None where there is no sample."""

MOST_VALUES = 1_000_000

_NUMBER = r"(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?"
_ITEM = re.compile(
    rf"""
      _ (?: x (?P<blanks>\d+) )?
    | (?P<first> [-+]? {_NUMBER} | [-+]? inf | [-+]? nan | stale )
      (?: (?P<step> [-+] {_NUMBER} )? x (?P<times>\d+) )?
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
# The parser reads a word and the x behind it as one word: infx3 is none that it knows.
_WORD_TIMES = re.compile(r"(?:inf|nan|stale)x\d+", re.IGNORECASE)
_ALLOWED = "numbers, _, _x5, stale, 1x5 (six times 1), 0+10x5 (0 10 20 30 40 50) and 9-1x5"


def labels(selector: str) -> dict[str, str]:
    """The labels of a series, with its name as ``__name__``.

    Args:
        selector: such as ``http_requests_total{job="app"}``.

    Raises:
        ConfigurationError: it is not the name and labels of one series.
    """
    import promql_parser

    try:
        node = promql_parser.parse(selector)
    except ValueError as error:
        raise _not_one_series(selector, printable(str(error), 100)) from None
    if not isinstance(node, promql_parser.VectorSelector) or node.matchers.or_matchers:
        raise _not_one_series(selector, "it is another expression")
    if node.offset is not None or node.at is not None:
        raise _not_one_series(selector, "it has an offset or a time")
    given = [("__name__", node.name)] if node.name else []
    for matcher in node.matchers.matchers:
        if matcher.op != promql_parser.MatchOp.Equal:
            raise _not_one_series(selector, f"{matcher.name} has another operator than =")
        given.append((matcher.name, matcher.value))
    found = dict(given)
    if len(found) < len(given):
        raise _not_one_series(selector, "it has a label twice")
    if not found.get("__name__"):
        raise _not_one_series(selector, "it has no name")
    return {name: value for name, value in found.items() if value}


def values(text: str) -> list[Sample]:
    """What each point in time has, the oldest first.

    Args:
        text: in promtool's notation, such as ``_x100 0+50x20``.

    Raises:
        ConfigurationError: it is something else, or there are more than a million points.
    """
    found: list[Sample] = []
    for item in text.split():
        found += _expanded(item)
    return found


def _expanded(item: str) -> Iterator[Sample]:
    if "{{" in item:
        raise ConfigurationError(
            f"{item!r}: native histograms are not supported; write the series of a classic "
            "histogram, one for each le"
        )
    match = _ITEM.fullmatch(item)
    if match is None or _WORD_TIMES.fullmatch(item):
        given = printable(item)
        raise ConfigurationError(f"{given!r} is not a value of a series; write {_ALLOWED}")
    blanks, times = int(match["blanks"] or 1), int(match["times"] or 0)
    if max(blanks, times) >= MOST_VALUES:
        raise ConfigurationError(f"{item!r}: a series has at most {MOST_VALUES:,} points")
    if match["first"] is None:
        return iter([None] * blanks)
    return _numbers(match["first"].lower(), float(match["step"] or 0), times)


def _numbers(first: str, step: float, times: int) -> Iterator[Sample]:
    yield STALE if first == STALE else float(first)
    value = float("nan") if first == STALE and step else first
    if value == STALE:
        return
    value = float(value)
    for _ in range(times):
        value += step  # as Prometheus adds it, rounding errors included
        yield value


def _not_one_series(selector: str, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"{printable(selector)!r} is not one series: {why}; write it as "
        'http_requests_total{job="app",status="500"}'
    )
