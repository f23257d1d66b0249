"""A window before now, as PromQL: a subquery, and whether its points are enough.

A subquery looks at the same window in the same steps as the gate's range query, but Prometheus
rounds their times to whole steps.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.promql.comparisons import asked
from pytest_deploygate.promql.expressions import (
    Expressions,
    duration,
    either,
    grouped,
    literal,
    operand,
)


@dataclass(frozen=True, slots=True)
class Window:
    """A criterion's window.

    Args:
        asked: the expression; ``query`` is the same as an operand.
        length: in seconds.
        range: as a subquery's range, such as ``2h:1m``.
    """

    asked: str
    query: str
    length: float
    range: str

    @classmethod
    def of(cls, criterion: Criterion, length: float, step: float) -> Window:
        """The window of these many seconds, in steps of these many seconds."""
        expr = asked(criterion)
        return cls(expr, operand(expr), length, f"{duration(length)}:{duration(step)}")

    @property
    def finite(self) -> str:
        """The points that are finite numbers."""
        return grouped(f"-Inf < {self.query} < Inf")

    def enough(self, least: int, coverage: float) -> str:
        """Whether the points are enough for the window; the newest one is that of now."""
        covered = literal(coverage * self.length)
        return (
            f"count_over_time({self.finite}[{self.range}]) >= {least}\n"
            f"and time() - min_over_time(timestamp{self.finite}[{self.range}]) >= {covered}"
        )

    def expressions(
        self, value: str, passes: str, judged: str, places: Collection[str], **more: Any
    ) -> Expressions:
        """A series that ended is missed, unless what it measured is measured elsewhere now.

        ``places`` are the labels that say where something is measured, not what.
        """
        named = ", ".join(sorted(places))
        ended = f"count_over_time({self.query}[{self.range}])"
        all_of_them = f"{self.query}\nor {ended}\nunless ignoring ({named}) {self.query}"
        return Expressions(
            value=value,
            judged=judged,
            every=either(passes, f"0 * {grouped(all_of_them)} ^ 0"),
            graded=either(judged, f"0.5 * {grouped(all_of_them)} ^ 0"),
            **more,
        )
