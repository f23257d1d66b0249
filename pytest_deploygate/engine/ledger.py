"""Everything that the tests of a run reported, and the results that follow from it.

It knows no pytest: it takes plain values, in whatever order and from whatever process they come.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from pytest_deploygate.core.result import Reason, Result, Status
from pytest_deploygate.core.severity import Severity
from pytest_deploygate.core.text import printable
from pytest_deploygate.engine.outcome import failed_status

LOST = "its result never arrived"

Failure = tuple[Reason, str]
"""Why something failed: the kind of reason, and a message."""

Ids = dict[tuple[str, str, int], str]
"""The unique id for the n-th result of a test that has one id: by node id, id and n."""


class CheckNote(NamedTuple):
    """What the gate attaches to pytest's report of a phase: what it knows of the test then.

    ``severity`` is the test's mark, ``at`` the evaluation time in Unix seconds. ``results`` holds
    what was judged until then, if there is more of it than before. ``failures`` are why the phase
    failed, one for each thing that failed. It is ``covered`` if the results say all of it.
    """

    severity: Severity | None
    id: str
    title: str
    query: str
    at: float
    results: tuple[Result, ...] = ()
    failures: tuple[Failure, ...] = ()
    covered: bool = False

    def to_builtins(self) -> dict[str, Any]:
        """Plain builtins, the only thing that may travel between xdist's processes."""
        return {
            **self._asdict(),
            "severity": self.severity and self.severity.value,
            "results": [result.to_builtins() for result in self.results],
            "failures": [[reason.value, message] for reason, message in self.failures],
        }

    @classmethod
    def from_builtins(cls, plain: Mapping[str, Any]) -> CheckNote:
        """The inverse of :meth:`to_builtins`."""
        severity = plain["severity"]
        return cls(**plain)._replace(
            severity=severity and Severity(severity),
            results=tuple(map(Result.from_builtins, plain["results"])),
            failures=tuple((Reason(reason), message) for reason, message in plain["failures"]),
        )


class PhaseReport(NamedTuple):
    """One report of one test: ``note`` is what the gate attached to it, None after a crash.

    ``duration`` is in seconds, ``message`` are the report's own words, and ``part`` describes the
    subtest that the report is about; it is empty for the test itself.
    """

    nodeid: str
    when: str
    outcome: str
    duration: float
    note: CheckNote | None
    message: str = ""
    part: str = ""


class _Entry:
    def __init__(self) -> None:
        self.phases: list[PhaseReport] = []

    @property
    def note(self) -> CheckNote | None:
        """The newest that is known of the test itself."""
        return next((phase.note for phase in reversed(self.phases) if phase.note), None)

    @property
    def results(self) -> tuple[Result, ...]:
        """Everything that was judged: the longest list, each holds the ones before."""
        return max((phase.note.results for phase in self.phases if phase.note), key=len, default=())

    @property
    def complete(self) -> bool:
        """Whether the test ran to an end: it was called, or failed or was skipped before."""
        return any(phase.when != "teardown" and _ends(phase) for phase in self.phases)


def _is_failed_call(phase: PhaseReport) -> bool:
    return phase.when == "call" and phase.outcome == "failed"


def _ends(phase: PhaseReport) -> bool:
    return phase.when == "call" or phase.outcome in ("failed", "skipped")


_OUTCOMES = ("passed", "failed", "skipped")


class Ledger:
    """Collects the reports of tests, and knows which of them are missing."""

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

    def record(self, phase: PhaseReport) -> None:
        """One report arrived. A test that is run again is judged by its last try."""
        entry = self._entries.get(phase.nodeid)
        if entry is None:
            entry = self._entries[phase.nodeid] = _Entry()
        # Another outcome, such as "rerun", is that of a try that its plugin repeats: some set the
        # test up again, others only report another call.
        repeated = phase.outcome not in _OUTCOMES
        if phase.when == "setup" or repeated:
            entry.phases.clear()
        if repeated:
            return
        if phase.note and _is_failed_call(phase) and any(map(_is_failed_call, entry.phases)):
            # The subtests of this test have reported this failure themselves.
            phase = phase._replace(note=phase.note._replace(covered=True))
        entry.phases.append(phase)

    def lost(self) -> list[str]:
        """The tests that were collected and did not run to an end."""
        return [
            nodeid
            for nodeid in self._expected
            if nodeid not in self._entries or not self._entries[nodeid].complete
        ]

    def results(
        self, redacted: Callable[[str], str] = str, ids: Ids | None = None
    ) -> tuple[Result, ...]:
        """All results in the order of collection, every id unique.

        The name of a test and its message may hold anything that the test knows: ``redacted``
        takes secrets out of them. ``ids`` are those of earlier rounds, and are added to.
        """
        ordered = [*self._expected, *(n for n in self._entries if n not in self._expected)]
        found: list[Result] = []
        for nodeid in ordered:
            found += _results(nodeid, self._entries.get(nodeid, _Entry()))
        clean = (_without_secrets(one, redacted) for one in found)
        return _with_unique_ids(clean, {} if ids is None else ids)


def _results(nodeid: str, entry: _Entry) -> list[Result]:
    duration, results = sum(phase.duration for phase in entry.phases), entry.results
    share = duration / (len(results) or 1)
    recorded = [result._replace(nodeid=nodeid, duration=share) for result in results]
    failures = [(phase.part, *failure) for phase in entry.phases for failure in _failures(phase)]
    if not failures and not entry.complete:
        failures = [("", Reason.ERROR, LOST)]
    if not failures and not recorded:
        failures = [("", *_without_failure(entry))]
    # Two fixtures may fail in the same words, but the same failure is not reported twice.
    own = [_of_test(nodeid, entry.note, duration, *one) for one in dict.fromkeys(failures)]
    return [*recorded, *own]


def _without_secrets(result: Result, redacted: Callable[[str], str]) -> Result:
    texts = (result.id, result.name, result.message, result.nodeid)
    together = "\n".join(texts)
    if redacted(together) == together:
        return result
    id_, name, message, nodeid = map(redacted, texts)
    return result._replace(id=id_, name=name, message=message, nodeid=nodeid)


def _failures(phase: PhaseReport) -> tuple[Failure, ...]:
    """What went wrong in a phase, unless a recorded result says it already."""
    if phase.note and phase.note.failures:
        return phase.note.failures
    if phase.outcome == "failed" and not (phase.note and phase.note.covered):
        return ((Reason.ERROR, phase.message or "it failed without a message"),)
    return ()


def _without_failure(entry: _Entry) -> Failure:
    skipped = next((phase for phase in entry.phases if phase.outcome == "skipped"), None)
    if skipped is None:
        return Reason.OK, "passed"
    return Reason.SKIPPED, skipped.message or "skipped"


def _of_test(
    nodeid: str, note: CheckNote | None, duration: float, part: str, reason: Reason, message: str
) -> Result:
    """The result of a test that measured nothing of its own, or failed besides what it measured."""
    severity = note.severity if note else None
    level = severity or Severity.CRITICAL
    statuses = {
        Reason.OK: Status.GO,
        Reason.SKIPPED: Status.SKIPPED,
        Reason.NO_DATA: Status.WARNING,
    }
    name = nodeid.rpartition("::")[2] or nodeid
    title = note.title if note else name
    return Result(
        id=printable(note.id if note else name.removeprefix("test_")),
        name=printable(f"{title} {part}".rstrip()),
        severity=level,
        status=statuses.get(reason, failed_status(level)),
        reason=reason,
        message=printable(message),
        query=note.query if note else "",
        timestamp=note.at if note else 0.0,
        nodeid=nodeid,
        duration=duration,
        marked=severity is not None,
    )


def _with_unique_ids(results: Iterable[Result], ids: Ids) -> tuple[Result, ...]:
    taken = set(ids.values())
    counts: Counter[tuple[str, str]] = Counter()
    unique = []
    for result in results:
        own = result.nodeid, result.id
        counts[own] += 1
        key = (*own, counts[own])
        if key not in ids:
            others = (f"{result.id}-{number}" for number in itertools.count(2))
            names = itertools.chain([result.id], others)
            ids[key] = next(name for name in names if name not in taken)
            taken.add(ids[key])
        unique.append(result if ids[key] == result.id else result._replace(id=ids[key]))
    return tuple(unique)
