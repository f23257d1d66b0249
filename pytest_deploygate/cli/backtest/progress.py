"""A bar on the terminal while queries are under way."""

from __future__ import annotations

import sys
from collections.abc import Iterable

_WIDTH = 30


def shown(progress: Iterable[tuple[int, int]]) -> None:
    """Show a bar until all answers are there, if standard error is a terminal.

    Nobody waits otherwise: what is answered first is judged while the rest is under way.
    """
    stream = sys.stderr
    if not stream.isatty():
        return
    for answered, asked in progress:
        stream.write(f"\r{bar(answered, asked)}")
        stream.flush()
    stream.write("\r\x1b[K")
    stream.flush()


def bar(answered: int, asked: int) -> str:
    """``[####......] 12 of 17 queries answered``."""
    full = _WIDTH * answered // max(asked, 1)
    return f"[{'#' * full}{'.' * (_WIDTH - full)}] {answered} of {asked} queries answered"
