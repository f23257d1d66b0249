"""What follows from the reports of tests, in whatever order and from whatever process they come."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_deploygate.core.result import Reason, Result, Status
from pytest_deploygate.core.severity import Severity
from pytest_deploygate.engine.ledger import LOST, CheckNote, Ledger, PhaseReport


def phase(
    nodeid: str, *results: Result, when: str = "call", outcome: str = "passed", **more: Any
) -> PhaseReport:
    note = CheckNote(Severity.CRITICAL, nodeid, nodeid, "", 0.0, results, **more)
    return PhaseReport(nodeid=nodeid, when=when, outcome=outcome, duration=0.1, note=note)


def judged(id_: str, status: Status = Status.GO) -> Result:
    return Result(
        id=id_,
        name=id_,
        severity=Severity.CRITICAL,
        status=status,
        reason=Reason.OK if status is Status.GO else Reason.BREACH,
        message="",
    )


def test_what_was_collected_and_never_reported_is_lost_and_an_error() -> None:
    ledger = Ledger()
    ledger.expect(["a::one", "a::two"])
    ledger.record(phase("a::one"))
    ledger.record(phase("a::two", when="setup"))
    assert ledger.lost() == ["a::two"]
    assert [(r.status, r.message) for r in ledger.results()] == [
        (Status.GO, "passed"),
        (Status.NO_GO, LOST),
    ]


def test_results_stand_in_the_order_of_collection() -> None:
    ledger = Ledger()
    ledger.expect(["one", "two", "three"])
    for nodeid in ("three", "one", "two"):
        ledger.record(phase(nodeid, judged(nodeid)))
    assert [result.id for result in ledger.results()] == ["one", "two", "three"]


def test_the_last_try_of_a_test_that_is_run_again_counts() -> None:
    ledger = Ledger()
    ledger.expect(["one"])
    ledger.record(phase("one", judged("x", Status.NO_GO), outcome="failed", covered=True))
    ledger.record(phase("one", when="setup"))
    ledger.record(phase("one", judged("x")))
    assert [result.status for result in ledger.results()] == [Status.GO]


def test_every_id_is_unique() -> None:
    ledger = Ledger()
    ids = ["a-2", "a", "a", "a"]
    ledger.expect(["one"])
    ledger.record(phase("one", *(judged(id_) for id_ in ids)))
    assert [result.id for result in ledger.results()] == ["a-2", "a", "a-3", "a-4"]


def test_a_report_of_a_crash_is_an_error_whatever_it_judged_before() -> None:
    ledger = Ledger()
    ledger.expect(["one"])
    ledger.record(phase("one", judged("x"), when="setup"))
    crash = PhaseReport(
        nodeid="one", when="???", outcome="failed", duration=0, note=None, message="worker died"
    )
    ledger.record(crash)
    assert [(r.status, r.reason) for r in ledger.results()] == [
        (Status.GO, Reason.OK),
        (Status.NO_GO, Reason.ERROR),
    ]


def test_a_failure_besides_what_was_measured_is_told_in_its_own_line() -> None:
    ledger = Ledger()
    ledger.expect(["one"])
    ledger.record(phase("one", judged("x")))
    failure = (Reason.ERROR, "teardown")
    ledger.record(phase("one", judged("x"), when="teardown", outcome="failed", failures=(failure,)))
    assert [(r.status, r.message) for r in ledger.results()] == [
        (Status.GO, ""),
        (Status.NO_GO, "teardown"),
    ]


@pytest.mark.parametrize("outcome", ["retried", "rerun", "flaky"])
def test_a_call_that_is_repeated_without_a_setup_does_not_count(outcome: str) -> None:
    """pytest-retry reports two calls; the outcome of the first has a name that can be chosen."""
    ledger = Ledger()
    ledger.expect(["one"])
    ledger.record(phase("one", when="setup"))
    ledger.record(phase("one", outcome="failed", failures=((Reason.BREACH, "in a subtest"),)))
    ledger.record(phase("one", outcome=outcome))
    assert ledger.lost() == ["one"]
    ledger.record(phase("one", judged("x")))
    assert [(r.id, r.status) for r in ledger.results()] == [("x", Status.GO)]


def test_every_subtest_that_fails_is_named_and_the_test_itself_adds_nothing() -> None:
    ledger = Ledger()
    ledger.expect(["one"])
    for part in ("[orders]", "[billing]", "[search]"):
        failure = (Reason.BREACH, f"{part} is long")
        failed = phase("one", outcome="failed", failures=(failure,))
        ledger.record(failed._replace(part=part))
    contains = phase("one", outcome="failed")._replace(message="contains 3 failed subtests")
    ledger.record(contains)
    assert [(r.id, r.name, r.message) for r in ledger.results()] == [
        ("one", "one [orders]", "[orders] is long"),
        ("one-2", "one [billing]", "[billing] is long"),
        ("one-3", "one [search]", "[search] is long"),
    ]


def test_a_test_that_fails_in_its_call_and_in_its_teardown_fails_twice() -> None:
    ledger = Ledger()
    ledger.expect(["one"])
    ledger.record(phase("one", outcome="failed", failures=((Reason.BREACH, "a"),)))
    ledger.record(phase("one", when="teardown", outcome="failed", failures=((Reason.ERROR, "b"),)))
    assert [(r.reason, r.message) for r in ledger.results()] == [
        (Reason.BREACH, "a"),
        (Reason.ERROR, "b"),
    ]
