"""Take secrets and control characters out of pytest's reports before they are shown or stored.

Other plugins write of a failure what they find: allure and pytest-retry the exception itself.

A check may fail with the URL that it asked, and pytest may show every local variable.
"""

from __future__ import annotations

import warnings
from collections.abc import Generator, Iterator
from contextlib import suppress
from typing import Any

import pytest

from pytest_deploygate.core.secrets import Redactor
from pytest_deploygate.core.text import inert, printable_block

_LONGEST = 200_000
_PYTESTS_OWN = frozenset({
    "_id", "nodeid", "location", "keywords", "outcome", "longrepr", "when", "sections", "duration",
    "start", "stop",
})  # fmt: skip
_SAYS_NOTHING = _PYTESTS_OWN - {"longrepr", "sections"}


class CleaningHooks:
    """Clean what happens before another plugin sees it: the gate is the innermost of all."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_makereport(
        self, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Clean the exception before it is described, and the report as it was made."""
        if call.excinfo is not None:
            error = call.excinfo.value
            if (cleaned := cleaned_exception(error, self._redactor)) is not error:
                call.excinfo = pytest.ExceptionInfo.from_exception(cleaned)
        report = yield
        clean(report, self._redactor)
        return report

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_fixture_setup(self) -> Generator[None, object, object]:
        """Clean what a fixture raises: allure writes a fixture's failure by itself."""
        try:
            return (yield)
        except Exception as error:
            cleaned_exception(error, self._redactor)
            raise

    @pytest.hookimpl(tryfirst=True)
    def pytest_warning_recorded(self, warning_message: warnings.WarningMessage) -> None:
        """Clean a warning: report-log writes it to a file."""
        if isinstance(warning_message.message, Warning):
            cleaned_exception(warning_message.message, self._redactor)


def clean(report: Any, redactor: Redactor) -> None:
    """Clean the failure, the reason to skip and the output of one of pytest's reports, in place."""
    if _is_silent(report):
        return
    for name, value in list(vars(report).items()):
        # What plugins and record_property attach.
        if name not in _PYTESTS_OWN and (cleaned := _value(value, redactor)) is not value:
            setattr(report, name, cleaned)
    if report.sections:
        report.sections = [(name, _text(text, redactor)) for name, text in report.sections]
    shown = report.longrepr
    if isinstance(shown, tuple):
        path, line, reason = shown
        report.longrepr = (path, line, _text(reason, redactor))
    elif shown is not None and (text := str(shown)) != (cleaned := _text(text, redactor)):
        report.longrepr = cleaned
    if hasattr(report, "wasxfail"):
        report.wasxfail = _text(report.wasxfail, redactor)


def _is_silent(report: Any) -> bool:
    """Whether a report has no text but its name, as those of thousands of tests that pass."""
    for name, value in vars(report).items():  # a loop, because a generator takes twice as long
        if value and name not in _SAYS_NOTHING and not (type(value) is dict and _is_empty(value)):
            return False
    return True


def _is_empty(value: dict[Any, Any]) -> bool:
    return not any(value.values())


def cleaned_exception(error: BaseException, redactor: Redactor) -> BaseException:
    """Clean the texts that an exception, its causes and its group hold, in place.

    Returns:
        The same exception; another one for a group, whose own message cannot be changed.
    """
    for one in _chain(error, set()):
        with suppress(Exception):  # a foreign class may refuse; its report is cleaned all the same
            one.args = tuple(_value(value, redactor) for value in one.args)
        for name, value in list(getattr(one, "__dict__", {}).items()):
            if (cleaned := _value(value, redactor)) is not value:
                with suppress(Exception):
                    setattr(one, name, cleaned)
    if isinstance(error, BaseExceptionGroup):
        message = redactor.text(error.message)
        if message != error.message:
            group = BaseExceptionGroup(message, error.exceptions)
            return group.with_traceback(error.__traceback__)
    return error


def _chain(error: object, seen: set[int]) -> Iterator[BaseException]:
    if not isinstance(error, BaseException) or id(error) in seen:
        return
    seen.add(id(error))
    yield error
    # An HTTP library's error is an argument, or the reason, of another one.
    inner = [error.__cause__, error.__context__, *error.args, *getattr(error, "exceptions", ())]
    for one in [*inner, *getattr(error, "__dict__", {}).values()]:
        yield from _chain(one, seen)


def _value(value: Any, redactor: Redactor) -> Any:
    """The same object if it holds no secret."""
    if isinstance(value, str):
        cleaned = redactor.text(value)
        return value if cleaned == value else cleaned
    if isinstance(value, dict):
        changed = {key: _value(one, redactor) for key, one in value.items()}
        return value if all(changed[key] is value[key] for key in value) else changed
    if type(value) in (list, tuple):  # a named tuple, such as the gate's own note, stays as it is
        items = [_value(one, redactor) for one in value]
        same = all(new is old for new, old in zip(items, value, strict=True))
        return value if same else type(value)(items)
    return value


def _text(text: str, redactor: Redactor) -> str:
    """The same text if it is clean: what is replaced loses its colours."""
    shown = redactor.text(text).expandtabs()
    clean = "\n".join(map(inert, printable_block(shown, _LONGEST).split("\n")))
    return text if shown == text.expandtabs() and clean == shown.rstrip("\n") else clean
