"""Everything that the tests of a run reported, and the results that follow from it.

It knows no pytest: it takes plain values, in whatever order and from whatever process they come.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from pytest_deploygate.evaluation.outcome import failed_status
from pytest_deploygate.model import Reason, Result, Severity, Status
from pytest_deploygate.text import printable

LOST = "its result never arrived"


class Phase(NamedTuple):
    """One report of one test: ``payload`` is what the gate attached to it, None after a crash."""

    nodeid: str
    when: str
    outcome: str
    duration: float
    payload: Mapping[str, Any] | None
    message: str = ""


class _Entry:
    def __init__(self) -> None:
        self.phases: list[Phase] = []

    @property
    def payload(self) -> Mapping[str, Any]:
        """The last payload; each holds all that came before."""
        return next((p.payload for p in reversed(self.phases) if p.payload is not None), {})

    @property
    def results(self) -> list[Mapping[str, Any]]:
        """Everything that was judged: the longest list, each holds the ones before."""
        lists = [phase.payload["results"] for phase in self.phases if phase.payload is not None]
        return max(lists, key=len, default=[])

    @property
    def complete(self) -> bool:
        """Whether the test ran to an end: it was called, or failed or was skipped before."""
        return any(phase.when != "teardown" and _ends(phase) for phase in self.phases)


def _ends(phase: Phase) -> bool:
    return phase.when == "call" or phase.outcome in ("failed", "skipped")


class Ledger:
    """Collects what arrives; nothing that was expected and did not arrive is forgotten."""

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}
        self._expected: dict[str, None] = {}

    def expect(self, nodeids: Iterable[str]) -> None:
        """These tests were collected, in this order."""
        self._expected |= dict.fromkeys(nodeids)

    @property
    def expected(self) -> int:
        """How many tests were collected."""
        return len(self._expected)

    def record(self, phase: Phase) -> None:
        """One report arrived. A test that is set up again is run again: its last try counts."""
        entry = self._entries.setdefault(phase.nodeid, _Entry())
        if phase.when == "setup":
            entry.phases.clear()
        entry.phases.append(phase)

    def lost(self) -> list[str]:
        """The tests that were collected and did not run to an end."""
        return [
            nodeid
            for nodeid in self._expected
            if nodeid not in self._entries or not self._entries[nodeid].complete
        ]

    def results(self) -> tuple[Result, ...]:
        """All results in the order of collection, every id unique."""
        ordered = [*self._expected, *(n for n in self._entries if n not in self._expected)]
        found: list[Result] = []
        for nodeid in ordered:
            found += _results(nodeid, self._entries.get(nodeid, _Entry()))
        return _with_unique_ids(found)


def _results(nodeid: str, entry: _Entry) -> list[Result]:
    payload = entry.payload
    duration = sum(phase.duration for phase in entry.phases)
    known = {"nodeid": nodeid, "duration": duration / (len(entry.results) or 1)}
    recorded = [Result.from_builtins({**plain, **known}) for plain in entry.results]
    failures = [failure for phase in entry.phases for failure in _failures(phase)]
    if not entry.complete and not failures:
        failures = [(Reason.ERROR, LOST)]
    if failures:
        reason, message = failures[0]
        return [*recorded, _of_test(nodeid, payload, duration, reason, message)]
    if recorded:
        return recorded
    reason, message = _without_failure(entry)
    return [_of_test(nodeid, payload, duration, reason, message)]


def _failures(phase: Phase) -> list[tuple[Reason, str]]:
    """What went wrong in a phase and is not already told by a recorded result."""
    payload = phase.payload or {}
    if failure := payload.get("failure"):
        return [(Reason(failure["reason"]), failure["message"])]
    if phase.outcome == "failed" and not payload.get("covered"):
        return [(Reason.ERROR, phase.message or "it failed without a word")]
    return []


def _without_failure(entry: _Entry) -> tuple[Reason, str]:
    skipped = next((phase for phase in entry.phases if phase.outcome == "skipped"), None)
    if skipped is None:
        return Reason.OK, "passed"
    return Reason.SKIPPED, skipped.message or "skipped"


def _of_test(
    nodeid: str, payload: Mapping[str, Any], duration: float, reason: Reason, message: str
) -> Result:
    """The result of a test that measured nothing of its own, or failed besides what it measured."""
    severity = Severity(payload.get("severity") or Severity.CRITICAL)
    statuses = {
        Reason.OK: Status.GO,
        Reason.SKIPPED: Status.SKIPPED,
        Reason.NO_DATA: Status.WARNING,
    }
    name = nodeid.rpartition("::")[2] or nodeid
    return Result(
        id=printable(payload.get("id") or name.removeprefix("test_")),
        name=printable(payload.get("title") or name),
        severity=severity,
        status=statuses.get(reason, failed_status(severity)),
        reason=reason,
        message=printable(message),
        query=payload.get("query", ""),
        timestamp=payload.get("at", 0.0),
        nodeid=nodeid,
        duration=duration,
        marked=bool(payload.get("severity")),
    )


def _with_unique_ids(results: Iterable[Result]) -> tuple[Result, ...]:
    taken: set[str] = set()
    unique = []
    for result in results:
        names = (f"{result.id}-{number}" for number in itertools.count(2))
        id_ = next(name for name in itertools.chain([result.id], names) if name not in taken)
        taken.add(id_)
        unique.append(result if id_ == result.id else replace(result, id=id_))
    return tuple(unique)
