"""Secrets, and how they are kept out of every output."""

from __future__ import annotations

import html
import json
import re
from typing import Any
from urllib.parse import quote, quote_plus

# The credentials of a URL end at the last @ of its authority: they may contain an @ themselves.
_USERINFO = re.compile(r"://[^/\s'\"<>]*@")
_HIDDEN = "***"
_SHORTEST = 4  # characters; to hide every "a" would make the text unreadable


class Secret:
    """A string that a repr, a traceback or a log does not show."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The string itself; to be called only where it is sent."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret({_HIDDEN!r})"

    __str__ = __repr__


class Redactor:
    """Replaces known secrets, and the credentials in any URL, with ``***``."""

    def __init__(self) -> None:
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def add(self, secret: str) -> None:
        """Hide this secret from now on, unless it is shorter than four characters."""
        if len(secret) >= _SHORTEST:
            self._forms |= _written_forms(secret)
            # A secret may contain another one: what remains of it would be shown.
            longest_first = sorted(self._forms, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(_found, longest_first)))

    def text(self, text: str) -> str:
        """The text without secrets.

        Call it before a text is cut: half of a secret is not recognised.
        """
        if self._pattern is not None:
            text = self._pattern.sub(_HIDDEN, text)
        return _USERINFO.sub(f"://{_HIDDEN}@", text)

    def document(self, value: Any) -> Any:
        """A JSON document without secrets in its texts. Its keys are names, and are kept."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {key: self.document(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.document(item) for item in value]
        return value


def _found(form: str) -> str:
    """A pattern that also finds the text where pprint broke it into two literals at a space."""
    return re.escape(form).replace(r"\ ", r"\ (?:['\"]\s+['\"])?")


def _written_forms(secret: str) -> set[str]:
    """A secret as it is written in URLs, forms, HTML, JSON and Python's error messages."""
    percent = {quote(secret, safe="", errors="replace"), quote(secret, errors="replace")}
    percent.add(quote_plus(secret, errors="replace"))
    lower = {re.sub("%..", lambda found: found[0].lower(), text) for text in percent}
    escaped = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    escaped |= {text.replace("/", r"\/") for text in escaped}
    escaped |= {repr(secret)[1:-1], html.escape(secret), html.escape(secret, quote=False)}
    data = secret.encode("utf-8", "replace")
    return {secret, data.decode("latin-1"), repr(data)[2:-1], *percent, *lower, *escaped}
