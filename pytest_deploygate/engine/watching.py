"""What the rounds of a watch or of a wait come to: pure, without a clock and without pytest."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from pytest_deploygate.core.durations import spoken
from pytest_deploygate.core.result import Result, Status
from pytest_deploygate.core.severity import Severity
from pytest_deploygate.core.text import counted
from pytest_deploygate.core.verdict import Verdict
from pytest_deploygate.engine.check_rounds import FAILED, Check, as_a_whole
from pytest_deploygate.engine.pace import Pace, Schedule

_Results = tuple[Result, ...]


class Seen(NamedTuple):
    """One round, judged.

    Attributes:
        at: its evaluation time in Unix seconds.
        results: of all checks.
        verdict: of the round alone.
        blind: why the round saw too little to let anything pass; empty if it did not.
    """

    at: float
    results: Sequence[Result]
    verdict: Verdict
    blind: str = ""

    @property
    def is_good(self) -> bool:
        """Whether every check passed."""
        return not self.blind and all(result.ok for result in self.results)


class End(NamedTuple):
    """What all rounds come to.

    Attributes:
        results: of all checks.
        outcome: how it ended, in a few words.
        blind: why it is NO-GO although no check may be; else empty.
        unsteady: why it is not GO although every check may be; else empty.
    """

    results: tuple[Result, ...]
    outcome: str
    blind: str = ""
    unsteady: str = ""


class Watching(ABC):
    """Takes the rounds of a run one after the other.

    Args:
        pace: the options.
    """

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._checks: dict[tuple[str, str], Check] = {}
        self._of_tests: dict[str, list[Status | None]] = {}
        self._seen = 0
        self._blind = 0
        self._why_blind = ""
        self._last: Seen | None = None

    def add(self, seen: Seen, *, unanswered: bool = False) -> None:
        """One more round.

        Args:
            seen: the round.
            unanswered: whether it asked, and no query of it was answered.
        """
        judged = {(one.nodeid, one.id): one for one in seen.results}
        sightless = bool(seen.blind) or unanswered
        for key in judged:
            if key not in self._checks:
                self._checks[key] = Check(self._of_tests.get(key[0], [None] * self._seen))
        of_tests = _of_tests(seen.results)
        for nodeid, status in of_tests.items():
            self._of_tests.setdefault(nodeid, [None] * self._seen).append(status)
        for key, check in self._checks.items():
            result = judged.get(key)
            level = result.severity if result else check.last.severity
            counts = sightless and level is Severity.CRITICAL
            if result is None:
                check.miss(seen.at, of_tests.get(key[0]), counts=counts)
            else:
                counts = counts and not result.pending
                check.add(result._replace(timestamp=seen.at), counts=counts)
        self._seen += 1
        if seen.blind:
            self._blind, self._why_blind = self._blind + 1, seen.blind
        self._last = seen

    @property
    @abstractmethod
    def is_decided(self) -> bool:
        """Whether it ends now, before its time is over."""

    @property
    def goes_on(self) -> bool:
        """Whether a round has to be added when the time is over."""
        return False

    @abstractmethod
    def end(self) -> End:
        """What the rounds until now come to."""

    def _ended(self, status_of: Callable[[Check], Status], *, is_whole: bool = True) -> _Results:
        """Every check with its status, and with what it did in the rounds."""
        end = (self._last.at if self._last else 0.0) + self._pace.interval
        is_ordinary = is_whole and self._seen == 1
        return tuple(
            as_a_whole(check, status_of(check), check.rounds(end), is_ordinary=is_ordinary)
            for check in self._checks.values()
        )


class Watch(Watching):
    """Does it stay well?

    Source: the rules of ``--gate-watch`` in the documentation, "After the deployment".
    """

    @property
    def is_decided(self) -> bool:
        """Whether a check failed for good."""
        return bool(self._failed_for_good())

    @property
    def goes_on(self) -> bool:
        """Whether a check is NO-GO in the newest round: one bad round at the end is not enough."""
        return any(check.statuses[-1] is Status.NO_GO for check in self._checks.values())

    def end(self) -> End:
        """What the rounds come to; a check that is NO-GO in the newest of them is NO-GO."""
        results = self._ended(_watched_status)
        failed, rounds = self._failed_for_good(), counted(self._seen, "round")
        if not failed:
            return End(results, f"to its end, {rounds}", unsteady=self._seen_too_little())
        row = self._pace.failures
        in_a_row = "1 round" if row == 1 else f"{row} rounds in a row"
        outcome = f"after {rounds}: {failed[0].last.name} failed in {in_a_row}"
        blind = ""
        if all(check.statuses[-1] is not Status.NO_GO for check in failed):
            why = (self._last and self._last.blind) or "no query was answered"
            outcome = f"after {rounds}: too little was seen in {in_a_row}"
            blind = f"too little was seen in {in_a_row}: {why}"
        return End(results, outcome, blind)

    def _seen_too_little(self) -> str:
        """Never GO after a round that was NO-GO alone, whatever the checks make of no data."""
        if not self._blind:
            return ""
        rounds = counted(self._seen, "round")
        return f"too little was seen in {self._blind:,} of {rounds}: {self._why_blind}"

    def _failed_for_good(self) -> list[Check]:
        row = self._pace.failures
        return [check for check in self._checks.values() if check.in_a_row >= row]


class Wait(Watching):
    """Is it well by now, and for long enough?

    Source: the rules of ``--gate-wait`` in the documentation, "After the deployment".
    """

    def __init__(self, pace: Pace) -> None:
        super().__init__(pace)
        self._recent: list[Seen] = []  # at least those of the last steady time
        self._good_since: float | None = None

    def add(self, seen: Seen, *, unanswered: bool = False) -> None:
        """One more round."""
        super().add(seen, unanswered=unanswered)
        if not seen.is_good:
            self._good_since = None
        elif self._good_since is None:
            self._good_since = seen.at
        begin = round(seen.at - self._pace.steady, 3)
        self._recent = [*(one for one in self._recent if one.at >= begin), _brief(seen)]

    @property
    def is_decided(self) -> bool:
        """Whether it has been well for long enough."""
        return self._good_for() >= self._pace.steady

    def _good_for(self) -> float:
        """Seconds from the first of the good rounds until now to the last one; -1 without one."""
        if self._last is None or self._good_since is None:
            return -1.0
        return round(self._last.at - self._good_since, 3)

    def end(self) -> End:
        """What the rounds come to: those of the last steady time count."""
        rounds, steady = counted(self._seen, "round"), spoken(self._pace.steady)
        number = len(self._recent)
        results = self._ended(lambda check: _worst(check.statuses[-number:]), is_whole=False)
        if self.is_decided:
            return End(results, f"after {rounds}: well for {steady}")
        blind = next((one.blind for one in reversed(self._recent) if one.blind), "")
        good_for = spoken(max(self._good_for(), 0.0))
        unsteady = f"not well for {steady} by the end of the wait, only for {good_for}"
        return End(results, f"to its end, {rounds}", blind, unsteady)


def follow(schedule: Schedule, watch: Watching, judge: Callable[[float], None]) -> None:
    """Judge one round after the other until the end.

    Args:
        schedule: when the rounds begin.
        watch: decides how long it goes on.
        judge: judges a round at a time in Unix seconds, and adds it to the watch.
    """
    for at in schedule.planned():
        judge(at)
        if watch.is_decided:
            return
    added = schedule.added()
    while watch.goes_on and not watch.is_decided:
        if (more := next(added, None)) is None:
            return
        judge(more)


def watching(pace: Pace) -> Watching:
    """What takes the rounds of a run with these options."""
    kinds: dict[str, type[Watching]] = {"watch": Watch, "wait": Wait}
    return kinds[pace.mode](pace)


def _brief(seen: Seen) -> Seen:
    """The round without its results, of which the checks keep what is needed."""
    return seen._replace(results=())


def _watched_status(check: Check) -> Status:
    judged = [one for one in check.statuses if one not in (None, Status.SKIPPED)]
    if not judged:
        return Status.SKIPPED
    failed = judged.count(Status.NO_GO)
    if check.statuses[-1] is Status.NO_GO or failed * 2 > len(judged):
        return Status.NO_GO
    return Status.WARNING if set(judged) & set(FAILED) else _passing(check)


def _passing(check: Check) -> Status:
    """GO, or how else it passed: what was waived in any round is never GO."""
    if Status.WAIVED in check.statuses:
        return Status.WAIVED
    return next(one for one in reversed(check.statuses) if one not in (None, Status.SKIPPED))


def _worst(statuses: Sequence[Status | None]) -> Status:
    """The worst of some rounds; SKIPPED if none of them judged the check."""
    order = (*FAILED, Status.WAIVED, Status.GO)
    return next((one for one in order if one in statuses), Status.SKIPPED)


def _of_tests(results: Iterable[Result]) -> dict[str, Status | None]:
    """GO for every test of which nothing failed, None for the others.

    What failed in a test once, such as an assertion after its check, has no result in a round in
    which it does not fail.
    """
    found: dict[str, Status | None] = {}
    for result in results:
        passed = result.ok and found.get(result.nodeid, Status.GO) is Status.GO
        found[result.nodeid] = Status.GO if passed else None
    return found
