"""When the rounds of a watch or of a wait begin."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from pytest_deploygate.config.settings import Settings
from pytest_deploygate.core.rounds import Mode


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """The options of a watch or of a wait; times are seconds.

    Attributes:
        length: from the first round to the last one that is planned.
        steady: a wait ends after GO for this time.
        delay: before the first round.
        interval: from one round to the next.
        failures: a watch ends when a check is NO-GO in so many rounds in a row.
    """

    mode: Mode
    length: float
    steady: float
    delay: float
    interval: float
    failures: int

    @classmethod
    def of(cls, settings: Settings) -> Pace | None:
        """What the settings ask for; None for an ordinary run."""
        if settings.gate_watch is not None:
            mode, length = Mode.WATCH, settings.gate_watch
        elif settings.gate_wait is not None:
            mode, length = Mode.WAIT, settings.gate_wait
        else:
            return None
        return cls(
            mode=mode,
            length=length,
            steady=settings.gate_steady,
            delay=settings.gate_delay,
            interval=settings.gate_interval,
            failures=settings.gate_failures,
        )

    def to_builtins(self) -> dict[str, Any]:
        """Plain builtins, for evidence."""
        return {**asdict(self), "mode": self.mode.value}

    @classmethod
    def from_builtins(cls, plain: Mapping[str, Any]) -> Pace:
        """The inverse of :meth:`to_builtins`.

        Raises:
            ValueError, TypeError, KeyError, OverflowError: it is something else.
        """
        times = {name: float(plain[name]) for name in ("length", "steady", "delay", "interval")}
        if not all(0 <= one < float("inf") for one in times.values()) or not times["interval"]:
            raise ValueError("no time")
        return cls(mode=Mode(plain["mode"]), failures=int(plain["failures"]), **times)

    @property
    def planned(self) -> int:
        """How many rounds are planned."""
        return int(round(self.length / self.interval, 6)) + 1

    @property
    def most_added(self) -> int:
        """How many rounds a watch may add to those that are planned; none to a single one."""
        return self.failures - 1 if self.mode is Mode.WATCH and self.length else 0


class Schedule(Protocol):
    """The times at which rounds begin, in Unix seconds, one after the other.

    Attributes:
        dropped: how many rounds were left out, because one before them took too long.
        lacking: how many planned rounds evidence has not: it ended early when it was recorded.
    """

    dropped: int
    lacking: int

    def planned(self) -> Iterator[float]:
        """The times of the rounds from the first one to the end of the length, both included."""

    def added(self) -> Iterator[float]:
        """The times of the rounds that may follow, as many as may be added."""


class ClockSchedule:
    """Rounds at equal distances.

    A round in the future is waited for. A round that was in the past when the schedule was made is
    judged at its time without waiting, and so is the last one that is planned, if the round before
    it took too long: without it nothing is known of the end.

    Args:
        pace: the options.
        start: Unix seconds; the first round begins after the delay.
        wait: returns at the given Unix time.
    """

    lacking = 0

    def __init__(self, pace: Pace, start: float, wait: Callable[[float], None]) -> None:
        self._pace = pace
        self._first = start + pace.delay
        self._wait = wait
        self._made_at = time.time()
        self._next = 0
        self.dropped = 0

    def planned(self) -> Iterator[float]:
        """The times of the rounds from the first one to the end of the length, both included."""
        end = round(self._time(0) + self._pace.length, 3)
        while self._time(self._next) <= end:
            at = self._time(self._next)
            self._next += 1
            if self._is_too_late(at) and self._time(self._next) <= end:
                self.dropped += 1
            else:
                self._wait(at)
                yield at

    def added(self) -> Iterator[float]:
        """The times of the rounds that may follow, as many as may be added."""
        for _ in range(self._pace.most_added):
            while self._is_too_late(self._time(self._next)):
                self._next += 1
                self.dropped += 1
            at = self._time(self._next)
            self._next += 1
            self._wait(at)
            yield at

    def _time(self, number: int) -> float:
        """Milliseconds are what a source distinguishes."""
        return round(self._first + number * self._pace.interval, 3)

    def _is_too_late(self, at: float) -> bool:
        """Whether the round before this one, which has just ended, took too long."""
        return at > self._time(0) and self._made_at < at < time.time()


class RecordedSchedule:
    """The times of recorded rounds, which are judged without waiting.

    Args:
        pace: the recorded options.
        times: of the rounds, in Unix seconds.
        dropped: how many were left out.
    """

    def __init__(self, pace: Pace, times: Sequence[float], dropped: int) -> None:
        end = round(times[0] + pace.length, 3)
        self._planned = [at for at in times if at <= end]
        self._added = [at for at in times if at > end]
        self.dropped = dropped
        self.lacking = max(0, pace.planned - len(times) - dropped)

    def planned(self) -> Iterator[float]:
        """The times of the rounds that were planned."""
        return iter(self._planned)

    def added(self) -> Iterator[float]:
        """The times of the rounds that were added."""
        return iter(self._added)
