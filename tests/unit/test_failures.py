"""Why a test failed, in the gate's words."""

from __future__ import annotations

import pytest

from pytest_deploygate.core.errors import CheckFailed, NoDataError
from pytest_deploygate.core.result import Reason
from pytest_deploygate.core.secrets import Redactor
from pytest_deploygate.plugin.failures import failures_of, unrecorded
from pytest_deploygate.plugin.report_cleaning import cleaned_exception
from tests.made import FAILED, result

BREACH, ERROR, NO_DATA = Reason.BREACH, Reason.ERROR, Reason.NO_DATA
FAIL = pytest.fail.Exception


@pytest.mark.parametrize(
    ("error", "when", "expected"),
    [
        (AssertionError("9 orders"), "call", (BREACH, "9 orders")),
        (AssertionError("9 orders"), "setup", (ERROR, "9 orders")),
        (FAIL("too slow"), "call", (BREACH, "too slow")),
        (FAIL("Timeout (>2.0s) from pytest-timeout."), "call", (ERROR, None)),
        (FAIL("Timeout >2.0s"), "call", (ERROR, "Timeout >2.0s")),
        (FAIL("the test timed out after 3 s"), "call", (ERROR, None)),
        (FAIL("Time-out"), "call", (ERROR, None)),
        (TimeoutError("no answer"), "call", (ERROR, "TimeoutError: no answer")),
        (NoDataError("no data"), "call", (NO_DATA, "no data")),
        (ValueError("x"), "call", (ERROR, "ValueError: x")),
    ],
)
def test_a_failure_has_a_reason_and_a_message(
    error: BaseException, when: str, expected: tuple[Reason, str | None]
) -> None:
    [(reason, message)] = failures_of(error, when, str)
    assert (reason, message) == (expected[0], expected[1] or message)


def test_nothing_and_a_skip_are_no_failures() -> None:
    assert failures_of(None, "call", str) == ()
    assert failures_of(pytest.skip.Exception("why"), "call", str) == ()


def test_of_an_explained_assertion_the_first_lines_are_kept() -> None:
    array = "array([0.1, " + "0.2, " * 60 + "])"
    text = f"assert np.float64(2.5) < 2.0\n +  where np.float64(2.5) = mean({array})"
    assert failures_of(AssertionError(text), "call", str) == ((BREACH, "assert 2.5 < 2.0"),)
    text = f"too high\nassert np.False_\n +  where np.False_ = all({array})"
    assert failures_of(AssertionError(text), "call", str) == ((BREACH, "too high assert False"),)
    short = "assert 3 < 2\n +  where 3 = len([1, 2, 3])"
    assert failures_of(AssertionError(short), "call", str) == (
        (BREACH, "assert 3 < 2  +  where 3 = len([1, 2, 3])"),
    )


def test_every_check_that_pytest_check_collects_is_named() -> None:
    text = (
        "FAILURE: check 1 == 2: orders\n  test_x.py:3 in test_x() -> check.equal(1, 2)\n\n"
        "FAILURE: check 9 < 5: billing\nFAILURE: search\nassert 7 < 5\n"
        f"{'-' * 60}\nFailed Checks: 3"
    )
    assert [message for _, message in failures_of(AssertionError(text), "call", str)] == [
        "check 1 == 2: orders",
        "check 9 < 5: billing",
        "search assert 7 < 5",
    ]


def test_a_group_is_every_failure_in_it_once() -> None:
    inner = ExceptionGroup("inner", [AssertionError("two"), ValueError("three")])
    group = BaseExceptionGroup("outer", [AssertionError("one"), inner, AssertionError("one")])
    assert failures_of(group, "call", str) == (
        (BREACH, "one"),
        (BREACH, "two"),
        (ERROR, "ValueError: three"),
    )


def test_what_is_recorded_is_not_left_of_an_exception() -> None:
    recorded, other = result(**FAILED), result(**FAILED)
    failed, foreign = CheckFailed("x", recorded), CheckFailed("y", other)
    nested = ExceptionGroup("outer", [ExceptionGroup("inner", [failed])])
    assert unrecorded(failed, [recorded]) is None
    assert unrecorded(nested, [recorded]) is None
    assert unrecorded(foreign, [recorded]) is foreign
    both = ExceptionGroup("both", [failed, foreign])
    assert unrecorded(both, [recorded]) is foreign


def _url_error() -> Exception:
    error = RuntimeError("http://me:hunter2@x/")
    error.__cause__ = ValueError("cause http://me:hunter2@x/", ["http://me:hunter2@x/"])
    error.__dict__["url"] = {"at": ("http://me:hunter2@x/",)}
    error.add_note("note http://me:hunter2@x/")
    return error


def test_an_exception_keeps_no_secret_for_other_plugins() -> None:
    error = _url_error()
    assert cleaned_exception(error, Redactor()) is error
    assert "hunter2" not in repr([error, error.__cause__, vars(error)])
    assert str(error) == "http://***@x/"


def test_a_group_with_a_secret_in_its_own_message_is_replaced() -> None:
    group = ExceptionGroup("http://me:hunter2@x/", [_url_error()])
    cleaned = cleaned_exception(group, Redactor())
    assert "hunter2" not in f"{cleaned!r} {vars(group.exceptions[0])}"
    assert isinstance(cleaned, ExceptionGroup)


def test_an_exception_that_holds_itself_and_one_that_refuses_are_cleaned() -> None:
    class Frozen(Exception):
        def __setattr__(self, name: str, value: object) -> None:
            raise AttributeError(name)

    error = Frozen("http://me:hunter2@x/")
    ring = ValueError(error)
    ring.args = (ring, error)
    assert cleaned_exception(ring, Redactor()) is ring
