"""From results to a verdict (the decision matrix of the Go/No-Go document, and blindness)."""

from __future__ import annotations

from collections.abc import Container, Sequence
from enum import StrEnum

from pytest_deploygate.core.result import Reason, Result, Status
from pytest_deploygate.core.severity import Severity


class Verdict(StrEnum):
    """The verdict of the whole gate (the document's 1.1 and 4.3)."""

    GO = "GO"
    WARNING = "WARNING"
    NO_GO = "NO_GO"

    @property
    def exit_code(self) -> int:
        """0, 1 or 2."""
        return list(Verdict).index(self)

    @property
    def label(self) -> str:
        """The verdict as people read it: ``GO``, ``WARNING``, ``NO-GO``."""
        return self.value.replace("_", "-")


def decide(results: Sequence[Result], *, partial: bool = False) -> Verdict:
    """Return the verdict of the worst status: NO-GO before WARNING before GO.

    A partial run, in which some checks were left out, is at best a WARNING, and so is one with a
    waived check.
    """
    statuses = {result.status for result in results}
    if Status.NO_GO in statuses:
        return Verdict.NO_GO
    warned = partial or not statuses.isdisjoint((Status.WARNING, Status.WAIVED))
    return Verdict.WARNING if warned else Verdict.GO


WITHOUT_SIGHT = frozenset({"targets_up", "no_alerts"})
"""The ids of checks that do not keep a gate from being blind."""


def gives_sight(check: str, query: str = "") -> bool:
    """Return whether a check of this id, once it is evaluated, keeps a gate from being blind.

    One that asks for alerts does not, whatever its id.
    """
    return check not in WITHOUT_SIGHT and not query.startswith("ALERTS{")


def blindness(results: Sequence[Result], left_out: Container[str] = ()) -> str:
    """Return why a gate with these results is blind, or an empty text.

    A gate is blind if none of its critical criteria could be evaluated, or if every check was
    skipped. It must not let anything pass. Whether targets are up, or alerts fire, says nothing of
    what the application does: a gate that could evaluate only such a check is blind.

    Args:
        results: of all checks; freezes are not among them.
        left_out: the ids of checks that were not run on purpose: they make no gate blind.
    """
    if results and all(result.status is Status.SKIPPED for result in results):
        return "nothing was checked: every check was skipped"
    critical = [r for r in _critical(results) if r.marked and not _is_left_out(r, left_out)]
    if not critical or any(result.evaluated for result in critical):
        return ""
    reason = f"none of {len(critical)} critical checks could be evaluated"
    if len(critical) == 1:
        reason = "the only critical check could not be evaluated"
    messages = {result.message for result in critical}
    cause = messages.pop() if len(messages) == 1 else ""
    return f"the gate is blind: {reason}{f': {cause}' if cause else ''}"


def unguarded(results: Sequence[Result], left_out: Container[str]) -> str:
    """Return that no critical check was run although the gate has some, or an empty text.

    Args:
        results: of all checks.
        left_out: the ids of checks that were not run on purpose.
    """
    critical = _critical(results)
    if critical and all(_is_left_out(result, left_out) for result in critical):
        return "every critical check is left out on purpose: nothing that blocks was asked"
    return ""


def _critical(results: Sequence[Result]) -> list[Result]:
    return [r for r in results if r.severity is Severity.CRITICAL and gives_sight(r.id, r.query)]


def _is_left_out(result: Result, left_out: Container[str]) -> bool:
    return result.reason is Reason.SKIPPED and result.id in left_out
