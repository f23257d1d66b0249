"""From a criterion and what was measured to a result: pure, without network and without pytest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from pytest_deploygate.errors import SourceError
from pytest_deploygate.evaluation import instant, runaway, sustained, trend
from pytest_deploygate.evaluation.judging import Outcome
from pytest_deploygate.evaluation.outcome import conclude, unanswered
from pytest_deploygate.model import (
    Criterion,
    Instant,
    Kind,
    Measurement,
    Query,
    Result,
    Runaway,
    Series,
    Sustained,
    Trend,
)

__all__ = ["evaluate", "query_of"]

Ask = Callable[[Query], Measurement]


if TYPE_CHECKING:

    class _Kind(Protocol):
        """What a module of this package offers for one kind of criterion."""

        def query(self, criterion: Criterion, at: float) -> Query: ...

        def judge(
            self, criterion: Criterion, series: Sequence[Series], at: float
        ) -> list[Outcome]: ...


_KINDS: dict[type[Kind], _Kind] = {
    Instant: instant,
    Sustained: sustained,
    Trend: trend,
    Runaway: runaway,
}


def query_of(criterion: Criterion, at: float) -> Query:
    """The one query that a criterion needs at an evaluation time (Unix seconds)."""
    return _KINDS[type(criterion.kind)].query(criterion, at)


def evaluate(criterion: Criterion, at: float, ask: Ask) -> Result:
    """Judge a criterion, its thresholds resolved, by what ``ask`` answers.

    A source that cannot answer gives a result with the reason ``error``, never an exception.
    """
    try:
        measurement = ask(query_of(criterion, at))
    except SourceError as error:
        return unanswered(criterion, at, str(error))
    series = measurement.matching(criterion.match)
    outcomes = _KINDS[type(criterion.kind)].judge(criterion, series, at)
    return conclude(criterion, at, outcomes, measurement)
