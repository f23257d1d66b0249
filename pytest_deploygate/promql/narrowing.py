"""Add label matchers to every selector of an expression.

The matchers are added to the text, because the parser cannot write what it has read: it rounds
numbers and times, and loses the colon of a subquery. The parser then has to confirm that the
result is the same expression with these matchers and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from pytest_deploygate.core.errors import ConfigurationError
from pytest_deploygate.core.text import printable
from pytest_deploygate.promql.expressions import string
from pytest_deploygate.promql.tokens import Place, places

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_METRIC = "__name__"
_EXAMPLE = 'write them as in namespace="prod",app=~"checkout|cart"'


class Matcher(NamedTuple):
    """A label matcher; ``operator`` is ``=``, ``!=``, ``=~`` or ``!~``."""

    name: str
    operator: str
    value: str

    @property
    def expr(self) -> str:
        """The matcher in PromQL."""
        name = self.name if _PLAIN.fullmatch(self.name) else string(self.name)
        return f"{name}{self.operator}{string(self.value)}"

    @property
    def wording(self) -> str:
        """The matcher in a message: ``namespace=prod``."""
        return f"{self.name}{self.operator}{self.value}"

    def accepts(self, labels: Mapping[str, str]) -> bool:
        """Whether a series with these labels is selected."""
        found = labels.get(self.name, "")
        if self.operator in ("=", "!="):
            return (found == self.value) == (self.operator == "=")
        try:
            return bool(re.fullmatch(self.value, found, re.DOTALL)) == (self.operator == "=~")
        except re.error:  # a pattern that only Go's library knows
            return True

    @property
    def takes_missing(self) -> bool:
        """Whether it matches a series without the label, too: PromQL takes that for empty."""
        pattern = self.operator in ("=~", "!~")
        empty = _matches_empty(self.value) if pattern else not self.value
        return empty == (self.operator in ("=", "=~"))

    @property
    def or_missing(self) -> Matcher:
        """The matcher that takes series without the label as well."""
        if self.takes_missing:
            return self
        if self.operator in ("!=", "!~"):  # it refuses the empty value: that the label is there
            return Matcher(self.name, "=~", ".*")
        pattern = self.value if self.operator == "=~" else escaped(self.value)
        return Matcher(self.name, "=~", f"(?:{pattern})?")


Matchers = tuple[Matcher, ...]


class NotNarrowable(ConfigurationError):
    """An expression to which matchers cannot be added safely; the message says why."""


def matchers(text: str, origin: str) -> Matchers:
    """The matchers in a text such as ``namespace="prod",app="checkout"``.

    Args:
        text: what was given; empty for none.
        origin: where it was given, for messages.

    Raises:
        ConfigurationError: it is something else.
    """
    if not text.strip():
        return ()
    import promql_parser

    bare = text.strip()
    bare = bare[1:-1] if bare.startswith("{") and bare.endswith("}") else bare
    try:
        node: Any = promql_parser.parse(f"x{{{bare}\n}}")
    except ValueError as error:
        why = printable(str(error), 100)
        raise ConfigurationError(f"{origin}: {text!r}: {why}; {_EXAMPLE}") from None
    if not isinstance(node, promql_parser.VectorSelector) or node.matchers.or_matchers:
        raise ConfigurationError(f"{origin}: {text!r} is not a list of matchers; {_EXAMPLE}")
    found = matchers_of(node)
    if any(one.name == _METRIC for one in found):
        raise ConfigurationError(
            f"{origin}: {text!r} names a metric, which would replace the metric of every query; "
            f"{_EXAMPLE}"
        )
    return found


def matchers_of(selector: Any) -> Matchers:
    """The matchers of a parsed selector, besides the name that stands before them."""
    return tuple(_matchers(selector.matchers.matchers))


@lru_cache(maxsize=4096)
def narrowed(expr: str, added: Matchers) -> str:
    """The expression with these matchers in every selector; one that has them stays as it is.

    Raises:
        NotNarrowable: the parser does not confirm the result.
    """
    if not added:
        return expr
    alternatives = [one for selector in _selectors(expr) for one in selector.alternatives]
    missing = [[one for one in added if one not in there] for there in alternatives]
    found = places(expr)
    if len(found) != len(missing):
        raise NotNarrowable("its selectors cannot be told from the rest")
    text = _inserted(expr, found, missing)
    _refuse_other(expr, text, added)
    return text


def escaped(text: str) -> str:
    """A pattern that matches only this text."""
    # re.escape would escape white space too, which Go's regular expressions do not know.
    return re.sub(r"([\\.+*?()|\[\]{}^$])", r"\\\1", text)


class _Selector(NamedTuple):
    """One selector: everything about it, and the matchers of each alternative."""

    rest: tuple[str, str, str]
    alternatives: tuple[frozenset[Matcher], ...]


def _selectors(expr: str) -> list[_Selector]:
    import promql_parser

    found: list[_Selector] = []

    def visit(node: Any) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            found.append(_selector(node))
        elif isinstance(node, promql_parser.Call) and node.func.name == "info":
            raise NotNarrowable("info() chooses series by itself")

    try:
        parsed = promql_parser.parse(expr)
    except ValueError as error:
        raise NotNarrowable(f"it cannot be parsed: {printable(str(error), 200)}") from None
    promql_parser.walk(parsed, pre_visit=visit)
    return found


def _selector(node: Any) -> _Selector:
    given = node.matchers
    # The parser keeps the matchers before the first "or" among the alternatives.
    groups = given.or_matchers or [given.matchers]
    return _Selector(
        (str(node.name), str(node.offset), str(node.at and (node.at.type, node.at.at))),
        tuple(frozenset(_matchers(group)) for group in groups),
    )


def _matchers(given: Iterable[Any]) -> Iterator[Matcher]:
    from promql_parser import MatchOp

    operators = ((MatchOp.Equal, "="), (MatchOp.NotEqual, "!="), (MatchOp.Re, "=~"))
    for one in given:
        operator = next((text for op, text in operators if one.op == op), "!~")
        yield Matcher(one.name, operator, one.value)


def _inserted(expr: str, found: Sequence[Place], missing: Sequence[Sequence[Matcher]]) -> str:
    parts, done = [], 0
    for place, lacking in zip(found, missing, strict=True):
        if lacking:
            text = ",".join(one.expr for one in lacking)
            parts += [expr[done : place.position], place.before, text, place.after]
            done = place.position
    return "".join([*parts, expr[done:]])


def _refuse_other(expr: str, text: str, added: Matchers) -> None:
    """Confirm that all that was added is a matcher of a selector, and that each one has it.

    As many texts were added as there are alternatives. If every one of them got its matchers, no
    text is left that could be a part of anything else.
    """
    wanted = [
        one._replace(alternatives=tuple(group | set(added) for group in one.alternatives))
        for one in _selectors(expr)
    ]
    if _selectors(text) != wanted:
        raise NotNarrowable("the parser reads something else in the result")


def _matches_empty(pattern: str) -> bool:
    try:
        return re.fullmatch(pattern, "") is not None
    except re.error:  # one that only Go's library knows
        return False
