"""pytest's hooks while the gate is on, in every process: they carry what happens to the findings.

Beside them, :mod:`.run_hooks` leads the run to its end and :mod:`.xdist_hooks` joins processes.
"""

from __future__ import annotations

import gc
from collections.abc import Generator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.core.errors import CheckFailed, NoDataError, NotJudgedError, SourceError
from pytest_deploygate.core.result import Result
from pytest_deploygate.core.text import printable
from pytest_deploygate.engine.findings import Findings, SettingsUse, settings_use
from pytest_deploygate.engine.ledger import CheckNote
from pytest_deploygate.engine.run import GateRun
from pytest_deploygate.plugin import items as tests
from pytest_deploygate.plugin.failures import failures_of, unrecorded
from pytest_deploygate.plugin.fixture import Gate, failed_text
from pytest_deploygate.plugin.known_values import Arguments, are_unseen, locate
from pytest_deploygate.plugin.left_out import Collection
from pytest_deploygate.plugin.process_ends import why_it_ends_the_process
from pytest_deploygate.plugin.report_cleaning import clean, cleaned_exception
from pytest_deploygate.plugin.returned import watched

GATE_HOOKS = pytest.StashKey["GateHooks"]()
_NOTE = pytest.StashKey[CheckNote]()
_NEVER_JUDGED = "the criterion was never judged: the test must call gate.check(criterion)"
_SAYS_ENOUGH = (CheckFailed, NoDataError, NotJudgedError, SourceError)


class GateHooks:
    """The hooks of one process: a plain run, xdist's controller or one of its workers."""

    def __init__(self, config: pytest.Config, run: GateRun, findings: Findings) -> None:
        self._config = config
        self.run = run
        self.findings = findings
        self.gate = Gate(run)
        self.criteria: list[Criterion] = []
        self._worker = tests.is_worker(config)
        self._called = 0
        self._error: BaseException | None = None
        self._found: list[pytest.Item] = []
        self._collection = Collection(config)
        self._sent = 0
        self._others = False
        self._narrowed = False
        self._arguments: Arguments | None = None

        def gate() -> Gate:
            """Ask production; with ``-p deploygate``, else the test is skipped."""
            findings.asks()
            return self.gate

        # It does not take ``request``, for which pytest builds a definition in every test.
        self.fixture = gate

    def settings_use(self) -> SettingsUse:
        """What the settings mean to the criteria that this process has seen until now."""
        plain = [item for item in self._found if not tests.criteria_of(item)]
        left_out = self.run.settings.why_left_out
        use = settings_use(
            self.run.settings,
            self.run.criteria,
            in_part=self._narrowed or self.findings.notes.deselected > 0,
            variables=self.run.scope.variables.used,
            misfits=self.run.misfits(one for one in self.criteria if not left_out(one.id)),
            tests=[item.stash[_NOTE].id for item in plain if _NOTE in item.stash],
            # Its body may have been skipped, or left before it asked.
            mentioned=partial(tests.is_mentioned, {item.path for item in plain}),
        )
        if not self.run.settings.gate_subject:
            return use
        from pytest_deploygate.engine.attesting import described

        asked = (described(self.run.resolved(one)) for one in self.run.criteria)
        return use._replace(asked=tuple(dict.fromkeys(asked)))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection(self) -> Generator[None, object, object]:
        """Let the reports say too what cannot be used; pytest says it in one line."""
        self._collection = Collection(self._config)
        try:
            return (yield)
        except pytest.UsageError as error:
            self.findings.refuse(str(error).removeprefix("deploygate: "))
            raise

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_make_collect_report(
        self,
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Clean the message of a module that cannot be collected."""
        report = yield
        clean(report, self.run.redactor)
        return report

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A module that cannot be collected hides its checks."""
        where = report.nodeid or "collection"
        if report.nodeid and not report.passed:
            self._collection.reported(self._config.rootpath / report.nodeid.partition("::")[0])
        if report.failed:
            why = tests.last_line(report)
            self.findings.problem(f"{where}: could not be collected: {why}")
        elif report.skipped:
            self.findings.left_out(f"{where} was skipped as a whole")

    @pytest.hookimpl(wrapper=True)
    def pytest_ignore_collect(self, collection_path: Path) -> Generator[None, Any, Any]:
        """Remember what is passed over: it may hide checks."""
        ignored = yield
        if ignored:
            self._collection.ignored(collection_path)
        return ignored

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Make the configuration's severity the mark, before anybody selects by marks."""
        self._found = list(items)
        for item in items:
            for criterion in tests.criteria_of(item):
                level = self.run.resolved(criterion).level
                if level is not criterion.level:
                    tests.mark(item, level)

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        """A run without all its criteria is partial."""
        self.findings.deselected(len(items))

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Know what must report, refuse what no criterion knows, and begin to ask."""
        for twice in tests.collected_twice(session.items):
            self._refuse(f"{twice}: was collected more than once; one of its runs would be lost")
        dropped = len(self._found) - len(session.items) - self.findings.notes.deselected
        if dropped > 0:  # by a hook that did not report it
            self.findings.deselected(dropped)
        for item in session.items:
            if complaint := why_it_ends_the_process(item):
                self._refuse(complaint)
        locate(session.items)
        self._note_items(session.items)
        if are_unseen(self._config):
            self._arguments = Arguments(self.gate, self.fixture)
        self.run.comparisons.expect(self._asked)
        self.findings.collected(item.nodeid for item in session.items)
        if tests.is_first(self._config):
            self._note_what_is_missing()
        if not self._worker:
            self._refuse_misfits()
            if tests.judges(self._config) and not self.run.pace:
                self._prefetch()
        gc.freeze()

    @property
    def _asked(self) -> list[Criterion]:
        left_out = self.run.settings.why_left_out
        return [one for one in self.criteria if not left_out(one.id)]

    def _prefetch(self) -> None:
        self.run.prefetch(self._asked, self.run.at)

    def begin_round(self, items: list[pytest.Item], at: float) -> None:
        """Ask for another round of a watch or a wait, at an evaluation time in Unix seconds."""
        self.run.begin_round(at)
        for item in items:
            item.stash[_NOTE] = item.stash[_NOTE]._replace(at=at)
        self._prefetch()

    def _note_what_is_missing(self) -> None:
        """Note the checks that were meant perhaps and are not collected, selected or not."""
        for argument in self._collection.without_checks(self._found):
            self.findings.problem(f"nothing was collected from {argument}")
        if not tests.runs_last_failed(self._config):
            for text in self._collection.left_out(self._found):
                self.findings.left_out(text)

    def _note_items(self, items: list[pytest.Item]) -> None:
        """Note what is known of each test before it runs, and which criteria there are."""
        criteria = [tests.criteria_of(item) for item in items]
        self.criteria = [one for each in criteria for one in each]
        if any(map(tests.asks, items)):
            self.findings.asks()
        self._others = not all(criteria)  # these tests may ask with thresholds of their own
        self._narrowed = tests.narrowed(self._config) or tests.runs_last_failed(self._config)
        for item in items:
            marks = tests.severities_of(item)
            if len(marks) > 1:
                self._refuse(f"{item.nodeid}: is marked critical and warning; keep one of them")
            resolved = next(map(self.run.resolved, tests.criteria_of(item)), None)
            item.stash[_NOTE] = tests.known(item, min(marks, default=None), self.run.at, resolved)

    def _refuse_misfits(self) -> None:
        """Refuse settings that cannot be used, as far as that is known before the checks run.

        Checks that could not be collected, or were not named, may be what a setting is for.
        """
        use = self.settings_use()
        all_seen = self.criteria and not self._others and not self.findings.notes.problems
        unknown = use.unknown.values() if all_seen else ()
        for complaint in (*use.misfits, *(text for text, mistaken in unknown if mistaken)):
            self._refuse(complaint)

    def _refuse(self, complaint: str) -> None:
        """A worker cannot end the run by itself: its controller learns it from its notes."""
        if not self._worker:
            raise pytest.UsageError(f"deploygate: {complaint}")
        self.findings.problem(complaint)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """The gate is this test's now, or once more."""
        note = item.stash[_NOTE]
        self.gate.begin(item.name, note.severity, self.run.at)
        if self._arguments is not None and isinstance(item, pytest.Function):
            self._arguments.give(item)
        if why := self.run.settings.why_left_out(note.id):
            pytest.skip(why)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """A test whose code is done must have judged its criteria, and fails for a WARNING now."""
        self._called += 1
        self._error = None
        try:
            with watched(item):
                result = yield
            if any(criterion.id not in self.gate.judged for criterion in tests.criteria_of(item)):
                raise NotJudgedError(_NEVER_JUDGED)
            self.gate.settle()
        except BaseException as error:
            # pytest-retry writes the exception itself, and makes no report of it.
            self._error = cleaned_exception(error, self.run.redactor)
            if self._error is error:
                raise
            raise self._error from None
        return result

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Attach what was judged, and clean the report's texts."""
        error, called = call.excinfo, self._called
        if error is not None and error.errisinstance(_SAYS_ENOUGH):
            call.excinfo = _Brief.from_exc_info((error.type, error.value, error.tb))
            report = yield
            call.excinfo = error
            report.longrepr = str(error.value)
        else:
            report = yield
        raised = call.excinfo.value if call.excinfo else None
        if self._called > called:  # pytest-retry called the test again: its last try counts
            raised = self._error
        clean(report, self.run.redactor)
        tests.attach(report, self._note(item, call.when, raised))
        return report

    def _note(self, item: pytest.Item, when: str, error: BaseException | None) -> CheckNote:
        note, results = item.stash[_NOTE], self._new_results(when)
        if error is None:
            # _replace takes three times as long
            return CheckNote(*note[:5], results=results) if results else note
        # A fixture fails later tests with the first test's failure, which is not theirs.
        left = unrecorded(error, self.gate.results)
        said = {printable(failed_text(result)) for result in results}
        found = failures_of(left, when, self.run.redactor.text)
        failures = tuple(one for one in found if one[1] not in said)  # collected by pytest-check
        return note._replace(results=results, failures=failures, covered=not failures)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Clean what a plugin reports by itself, such as a try that it repeats."""
        if tests.attached(report) is None:
            clean(report, self.run.redactor)

    def _new_results(self, when: str) -> tuple[Result, ...]:
        """All results with the call, which counts; before and after it only if there are more."""
        sent = self._sent if when == "teardown" else 0
        self._sent = len(self.gate.results)
        return tuple(self.gate.results) if when == "call" or self._sent > sent else ()

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """No verdict: somebody stopped the run, or a test called pytest.exit."""
        self.findings.problem(f"the run was interrupted: {excinfo.exconly()}")

    def pytest_internalerror(self, excrepr: object) -> None:
        """No verdict: pytest or a plugin broke down."""
        why = (str(excrepr).strip().splitlines() or ["unknown"])[-1]
        self.findings.problem(f"pytest broke down: {printable(why)}")


class _Brief(pytest.ExceptionInfo[BaseException]):  # type: ignore[misc]
    """An exception whose message says enough.

    Where thousands of checks fail, half of the time would be spent on tracebacks that nobody is
    shown. This is what pytest is given to describe instead of the exception.
    """

    def getrepr(self, *arguments: object, **options: object) -> str:  # type: ignore[override]
        """The message alone."""
        return str(self.value)
