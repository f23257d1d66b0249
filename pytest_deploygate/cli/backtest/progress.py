"""A bar on the terminal while queries are under way."""

from __future__ import annotations

import sys
from collections.abc import Iterable

_WIDTH = 30


def shown(progress: Iterable[tuple[int, int]]) -> None:
    """Wait for all answers, with a bar if standard error is a terminal."""
    stream = sys.stderr if sys.stderr.isatty() else None
    for answered, asked in progress:
        if stream:
            stream.write(f"\r{bar(answered, asked)}")
            stream.flush()
    if stream:
        stream.write("\r\x1b[K")
        stream.flush()


def bar(answered: int, asked: int) -> str:
    """``[####......] 12 of 17 queries answered``."""
    full = _WIDTH * answered // max(asked, 1)
    return f"[{'#' * full}{'.' * (_WIDTH - full)}] {answered} of {asked} queries answered"
