"""A verdict as tests compare it: no comparison that is always true."""

from __future__ import annotations

import pytest

from pytest_deploygate import Reason, Result, Severity, Status, Verdict
from pytest_deploygate.testing import Judgement
from pytest_deploygate.testing.seen import breaches, lines


def result(check: str, status: Status, reason: Reason) -> Result:
    return Result(check, check, Severity.CRITICAL, status, reason, f"{check} is {reason}")


BAD = Judgement(
    Verdict.NO_GO,
    [
        result("a", Status.GO, Reason.OK),
        result("b", Status.NO_GO, Reason.BREACH),
        result("b", Status.GO, Reason.OK),
        result("c", Status.WARNING, Reason.NO_DATA),
    ],
    sentence="b: b is breach",
    problems=(),
    output="what the gate wrote",
    exit_code=2,
)


def test_it_equals_its_word_alone() -> None:
    assert BAD == "NO-GO"
    assert BAD == Verdict.NO_GO
    assert BAD != "GO"
    assert BAD != Verdict.WARNING
    assert BAD != 2


@pytest.mark.parametrize("word", ["NO_GO", "no-go", "NOGO", ""])
def test_another_word_would_never_be_equal(word: str) -> None:
    with pytest.raises(ValueError, match="compare with GO, WARNING, NO-GO"):
        assert word != BAD


def test_it_is_neither_true_nor_false() -> None:
    with pytest.raises(TypeError, match='write: assert verdict == "NO-GO"'):
        assert BAD


def test_results_are_found_by_id_the_worst_first() -> None:
    assert BAD["b"].reason == "breach"
    assert (list(BAD), "b" in BAD, "x" in BAD) == (["a", "b", "c"], True, False)
    with pytest.raises(KeyError, match="no check 'bb' was judged"):
        BAD["bb"]


def test_a_failed_comparison_says_why() -> None:
    assert repr(BAD) == "<NO-GO: b: b is breach>\nwhat the gate wrote"
    assert BAD.explained("==", "GO") == [
        "the gate says NO-GO == 'GO'",
        "b: b is breach",
        "b: NO_GO, breach: b is breach",
        "c: WARNING, no-data: c is no-data",
    ]


def test_only_a_breach_shows_that_a_check_works() -> None:
    assert breaches(BAD) == {"a": False, "b": True, "c": False}
    assert list(lines(breaches(BAD), ["b", "d"])) == [
        "3 of 4 checks were never seen to fail:",
        "  d (no test of this run judged it)",
        "  a",
        "  c",
    ]
    assert list(lines({"b": True}, [])) == ["all 1 checks were seen to fail"]
