"""When a gate has seen too little, and what it says of that."""

from __future__ import annotations

import math
from typing import Any

import pytest

from pytest_deploygate.core.result import Reason, Result, Status
from pytest_deploygate.core.severity import Severity
from pytest_deploygate.core.verdict import blindness, unguarded
from tests.made import ERROR, result
from tests.unit.judging import criterion, judge, one

REFUSED = "unable to query Prometheus at http://127.0.0.1:9: Connection refused"


def unanswered(message: str = REFUSED) -> Result:
    return result(**{**ERROR, "message": message})


@pytest.mark.parametrize(
    ("results", "text"),
    [
        ([unanswered()], f"the only critical check could not be evaluated: {REFUSED}"),
        (
            [unanswered(), unanswered()],
            f"none of 2 critical checks could be evaluated: {REFUSED}",
        ),
        (
            [unanswered(), unanswered("timed out")],
            "none of 2 critical checks could be evaluated",
        ),
        ([unanswered("")], "the only critical check could not be evaluated"),
    ],
)
def test_a_cause_that_is_the_same_everywhere_is_named(results: list[Result], text: str) -> None:
    assert blindness(results) == f"the gate is blind: {text}"


def test_one_series_that_was_judged_is_enough_to_see() -> None:
    incomplete = judge(criterion(), one(0.5, pod="a"), one(math.nan, pod="b"))
    assert (incomplete.status, incomplete.reason) == (Status.WARNING, Reason.NO_DATA)
    assert incomplete.message.endswith("; the rest: 0.5 (< 5)")
    assert incomplete.evaluated
    assert blindness([incomplete]) == ""


@pytest.mark.parametrize("value", [1, math.nan])
def test_an_answer_that_the_source_warns_of_shows_nothing_for_sure(value: float) -> None:
    assert blindness([judge(criterion(), one(value), warnings=["a store is missing"])])


def left_out(name: str = "off", **details: Any) -> Result:
    """A check that is not run on purpose."""
    given = {"status": Status.SKIPPED, "reason": Reason.SKIPPED, **details}
    return result(id=name, **given)


OFF = frozenset({"off", "also-off"})
MEASURED = result(id="measured")
MILD = result(id="mild", severity=Severity.WARNING)


@pytest.mark.parametrize(
    "results",
    [
        [left_out(), MILD],
        [left_out(), left_out("also-off"), MILD],
        [left_out(), MEASURED],
        [left_out(), result(id="targets_up"), MILD],
    ],
)
def test_a_check_that_is_left_out_on_purpose_makes_no_gate_blind(results: list[Result]) -> None:
    assert blindness(results, OFF) == ""
    assert bool(blindness(results)) is (MEASURED not in results)


@pytest.mark.parametrize(
    "results",
    [
        [left_out(), unanswered()],
        [left_out()],
        [left_out(), left_out("skipped-by-its-test"), MILD],
        # it was asked nevertheless
        [result(**{**ERROR, "id": "off"}), MILD],
    ],
)
def test_a_gate_that_measures_nothing_critical_stays_blind(results: list[Result]) -> None:
    assert blindness(results, OFF)
    assert len(results) == 1 or unguarded(results, OFF) == ""


def test_a_gate_of_which_every_critical_check_is_left_out_says_so() -> None:
    said = "every critical check is left out on purpose: nothing that blocks was asked"
    assert unguarded([left_out(), MILD], OFF) == said
    assert unguarded([left_out(), result(id="targets_up"), MILD], OFF) == said
    assert unguarded([left_out(), MEASURED], OFF) == ""
    assert unguarded([left_out(), result(id="plain", marked=False)], OFF) == ""
    assert unguarded([MILD, left_out(severity=Severity.WARNING)], OFF) == ""


@pytest.mark.parametrize("id_", ["freezer_temperature", "freeze", "freezes_left", "targets_up_2"])
def test_a_check_is_not_taken_for_another_kind_by_its_name(id_: str) -> None:
    assert blindness([result(id=id_, **ERROR)])
    assert not blindness([result(id=id_)])
