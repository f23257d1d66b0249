"""When the rounds of a watch begin."""

from __future__ import annotations

import time

import pytest

from pytest_deploygate.config.layers import command_line, merge
from pytest_deploygate.core.rounds import Mode
from pytest_deploygate.engine.pace import ClockSchedule, Pace, RecordedSchedule
from tests.made import END


def pace(**changes: object) -> Pace:
    usual = {"length": 600.0, "steady": 60.0, "delay": 0.0, "interval": 30.0, "failures": 3}
    return Pace(mode=Mode.WATCH, **{**usual, **changes})  # type: ignore[arg-type]


class Clock:
    """A clock that stands still, but for what is waited and for what a round takes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, now: float) -> None:
        self.now = now
        self.waited: list[float] = []
        monkeypatch.setattr(time, "time", lambda: self.now)

    def wait(self, at: float) -> None:
        self.waited.append(max(0.0, round(at - self.now, 3)))
        self.now = max(self.now, at)


def test_the_end_is_a_round_too(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch, END)
    times = list(ClockSchedule(pace(), END, clock.wait).planned())
    assert len(times) == pace().planned == 21
    assert (times[0], times[-1]) == (END, END + 600)


@pytest.mark.parametrize(
    ("length", "interval", "count"),
    [(0.0, 30.0, 1), (30.0, 30.0, 2), (59.9, 30.0, 2), (0.3, 0.1, 4), (1.0, 0.1, 11)],
)
def test_no_round_is_lost_to_rounding(
    monkeypatch: pytest.MonkeyPatch, length: float, interval: float, count: int
) -> None:
    options = pace(length=length, interval=interval)
    clock = Clock(monkeypatch, END)
    assert len(list(ClockSchedule(options, END, clock.wait).planned())) == options.planned == count


def test_the_delay_comes_before_the_time_of_the_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch, END)
    times = list(ClockSchedule(pace(delay=300.0), END, clock.wait).planned())
    assert (times[0], times[-1], clock.waited[0]) == (END + 300, END + 900, 300.0)


def test_the_past_is_not_waited_for_and_nothing_of_it_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock(monkeypatch, END + 100)
    schedule = ClockSchedule(pace(length=120.0), END, clock.wait)
    times = []
    for at in schedule.planned():
        times.append(at)
        clock.now += 1
    assert times == [END + 30 * n for n in range(5)]
    assert [wait > 0 for wait in clock.waited] == [False] * 4 + [True]


def test_a_round_that_takes_long_leaves_out_those_that_begin_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock(monkeypatch, END)
    schedule = ClockSchedule(pace(length=150.0), END, clock.wait)
    times = []
    for at in schedule.planned():
        times.append(at)
        clock.now += 70 if at == END + 30 else 1
    assert times == [END, END + 30, END + 120, END + 150]
    assert schedule.dropped == 2


def test_the_end_is_judged_also_if_a_round_takes_until_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A machine that sleeps has seen nothing but the beginning."""
    clock = Clock(monkeypatch, END)
    schedule = ClockSchedule(pace(length=150.0), END, clock.wait)
    times = []
    for at in schedule.planned():
        times.append(at)
        clock.now += 1000
    assert times == [END, END + 150]
    assert schedule.dropped == 4


def test_a_watch_adds_one_round_less_than_make_it_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    for length, failures, added in ((600.0, 3, 2), (600.0, 1, 0), (0.0, 3, 0)):
        clock = Clock(monkeypatch, END)
        schedule = ClockSchedule(pace(length=length, failures=failures), END, clock.wait)
        planned = list(schedule.planned())
        assert list(schedule.added()) == [planned[-1] + 30 * (n + 1) for n in range(added)]


def test_recorded_rounds_are_those_that_were_planned_and_those_that_were_added() -> None:
    times = [END, END + 30, END + 90, END + 120, END + 150]
    schedule = RecordedSchedule(pace(length=120.0), times, dropped=1)
    assert list(schedule.planned()) == times[:4]
    assert list(schedule.added()) == times[4:]
    assert (schedule.dropped, schedule.lacking) == (1, 0)
    assert RecordedSchedule(pace(length=120.0), times[:2], dropped=1).lacking == 2


def test_evidence_keeps_the_options() -> None:
    assert Pace.from_builtins(pace().to_builtins()) == pace()
    for wrong in ({"length": -1}, {"interval": 0}, {"mode": "stare"}, {"steady": "x"}):
        with pytest.raises(ValueError, match=r"."):
            Pace.from_builtins({**pace().to_builtins(), **wrong})


def test_the_settings_say_what_is_wanted() -> None:
    assert Pace.of(merge(command_line({}))) is None
    watch = Pace.of(merge(command_line({"gate-watch": "10m", "gate-failures": "2"})))
    assert watch is not None
    assert (watch.mode, watch.length, watch.failures) == (Mode.WATCH, 600.0, 2)
    wait = Pace.of(merge(command_line({"gate-wait": "10m", "gate-steady": "0s"})))
    assert wait is not None
    assert (wait.mode, wait.steady, wait.most_added) == (Mode.WAIT, 0.0, 0)
