"""Secrets, and keeping them out of everything that is written."""

from __future__ import annotations

import html
import json
import re
from typing import Any
from urllib.parse import quote, quote_plus

# The last @ of a URL's authority ends its credentials, which may hold an @ themselves.
_USERINFO = re.compile(r"://[^/\s'\"<>]*@")
_HIDDEN = "***"


class Secret:
    """A string that shows itself only on demand, never in a repr, a traceback or a log."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The string itself, for the one place that sends it."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret({_HIDDEN!r})"

    __str__ = __repr__


class Redactor:
    """Replaces known secrets, and the credentials of any URL, wherever they turn up."""

    def __init__(self) -> None:
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def add(self, secret: str) -> None:
        """Remember a secret; what is too short to be one would only garble the text."""
        if len(secret) > 3:
            self._forms |= _written_forms(secret)
            longest_first = sorted(self._forms, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(_found, longest_first)))

    def text(self, text: str) -> str:
        """The text without secrets. To be asked before a text is cut: half of one is one too."""
        if self._pattern is not None:
            text = self._pattern.sub(_HIDDEN, text)
        return _USERINFO.sub(f"://{_HIDDEN}@", text)

    def document(self, value: Any) -> Any:
        """A JSON document whose texts hold no secret; its keys are names, and stay."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {key: self.document(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.document(item) for item in value]
        return value


def _found(form: str) -> str:
    """The pattern of a text, which pprint breaks behind white space into two literals."""
    return re.escape(form).replace(r"\ ", r"\ (?:['\"]\s+['\"])?")


def _written_forms(secret: str) -> set[str]:
    """A secret as it is written in URLs, forms, pages, JSON and Python's own texts of errors."""
    percent = {quote(secret, safe="", errors="replace"), quote(secret, errors="replace")}
    percent.add(quote_plus(secret, errors="replace"))
    lower = {re.sub("%..", lambda found: found[0].lower(), text) for text in percent}
    escaped = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    escaped |= {text.replace("/", r"\/") for text in escaped}
    escaped |= {repr(secret)[1:-1], html.escape(secret), html.escape(secret, quote=False)}
    data = secret.encode("utf-8", "replace")
    return {secret, data.decode("latin-1"), repr(data)[2:-1], *percent, *lower, *escaped}
