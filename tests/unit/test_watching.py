"""What rounds come to, against a second statement of the rules, in every order of what happens."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import pytest

from pytest_deploygate.core.report import GateReport
from pytest_deploygate.core.result import Reason, Result, Status
from pytest_deploygate.core.rounds import Mode, Watched
from pytest_deploygate.core.severity import Severity
from pytest_deploygate.core.verdict import Verdict
from pytest_deploygate.engine.conclusion import RunFacts, conclude
from pytest_deploygate.engine.findings import Findings
from pytest_deploygate.engine.pace import Pace
from pytest_deploygate.engine.watching import Seen, follow, watching
from tests.made import END, SERVER, result

G, W, N, S = Status.GO, Status.WARNING, Status.NO_GO, Status.SKIPPED
INTERVAL = 30.0


class Outcome(NamedTuple):
    """What one round finds: of the critical check, of the warning check, and of the source."""

    critical: tuple[Status, Reason]
    warning: tuple[Status, Reason]
    answered: bool = True
    pending: bool = False
    value: float | None = None

    @property
    def is_blind(self) -> bool:
        """Whether the critical check was not evaluated."""
        return self.critical[1] in (Reason.NO_DATA, Reason.ERROR) and self.value is None


OK, BAD = (G, Reason.OK), Reason.BREACH
OUTCOMES = {
    "good": Outcome(OK, OK),
    "bad": Outcome((N, BAD), (W, BAD)),
    "critical": Outcome((N, BAD), OK),
    "warning": Outcome(OK, (W, BAD)),
    "no data": Outcome((W, Reason.NO_DATA), (W, Reason.NO_DATA)),
    "not yet": Outcome((W, Reason.NO_DATA), OK, pending=True),
    "undecided": Outcome((W, Reason.NO_DATA), OK, pending=True, value=1.2),
    "error": Outcome((N, Reason.ERROR), (W, Reason.ERROR), answered=False),
}
FIVE = ("good", "bad", "no data", "error", "interrupt")
WITHOUT_DATA = ("good", "bad", "no data", "not yet", "undecided")


def pace(mode: Mode = Mode.WATCH, **changes: Any) -> Pace:
    usual = {"length": 90.0, "steady": 60.0, "delay": 0.0, "interval": INTERVAL, "failures": 3}
    return Pace(mode=mode, **{**usual, **changes})


class Times:
    """Rounds at equal distances, without a clock."""

    dropped = lacking = 0

    def __init__(self, pace: Pace) -> None:
        self._pace = pace

    def planned(self) -> Iterator[float]:
        return (END + n * INTERVAL for n in range(self._pace.planned))

    def added(self) -> Iterator[float]:
        first = self._pace.planned
        return (END + (first + n) * INTERVAL for n in range(self._pace.most_added))


class Played(NamedTuple):
    report: GateReport
    used: int


def check(
    id_: str, severity: Severity, found: tuple[Status, Reason], at: float, **more: Any
) -> Result:
    status, reason = found
    value = 2.0 if reason in (Reason.OK, Reason.BREACH) else None
    changes = {"severity": severity, "reason": reason, "value": value, "timestamp": at, **more}
    return result(status, id=id_, name=id_, nodeid=id_, message=reason.value, **changes)


def checks(outcome: Outcome, at: float) -> tuple[Result, Result]:
    more = {"pending": outcome.pending, **({"value": outcome.value} if outcome.value else {})}
    return (
        check("critical", Severity.CRITICAL, outcome.critical, at, **more),
        check("warning", Severity.WARNING, outcome.warning, at),
    )


def play(pace: Pace, names: Sequence[str]) -> Played:
    """What the gate makes of these rounds, from the loop to the report."""
    findings, watch, coming = Findings(), watching(pace), iter(names)
    findings.asks()
    findings.collected(["critical", "warning"])
    used = 0

    def judge(at: float) -> None:
        nonlocal used
        used += 1
        name = next(coming)
        if name == "interrupt":
            raise KeyboardInterrupt
        outcome = OUTCOMES[name]
        results = checks(outcome, at)
        findings.judged(results, at)
        report = conclude(findings, RunFacts(at=at, source=SERVER), str)
        findings.round_is_over(report.rounds[-1])
        watch.add(Seen(at, results, report.verdict, report.blind), unanswered=not outcome.answered)

    try:
        follow(Times(pace), watch, judge)
    except KeyboardInterrupt:
        findings.problem("interrupted")
    at = END
    watched = Watched(pace.mode, pace.length)
    if findings.rounds:
        end, at = watch.end(), findings.rounds[-1].at
        watched = watched._replace(outcome=end.outcome, blind=end.blind, unsteady=end.unsteady)
        findings.judged(end.results, at)
    findings.watched_as(watched)
    return Played(conclude(findings, RunFacts(at=at, source=SERVER), str), used)


class Expected(NamedTuple):
    verdict: Verdict
    critical: Status | None
    warning: Status | None
    used: int


def watched(names: Sequence[str], planned: int, failures: int) -> Expected:
    """The rules of a watch, said once more: from the beginning for every question."""
    seen: list[Outcome] = []
    for name in names:
        if name == "interrupt":
            end = Verdict.NO_GO
            return Expected(end, *_statuses(seen), len(seen) + 1)
        seen.append(OUTCOMES[name])
        newest = seen[-failures:]
        if len(newest) == failures and all(_is_against(one) for one in newest):
            return Expected(Verdict.NO_GO, *_statuses(seen), len(seen))
        added = len(seen) - planned
        if added >= 0 and (seen[-1].critical[0] is not N or added == failures - 1):
            break
    critical, warning = _statuses(seen)
    blind = all(one.is_blind for one in seen)
    if critical is N or blind:
        return Expected(Verdict.NO_GO, critical, warning, len(seen))
    verdict = Verdict.WARNING if W in (critical, warning) else Verdict.GO
    return Expected(verdict, critical, warning, len(seen))


def _is_against(one: Outcome) -> bool:
    """Whether the round counts towards the row of the critical check."""
    lost = one.is_blind and not one.pending
    return one.critical[0] is N or lost or not one.answered


def _statuses(seen: Sequence[Outcome]) -> tuple[Status | None, Status | None]:
    if not seen:
        return None, None
    critical = [one.critical[0] for one in seen]
    against = critical.count(N)
    most = N if critical[-1] is N or against > len(seen) - against else None
    some = W if set(critical) & {N, W} else G
    warning = W if any(one.warning[0] is W for one in seen) else G
    return most or some, warning


def found(played: Played) -> Expected:
    statuses = {one.id: one.status for one in played.report.results}
    of = (statuses.get("critical"), statuses.get("warning"))
    return Expected(played.report.verdict, *of, played.used)


@pytest.mark.parametrize(
    ("names", "planned", "failures"),
    [
        (FIVE, 4, 3),
        (WITHOUT_DATA, 4, 2),
        (FIVE, 3, 1),
        (FIVE, 2, 3),
        ((*OUTCOMES, "interrupt"), 3, 2),
    ],
)
def test_every_watch_ends_as_the_rules_say(
    names: tuple[str, ...], planned: int, failures: int
) -> None:
    options = pace(length=(planned - 1) * INTERVAL, failures=failures)
    for sequence in itertools.product(names, repeat=planned + failures - 1):
        assert found(play(options, sequence)) == watched(sequence, planned, failures), sequence


@pytest.mark.parametrize("name", OUTCOMES)
def test_a_watch_of_no_time_is_an_ordinary_run(name: str) -> None:
    for failures in (1, 2, 3):
        played = play(pace(length=0.0, failures=failures), [name] * 3)
        assert played.used == 1
        outcome = OUTCOMES[name]
        ordinary = checks(outcome, END)
        assert [one._replace(rounds=None) for one in played.report.results] == list(ordinary)
        findings = Findings()
        findings.asks()
        findings.collected(["critical", "warning"])
        findings.judged(ordinary, END)
        report = conclude(findings, RunFacts(at=END, source=SERVER), str)
        assert played.report.verdict is report.verdict


@pytest.mark.parametrize(("blind", "verdict"), [((), G), ((3,), W), ((0, 2, 3), W), ((1, 2, 3), N)])
def test_no_data_that_passes_lets_no_blind_round_pass(
    blind: tuple[int, ...], verdict: Status
) -> None:
    findings, watch = Findings(), watching(pace())
    findings.asks()
    for number in range(4):
        found = (G, Reason.NO_DATA if number in blind else Reason.OK)
        results = (check("critical", Severity.CRITICAL, found, END + number * INTERVAL),)
        findings.judged(results, END)
        report = conclude(findings, RunFacts(at=END, source=SERVER), str)
        watch.add(Seen(END + number * INTERVAL, results, report.verdict, report.blind))
    end = watch.end()
    findings.judged(end.results, END)
    findings.watched_as(Watched(Mode.WATCH, 90.0, blind=end.blind, unsteady=end.unsteady))
    findings.collected(["critical"])
    report = conclude(findings, RunFacts(at=END, source=SERVER), str)
    assert report.verdict.value == verdict.value
    assert report.sentence.startswith("too little was seen in") == bool(blind)


def waited(names: Sequence[str], planned: int, steady: int) -> Expected:
    """The rules of a wait, said once more; times are counted in rounds."""
    for count in range(1, planned + 1):
        seen = names[:count]
        if seen[-1] == "interrupt":
            return Expected(Verdict.NO_GO, None, None, count)
        if count > steady and set(seen[-steady - 1 :]) == {"good"}:
            return Expected(Verdict.GO, G, G, count)
    recent = [OUTCOMES[name] for name in names[:planned][-steady - 1 :]]
    critical = {one.critical[0] for one in recent}
    bad = N in critical or any(one.is_blind or not one.answered for one in recent)
    verdict = Verdict.NO_GO if bad else Verdict.WARNING
    worst = N if N in critical else (W if W in critical else G)
    warning = W if any(one.warning[0] is W for one in recent) else G
    return Expected(verdict, worst, warning, planned)


@pytest.mark.parametrize(
    ("names", "planned", "steady"),
    [(FIVE, 5, 2), (WITHOUT_DATA, 5, 4), (FIVE, 4, 0), (WITHOUT_DATA, 3, 1)],
)
def test_every_wait_ends_as_the_rules_say(
    names: tuple[str, ...], planned: int, steady: int
) -> None:
    options = pace(Mode.WAIT, length=(planned - 1) * INTERVAL, steady=steady * INTERVAL)
    for sequence in itertools.product(names, repeat=planned):
        played = found(play(options, sequence))
        if "interrupt" in sequence[: played.used]:
            played = played._replace(critical=None, warning=None)
        assert played == waited(sequence, planned, steady), sequence


def test_a_wait_is_not_steady_before_the_rounds_are_that_far_apart() -> None:
    played = play(pace(Mode.WAIT, length=90.0, steady=80.0), ["good"] * 4)
    assert (played.report.verdict, played.used) == (Verdict.GO, 4)
    played = play(pace(Mode.WAIT, length=75.0, steady=70.0), ["good"] * 3)
    assert (played.report.verdict, played.used) == (Verdict.WARNING, 3)
    assert played.report.sentence == "not well for 1m10s by the end of the wait, only for 1m"


def rows(*rounds: Sequence[Result], **changes: Any) -> tuple[Result, ...]:
    watch = watching(pace(**changes))
    for number, results in enumerate(rounds):
        watch.add(Seen(END + number * INTERVAL, results, Verdict.GO))
    return watch.end().results


def test_a_failure_says_how_often_how_long_and_when() -> None:
    bad, good = result(N, message="p95 3.10 s, limit 2.50 s"), result(value=2.1)
    (one,) = rows([good], [bad], [bad], [good], [good], [good])
    assert one.message == (
        "failed in 2 of 6 rounds, for 60s at most, last at 14:14:20; 2.10 s now; "
        "before: p95 3.10 s, limit 2.50 s"
    )
    assert (one.status, one.reason, one.value) == (W, Reason.BREACH, 2.1)
    assert one.rounds is not None
    assert one.rounds.counts == {G: 4, N: 2}
    assert (one.rounds.first_failed, one.rounds.last_failed) == (END + 30, END + 60)
    assert one.rounds.longest == 60.0


def test_a_failure_that_goes_on_says_so_first() -> None:
    bad, good = result(N, message="too slow"), result()
    (one,) = rows([good], [bad], [bad])
    assert one.message == "too slow; failed in 2 of 3 rounds, for 60s at most"
    assert one.status is N


def test_skipped_rounds_do_not_count_and_a_check_that_is_always_skipped_is_skipped() -> None:
    bad, good, skipped = result(N), result(), result(S)
    (one,) = rows([skipped], [skipped])
    assert (one.status, one.reason) == (S, Reason.SKIPPED)
    (one,) = rows([skipped], [bad], [skipped], [good])
    assert one.status is W  # one of two is not more than half
    (one,) = rows([skipped], [bad], [bad], [good], [skipped])
    assert one.status is N


def test_what_failed_in_a_test_once_passed_in_the_rounds_in_which_the_test_passed() -> None:
    good = result()
    once = result(N, id="fast_p95-2", message="assert 1 == 2", reason=Reason.ERROR)
    first, second = rows([good], [good, once], [good], [good])
    assert (first.status, second.status) == (G, W)
    assert second.rounds is not None
    assert second.rounds.statuses == (G, N, G, G)
    waiting = rows([good], [good, once], [good], [good], [good], mode=Mode.WAIT)
    assert [one.status for one in waiting] == [G, G]
    assert waiting[1].message == "passes now"


def test_a_check_that_its_test_did_not_reach_keeps_its_row() -> None:
    bad, before = result(N, id="late"), result(N, id="early")
    watch = watching(pace())
    for number, results in enumerate([[bad], [before], [bad], [before]]):
        watch.add(Seen(END + number * INTERVAL, results, Verdict.NO_GO))
        assert not watch.is_decided
    watch.add(Seen(END + 4 * INTERVAL, [bad], Verdict.NO_GO))
    assert watch.is_decided
