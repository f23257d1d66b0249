"""The report of a run, from which every output is made."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from pytest_deploygate.core.context import Context
from pytest_deploygate.core.result import Reason, Result, Status
from pytest_deploygate.core.rounds import Round, Watched
from pytest_deploygate.core.severity import Severity
from pytest_deploygate.core.subject import Attested
from pytest_deploygate.core.text import counted
from pytest_deploygate.core.verdict import Verdict, decide

WORST_FIRST = (Status.NO_GO, Status.WARNING, Status.WAIVED, Status.SKIPPED, Status.GO)
"""The order in which outputs show checks."""


def worst_status(statuses: Collection[Status | None]) -> Status | None:
    """The first of these in that order; None if there is none."""
    return next((one for one in WORST_FIRST if one in statuses), None)


LIGHTS = {
    Status.GO: "🟢",
    Status.WARNING: "🟡",
    Status.NO_GO: "🔴",
    Status.SKIPPED: "⚪",
    Status.WAIVED: "🔵",
}
"""The sign of a status. The sign of a verdict is ``LIGHTS[Status(verdict)]``."""

_MOST_FAMILIES = 10


class Change(NamedTuple):
    """A setting that differs from its default, and where it was given."""

    name: str
    value: str
    default: str
    origin: str


class SourceInfo(NamedTuple):
    """Where the measurements came from: the URL of a server without credentials, or a file."""

    kind: str
    location: str

    @property
    def is_recording(self) -> bool:
        """Whether evidence was judged instead of a server's answers."""
        return self.kind == "recording"


class ActionStatus(StrEnum):
    """The outcome of an action."""

    DONE = "done"
    FAILED = "failed"
    TIMED_OUT = "timed-out"
    PLANNED = "planned"
    SKIPPED = "skipped"


class ActionResult(NamedTuple):
    """One configured action and its outcome.

    Attributes:
        message: one line, without secrets.
        output: the end of what a command wrote, without secrets.
        duration: in seconds.
    """

    name: str
    kind: str
    status: ActionStatus
    message: str = ""
    output: str = ""
    duration: float = 0.0

    @property
    def failed(self) -> bool:
        """Whether the action was started and not completed."""
        return self.status in (ActionStatus.FAILED, ActionStatus.TIMED_OUT)


@dataclass(frozen=True, kw_only=True, slots=True)
class GateReport:
    """All that is known at the end of a run.

    ``problems`` are reasons why no verdict was reached: they make it NO-GO, and ``blind`` says why
    what was seen is too little to let anything pass. ``notices`` are worth a line and change
    nothing. ``page`` is the HTML page's path in the CI system's project directory, where that
    can be linked. ``actions`` are what was done about the verdict; they never change it.
    ``configuration`` is the path of the file that was read, empty if there is none.
    ``partial`` says what was left out, and ``deselected`` how many checks, as far as it is known.
    ``refused`` says that the problem is what was given, and that nothing was run.
    ``deployed_at`` is when the new version was deployed, in Unix seconds, None if nobody said.
    ``selection`` are the matchers that narrowed every query, as PromQL, and ``variables`` the
    values of the queries' variables by name.
    ``configuration`` is the configuration file, empty without one, and ``context`` what CI knows.
    ``rounds`` are the judgements that the verdict rests on; an ordinary run has one. ``watched``
    says what they were for, None in an ordinary run.
    ``attested`` is the artifact that it is about, None where none was named.
    ``evaluated_at`` and ``started_at`` are Unix seconds.
    """

    verdict: Verdict
    results: tuple[Result, ...]
    rounds: tuple[Round, ...] = ()
    watched: Watched | None = None
    problems: tuple[str, ...] = ()
    blind: str = ""
    notices: tuple[str, ...] = ()
    partial: str = ""
    deselected: int = 0
    evaluated_at: float = 0.0
    started_at: float = 0.0
    duration: float = 0.0
    source: SourceInfo = field(default_factory=lambda: SourceInfo(kind="prometheus", location=""))
    environment: str = ""
    selection: str = ""
    deployed_at: float | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    configuration: str = ""
    context: Context = field(default_factory=Context)
    advisory: bool = False
    changes: tuple[Change, ...] = ()
    page: str = ""
    actions: tuple[ActionResult, ...] = ()
    refused: bool = False
    attested: Attested | None = None

    @property
    def exit_code(self) -> int:
        """0 GO, 1 WARNING, 2 NO-GO. An advisory run that reached a verdict ends in 0.

        A run that was refused ends in 4, the code of pytest's own usage errors.
        """
        if self.refused:
            return 4
        if self.problems:
            return 2
        return 0 if self.advisory else self.verdict.exit_code

    @property
    def passed_in_part(self) -> bool:
        """Whether everything that was run passed, and something was left out."""
        failed = self.obstacles or self.with_status(Status.NO_GO, Status.WARNING)
        return bool(self.partial) and not failed

    @property
    def verdict_without_freezes(self) -> Verdict:
        """What the verdict would be at another time: nobody rolls back for a freeze."""
        others = [result for result in self.results if not result.is_freeze]
        if self.obstacles or len(others) == len(self.results):
            return self.verdict
        unsteady = self.watched is not None and self.watched.unsteady
        return decide(others, partial=bool(self.partial or unsteady))

    @property
    def obstacles(self) -> tuple[str, ...]:
        """Every reason why there is no verdict, blindness included."""
        return (*self.problems, self.blind) if self.blind else self.problems

    @property
    def counts(self) -> Mapping[Status, int]:
        """The number of results with each status."""
        return Counter(result.status for result in self.results)

    def with_status(self, *statuses: Status) -> list[Result]:
        """Return the results with these statuses, in order."""
        return [result for result in self.results if result.status in statuses]

    def shown(self, status: Status) -> list[Result]:
        """Return the results with a status as outputs show them: failures the worst first."""
        results = self.with_status(status)
        return worst_first(results) if status in (Status.NO_GO, Status.WARNING) else results

    @property
    def sentence(self) -> str:
        """The reason for the verdict in one sentence: the worst cause, not the first in a file."""
        if self.problems:
            return self.problems[0]
        failed = worst_first(self.with_status(Status.NO_GO) or self.with_status(Status.WARNING))
        if self.blind and not (failed and _is_down(failed[0])):
            return self.blind
        if not failed and self.watched and self.watched.unsteady:
            return self.watched.unsteady
        if not failed and self.partial:
            there = len(self.results) + self.deselected
            ran = sum(result.reason is not Reason.SKIPPED for result in self.results)
            of_all = "" if ran == there else f"{ran} of "
            return f"partial, {of_all}{counted(there, 'check')} ran, all passed: {self.partial}"
        if not failed and (waived := self.with_status(Status.WAIVED)):
            return f"{len(waived)} waived: {waived[0].name}: {waived[0].message}"
        if not failed:
            return "All checks passed: the deployment can go"
        first = f"{failed[0].name}: {failed[0].message}"
        return first if len(failed) == 1 else f"{first} (and {len(failed) - 1} more)"


_DOWN = "targets_up"
"""The check whose breach says that a service is down, which explains what else fails."""
_REASONS = (Reason.BREACH, Reason.ERROR, Reason.NO_DATA)


def worst_first(results: Iterable[Result]) -> list[Result]:
    """Failed checks in the order in which a person should read them.

    What is down comes first, then by status, severity, reason, and how far the value is beyond the
    limit; checks that are equally bad stay in their order.
    """
    return sorted(results, key=_badness)


def _is_down(result: Result) -> bool:
    return result.id == _DOWN and result.reason is Reason.BREACH


def _badness(result: Result) -> tuple[bool, int, bool, int, float]:
    reason = _REASONS.index(result.reason) if result.reason in _REASONS else len(_REASONS)
    is_critical = result.severity is Severity.CRITICAL
    status = WORST_FIRST.index(result.status)
    return (not _is_down(result), status, not is_critical, reason, -_excess(result))


def _excess(result: Result) -> float:
    """How far a value is beyond its limit, as the logarithm of their ratio; 0 for what has none."""
    value, limit = result.value, result.threshold
    if value is None or limit is None or math.isnan(limit):
        return 0.0
    if not limit:  # nothing is a multiple of zero: one failure in a million is not endlessly bad
        return math.inf if math.isnan(value) else math.log1p(abs(value))
    if not value or value * limit < 0 or not math.isfinite(value):
        return math.inf
    return abs(math.log(abs(value)) - math.log(abs(limit)))


def series_text(result: Result) -> str:
    """How the series of a check fared, in a sentence; empty if it has one at most."""
    total, failing = result.total, result.failing
    if total < 2:
        return ""
    if result.reason is Reason.NO_DATA and result.value is None:
        return f"{total:,} series, none of them could be judged."
    if result.reason in (Reason.NO_DATA, Reason.ERROR) and failing:
        return f"{total:,} series, {failing:,} of them could not be judged."
    return f"{total:,} series were judged, {f'{failing:,}' if failing else 'none'} did not pass."


def alike(results: Iterable[Result], *, passed: bool = False) -> list[list[Result]]:
    """Return the checks in groups. Checks that have no value for the same reason are one group.

    Args:
        results: the checks, in order.
        passed: whether checks that passed without a value are grouped too.
    """
    groups: dict[tuple[object, ...], list[Result]] = {}
    for number, result in enumerate(results):
        measured = result.value is not None or (result.reason is Reason.OK and not passed)
        same = (result.status, result.severity, result.reason, result.message)
        groups.setdefault((number,) if measured else same, []).append(result)
    return list(groups.values())


def families(failed: Sequence[Result], results: Iterable[Result]) -> str:
    """Return which families of checks failed, the one with the most failures first.

    A family has the same id before the bracket. The text is empty if every family is one check:
    the list of checks says the same.
    """
    failing, all_of_them = Counter(map(family, failed)), Counter(map(family, results))
    if all(all_of_them[one] == 1 for one in failing):
        return ""
    worst = failing.most_common(_MOST_FAMILIES)
    counts = [f"{one}: {count:,} of {all_of_them[one]:,}" for one, count in worst]
    left = len(failing) - len(worst)
    return "; ".join([*counts, *([f"and {left:,} more"] if left else [])])


def family(result: Result) -> str:
    """The id before the bracket, which the members of a family share."""
    return result.id.partition("[")[0]
