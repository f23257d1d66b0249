"""What waivers make of a check that fails: pure, and never worse than without them."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_deploygate.core.criterion import Comparison, Criterion
from pytest_deploygate.core.report import WORST_FIRST
from pytest_deploygate.core.result import Reason, Result, Status
from pytest_deploygate.core.text import printable, value_text
from pytest_deploygate.core.waivers import Waiver, holding
from pytest_deploygate.kinds.decision import Decision
from pytest_deploygate.kinds.limit import holds

_WAIVABLE = (Reason.BREACH, Reason.NO_DATA)


def waiver_of(waivers: Sequence[Waiver], decision: Decision) -> Waiver | None:
    """The first of the waivers that lets this series fail; None if none does."""
    return next(
        (one for one in waivers if _concerns(one, decision) and _within(one, decision)), None
    )


def where_it_ended(
    waivers: Sequence[Waiver], criterion: Criterion, decision: Decision | None
) -> str:
    """That a series is worse than a waiver allows; empty if no waiver says so."""
    for one in waivers if decision is not None else ():
        if decision is not None and _concerns(one, decision):
            bounds = [bound for bound in (one.at_most, one.at_least) if bound is not None]
            ends = " and ".join(value_text(bound, criterion.unit) for bound in bounds)
            return printable(f"; the waiver of {one.by} ended at {ends}")
    return ""


def _concerns(waiver: Waiver, decision: Decision) -> bool:
    """Whether it is for a failure of this kind and of these series, however bad it is."""
    labels = decision.series.labels
    if any(labels.get(name) != text for name, text in waiver.labels):
        return False
    return decision.reason is Reason.BREACH or (
        decision.reason is Reason.NO_DATA and waiver.no_data
    )


def _within(waiver: Waiver, decision: Decision) -> bool:
    if decision.reason is Reason.NO_DATA:
        return True
    most, least = waiver.at_most, waiver.at_least
    kept = most is None or holds(Comparison.AT_MOST, decision.value, most)
    return kept and (least is None or holds(Comparison.AT_LEAST, decision.value, least))


def as_waived(result: Result, reason: Reason, used: Sequence[Waiver]) -> Result:
    """A failed result that waivers let pass; its message says who, why and until when."""
    wording = "; ".join(dict.fromkeys(one.wording for one in used))
    return result._replace(
        status=Status.WAIVED,
        reason=Reason.WAIVED,
        message=printable(f"{result.message}; {wording}", 2_000),
        waived=reason,
        waivers=tuple(used),
    )


def waived_as_a_whole(result: Result, waivers: Sequence[Waiver]) -> Result:
    """The result of a check whose series are not known: of a test, or one without any data.

    A waiver for some series, or up to a value, says nothing of it. What all rounds came to was
    waived in each of them.
    """
    if not result.failed or result.waived or result.rounds or result.reason not in _WAIVABLE:
        return result
    if result.reason is Reason.BREACH and result.total:  # its series were looked at one by one
        return result
    for one in holding(waivers, result.id, result.timestamp):
        bounded = one.at_most is not None or one.at_least is not None
        if not one.labels and (one.no_data if result.reason is Reason.NO_DATA else not bounded):
            return as_waived(result, result.reason, (one,))
    return result


def better(one: Status, other: Status) -> Status:
    """The better of two statuses."""
    return max(one, other, key=WORST_FIRST.index)
