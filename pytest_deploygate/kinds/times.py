"""Evaluation times, and the queries for them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from pytest_deploygate.core.series import InstantQuery, Query, RangeQuery

_SMALLER = 8


@dataclass(frozen=True, slots=True)
class Times:
    """Evaluation times: one, or many at equal distances.

    Args:
        start: the first, in Unix seconds.
        step: seconds from one to the next; it matters only where there are several.
        count: how many.
    """

    start: float
    step: float = 0.0
    count: int = 1

    @property
    def end(self) -> float:
        """The last, in Unix seconds."""
        return self.start + self.step * (self.count - 1)

    @property
    def all(self) -> tuple[float, ...]:
        """Every time; exact to the millisecond, which is a source's resolution."""
        return tuple(round(self.start + self.step * n, 3) for n in range(self.count))

    def part(self, first: int, count: int) -> Times:
        """So many of these times, from the place ``first`` on."""
        return Times(round(self.start + self.step * first, 3), self.step, count)

    def parts(self, most: int) -> list[Times]:
        """These times in their order, cut into as few parts of at most so many times as it takes.

        The parts are about equally long, so that they take equally long when asked side by side.
        """
        number = math.ceil(self.count / most)
        cuts = [self.count * n // number for n in range(number + 1)]
        return [self.part(first, last - first) for first, last in pairwise(cuts)]

    def smaller(self) -> list[Times]:
        """A few parts of them, for a source that could not answer for all at once."""
        return self.parts(max(1, math.ceil(self.count / _SMALLER)))

    def instant(self, expr: str) -> Query:
        """The query for an expression's value at each time."""
        if self.count == 1:
            return InstantQuery(expr, self.start)
        return RangeQuery(expr, self.start, self.end, self.step)

    def window(self, expr: str, length: float, step: float) -> RangeQuery:
        """The query for the window before each time.

        Args:
            expr: the expression.
            length: of the window, in seconds.
            step: seconds between the points that are judged. Windows of several times are asked
                for together, in a step that meets the points of all of them.
        """
        if self.count > 1:
            step = math.gcd(round(step * 1000), round(self.step * 1000)) / 1000
        return RangeQuery(expr, self.start - length, self.end, step)
