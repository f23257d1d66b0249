"""Criteria and what a source answers, as values, and the result of both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.core.result import Result
from pytest_deploygate.core.series import Measurement, Query, RangeQuery, Series
from pytest_deploygate.engine import judging
from pytest_deploygate.kinds.base import Kind
from pytest_deploygate.kinds.times import Times

AT = 1_750_000_000.0
HOUR = 3600.0


def criterion(query: str = "up", /, **details: Any) -> Criterion:
    """A criterion with a limit, unless one is given."""
    limits = {"below", "at_most", "above", "at_least", "equals"}
    return Criterion(
        **{
            "id": "x",
            "query": query,
            **({} if limits & set(details) else {"below": 5.0}),
            **details,
        }
    )


def query_of(given: Criterion) -> Query:
    """The one query that judges it now."""
    (query,) = judging.queries_of(given, Times(AT))
    return query


def one(value: float, **labels: str) -> Series:
    """A series of one value, now."""
    return Series(labels, ((AT, value),))


def over(kind: Kind, values: Callable[[float], float | None], **labels: str) -> Series:
    """A series over the window that a kind asks for: values by age, None where there is none."""
    query = query_of(criterion(kind=kind))
    assert isinstance(query, RangeQuery)
    ages = [AT - query.start - n * query.step for n in range(10_000)]
    points = [(AT - age, values(age)) for age in ages if age >= 0]
    return Series(labels, tuple((time, value) for time, value in points if value is not None))


def judge(given: Criterion, *series: Series, warnings: Sequence[str] = ()) -> Result:
    """The result of this answer."""
    return judging.judge(given, AT, lambda query: Measurement(series, tuple(warnings)))


def light(result: Result) -> tuple[str, str]:
    """Status and reason."""
    return result.status.value, result.reason.value
