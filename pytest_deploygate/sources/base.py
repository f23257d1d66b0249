"""What a source is: it answers queries before a deadline."""

from __future__ import annotations

from typing import Protocol

from pytest_deploygate.core.report import SourceInfo
from pytest_deploygate.core.series import Measurement, Query


class Source(Protocol):
    """Answers queries, from several threads at the same time."""

    @property
    def info(self) -> SourceInfo:
        """What the reports show as the source."""

    def ask(self, query: Query, deadline: float) -> Measurement:
        """The answer to a query.

        Args:
            query: one value at a time, or a series of values.
            deadline: on the monotonic clock, in seconds.

        Raises:
            SourceError: there is no valid answer before the deadline; the message says why, and
                what to check.
        """

    def notices(self) -> list[str]:
        """Lines for the report about what was noticed while queries were answered."""
