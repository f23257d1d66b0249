"""The one result that the decisions about all series make together."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pytest_deploygate.core.criterion import Criterion, NoData
from pytest_deploygate.core.result import Reason, Result, Status
from pytest_deploygate.core.series import Measurement, Series
from pytest_deploygate.core.severity import Severity
from pytest_deploygate.core.text import labels_text, printable
from pytest_deploygate.core.waivers import Waiver
from pytest_deploygate.engine.waiving import as_waived, better, waiver_of, where_it_ended
from pytest_deploygate.kinds.base import Kind
from pytest_deploygate.kinds.decision import Decision, Lack
from pytest_deploygate.kinds.limit import WITHOUT_LABEL

WITHOUT_DATA = {
    NoData.NO_GO: Status.NO_GO,
    NoData.WARNING: Status.WARNING,
    NoData.SKIP: Status.SKIPPED,
    NoData.GO: Status.GO,
}
"""What each policy makes of a criterion without data."""


_MOST_NAMED = 3  # series without data that a message names


class Measured(NamedTuple):
    """The answers to all queries of a criterion.

    ``answers`` hold the series that ``match`` selects, ``total`` counts all that were answered,
    and ``warnings`` is what the source warned of, harmless to print. ``traffic`` is what
    :class:`~pytest_deploygate.core.criterion.Enough` asks for.
    """

    answers: tuple[Sequence[Series], ...]
    total: int
    warnings: tuple[str, ...]
    traffic: tuple[Series, ...] = ()

    @classmethod
    def of(
        cls,
        criterion: Criterion,
        measurements: Iterable[Measurement],
        traffic: Measurement | None = None,
    ) -> Measured:
        """The measurements, with only the series that the criterion matches."""
        found = list(measurements)
        everything = [*found, traffic] if traffic else found
        warnings = [printable(text) for one in everything for text in one.warnings]
        return cls(
            tuple([one.matching(criterion.match) for one in found]),
            sum([len(one.series) for one in found]),
            tuple(dict.fromkeys(warnings)),
            traffic.series if traffic else (),
        )


class _Conclusion(NamedTuple):
    """What all series together say: ``worst`` is the one to name, ``failing`` how many failed.

    ``pending`` is that of :class:`~pytest_deploygate.core.result.Result`.
    """

    status: Status
    reason: Reason
    message: str
    worst: Decision | None = None
    failing: int = 0
    pending: bool = False


def failed_status(severity: Severity) -> Status:
    """The status of a breach or an error of this severity."""
    return Status.NO_GO if severity is Severity.CRITICAL else Status.WARNING


def without_data(criterion: Criterion) -> Status:
    """The status when no series could be judged."""
    return Status.SKIPPED if criterion.optional else WITHOUT_DATA[criterion.policy]


def counts_missing(criterion: Criterion) -> bool:
    """Whether a series without data keeps the criterion from GO, though the others pass."""
    return WITHOUT_DATA[criterion.policy] in (Status.NO_GO, Status.WARNING)


def incomplete_status(criterion: Criterion) -> Status:
    """The status when everything measured passes, and something was not measured."""
    return Status.NO_GO if criterion.policy is NoData.NO_GO else Status.WARNING


def unanswered(criterion: Criterion, at: float, message: str) -> Result:
    """The result when the source could not answer: like a breach of the criterion's severity."""
    status = failed_status(criterion.level)
    return _result(criterion, at, _Conclusion(status, Reason.ERROR, printable(message)))


def skipped(criterion: Criterion, at: float, message: str) -> Result:
    """The result of a criterion that is not asked."""
    conclusion = _Conclusion(Status.SKIPPED, Reason.SKIPPED, printable(message))
    return _result(criterion, at, conclusion)


def conclude(
    criterion: Criterion,
    kind: Kind,
    at: float,
    decisions: Sequence[Decision],
    measured: Measured,
    waivers: Sequence[Waiver] = (),
) -> Result:
    """The worst series decides; a result that rests on incomplete data is never GO.

    ``waivers`` are those that hold for this criterion at this time.
    """
    ordered = sorted(decisions, key=_labels) if len(decisions) > 1 else decisions
    concluding = _Concluding(criterion, kind, ordered, measured.warnings)
    conclusion = (
        concluding.conclusion()
        if ordered
        else _no_data(criterion, _why_nothing(criterion, measured.total), measured.warnings)
    )
    found = concluding.result(at, conclusion)
    if not waivers or not found.failed:
        return found
    return concluding.waived(found, conclusion.worst, waivers)


class _Concluding(NamedTuple):
    """All decisions about a criterion, in the order of their labels."""

    criterion: Criterion
    kind: Kind
    decisions: Sequence[Decision]
    warnings: Sequence[str]

    def conclusion(self) -> _Conclusion:
        for reason in (Reason.BREACH, Reason.ERROR):
            if failing := self._of(reason):
                return self._failed(failing)
        passing, missing = self._of(Reason.OK), self._of(Reason.NO_DATA)
        if not passing:
            return self._nothing(missing)
        if self.warnings:
            message = f"incomplete, the source warns: {self.warnings[0]}"
            return self._incomplete(passing, message)
        if missing and counts_missing(self.criterion):
            which = f"{len(missing)} of {len(self.decisions)} series{_missing(missing)}"
            message = f"no data for {which}: {self._text(missing[0])}"
            return self._incomplete(passing, message, len(missing))
        worst = _worst(passing)
        others = f", worst of {len(passing)}" if len(passing) > 1 else ""
        return _Conclusion(Status.GO, Reason.OK, self._text(worst) + others, worst)

    def _nothing(self, missing: Sequence[Decision]) -> _Conclusion:
        """No series passes or fails. What was judged in vain comes first, and has a value."""
        judged = [one for one in missing if one.lack is Lack.CERTAINTY]
        worst = _worst(judged) if judged else missing[0]
        why = self._text(worst)
        named = missing if _lack_a_label(missing) else [worst] if self.kind.compares else []
        found = _no_data(self.criterion, why + _missing(named), self.warnings)
        found = found._replace(pending=any(one.lack is not Lack.DATA for one in missing))
        counts = found.status in (Status.NO_GO, Status.WARNING)
        return found._replace(worst=worst, failing=len(missing)) if judged and counts else found

    def result(self, at: float, conclusion: _Conclusion) -> Result:
        """The result of all decisions that a conclusion of some or all of them makes."""
        found = _result(
            self.criterion,
            at,
            conclusion,
            total=len(self.decisions),
            warnings=tuple(self.warnings),
        )
        if self.decisions and self.kind.compares:
            shown = conclusion.worst or self.decisions[0]
            return found._replace(sides=self.kind.sides(self.criterion, shown))
        return found

    def waived(self, found: Result, worst: Decision | None, waivers: Sequence[Waiver]) -> Result:
        """The failed result of these decisions, with the series that waivers let fail.

        What fails besides them still fails, though never worse than without a waiver.
        """
        pairs = [(one, waiver_of(waivers, one)) for one in self.decisions]
        passed = [one for one, by in pairs if by]
        if not passed:
            ended = where_it_ended(waivers, self.criterion, worst)
            return found._replace(message=found.message + ended)
        used = tuple(dict.fromkeys(by for _, by in pairs if by))
        reason = Reason.BREACH if _has(passed, Reason.BREACH) else Reason.NO_DATA
        rest = self._replace(decisions=[one for one, by in pairs if not by])
        left = rest._left(used)
        if left is None or left.status not in (Status.NO_GO, Status.WARNING):
            named = [one for one in passed if one.reason is reason]
            conclusion = self._passed(named, reason, rest)._replace(failing=len(passed))
            result = self.result(found.timestamp, conclusion)
            return as_waived(result, reason, used)._replace(pending=found.pending)
        ended = where_it_ended(waivers, self.criterion, left.worst)
        more = printable(f"; {len(passed)} of {len(pairs)} series waived by {used[0].by}")
        status = better(left.status, found.status)
        conclusion = left._replace(message=f"{left.message}{ended}{more}", status=status)
        result = self.result(found.timestamp, conclusion)
        return result._replace(waived=reason, waivers=used, pending=found.pending)

    def _passed(self, passed: Sequence[Decision], reason: Reason, rest: _Concluding) -> _Conclusion:
        """What waivers let pass, in words; without data the value is that of the rest."""
        worst: Decision | None = _worst(passed)
        message = self._words(passed, _worst(passed))
        if reason is Reason.NO_DATA:
            message = f"no data: {message}"
            judged = [one for one in passed if one.lack is Lack.CERTAINTY]
            measured = rest._of(Reason.OK) or judged
            worst = _worst(measured) if measured else None
        return _Conclusion(failed_status(self.criterion.level), reason, message, worst)

    def _left(self, used: Sequence[Waiver]) -> _Conclusion | None:
        """What the series say that no waiver is for; None if there is nothing else."""
        if self.decisions:
            return self.conclusion()
        if self.warnings and not any(one.no_data for one in used):
            status = incomplete_status(self.criterion)
            message = f"incomplete, the source warns: {self.warnings[0]}"
            return _Conclusion(status, Reason.NO_DATA, message)
        return None

    def _text(self, decision: Decision) -> str:
        return decision.text or self.kind.explain(self.criterion, decision)

    def _of(self, reason: Reason) -> list[Decision]:
        return [decision for decision in self.decisions if decision.reason is reason]

    def _failed(self, failing: Sequence[Decision]) -> _Conclusion:
        worst = _worst(failing)
        message = self._words(failing, worst)
        status = failed_status(self.criterion.level)
        return _Conclusion(status, worst.reason, message, worst, len(failing))

    def _words(self, failing: Sequence[Decision], worst: Decision) -> str:
        """What failed: the worst of them, unless the kind names each."""
        every = self.kind.explain_all(self.criterion, failing)
        return every or self._text(worst) + _named(worst) + self._others(len(failing))

    def _others(self, failing: int) -> str:
        """How the series besides the worst one fare."""
        others = len(self.decisions) - 1
        if failing > 1:
            return f" and {failing - 1} more of {len(self.decisions)}"
        if others and len(self._of(Reason.OK)) == others:
            return f", the other {others} pass" if others > 1 else ", the other passes"
        return f", one of {len(self.decisions)}" if others else ""

    def _incomplete(
        self, passing: Sequence[Decision], message: str, missing: int = 0
    ) -> _Conclusion:
        """What was measured passes, but something was not measured: at least a WARNING."""
        worst = _worst(passing)
        message = f"{message}; the rest: {self._text(worst)}"
        status = incomplete_status(self.criterion)
        return _Conclusion(status, Reason.NO_DATA, message, worst, missing)


def _has(decisions: Iterable[Decision], reason: Reason) -> bool:
    return any(one.reason is reason for one in decisions)


def _why_nothing(criterion: Criterion, answered: int) -> str:
    """Why no series can be judged; ``answered`` counts the series of the answer."""
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


def _missing(decisions: Sequence[Decision]) -> str:
    """The first of those without data; of instances that lack a label, as many as fit a line."""
    return _named(*(decisions if _lack_a_label(decisions) else decisions[:1]))


def _lack_a_label(decisions: Sequence[Decision]) -> bool:
    return any(WITHOUT_LABEL in one.series.labels for one in decisions)


def _worst(decisions: Sequence[Decision]) -> Decision:
    if len(decisions) == 1:
        return decisions[0]
    return max(decisions, key=lambda decision: (decision.badness, _labels(decision)))


def _labels(decision: Decision) -> list[tuple[str, str]]:
    return sorted(decision.series.labels.items())


def _named(*decisions: Decision) -> str:
    found = [labels_text(one.series.labels) for one in decisions[:_MOST_NAMED]]
    more = " ..." if len(decisions) > _MOST_NAMED else ""
    labels = printable("; ".join(filter(None, found)))
    return f" ({labels}{more})" if labels else ""


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
    # NaN may be a breach; of an error it says that there is no value.
    is_measured = worst and not (conclusion.reason is Reason.ERROR and math.isnan(worst.value))
    return Result(
        id=printable(criterion.id),
        name=printable(criterion.title),
        severity=criterion.level,
        status=conclusion.status,
        reason=conclusion.reason,
        message=conclusion.message,
        value=worst.value if worst and is_measured else None,
        threshold=worst.limit if worst else criterion.limit,
        comparison=(worst.comparison if worst else criterion.comparison).symbol,
        unit=criterion.unit,
        labels={printable(key): printable(value) for key, value in labels.items()},
        query=(worst.query if worst else "") or criterion.query,
        timestamp=at,
        failing=conclusion.failing,
        total=total,
        warnings=warnings,
        history=worst.series.points if worst and len(worst.series.points) > 1 else (),
        pending=conclusion.pending,
    )
