"""What a source is: anything that answers a query before a deadline."""

from __future__ import annotations

from typing import Protocol

from pytest_deploygate.core.report import SourceInfo
from pytest_deploygate.core.series import Measurement, Query


class Source(Protocol):
    """Answers queries; must stand being asked from several threads at once."""

    @property
    def info(self) -> SourceInfo:
        """What the reports say of it."""

    def ask(self, query: Query, deadline: float) -> Measurement:
        """The answer, before ``deadline`` on the monotonic clock (seconds).

        Raises:
            SourceError: there is none; the message says why and what to check.
        """

    def notices(self) -> list[str]:
        """What was noticed while asking and is worth a line in the report."""
