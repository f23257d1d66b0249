"""From a criterion and what was measured to a result: pure, without network and without pytest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.core.errors import SourceError
from pytest_deploygate.core.result import Result
from pytest_deploygate.core.series import Measurement, Query, Series
from pytest_deploygate.engine.outcome import conclude, unanswered
from pytest_deploygate.kinds import instant, runaway, sustained, trend
from pytest_deploygate.kinds.base import Kind
from pytest_deploygate.kinds.instant import Instant
from pytest_deploygate.kinds.limit import Outcome
from pytest_deploygate.kinds.runaway import Runaway
from pytest_deploygate.kinds.sustained import Sustained
from pytest_deploygate.kinds.trend import Trend

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


def _kind(criterion: Criterion) -> _Kind:
    return _KINDS[type(criterion.kind or Instant())]  # type: ignore[index]


def query_of(criterion: Criterion, at: float) -> Query:
    """The one query that a criterion needs at an evaluation time (Unix seconds)."""
    return _kind(criterion).query(criterion, at)


def evaluate(criterion: Criterion, at: float, ask: Ask) -> Result:
    """Judge a criterion, its thresholds resolved, by what ``ask`` answers.

    A source that cannot answer gives a result with the reason ``error``, never an exception.
    """
    try:
        measurement = ask(query_of(criterion, at))
    except SourceError as error:
        return unanswered(criterion, at, str(error))
    series = measurement.matching(criterion.match)
    outcomes = _kind(criterion).judge(criterion, series, at)
    return conclude(criterion, at, outcomes, measurement)
