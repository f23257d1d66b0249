"""pytest's loop over the tests in a watch or a wait: every round runs all of them.

Other plugins count every test once. Its reports of a round are kept, and those of the last round
are handed out at the end, with what all rounds came to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from typing import Any

import pytest

from pytest_deploygate.core.result import Result
from pytest_deploygate.core.rounds import Watched
from pytest_deploygate.engine.ledger import LOST, Ids, Ledger
from pytest_deploygate.engine.pace import Pace
from pytest_deploygate.engine.watching import Seen, follow, watching
from pytest_deploygate.plugin import items as tests
from pytest_deploygate.plugin.exit_code import GATE_EXIT
from pytest_deploygate.plugin.fixture import failed_text
from pytest_deploygate.plugin.hooks import GateHooks
from pytest_deploygate.plugin.run_end import RunEnd
from pytest_deploygate.plugin.watch_progress import Progress
from pytest_deploygate.reports.outputs import Output

_Reports = dict[str, list[pytest.TestReport]]


class WatchHooks:
    """Judges all checks in rounds.

    Args:
        pace: the options of the watch or the wait.
        hooks: of this process.
        end: concludes the rounds and the run.
        outputs: what is written in every round.
    """

    def __init__(
        self, pace: Pace, hooks: GateHooks, end: RunEnd, outputs: Sequence[Output]
    ) -> None:
        self._pace = pace
        self._hooks = hooks
        self._end = end
        self._outputs = outputs
        self._watching = watching(pace)
        self._progress = Progress(None, hooks.run.redactor.text)
        self._schedule = hooks.run.schedule(pace, lambda at: self._progress.wait_until(at))
        self._reports: _Reports = {}  # of the newest round that is whole
        self._rounds = 0
        self._ids: Ids = {}  # a check has the same id in every round, whatever else fails

    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Run the tests in rounds; what keeps pytest from running tests is left to pytest."""
        option = session.config.option
        broken = session.testsfailed and not option.continue_on_collection_errors
        if broken or not tests.judges(session.config):
            return None
        reporter = session.config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None and reporter.verbosity >= 0:
            self._progress = Progress(reporter, self._hooks.run.redactor.text, self._pace.planned)
        try:
            follow(self._schedule, self._watching, partial(self._judge_round, session))
            if self._schedule.lacking and not self._watching.is_decided:
                self._hooks.findings.problem(
                    f"{self._hooks.run.source.info.location} ends before the {self._pace.mode} "
                    f"does: {self._schedule.lacking} of {self._pace.planned} rounds are missing"
                )
        except session.Failed as why:  # pytest tells the gate's hooks of an interrupt only
            self._hooks.findings.problem(f"the {self._pace.mode} was cut short: {why}")
            raise
        finally:
            self._hand_out(session)
        return True

    def _judge_round(self, session: pytest.Session, at: float) -> None:
        run = self._hooks.run
        self._hooks.begin_round(session.items, at)
        ledger, reports = Ledger(), _Reports()
        ledger.expect(item.nodeid for item in session.items)

        def keep(report: pytest.TestReport) -> None:
            self._hooks.pytest_runtest_logreport(report)
            ledger.record(tests.phase_of(report))
            reports.setdefault(report.nodeid, []).append(report)

        try:
            with _reports_kept(session, keep):
                _run_all(session)
        except BaseException:
            if not self._rounds:
                self._reports = reports
            raise
        run.end_round()
        results = run.waived(ledger.results(run.redactor.text, self._ids))
        report = self._end.judge_round(results, at)
        seen = Seen(at, results, report.verdict, "; ".join(report.obstacles))
        self._watching.add(seen, unanswered=run.measurements.in_vain)
        self._reports, self._rounds = reports, self._rounds + 1
        self._progress.show(report)
        self._end.write_round(self._outputs, report)

    def _hand_out(self, session: pytest.Session) -> None:
        """Let everybody know every test once, with what all rounds came to."""
        self._progress.end()
        found: dict[str, list[Result]] = {}
        watched = Watched(self._pace.mode, self._pace.length, dropped=self._schedule.dropped)
        if self._rounds:
            end = self._watching.end()
            watched = watched._replace(outcome=end.outcome, blind=end.blind, unsteady=end.unsteady)
            for result in end.results:
                found.setdefault(result.nodeid, []).append(result)
        self._hooks.findings.watched_as(watched)
        for item in session.items:
            reports = self._reports.get(item.nodeid, [])
            if reports and item.nodeid in found:
                _judge_as_a_whole(reports, found[item.nodeid])
            elif item.nodeid in found:
                self._hooks.findings.problem(f"{item.nodeid}: {LOST}")
            where = {"nodeid": item.nodeid, "location": item.location}
            item.ihook.pytest_runtest_logstart(**where)
            for report in reports:
                item.ihook.pytest_runtest_logreport(report=report)
            item.ihook.pytest_runtest_logfinish(**where)


def _run_all(session: pytest.Session) -> None:
    """Run every test as pytest does. Fixtures are made anew in each round, whatever their scope."""
    following = [*session.items[1:], None]
    for item, next_item in zip(session.items, following, strict=True):
        with _run_again(item):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=next_item)
        if ended_by := session.config.stash[GATE_EXIT].signal:  # its exception was caught
            raise KeyboardInterrupt(ended_by)
        if session.shouldfail:
            raise session.Failed(session.shouldfail)
        if session.shouldstop:
            raise session.Interrupted(session.shouldstop)


@contextmanager
def _run_again(item: pytest.Item) -> Iterator[None]:
    """Let a test begin as it did the first time, in an instance of its class that is new.

    pytest appends to what it printed before, and plugins count on the test how often it was tried.
    """
    item._report_sections.clear()
    _forget_failed_subtests(item)
    attributes = set(vars(item))
    properties, markers = list(item.user_properties), list(item.own_markers)
    yield
    item.user_properties[:], item.own_markers[:] = properties, markers
    for name in vars(item).keys() - attributes:
        del vars(item)[name]
    if isinstance(item, pytest.Function) and hasattr(item.cls, item.originalname):
        vars(item).pop("_instance", None)
        vars(item).pop("_obj", None)


def _forget_failed_subtests(item: pytest.Item) -> None:
    try:
        key = import_module("_pytest.subtests").failed_subtests_key
    except ImportError:  # before pytest 9
        return
    item.config.stash[key].pop(item.nodeid, None)


class _KeptReports:
    """The hooks of a test, except those by which others hear of its outcome."""

    def __init__(self, hooks: Any, keep: Callable[[pytest.TestReport], None]) -> None:
        self._hooks = hooks
        self._keep = keep

    def __getattr__(self, name: str) -> Any:
        return getattr(self._hooks, name)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep it."""
        self._keep(report)

    def pytest_runtest_logstart(self, nodeid: str, location: object) -> None:
        """Nobody hears that it begins once more."""

    def pytest_runtest_logfinish(self, nodeid: str, location: object) -> None:
        """Nobody hears that it is over once more."""


@contextmanager
def _reports_kept(
    session: pytest.Session, keep: Callable[[pytest.TestReport], None]
) -> Iterator[None]:
    """Keep what the tests report: by the hooks of their path, as pytest does, or by all hooks."""
    config, hooks_of = session.config, session.gethookproxy
    hooks_of_all = config.hook

    def kept(path: Any) -> Any:
        return _KeptReports(hooks_of(path), keep)

    vars(session)["gethookproxy"] = kept
    vars(config)["hook"] = _KeptReports(hooks_of_all, keep)
    try:
        yield
    finally:
        del vars(session)["gethookproxy"]
        vars(config)["hook"] = hooks_of_all


def _judge_as_a_whole(reports: Sequence[pytest.TestReport], results: Sequence[Result]) -> None:
    """Make the reports of a test's last round say what all rounds came to."""
    deciding = _deciding(reports)
    for report in reports:
        note = tests.attached(report)
        if note is not None:
            judged = tuple(results) if report is deciding else ()
            tests.attach(report, note._replace(results=judged, failures=(), covered=True))
    failed = [failed_text(result) for result in results if not result.ok]
    if failed and not any(report.failed for report in reports):
        deciding.outcome, deciding.longrepr = "failed", "\n".join(failed)
        vars(deciding).pop("wasxfail", None)


def _deciding(reports: Sequence[pytest.TestReport]) -> pytest.TestReport:
    """The report of the call of the test itself; else of the phase that it did not pass."""
    own = [report for report in reports if not tests.part_of(report)] or list(reports)
    calls = [report for report in own if report.when == "call"]
    return (calls or [report for report in own if not report.passed] or own)[-1]
