"""What a kind of criterion is, and the numbers that it decides on.

A kind is one object: it says what to ask, decides with numbers and codes, and puts one decision
into words. Words come last, and only for what is shown: a passing fleet of thousands needs none.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from pytest_deploygate.core.criterion import Comparison, Criterion, Limit
from pytest_deploygate.core.result import Reason
from pytest_deploygate.core.series import InstantQuery, Query, RangeQuery, Series
from pytest_deploygate.promql.expressions import Expressions, NotExpressible

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

REASONS = tuple(Reason)
"""The code of a reason in :class:`Decisions` is its place here."""

ABSENT = -1
"""The code of a series that the answer does not have at a time."""

Answers = Sequence[Sequence[Series]]
"""The series that answer each of a kind's queries, in the order of ``queries``."""


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


class Decision(NamedTuple):
    """One series judged at one time: numbers and codes, no words.

    ``value`` was held against ``limit`` with ``comparison``; ``badness`` grows as it gets worse.
    ``case`` and ``numbers`` are the kind's own, for its :meth:`Kind.explain`.
    """

    series: Series
    reason: Reason
    value: float
    comparison: Comparison
    limit: float
    badness: float = 0.0
    case: str = ""
    numbers: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Decisions:
    """Every series judged at every time, as arrays of the shape (series, times).

    ``codes`` holds the place of each reason in :data:`REASONS`, or :data:`ABSENT`. The other
    arrays mean what the fields of :class:`Decision` mean, and nothing where a series is absent.
    """

    labels: tuple[Mapping[str, str], ...]
    codes: NDArray[np.int8]
    values: NDArray[np.float64]
    limits: NDArray[np.float64]
    badness: NDArray[np.float64]


class Kind(ABC):
    """How an answer is judged. Derive from it for a kind of your own, and give it as ``kind=``.

    A kind with a limit of its own is a dataclass, so that a run can replace the limit.
    """

    __slots__ = ()

    @abstractmethod
    def queries(self, criterion: Criterion, times: Times) -> Sequence[Query]:
        """All that has to be asked to judge a criterion at these times."""

    @abstractmethod
    def decide(self, criterion: Criterion, answers: Answers, at: float) -> list[Decision]:
        """Judge every series at one time (Unix seconds), without words and without numpy.

        ``answers`` belong to ``queries(criterion, Times(at))``, and hold only the series that the
        criterion's ``match`` selects. The limits of the criterion and of the kind are numbers.
        """

    @abstractmethod
    def explain(self, criterion: Criterion, decision: Decision) -> str:
        """One decision in words, on one line, without the labels of its series."""

    def decide_many(self, criterion: Criterion, answers: Answers, times: Times) -> Decisions:
        """Judge every series at many times, exactly as :meth:`decide` does at each of them.

        ``answers`` belong to ``queries(criterion, times)``. Without one of its own a kind decides
        one time after the other.
        """
        from pytest_deploygate.kinds.many import one_by_one

        return one_by_one(self, criterion, answers, times)

    def limits(self) -> Mapping[str, Limit]:
        """The kind's own limits, which ``--gate-set`` may change, by the name of their field."""
        return {}

    def promql(self, criterion: Criterion) -> Expressions | NotExpressible:
        """The same judgement for rules and dashboards, or why PromQL cannot express it."""
        return NotExpressible(f"the kind {type(self).__name__} has no form in PromQL")
