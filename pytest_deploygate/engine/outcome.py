"""The one result that the outcomes of all series make together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pytest_deploygate.core.criterion import Criterion, NoData, Severity
from pytest_deploygate.core.result import Reason, Result, Status
from pytest_deploygate.core.series import Measurement
from pytest_deploygate.core.text import labels_text, printable
from pytest_deploygate.kinds.limit import Outcome

_ON_NO_DATA = {
    NoData.NO_GO: Status.NO_GO,
    NoData.WARNING: Status.WARNING,
    NoData.SKIP: Status.SKIPPED,
    NoData.GO: Status.GO,
}


class _Conclusion(NamedTuple):
    """What all series together say: ``worst`` is the one to name, ``failing`` how many failed."""

    status: Status
    reason: Reason
    message: str
    worst: Outcome | None = None
    failing: int = 0


def failed_status(severity: Severity) -> Status:
    """What a breach or an error of this severity means."""
    return Status.NO_GO if severity is Severity.CRITICAL else Status.WARNING


def without_data(criterion: Criterion) -> Status:
    """What a criterion becomes of which nothing could be judged."""
    return Status.SKIPPED if criterion.optional else _ON_NO_DATA[NoData(criterion.no_data)]


def unanswered(criterion: Criterion, at: float, message: str) -> Result:
    """The source could not answer: like a breach of the criterion's severity."""
    status = failed_status(criterion.level)
    return _result(criterion, at, _Conclusion(status, Reason.ERROR, printable(message)))


def conclude(
    criterion: Criterion, at: float, outcomes: Sequence[Outcome], answer: Measurement
) -> Result:
    """The worst series decides; a result that rests on incomplete data is never GO."""
    ordered = sorted(outcomes, key=_labels)
    told = tuple(printable(warning) for warning in answer.warnings)
    conclusion = (
        _conclusion(criterion, ordered, told)
        if ordered
        else _no_data(criterion, _why_nothing(criterion, len(answer.series)), told)
    )
    return _result(criterion, at, conclusion, total=len(ordered), warnings=told)


def _conclusion(
    criterion: Criterion, outcomes: Sequence[Outcome], warnings: Sequence[str]
) -> _Conclusion:
    for reason in (Reason.BREACH, Reason.ERROR):
        if failing := _of(reason, outcomes):
            return _failed(criterion, failing, outcomes)
    passing, missing = _of(Reason.OK, outcomes), _of(Reason.NO_DATA, outcomes)
    if not passing:
        return _no_data(criterion, missing[0].text, warnings)
    if warnings:
        return _incomplete(criterion, passing, f"incomplete, the source warns: {warnings[0]}")
    if missing and _ON_NO_DATA[NoData(criterion.no_data)] in (Status.NO_GO, Status.WARNING):
        labels, why = _named(missing[0]), missing[0].text
        told = f"no data for {len(missing)} of {len(outcomes)} series{labels}: {why}"
        return _incomplete(criterion, passing, told, len(missing))
    worst = _worst(passing)
    others = f", worst of {len(passing)}" if len(passing) > 1 else ""
    return _Conclusion(Status.GO, Reason.OK, worst.text + others, worst)


def _failed(
    criterion: Criterion, failing: Sequence[Outcome], outcomes: Sequence[Outcome]
) -> _Conclusion:
    worst = _worst(failing)
    message = worst.text + _named(worst) + _others(len(failing), outcomes)
    status = failed_status(criterion.level)
    return _Conclusion(status, worst.reason, message, worst, len(failing))


def _others(failing: int, outcomes: Sequence[Outcome]) -> str:
    """How the series besides the worst one fare."""
    others = len(outcomes) - 1
    if failing > 1:
        return f" and {failing - 1} more of {len(outcomes)}"
    if others and len(_of(Reason.OK, outcomes)) == others:
        return f", the other {others} pass" if others > 1 else ", the other passes"
    return f", one of {len(outcomes)}" if others else ""


def _why_nothing(criterion: Criterion, answered: int) -> str:
    """Why there is no series to judge, where the answer has so many."""
    if not answered:
        return "the query matches nothing"
    labels = (f"{name}={text}" for name, text in sorted(criterion.match.items()))
    wanted = printable(", ".join(labels))
    if answered == 1:
        return f"the only series does not have {wanted}"
    return f"none of {answered} series has {wanted}"


def _no_data(criterion: Criterion, why: str, warnings: Sequence[str]) -> _Conclusion:
    status = without_data(criterion)
    message = f"no data: {why}"
    if warnings:
        status = status if status is Status.NO_GO else Status.WARNING
        message += f"; the source warns: {warnings[0]}"
    return _Conclusion(status, Reason.NO_DATA, message)


def _incomplete(
    criterion: Criterion, passing: Sequence[Outcome], told: str, missing: int = 0
) -> _Conclusion:
    """What was measured passes, but something was not measured: at least a WARNING."""
    status = Status.NO_GO if criterion.no_data == NoData.NO_GO else Status.WARNING
    worst = _worst(passing)
    return _Conclusion(status, Reason.NO_DATA, f"{told}; the rest: {worst.text}", worst, missing)


def _of(reason: Reason, outcomes: Sequence[Outcome]) -> list[Outcome]:
    return [outcome for outcome in outcomes if outcome.reason is reason]


def _worst(outcomes: Sequence[Outcome]) -> Outcome:
    return max(outcomes, key=lambda outcome: (outcome.badness, _labels(outcome)))


def _labels(outcome: Outcome) -> list[tuple[str, str]]:
    return sorted(outcome.series.labels.items())


def _named(outcome: Outcome) -> str:
    labels = printable(labels_text(outcome.series.labels))
    return f" ({labels})" if labels else ""


def _result(
    criterion: Criterion,
    at: float,
    conclusion: _Conclusion,
    *,
    total: int = 0,
    warnings: tuple[str, ...] = (),
) -> Result:
    worst = conclusion.worst
    labels = worst.series.labels if worst else criterion.match
    return Result(
        id=printable(criterion.id),
        name=printable(criterion.title),
        severity=criterion.level,
        status=conclusion.status,
        reason=conclusion.reason,
        message=conclusion.message,
        value=worst.value if worst else None,
        threshold=worst.limit if worst else criterion.limit,
        comparison=(worst.comparison if worst else criterion.comparison).symbol,
        unit=criterion.unit,
        labels={printable(key): printable(value) for key, value in labels.items()},
        query=criterion.query,
        timestamp=at,
        failing=conclusion.failing,
        total=total,
        warnings=warnings,
        history=worst.series.points if worst and len(worst.series.points) > 1 else (),
    )
