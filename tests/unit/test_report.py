"""What a finished report says of itself."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_deploygate.core.report import series_text, worst_first
from pytest_deploygate.core.result import Reason, Result, Status
from pytest_deploygate.core.severity import Severity
from tests.made import FAILED, report, result

SLOW = result(**FAILED, name="Slow", message="3.00 s, limit 2.50 s")
COLD = result(status=Status.WARNING, reason=Reason.BREACH, name="Cold", message="50 %")


def test_the_sentence_of_what_passed_says_that_checks_were_left_out() -> None:
    made = report(result(), partial="9 checks were deselected")
    assert made.sentence == "partial, 1 check ran, all passed: 9 checks were deselected"


def test_the_sentence_of_a_whole_run_is_the_first_reason() -> None:
    assert report(result()).sentence == "All checks passed: the deployment can go"
    assert report(result(), SLOW, COLD).sentence == "Slow: 3.00 s, limit 2.50 s"


DOWN = result(**FAILED, id="targets_up", name="Targets up", message="1 of 4", value=0.25)


def bad(name: str, reason: Reason = Reason.BREACH, **changes: Any) -> Result:
    return result(**{**FAILED, "reason": reason, "name": name, **changes})


WARNING: dict[str, Any] = {"status": Status.WARNING, "severity": Severity.WARNING}


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (bad("cold cache", **WARNING), bad("slow")),
        (bad("slow", value=2000.0, threshold=1.0), DOWN),
        (bad("no answer", Reason.ERROR), bad("slow")),
        (bad("no data", Reason.NO_DATA, value=None), bad("no answer", Reason.ERROR)),
        (bad("a little slow", value=2.6, threshold=2.5), bad("slow", value=5.0, threshold=2.5)),
        (bad("slow", value=5.0, threshold=2.5), bad("idle", value=0.1, threshold=1.0)),
        (bad("slow", value=5.0, threshold=2.5), bad("failed", value=3.0, threshold=0.0)),
        (
            bad("cold cache", **WARNING),
            bad("no data", Reason.NO_DATA, status=Status.WARNING, severity=Severity.CRITICAL),
        ),
    ],
)
def test_the_worst_cause_is_named_wherever_it_stands(better: Result, worse: Result) -> None:
    for results in ((better, worse), (worse, better)):
        assert worst_first(results) == [worse, better]
        named = worse.status is better.status and worse.status is not Status.GO
        more = " (and 1 more)" if named else ""
        assert report(*results).sentence == f"{worse.name}: {worse.message}{more}"


def test_equally_bad_checks_stay_in_their_order() -> None:
    first, second = bad("first"), bad("second")
    assert worst_first([first, second]) == [first, second]


def test_that_the_service_is_down_says_why_the_gate_is_blind() -> None:
    unknown = bad("no data", Reason.NO_DATA, status=Status.WARNING, value=None)
    made = report(unknown, DOWN, blind="the gate is blind: none of 2")
    assert made.sentence == "Targets up: 1 of 4"
    made = report(unknown, blind="the gate is blind: none of 2")
    assert made.sentence == "the gate is blind: none of 2"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"total": 1}, ""),
        ({"total": 2}, "2 series were judged, none did not pass."),
        (
            {**FAILED, "total": 1200, "failing": 1100},
            "1,200 series were judged, 1,100 did not pass.",
        ),
        (
            {"reason": Reason.NO_DATA, "value": None, "total": 2},
            "2 series, none of them could be judged.",
        ),
        (
            {"reason": Reason.NO_DATA, "total": 3, "failing": 1},
            "3 series, 1 of them could not be judged.",
        ),
        (
            {"reason": Reason.ERROR, "total": 3, "failing": 2},
            "3 series, 2 of them could not be judged.",
        ),
    ],
)
def test_series_that_could_not_be_judged_are_not_said_to_pass(
    changes: dict[str, Any], text: str
) -> None:
    assert series_text(result(**changes)) == text


def test_what_failed_is_shown_worst_first_and_what_passed_in_the_order_of_the_tests() -> None:
    bad = [result(**FAILED, id=str(value), value=value) for value in (3.0, 30.0, 6.0)]
    good = [result(id=f"good {value}", value=value) for value in (1.0, 2.4, 0.1)]
    made = report(*bad, *good)
    assert [one.value for one in made.shown(Status.NO_GO)] == [30.0, 6.0, 3.0]
    assert [one.value for one in made.shown(Status.GO)] == [1.0, 2.4, 0.1]
    assert made.sentence.startswith(f"{made.shown(Status.NO_GO)[0].name}: ")
