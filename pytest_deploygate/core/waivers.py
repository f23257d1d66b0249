"""A waiver: a named person's dated permission to pass one failing check."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from pytest_deploygate.core.patterns import matches


class Waiver(NamedTuple):
    """Who lets which check fail, why and until when.

    Attributes:
        check: the id of a check, or a pattern of ids.
        by: who answers for it.
        reason: why.
        until: its last second, in Unix seconds.
        begin: its first second; minus infinity where none is given.
        ticket: empty for none.
        labels: only a failure of series with these labels is waived.
        at_most: no worse than this, in the unit of the check; None for any value.
        at_least: the same for a value that should be high.
        no_data: whether missing data is waived too.
    """

    check: str
    by: str
    reason: str
    until: float
    begin: float = -math.inf
    ticket: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    at_most: float | None = None
    at_least: float | None = None
    no_data: bool = False

    def holds(self, at: float) -> bool:
        """Whether it counts at a time in Unix seconds."""
        return self.begin <= at <= self.until

    def is_for(self, check: str) -> bool:
        """Whether it is for the check of this id."""
        return matches(check, self.check)

    @property
    def wording(self) -> str:
        """``waived by Dana Kim until 2026-12-03 12:00 UTC: retraining (OPS-1234)``."""
        ticket = f" ({self.ticket})" if self.ticket else ""
        return f"waived by {self.by} until {moment(self.until)}: {self.reason}{ticket}"

    def to_builtins(self) -> dict[str, Any]:
        """Plain builtins, for evidence and xdist's processes."""
        begin = None if self.begin == -math.inf else self.begin
        return {**self._asdict(), "begin": begin, "labels": [list(pair) for pair in self.labels]}

    @classmethod
    def from_builtins(cls, plain: Mapping[str, Any]) -> Waiver:
        """The inverse of :meth:`to_builtins`.

        Raises:
            TypeError, KeyError, ValueError: it is something else.
        """
        begin = -math.inf if plain["begin"] is None else plain["begin"]
        labels = tuple((name, text) for name, text in plain["labels"])
        return cls(**plain)._replace(begin=begin, labels=labels)


def holding(waivers: Iterable[Waiver], check: str, at: float) -> tuple[Waiver, ...]:
    """The waivers for the check of this id that count at a time in Unix seconds."""
    return tuple(one for one in waivers if one.holds(at) and one.is_for(check))


def moment(at: float) -> str:
    """``2026-12-03 12:00 UTC``; with seconds unless it is a whole minute."""
    time = datetime.fromtimestamp(at, UTC)
    return f"{time:%Y-%m-%d %H:%M:%S} UTC" if at % 60 else f"{time:%Y-%m-%d %H:%M} UTC"
