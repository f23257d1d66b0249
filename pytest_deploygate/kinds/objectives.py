"""Service level objectives: three criteria of how fast an error budget burns, and what is left."""

from __future__ import annotations

from typing import Any

from pytest_deploygate.core.criterion import Criterion, Enough, Limit, Threshold, number
from pytest_deploygate.core.durations import Duration, in_words, seconds
from pytest_deploygate.core.errors import ConfigurationError
from pytest_deploygate.core.severity import Severity
from pytest_deploygate.kinds.bad_events import (
    FASTEST,
    WRITE_QUERIES,
    refuse_objective,
    refuse_queries,
)
from pytest_deploygate.kinds.burn_rate import BurnRate, Pair
from pytest_deploygate.kinds.error_budget import ErrorBudget

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86_400.0
_BASE = 30 * _DAY
_SHORTEST, _LONGEST = 3 * _DAY, 366 * _DAY

# Of a period of 30 days. Source: The Site Reliability Workbook, chapter 5, table 5-8.
_FAST = (Pair(FASTEST, _HOUR, 5 * _MINUTE), Pair(6.0, 6 * _HOUR, 30 * _MINUTE))
_SLOW = (Pair(3.0, _DAY, 2 * _HOUR), Pair(1.0, 3 * _DAY, 6 * _HOUR))


def slo(
    name: str,
    *,
    objective: Limit,
    bad: str,
    total: str,
    period: Duration = "30d",
    title: str = "",
    budget_severity: str = "warning",
    no_data: str | None = None,
    select: str | None = None,
    enough: Enough | None = None,
) -> list[Criterion]:
    """Criteria of an objective: ``NAME_fast_burn``, ``NAME_slow_burn`` and ``NAME_budget``.

    The fast burn is critical: the budget burns 14.4 times too fast over an hour and over 5 minutes,
    or 6 times over 6 hours and over 30 minutes. The slow burn is a warning: 3 times over a day and
    over 2 hours, or once over 3 days and over 6 hours. These windows are those of 30 days; they
    scale with the period. The budget is the share of the period's budget that is left, at least 0.

    Args:
        name: what the ids of the criteria begin with.
        objective: the share of events that has to be good, such as 0.999; a :func:`threshold` can
            be set.
        bad: PromQL that counts bad events within ``[$window]``, as a rate or as a number. A series
            is judged for each set of labels. No series is no bad event.
        total: PromQL that counts all events in the same way, with the same labels.
        period: for which the objective is meant, from 3 to 366 days.
        title: what people read; by default it is made from the name.
        budget_severity: severity of ``NAME_budget``.
        no_data: what it means that there was no traffic, as in a criterion.
        select: as in a criterion.
        enough: as in a criterion.

    Raises:
        ConfigurationError: one of these is not allowed, or no alert could fire for the objective.
    """
    owner = f"slo({name!r})"
    for key, text in (("name", name), ("bad", bad), ("total", total), ("title", title)):
        if not isinstance(text, str) or not (text.strip() or key == "title"):
            raise ConfigurationError(f"{owner}: {key} is {text!r}; write {_WRITE[key]}")
    _refuse_no_number(objective, owner)
    refuse_objective(number(objective), owner)
    refuse_queries(bad, total, owner)
    length = _length(period, owner)
    _refuse_severity(budget_severity, owner)
    shared: dict[str, Any] = {"query": bad, "no_data": no_data, "select": select, "enough": enough}
    counting: dict[str, Any] = {"total": total, "objective": objective, "period": length}

    def named(what: str, **details: Any) -> Criterion:
        heading = f"{title}: {what.replace('_', ' ')}" if title else ""
        return Criterion(id=f"{name}_{what}", title=heading, **shared, **details)

    def burning(what: str, severity: str, pairs: tuple[Pair, ...]) -> Criterion:
        scaled = tuple(
            Pair(factor, long * length / _BASE, short * length / _BASE)
            for factor, long, short in pairs
        )
        return named(
            what,
            severity=severity,
            kind=BurnRate(**counting, window_pairs=scaled),
            at_most=scaled[0].factor,
            unit="x",
            quantity="burn rate",
        )

    return [
        burning("fast_burn", "critical", _FAST),
        burning("slow_burn", "warning", _SLOW),
        named(
            "budget",
            severity=budget_severity,
            kind=ErrorBudget(**counting),
            at_least=0,
            unit="ratio",
            quantity="budget left",
        ),
    ]


_WRITE = {
    "name": "a short text, such as 'checkout'",
    "title": "a text, or leave it out",
    **WRITE_QUERIES,
}


def _refuse_no_number(objective: object, owner: str) -> None:
    value = objective.default if isinstance(objective, Threshold) else objective
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConfigurationError(
            f"{owner}: objective is {objective!r}; write the share of good events, a number "
            "between 0 and 1, such as 0.999"
        )


def _length(period: object, owner: str) -> float:
    allowed = f"write {in_words(_SHORTEST)} to {in_words(_LONGEST)}, such as '30d'"
    try:
        length = seconds(period)  # type: ignore[arg-type]
    except ConfigurationError:
        raise ConfigurationError(f"{owner}: period is {period!r}; {allowed}") from None
    if isinstance(period, bool) or not _SHORTEST <= length <= _LONGEST:
        raise ConfigurationError(f"{owner}: period is {period!r}; {allowed}")
    return length


def _refuse_severity(given: object, owner: str) -> None:
    if given not in tuple(Severity):
        raise ConfigurationError(
            f"{owner}: budget_severity is {given!r}; write {' or '.join(Severity)}"
        )
