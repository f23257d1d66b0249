"""Variables in queries and titles: ``$NAME`` and ``${NAME}``; ``$$`` is a literal ``$``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from pytest_deploygate.core.errors import ConfigurationError, did_you_mean

RESERVED = ("side", "window")
"""Names that a kind of criterion replaces itself; so are all that begin with two underscores."""

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
# "$1" and "${1}" are groups of label_replace, and a "$" at the end of a pattern is its anchor.
_VARIABLE = re.compile(rf"\$(?:(\$)|({_NAME})|\{{({_NAME})\}})")
_PARTS = re.compile(
    r"""(?P<comment>\#[^\n]*)|(?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`)""",
    re.DOTALL,
)
# A metric, a number, a duration: what cannot be more than one token of PromQL.
_BARE = re.compile(r"[-+]?[\w:.]+", re.ASCII)


class Variables:
    """The variables of a run, and which of them were used.

    Args:
        values: by name, without the ``$``.
        origins: where each was given, for messages.

    Attributes:
        used: the names that a text has asked for.

    Raises:
        ConfigurationError: a name cannot be used.
    """

    def __init__(self, values: Mapping[str, str], origins: Mapping[str, str]) -> None:
        for name in values:
            _refuse_name(name, origins.get(name, name))
        self.values = values
        self.used: set[str] = set()

    def in_query(self, expr: str, owner: str) -> str:
        """An expression with its variables replaced.

        In a string a value stays a part of the string, whatever characters it has. A comment stays
        as it is.

        Args:
            expr: PromQL.
            owner: what the expression belongs to, for messages.

        Raises:
            ConfigurationError: a variable is not defined, or its value cannot stand here.
        """
        if "$" not in expr:
            return expr
        parts, done = [], 0
        for match in _PARTS.finditer(expr):
            parts.append(self._replaced(expr[done : match.start()], owner, _bare))
            text, quote = match[0], match[0][0]
            escape = _ESCAPES.get(quote)
            parts.append(self._replaced(text, owner, escape) if escape else text)
            done = match.end()
        return "".join([*parts, self._replaced(expr[done:], owner, _bare)])

    def in_text(self, text: str, owner: str) -> str:
        """A text for people with its variables replaced.

        Raises:
            ConfigurationError: a variable is not defined.
        """
        return self._replaced(text, owner, lambda name, value: value) if "$" in text else text

    def _replaced(self, text: str, owner: str, written: Callable[[str, str], str]) -> str:
        def value(match: re.Match[str]) -> str:
            name = match[2] or match[3]
            if not name:
                return "$"
            if is_reserved(name):
                return match[0]
            if name not in self.values:
                raise ConfigurationError(
                    f"{owner}: ${name} is not defined, {did_you_mean(name, self.values)}; define "
                    f"it with --gate-var {name}=VALUE, or write $$ for a literal $"
                )
            self.used.add(name)
            try:
                return written(name, self.values[name])
            except ConfigurationError as error:
                raise ConfigurationError(f"{owner}: {error}") from None

        return _VARIABLE.sub(value, text)


def is_reserved(name: str) -> bool:
    """Whether a variable is not the user's to define."""
    return name in RESERVED or name.startswith("__")


def has_reserved(expr: str) -> bool:
    """Whether an expression has variables that its kind still has to replace."""
    return any(is_reserved(one[2] or one[3] or "") for one in _VARIABLE.finditer(expr))


def _refuse_name(name: str, origin: str) -> None:
    if not re.fullmatch(_NAME, name):
        raise ConfigurationError(
            f"{origin}: {name!r} is not the name of a variable; write letters, digits and _"
        )
    if is_reserved(name):
        raise ConfigurationError(f"{origin}: ${name} is reserved; choose another name")


def _bare(name: str, value: str) -> str:
    if not _BARE.fullmatch(value):
        raise ConfigurationError(
            f"${name} does not stand in a string, and {value!r} is not a name, a number or a "
            f'duration; write "${name}", or give another value'
        )
    return value


def _quoted(quote: str) -> Callable[[str, str], str]:
    def escape(name: str, value: str) -> str:
        text = value.replace("\\", r"\\").replace(quote, f"\\{quote}")
        return text.replace("\n", r"\n").replace("\r", r"\r")

    return escape


def _raw(name: str, value: str) -> str:
    if "`" in value:
        raise ConfigurationError(
            f"${name} stands in a string of backticks, and {value!r} has one; write the string "
            'with "'
        )
    return value


_ESCAPES: Mapping[str, Callable[[str, str], str]] = {
    '"': _quoted('"'),
    "'": _quoted("'"),
    "`": _raw,
}
