"""``$window`` in an expression, which a kind of criterion replaces by windows of its own."""

from __future__ import annotations

import re

from pytest_deploygate.promql.expressions import duration

_WINDOW = re.compile(r"\$(?:window\b|\{window\})")


def has_window(template: str) -> bool:
    """Whether an expression says where the length of a window goes."""
    return bool(_WINDOW.search(template))


def in_window(template: str, length: float) -> str:
    """The expression with a window of so many seconds."""
    return _WINDOW.sub(duration(length), template)
