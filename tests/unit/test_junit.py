"""JUnit XML as what reads a check's history from it."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

from pytest_deploygate.core.result import Reason, Result, Status
from pytest_deploygate.reports.junit import render
from tests.made import ERROR, FAILED, report, result


def names(*results: Result) -> list[str]:
    cases = ElementTree.fromstring(render(report(*results))).iter("testcase")
    return [case.get("name", "") for case in cases]


def test_a_check_that_fails_has_the_same_name_in_every_run() -> None:
    found: list[dict[str, Any]] = [
        {**FAILED, "value": 3.0, "message": "p95 3.00 s, limit 2.50 s (mode=fast)"},
        {**FAILED, "value": 4.0, "message": "p95 4.00 s, limit 2.50 s (mode=fast)"},
        {"status": Status.WARNING, "reason": Reason.BREACH, "value": 3.0},
        ERROR,
    ]
    assert [names(result(**one)) for one in found] == [["Fast p95"]] * 4


def test_what_a_check_measured_that_passed_is_told_in_its_name() -> None:
    assert names(result()) == ["Fast p95: p95 2.00 s (< 2.50 s)"]


def test_two_checks_of_one_name_are_told_apart() -> None:
    assert names(result(**FAILED), result(**FAILED, id="other")) == ["Fast p95", "Fast p95 [other]"]
