"""What a finished report says of itself."""

from __future__ import annotations

from pytest_deploygate.core.result import Reason, Status
from tests.made import FAILED, report, result

SLOW = result(**FAILED, name="Slow", message="3.00 s, limit 2.50 s")
COLD = result(status=Status.WARNING, reason=Reason.BREACH, name="Cold", message="50 %")


def test_the_sentence_of_what_passed_says_that_checks_were_left_out() -> None:
    made = report(result(), partial="9 checks were deselected")
    assert made.sentence == "All checks that were run passed, partial: 9 checks were deselected"


def test_the_sentence_of_a_whole_run_is_the_first_reason() -> None:
    assert report(result()).sentence == "All checks passed: the deployment can go"
    assert report(result(), SLOW, COLD).sentence == "Slow: 3.00 s, limit 2.50 s"
