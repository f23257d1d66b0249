"""When a gate has seen too little, and what it says of that."""

from __future__ import annotations

import math

import pytest

from pytest_deploygate.core.result import Reason, Result, Status
from pytest_deploygate.core.verdict import blindness
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
