"""What a gate said until now: the lines of its history, and what they come to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from pytest_deploygate.core.context import Context
from pytest_deploygate.core.verdict import Verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """A check that was not GO."""

    id: str
    name: str
    status: str
    reason: str
    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One run, or one round of a watch or a wait, at an evaluation time in Unix seconds."""

    time: float
    verdict: Verdict
    partial: bool = False
    environment: str = ""
    context: Context = field(default_factory=Context)
    checks: int = 0
    problems: tuple[str, ...] = ()
    failed: tuple[Failure, ...] = ()

    @property
    def why(self) -> str:
        """Why it was not GO, in one line."""
        if self.problems:
            return self.problems[0]
        texts = [f"{one.name}: {one.message}" for one in self.failed]
        more = f" (and {len(texts) - 1} more)" if len(texts) > 1 else ""
        return f"{texts[0]}{more}" if texts else ("partial" if self.partial else "")


@dataclass(frozen=True, kw_only=True, slots=True)
class History:
    """Entries in the order of their times, from ``begin`` to ``end`` in Unix seconds.

    ``torn`` is how many lines could not be read.
    """

    file: str
    begin: float
    end: float
    entries: tuple[Entry, ...]
    torn: int = 0

    @property
    def counts(self) -> Mapping[Verdict, int]:
        """How many entries have each verdict."""
        return Counter(one.verdict for one in self.entries)

    def share(self, verdict: Verdict) -> float:
        """The share of entries with a verdict, 0 without entries."""
        return self.counts[verdict] / len(self.entries) if self.entries else 0.0

    @property
    def last_go(self) -> float | None:
        """When it was GO the last time; None if it never was."""
        return next((o.time for o in reversed(self.entries) if o.verdict is Verdict.GO), None)

    @property
    def most_failed(self) -> list[tuple[str, int]]:
        """The ids of checks that failed, and in how many entries, the most frequent first."""
        counts = Counter(failure.id for one in self.entries for failure in one.failed)
        return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
