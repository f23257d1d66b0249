"""A history on the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from pytest_deploygate.core.durations import spoken
from pytest_deploygate.core.history import Entry, History
from pytest_deploygate.core.text import SCREEN, counted, cut
from pytest_deploygate.core.verdict import Verdict

_MOST_ENTRIES = 20
_MOST_FAILED = 5
_RULE = "-" * SCREEN


def lines(history: History) -> Iterator[str]:
    """The newest entries as a table, the share of each verdict, and what failed most often."""
    entries = history.entries
    yield cut(f"HISTORY  {history.file}: {counted(len(entries), 'verdict')}")
    yield _RULE
    for entry in entries[-_MOST_ENTRIES:]:
        yield cut(_row(entry))
    if len(entries) > _MOST_ENTRIES:
        yield f"... and {len(entries) - _MOST_ENTRIES:,} before; --json and --html list all"
    yield _RULE
    yield shares(history)
    yield f"Last GO: {since_go(history)}"
    for id_, count in history.most_failed[:_MOST_FAILED]:
        yield cut(f"Failed {count:,} x: {id_}")
    if history.torn:
        yield f"Notice: {counted(history.torn, 'line')} could not be read, and left out"


def shares(history: History) -> str:
    """``GO 91.3 % (21)   WARNING 4.3 % (1)   NO-GO 4.3 % (1)``."""
    counts = history.counts
    return "   ".join(f"{one.label} {history.share(one):.1%} ({counts[one]:,})" for one in Verdict)


def since_go(history: History) -> str:
    """How long ago it was GO the last time."""
    if history.last_go is None:
        return "never"
    return f"{spoken(max(history.end - history.last_go, 0.0))} ago, {moment(history.last_go)} UTC"


def moment(time: float) -> str:
    """``2026-01-31 12:00:00``; UTC."""
    return f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M:%S}"


def version(entry: Entry) -> str:
    """What was judged, as far as CI said it."""
    return entry.context.version or entry.context.commit[:10]


def _row(entry: Entry) -> str:
    what = " ".join(filter(None, (entry.environment, version(entry))))
    return f"{moment(entry.time)}  {entry.verdict.label:<7}  {what:<12}  {entry.why}".rstrip()
