"""From results to a verdict (the document's decision matrix, and blindness)."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_deploygate.model import Result, Severity, Status, Verdict


def decide(results: Sequence[Result]) -> Verdict:
    """The worst status decides: NO-GO before WARNING before GO."""
    statuses = {result.status for result in results}
    if Status.NO_GO in statuses:
        return Verdict.NO_GO
    return Verdict.WARNING if Status.WARNING in statuses else Verdict.GO


def blindness(results: Sequence[Result]) -> str:
    """Why a gate with these results has seen too little to let anything pass, or nothing.

    A gate is blind when not one of its critical criteria could be evaluated, or when nothing
    at all was judged.
    """
    if results and all(result.status is Status.SKIPPED for result in results):
        return "nothing was checked: every check was skipped"
    critical = [r for r in results if r.severity is Severity.CRITICAL and r.marked]
    if critical and not any(result.evaluated for result in critical):
        return f"the gate is blind: none of {len(critical)} critical checks could be evaluated"
    return ""
