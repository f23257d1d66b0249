"""pytest-json-report's document, which becomes the gate's JSON report."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pytest_deploygate.core.report import GateReport
from pytest_deploygate.core.secrets import Redactor


class JsonReportHooks:
    """Adds the gate's keys to the document, and keeps it until it is written.

    Args:
        config: pytest's.
        conclude: makes the report of what is known at that moment.
        redactor: keeps secrets out of the document.
    """

    def __init__(
        self, config: pytest.Config, conclude: Callable[[], GateReport], redactor: Redactor
    ) -> None:
        self._config = config
        self._conclude = conclude
        self._redactor = redactor
        self._document: dict[str, Any] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Give pytest-json-report what ``-p no:legacypath`` takes from the session."""
        if not hasattr(session, "fspath"):
            session.__dict__["fspath"] = session.path

    @pytest.hookimpl(optionalhook=True)
    def pytest_json_runtest_stage(self, report: pytest.TestReport) -> dict[str, Any] | None:
        """What pytest-json-report says of a phase without output.

        Its own way writes every phase to a terminal in memory first.
        """
        if report.longrepr or getattr(report, "_json_report_extra", {}).get(report.when):
            return None
        return {"duration": report.duration, "outcome": report.outcome}

    @pytest.hookimpl(optionalhook=True, trylast=True)
    def pytest_json_modifyreport(self, json_report: dict[str, Any]) -> None:
        """The document is complete; pytest-json-report may write it to a file of its own."""
        self._document = json_report
        if self._config.option.json_report_file is not None:
            from pytest_deploygate.reports.json_report import complete

            complete(json_report, self._conclude(), self._redactor)

    def render(self, report: GateReport) -> str:
        """The text of the JSON report."""
        from pytest_deploygate.reports.json_report import render

        return render(self._document, report, self._redactor)
