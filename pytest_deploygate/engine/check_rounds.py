"""One check in the rounds of a watch or a wait, and what it says of them in the end."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from pytest_deploygate.core.durations import spoken
from pytest_deploygate.core.result import CheckRounds, Reason, Result, Status
from pytest_deploygate.core.text import counted, value_text

FAILED = (Status.NO_GO, Status.WARNING)
"""The statuses of a round in which a check failed."""
_NOT_GO = (*FAILED, Status.WAIVED)


class Check:
    """One check in the rounds that were judged until now."""

    def __init__(self, before: Iterable[Status | None]) -> None:
        self.statuses: list[Status | None] = list(before)
        self.results: list[Result] = []  # the newest, and the newest of each that is not GO
        self.in_a_row = 0
        self._first_failed: float | None = None
        self._last_failed: float | None = None
        self._failing_since: float | None = None
        self._longest = 0.0
        self._evaluated = False

    @property
    def last(self) -> Result:
        """The newest result."""
        return self.results[0]

    def add(self, result: Result, *, counts: bool) -> None:
        """One more round; ``counts`` if it counts as a failure whatever the check's status is."""
        at, status = result.timestamp, result.status
        self.statuses.append(status)
        older = [one for one in self.results if one.status in _NOT_GO and one.status is not status]
        self.results = [result, *older]
        self._evaluated |= result.evaluated
        self.in_a_row = self.in_a_row + 1 if counts or status is Status.NO_GO else 0
        if status not in FAILED:
            self._recovered(at)
            return
        self._first_failed = at if self._first_failed is None else self._first_failed
        self._last_failed = at
        self._failing_since = at if self._failing_since is None else self._failing_since

    def miss(self, at: float, status: Status | None, *, counts: bool) -> None:
        """A round without a result of its own; ``status`` is GO if its test passed."""
        self.statuses.append(status)
        if status is not None:
            self._recovered(at)
        self.in_a_row = self.in_a_row + counts if counts or status is None else 0

    def _recovered(self, at: float) -> None:
        self._longest, self._failing_since = self._longest_until(at), None

    def _longest_until(self, at: float) -> float:
        since = at if self._failing_since is None else self._failing_since
        return max(self._longest, round(at - since, 3))

    def rounds(self, end: float) -> CheckRounds:
        """How it fared; a failure that goes on may end at ``end``, in Unix seconds."""
        return CheckRounds(
            tuple(self.statuses),
            self._first_failed,
            self._last_failed,
            self._longest_until(end),
            evaluated=self._evaluated,
        )

    def failure(self, status: Status) -> Result:
        """The newest result that explains why the check as a whole has this status."""
        failed = [one for one in self.results if one.status in FAILED] or [self.last]
        return next((one for one in failed if one.status is status), failed[0])


def as_a_whole(check: Check, status: Status, rounds: CheckRounds, *, is_ordinary: bool) -> Result:
    """The check as a whole: the words of its newest result, and why it failed.

    Args:
        check: in all rounds.
        status: what they come to.
        rounds: how it fared.
        is_ordinary: whether there was one round, which speaks for itself.
    """
    last = check.last
    if status is Status.WAIVED and last.status is not Status.WAIVED:
        return _was_waived(check, rounds)
    if is_ordinary or (status not in FAILED and last.ok):
        return last._replace(status=status, rounds=rounds)
    if status not in FAILED:  # it has no result in the newest rounds, in which its test passed
        return last._replace(status=status, reason=Reason.OK, message="passes now", rounds=rounds)
    because = check.failure(status)
    message = "; ".join(_said(check, rounds, because))
    return last._replace(status=status, reason=because.reason, message=message, rounds=rounds)


def _was_waived(check: Check, rounds: CheckRounds) -> Result:
    """The newest result that was waived, and that it is not any more."""
    newest = next(one for one in check.results if one.status is Status.WAIVED)
    judged = sum(rounds.counts.values()) - rounds.counts[Status.SKIPPED]
    of = f"waived in {rounds.counts[Status.WAIVED]:,} of {counted(judged, 'round')}"
    message = f"{of}, {_now(check.last)}; before: {newest.message}"
    return newest._replace(message=message, rounds=rounds)


def _said(check: Check, rounds: CheckRounds, because: Result) -> Iterator[str]:
    counts = rounds.counts
    judged = sum(counts.values()) - counts[Status.SKIPPED]
    failed = sum(counts[one] for one in FAILED)
    how_often = (
        f"failed in {failed:,} of {counted(judged, 'round')}, for {_lasting(rounds)} at most"
    )
    if check.last.status in FAILED:
        yield check.last.message
        yield how_often
    else:
        yield f"{how_often}, last at {_clock(rounds.last_failed or 0.0)}"
        yield _now(check.last)
    if because is not check.last:
        yield f"before: {because.message}"


def _lasting(rounds: CheckRounds) -> str:
    return f"{rounds.longest:.0f}s" if rounds.longest < 120 else spoken(rounds.longest)


def _clock(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%H:%M:%S}"


def _now(result: Result) -> str:
    if result.status is Status.SKIPPED:
        return "skipped now"
    if result.value is None or not math.isfinite(result.value):
        return "passes now"
    return f"{value_text(result.value, result.unit)} now"
