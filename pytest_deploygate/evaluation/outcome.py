"""One outcome for each series, and the one result that they make together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pytest_deploygate.model import (
    Criterion,
    NoData,
    Reason,
    Result,
    Series,
    Severity,
    Status,
)
from pytest_deploygate.text import labels_text, printable, value_and_limit, value_text


@dataclass(frozen=True, slots=True)
class Outcome:
    """One series judged: ``reason`` is ok, breach, no-data or error; ``text`` says why."""

    series: Series
    reason: Reason
    value: float
    limit: float
    badness: float
    text: str


_ON_NO_DATA = {
    NoData.NO_GO: Status.NO_GO,
    NoData.WARNING: Status.WARNING,
    NoData.SKIP: Status.SKIPPED,
    NoData.GO: Status.GO,
}


def failed_status(severity: Severity) -> Status:
    """What a breach or an error of this severity means."""
    return Status.NO_GO if severity is Severity.CRITICAL else Status.WARNING


def judged(
    criterion: Criterion, series: Series, *, value: float, limit: float | None = None, why: str = ""
) -> Outcome:
    """Hold one value against the limit. NaN is no data or a breach, infinity is a breach."""
    bound = criterion.limit if limit is None else limit
    badness = criterion.comparison.badness(value, bound)
    if math.isnan(value) and not criterion.nan_is_breach:
        return Outcome(series, Reason.NO_DATA, value, bound, badness, "0/0: no traffic")
    passes = criterion.comparison.passes(value, bound)
    text = value_phrase(criterion, value, bound, passes=passes) + why
    return Outcome(series, Reason.OK if passes else Reason.BREACH, value, bound, badness, text)


def value_phrase(criterion: Criterion, value: float, limit: float, *, passes: bool) -> str:
    """``p95 2.12 s (< 2.50 s)`` for a pass, ``p95 4.92 s, limit 4.50 s`` for a breach."""
    shown, bound = value_and_limit(value, limit, criterion.unit)
    text = f"{criterion.quantity} {shown}".lstrip()
    symbol = criterion.comparison.symbol
    if passes:
        return f"{text} ({symbol} {bound})"
    exactly = f", must be {symbol} it" if value == limit else ""
    return f"{text}, limit {bound}{exactly}"


def unanswered(criterion: Criterion, at: float, message: str) -> Result:
    """The source could not answer: like a breach of the criterion's severity."""
    status = failed_status(criterion.level)
    return _result(criterion, at, status, Reason.ERROR, printable(message))


def conclude(
    criterion: Criterion, at: float, outcomes: Sequence[Outcome], warnings: Sequence[str] = ()
) -> Result:
    """The worst series decides; a result that rests on incomplete data is never GO."""
    for reason in (Reason.BREACH, Reason.ERROR):
        failing = [outcome for outcome in outcomes if outcome.reason is reason]
        if failing:
            status = failed_status(criterion.level)
            return _worst(criterion, at, failing, status, reason, len(outcomes), warnings)
    missing = [outcome for outcome in outcomes if outcome.reason is Reason.NO_DATA]
    if not outcomes or len(missing) == len(outcomes):
        return _no_data(criterion, at, missing, warnings)
    if missing or warnings:
        return _incomplete(criterion, at, outcomes, missing, warnings)
    passing = list(outcomes)
    return _worst(criterion, at, passing, Status.GO, Reason.OK, len(outcomes), warnings)


def _worst(
    criterion: Criterion,
    at: float,
    outcomes: Sequence[Outcome],
    status: Status,
    reason: Reason,
    total: int,
    warnings: Sequence[str],
) -> Result:
    worst = max(outcomes, key=lambda o: (o.badness, sorted(o.series.labels.items())))
    failing = 0 if reason is Reason.OK else len(outcomes)
    message = worst.text + _whose(worst.series, failing, total, told=reason is not Reason.OK)
    return _result(
        criterion,
        at,
        status,
        reason,
        message,
        worst=worst,
        failing=failing,
        total=total,
        warnings=warnings,
    )


def _whose(series: Series, failing: int, total: int, *, told: bool) -> str:
    """The labels of the worst series, and how many others share its fate."""
    labels = printable(labels_text(series.labels))
    text = f" ({labels})" if labels and told else ""
    if failing > 1:
        return f"{text} and {failing - 1} more of {total}"
    if told and total > 1:
        return f"{text}, the other {total - 1} pass" if total > 2 else f"{text}, the other passes"
    return text if told else (f", worst of {total}" if total > 1 else "")


def _no_data(
    criterion: Criterion, at: float, missing: Sequence[Outcome], warnings: Sequence[str]
) -> Result:
    status = Status.SKIPPED if criterion.optional else _ON_NO_DATA[NoData(criterion.no_data)]
    why = missing[0].text if missing else "the query matches nothing"
    message = f"no data: {why}"
    if warnings:
        status = status if status is Status.NO_GO else Status.WARNING
        message += f"; the source warns: {printable(warnings[0])}"
    return _result(
        criterion, at, status, Reason.NO_DATA, message, total=len(missing), warnings=warnings
    )


def _incomplete(
    criterion: Criterion,
    at: float,
    outcomes: Sequence[Outcome],
    missing: Sequence[Outcome],
    warnings: Sequence[str],
) -> Result:
    """What was measured passes, but something was not measured: at least a WARNING."""
    status = Status.NO_GO if criterion.no_data == NoData.NO_GO else Status.WARNING
    worst = max((o for o in outcomes if o.reason is Reason.OK), key=lambda o: o.badness)
    if missing:
        labels = printable(labels_text(missing[0].series.labels))
        told = f"no data for {len(missing)} of {len(outcomes)} series ({labels})"
        message = f"{told}: {missing[0].text}; the rest: {worst.text}"
    else:
        message = f"incomplete, the source warns: {printable(warnings[0])}; {worst.text}"
    return _result(
        criterion,
        at,
        status,
        Reason.NO_DATA,
        message,
        worst=worst,
        failing=len(missing),
        total=len(outcomes),
        warnings=warnings,
    )


def _result(
    criterion: Criterion,
    at: float,
    status: Status,
    reason: Reason,
    message: str,
    *,
    worst: Outcome | None = None,
    failing: int = 0,
    total: int = 0,
    warnings: Sequence[str] = (),
) -> Result:
    labels = worst.series.labels if worst else criterion.match
    return Result(
        id=printable(criterion.id),
        name=printable(criterion.title),
        severity=criterion.level,
        status=status,
        reason=reason,
        message=message,
        value=worst.value if worst else None,
        threshold=worst.limit if worst else criterion.limit,
        comparison=criterion.comparison.symbol,
        unit=criterion.unit,
        labels={printable(key): printable(value) for key, value in labels.items()},
        query=criterion.query,
        timestamp=at,
        failing=failing,
        total=total,
        warnings=tuple(printable(warning) for warning in warnings),
        history=worst.series.points if worst and len(worst.series.points) > 1 else (),
    )


def too_few(series: Series, criterion: Criterion, text: str) -> Outcome:
    """A series that cannot be judged yet."""
    return Outcome(series, Reason.NO_DATA, series.value, criterion.limit, 0.0, text)


def shown_limit(criterion: Criterion, limit: float) -> str:
    """A limit with its unit."""
    return value_text(limit, criterion.unit)
