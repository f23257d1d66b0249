"""From results to a verdict (the document's decision matrix, and blindness)."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from pytest_deploygate.core.criterion import Severity
from pytest_deploygate.core.result import Result, Status


class Verdict(StrEnum):
    """The light of the whole gate (the document's 1.1 and 4.3)."""

    GO = "GO"
    WARNING = "WARNING"
    NO_GO = "NO_GO"

    @property
    def exit_code(self) -> int:
        """0, 1 or 2."""
        return list(Verdict).index(self)

    @property
    def label(self) -> str:
        """As it is written for people: ``GO``, ``WARNING``, ``NO-GO``."""
        return self.value.replace("_", "-")


def decide(results: Sequence[Result]) -> Verdict:
    """The worst status decides: NO-GO before WARNING before GO."""
    statuses = {result.status for result in results}
    if Status.NO_GO in statuses:
        return Verdict.NO_GO
    return Verdict.WARNING if Status.WARNING in statuses else Verdict.GO


def blindness(results: Sequence[Result]) -> str:
    """Why a gate with these results has seen too little to let anything pass, or nothing.

    A gate is blind when not one of its critical criteria could be evaluated, or when nothing
    at all was judged. What all of them say is the cause.
    """
    if results and all(result.status is Status.SKIPPED for result in results):
        return "nothing was checked: every check was skipped"
    critical = [r for r in results if r.severity is Severity.CRITICAL and r.marked]
    if not critical or any(result.evaluated for result in critical):
        return ""
    told = f"none of {len(critical)} critical checks could be evaluated"
    if len(critical) == 1:
        told = "the only critical check could not be evaluated"
    messages = {result.message for result in critical}
    cause = messages.pop() if len(messages) == 1 else ""
    return f"the gate is blind: {told}{f': {cause}' if cause else ''}"
