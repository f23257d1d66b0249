"""The finished report: what every output is given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from pytest_deploygate.core.result import Reason, Result, Status
from pytest_deploygate.core.verdict import Verdict

WORST_FIRST = (Status.NO_GO, Status.WARNING, Status.WAIVED, Status.SKIPPED, Status.GO)
"""The order in which people are shown checks."""
LIGHTS = {
    Status.GO: "🟢",
    Status.WARNING: "🟡",
    Status.NO_GO: "🔴",
    Status.SKIPPED: "⚪",
    Status.WAIVED: "🔵",
}
"""The sign of a status; a verdict's is that of its status, ``LIGHTS[Status(verdict)]``."""

_MOST_FAMILIES = 10


class Change(NamedTuple):
    """A setting that differs from its default, and where it was given."""

    name: str
    value: str
    default: str
    origin: str


class SourceInfo(NamedTuple):
    """Where the measurements came from: a server's URL without credentials, or a file."""

    kind: str
    location: str

    @property
    def is_recording(self) -> bool:
        """Whether this was judged from evidence instead of a server."""
        return self.kind == "recording"


class ActionStatus(StrEnum):
    """What came of an action."""

    DONE = "done"
    FAILED = "failed"
    TIMED_OUT = "timed-out"
    PLANNED = "planned"
    SKIPPED = "skipped"


class ActionResult(NamedTuple):
    """One configured action and what came of it; ``duration`` is in seconds.

    ``message`` is one line, ``output`` the end of what a command wrote; neither holds a secret.
    """

    name: str
    kind: str
    status: ActionStatus
    message: str = ""
    output: str = ""
    duration: float = 0.0

    @property
    def failed(self) -> bool:
        """Whether it was begun and not done."""
        return self.status in (ActionStatus.FAILED, ActionStatus.TIMED_OUT)


@dataclass(frozen=True, kw_only=True, slots=True)
class GateReport:
    """All that is known at the end of a run.

    ``problems`` are reasons why no verdict was reached: they make it NO-GO, and ``blind`` says why
    what was seen is too little to let anything pass. ``notices`` are worth a line and change
    nothing. ``page`` is the HTML page's path in the CI system's project directory, where that
    can be linked. ``actions`` are what was done about the verdict; they never change it.
    ``refused`` says that the problem is what was given, and that nothing was run.
    ``evaluated_at`` and ``started_at`` are Unix seconds.
    """

    verdict: Verdict
    results: tuple[Result, ...]
    problems: tuple[str, ...] = ()
    blind: str = ""
    notices: tuple[str, ...] = ()
    partial: str = ""
    evaluated_at: float = 0.0
    started_at: float = 0.0
    duration: float = 0.0
    source: SourceInfo = field(default_factory=lambda: SourceInfo(kind="prometheus", location=""))
    environment: str = ""
    advisory: bool = False
    changes: tuple[Change, ...] = ()
    page: str = ""
    actions: tuple[ActionResult, ...] = ()
    refused: bool = False

    @property
    def exit_code(self) -> int:
        """0 GO, 1 WARNING, 2 NO-GO; advisory runs end in 0 if they reached a verdict.

        What was given and cannot be used ends in pytest's own usage error, 4.
        """
        if self.refused:
            return 4
        if self.problems:
            return 2
        return 0 if self.advisory else self.verdict.exit_code

    @property
    def obstacles(self) -> tuple[str, ...]:
        """Everything that kept the gate from a verdict, or from seeing enough for one."""
        return (*self.problems, self.blind) if self.blind else self.problems

    @property
    def counts(self) -> Mapping[Status, int]:
        """How many results have each status."""
        return Counter(result.status for result in self.results)

    def with_status(self, *statuses: Status) -> list[Result]:
        """The results of these statuses, in order."""
        return [result for result in self.results if result.status in statuses]

    @property
    def sentence(self) -> str:
        """The verdict's reason in one sentence; what passed in part is not all that can pass."""
        if self.problems:
            return self.problems[0]
        if self.blind:
            return self.blind
        failed = self.with_status(Status.NO_GO) or self.with_status(Status.WARNING)
        if not failed and self.partial:
            return f"All checks that were run passed, partial: {self.partial}"
        if not failed:
            return "All checks passed: the deployment can go"
        first = f"{failed[0].name}: {failed[0].message}"
        return first if len(failed) == 1 else f"{first} (and {len(failed) - 1} more)"


def alike(results: Iterable[Result], *, passed: bool = False) -> list[list[Result]]:
    """Checks in groups: what could not be measured for one and the same reason is one.

    What passed without a measurement is grouped only if ``passed``.
    """
    groups: dict[tuple[object, ...], list[Result]] = {}
    for number, result in enumerate(results):
        measured = result.value is not None or (result.reason is Reason.OK and not passed)
        told = (result.status, result.severity, result.reason, result.message)
        groups.setdefault((number,) if measured else told, []).append(result)
    return list(groups.values())


def families(failed: Sequence[Result], results: Iterable[Result]) -> str:
    """Which families of checks failed, by the id before its bracket, the most failing first.

    Where every family has one check that is no shorter than the checks: empty.
    """
    failing, all_of_them = Counter(map(_family, failed)), Counter(map(_family, results))
    if all(all_of_them[family] == 1 for family in failing):
        return ""
    worst = failing.most_common(_MOST_FAMILIES)
    told = [f"{family}: {count:,} of {all_of_them[family]:,}" for family, count in worst]
    left = len(failing) - len(worst)
    return "; ".join([*told, *([f"and {left:,} more"] if left else [])])


def _family(result: Result) -> str:
    return result.id.partition("[")[0]
