"""Secrets, and keeping them out of everything that is written."""

from __future__ import annotations

import re
from typing import Any

_USERINFO = re.compile(r"(?<=://)[^/\s@'\"]+@")
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
        self._secrets: set[str] = set()

    def add(self, secret: str) -> None:
        """Remember a secret; what is too short to be one would only garble the text."""
        if len(secret) > 3:
            self._secrets.add(secret)

    def text(self, text: str) -> str:
        """The text without secrets."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, _HIDDEN)
        return _USERINFO.sub(f"{_HIDDEN}@", text) if "://" in text else text

    def document(self, value: Any) -> Any:
        """A JSON document without secrets."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.document(key): self.document(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.document(item) for item in value]
        return value
