"""What tests say, before anybody prints or stores it: no secret and no control character.

A check may fail with the URL that it asked, and pytest may show every local variable.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from pytest_deploygate.redaction import Redactor
from pytest_deploygate.text import inert, printable_block

_LONGEST = 200_000


class Cleaner:
    """Hooks around everything that makes a report."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Clean a test's failure, reason to skip, and output."""
        report = yield
        self._clean(report)
        return report

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_make_collect_report(
        self,
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Clean what a module says that cannot be collected."""
        report = yield
        self._clean(report)
        return report

    def _clean(self, report: Any) -> None:
        report.sections = [(name, self._text(text)) for name, text in report.sections]
        told = report.longrepr
        if isinstance(told, tuple):
            path, line, reason = told
            report.longrepr = (path, line, self._text(reason))
        elif told is not None and (text := str(told)) != (clean := self._text(text)):
            report.longrepr = clean
        if hasattr(report, "wasxfail"):
            report.wasxfail = self._text(report.wasxfail)

    def _text(self, text: str) -> str:
        """The same text if it is clean: what is replaced loses its colours."""
        shown = self._redactor.text(text).expandtabs()
        clean = "\n".join(map(inert, printable_block(shown, _LONGEST).split("\n")))
        return text if shown == text.expandtabs() and clean == shown.rstrip("\n") else clean
