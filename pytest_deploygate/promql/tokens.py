"""The tokens of a PromQL expression, as far as it takes to find its selectors in the text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from pytest_deploygate.core.durations import seconds
from pytest_deploygate.core.errors import ConfigurationError

# Also what the parser would refuse: a text with a variable in it is read before it is PromQL.
_TOKEN = re.compile(
    r"""
      (?P<comment>\#[^\n]*)
    | (?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`)
    | (?P<number>\.?[0-9][\w.]*)
    | (?P<name>[A-Za-z_:][\w:]*)
    | (?P<space>\s+)
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_GROUPING = frozenset({"by", "without", "on", "ignoring", "group_left", "group_right"})
# Words that are no metric where they stand alone. PromQL ignores their case.
_WORDS = _GROUPING | {"and", "or", "unless", "atan2", "bool", "offset", "inf", "nan"}


class Token(NamedTuple):
    """A part of an expression: ``comment``, ``string``, ``number``, ``name`` or ``other``."""

    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        """Where the text goes on behind it."""
        return self.start + len(self.text)


class Place(NamedTuple):
    """Where matchers can be added to a selector: at this position, between these two texts."""

    position: int
    before: str
    after: str = ""


def tokens(expr: str) -> Iterator[Token]:
    """Every token but white space."""
    for match in _TOKEN.finditer(expr):
        if match.lastgroup != "space":
            yield Token(match.lastgroup or "", match[0], match.start())


def has_ends(expr: str) -> bool:
    """Whether an expression has ``@ start()`` or ``@ end()``: it depends on its range's ends."""
    if "@" not in expr:
        return False
    read = [token.text.lower() for token in tokens(expr) if token.kind != "comment"]
    return any(at == "@" and end in ("start", "end") for at, end in pairwise(read))


def window(expr: str) -> float | None:
    """The seconds that every range selector of an expression looks back; None if they differ."""
    found = set()
    read = [token.text for token in tokens(expr) if token.kind != "comment"]
    for before, text, after in zip(read, read[1:], read[2:], strict=False):
        if before == "[":
            found.add(text if after == "]" else "")
    try:
        return seconds(found.pop()) if len(found) == 1 else None
    except ConfigurationError:  # a subquery, or a length that is computed
        return None


def places(expr: str) -> list[Place]:
    """Where each alternative of each selector takes matchers, in the order of the text.

    It reads the text without a grammar. Whoever adds something at these places must have the
    parser confirm it.
    """
    found: list[Place] = []
    read = [token for token in tokens(expr) if token.kind != "comment"]
    at = 0
    while at < len(read):
        token = read[at]
        if token.text == "{":
            at = _braces(read, at, found)
        elif token.text == "[":
            at = _behind(read, at, "]")
        elif token.kind == "name":
            at = _name(read, at, found)
        else:
            at += 1
    return found


def _braces(read: Sequence[Token], at: int, found: list[Place]) -> int:
    """The matchers from a ``{`` on; ``or`` between them is MetricsQL."""
    for before, token in zip(read[at:], read[at + 1 :], strict=False):
        at += 1
        separates = token.text.lower() == "or" and before.kind == "string"
        if separates or token.text == "}":
            found.append(Place(before.end, "" if before.text in ("{", ",", "or", "OR") else ","))
        if token.text == "}":
            break
    return at + 1


def _name(read: Sequence[Token], at: int, found: list[Place]) -> int:
    word, following = read[at].text.lower(), _text(read, at + 1)
    if word in _GROUPING and following == "(":
        return _behind(read, at, ")")
    # A function, or an aggregation whose labels come first: sum by (job) (x)
    called = following == "(" or following.lower() in ("by", "without")
    if word not in _WORDS and not called and following != "{":
        found.append(Place(read[at].end, "{", "}"))
    return at + 1


def _text(read: Sequence[Token], at: int) -> str:
    return read[at].text if at < len(read) else ""


def _behind(read: Sequence[Token], at: int, closing: str) -> int:
    while at < len(read) and read[at].text != closing:
        at += 1
    return at + 1
