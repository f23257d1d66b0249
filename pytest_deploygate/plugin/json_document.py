"""pytest-json-report's document, without what it costs around every test.

pytest-json-report wraps the protocol, the three phases and the report of every test, and calls two
hooks for each phase. With thousands of checks this takes longer than to judge them. Here one hook
notes what a test adds to the document, and a phase that has nothing to say is written down at once.
Everything else is pytest-json-report's.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import pytest
from pytest_jsonreport import serialize
from pytest_jsonreport.plugin import JSONReport, JSONReportBase

_EXTRA = "_json_report_extra"  # where pytest-json-report and its fixture json_metadata look
_PYTESTS_OWN = {"runner", "skipping", "subtests", "terminal"}
_WRITERS = {"deploygate-json-document", "deploygate-json-report"}


class TestDetails(JSONReportBase):  # type: ignore[misc]
    """In every process: attach to each report what the test printed and its metadata."""

    __test__ = False

    # pluggy ignores attributes that are not functions. These are the wrappers around every test.
    pytest_runtest_protocol = None
    pytest_runtest_setup = None
    pytest_runtest_call = None
    pytest_runtest_teardown = None

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Make room for the metadata; a test that is run once more keeps what it has."""
        for item in session.items:
            vars(item)[_EXTRA] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
        """Attach the details; with xdist they travel to the controller with the report."""
        report = yield
        extra = vars(item).setdefault(_EXTRA, {})
        # A phase begins anew, also when a test is run once more.
        extra[call.when] = streams = {}
        for phase, stream, text in item._report_sections:
            if phase == report.when and stream in ("stdout", "stderr"):
                streams[stream] = text
        if self._others_have_metadata:
            for added in self._metadata_hook(item=item, call=call):
                extra.setdefault("metadata", {}).update(added or {})
        self._validate_metadata(item)
        setattr(report, _EXTRA, extra)
        return report

    @property
    def _metadata_hook(self) -> Any:
        return self._config.hook.pytest_json_runtest_metadata

    @cached_property
    def _others_have_metadata(self) -> bool:
        return bool(self._metadata_hook.get_hookimpls())


class Document(TestDetails, JSONReport):  # type: ignore[misc]
    """In a plain run and on xdist's controller: make the document."""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Write a phase down that passed in silence; leave all others to pytest-json-report."""
        extra = getattr(report, _EXTRA, {})
        silent = report.passed and not report.longrepr and not extra.get(report.when)
        plain = type(report) is pytest.TestReport and not hasattr(report, "wasxfail")
        unusual = extra.get("metadata") or report.user_properties
        if not (silent and plain and self._nobody_else_says) or unusual:
            super().pytest_runtest_logreport(report)
            return
        nodeid = report.nodeid  # pytest puts it together at every access
        test = self._json_tests.get(nodeid)
        if test is None:
            keywords = None if self._must_omit("keywords") else list(report.keywords)
            test = self._json_tests[nodeid] = serialize.make_testitem(
                nodeid, keywords, report.location
            )
        test[report.when] = {"duration": report.duration, "outcome": report.outcome}

    @cached_property
    def _nobody_else_says(self) -> bool:
        """Whether no other plugin says what a passed phase is called, or how it is written."""
        hook = self._config.hook
        names = {one.plugin_name for one in hook.pytest_report_teststatus.get_hookimpls()}
        writers = {one.plugin_name for one in hook.pytest_json_runtest_stage.get_hookimpls()}
        return names <= _PYTESTS_OWN and writers <= _WRITERS


class WithoutTerminal:
    """What pytest-json-report needs of pytest's terminal, with ``-p no:terminal``."""

    @pytest.hookimpl(trylast=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str]:
        """The outcome, as the terminal would name it."""
        is_error = report.failed and report.when != "call"
        return "error" if is_error else report.outcome, "", ""


def take_over(config: pytest.Config, *, is_worker: bool) -> None:
    """Make the document here; where ``--json-report`` is given, pytest-json-report makes it.

    Raises:
        pytest.UsageError: pytest-json-report is off.
    """
    if not hasattr(config.option, "json_report"):
        raise pytest.UsageError("deploygate: --gate-json needs pytest-json-report, which is off")
    if not config.pluginmanager.has_plugin("terminal"):
        config.option.tbstyle = "auto"
        config.pluginmanager.register(WithoutTerminal(), "deploygate-without-terminal")
    if config.option.json_report:
        return
    config.option.json_report_file = None
    config.option.json_report_verbosity = 0
    config.option.json_report_omit = ["collectors", "keywords", "log"]
    document = (TestDetails if is_worker else Document)(config)
    config.pluginmanager.register(document, "deploygate-json-document")
