"""Two sides of production as values, and the comparison of both without a server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.core.result import Result
from pytest_deploygate.core.series import InstantQuery, Measurement, Query, RangeQuery, Series
from pytest_deploygate.core.waivers import Waiver
from pytest_deploygate.engine import judging
from pytest_deploygate.kinds.base import InRun, Kind
from pytest_deploygate.kinds.compare import Compare
from tests.unit.judging import AT

BAD = 'sum(increase(http_requests_total{$side,status=~"5.."}[$window]))'
TOTAL = "sum(increase(http_requests_total{$side}[$window]))"
VALUE = "avg(process_resident_memory_bytes{$side})"

Numbers = Sequence[float]


def side(which: str) -> str:
    """The version of a side."""
    return {"new": "2", "old": "1"}[which]


def compare(**details: Any) -> Compare:
    """A comparison of version 2 with version 1."""
    return Compare(**{"new": 'version="2"', "old": 'version="1"', "window": "60m", **details})


def shares(criterion_: dict[str, Any] | None = None, **details: Any) -> Criterion:
    """A criterion for the share of errors."""
    kind = compare(**details).shares(total=TOTAL)
    return Criterion(
        **{"id": "x", "query": BAD, "at_most": 1.25, "kind": kind, **(criterion_ or {})}
    )


def values(criterion_: dict[str, Any] | None = None, **details: Any) -> Criterion:
    """A criterion for the memory."""
    given = {"id": "x", "query": VALUE, "at_most": 1.1, "kind": compare(**details)}
    return Criterion(**{**given, **(criterion_ or {})})


def in_run(given: Criterion, **run: Any) -> Criterion:
    """The criterion as a run judges it."""
    assert isinstance(given.kind, Kind)
    return given.kind.in_run(given, InRun(**run))


def scraped(interval: float = 15.0, versions: Sequence[str] = ("1", "2")) -> list[Series]:
    """How often both versions were scraped in an hour."""
    rows = []
    for version in versions:
        for what, value in (("samples", 3600 / interval), ("age", 3600.0), ("falls", 0.0)):
            rows.append(Series({"version": version, "deploygate": what}, ((AT, value),)))
    return rows


Answer = Callable[[str, str, RangeQuery], list[Series]]


def judge(
    given: Criterion,
    answer: Answer,
    *,
    measured: Sequence[Series] | None = None,
    at: float = AT,
    waivers: Sequence[Waiver] = (),
) -> Result:
    """Judge it.

    Args:
        given: as a run judges it.
        answer: the series for a side and for ``bad``, ``total`` or ``value``.
        measured: the answer to how often the metric was scraped.
        at: the evaluation time.
        waivers: those that hold.
    """

    def ask(query: Query) -> Measurement:
        if isinstance(query, InstantQuery):
            return Measurement(tuple(scraped() if measured is None else measured))
        which = "new" if 'version="2"' in query.expr else "old"
        what = "value" if "[" not in query.expr else "bad" if "5.." in query.expr else "total"
        return Measurement(tuple(answer(which, what, query)))

    return judging.judge(given, at, ask, waivers)


def increase(counts: Numbers, query: RangeQuery) -> list[Series]:
    """What a range query for an increase answers: these counts, the newest last."""
    return [Series({}, points_of([count * 60 / 45 for count in counts], query))]


def points_of(numbers: Numbers, query: RangeQuery) -> tuple[tuple[float, float], ...]:
    """The numbers at the last points that a query asks for."""
    times = [query.end - query.step * n for n in range(len(numbers))][::-1]
    assert not times or times[0] >= query.start - 1e-3
    return tuple(zip(times, numbers, strict=True))


def counted(new: Numbers, new_total: Numbers, old: Numbers, old_total: Numbers) -> Answer:
    """The answers for these counts in each slice."""
    columns = {
        ("new", "bad"): new,
        ("new", "total"): new_total,
        ("old", "bad"): old,
        ("old", "total"): old_total,
    }
    return lambda which, what, query: increase(columns[which, what], query)


def measured_values(new: Numbers, old: Numbers) -> Answer:
    """The answers for these values."""
    columns = {"new": new, "old": old}
    return lambda which, what, query: [Series({}, points_of(columns[which], query))]
