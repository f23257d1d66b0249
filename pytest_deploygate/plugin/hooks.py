"""pytest's hooks while the gate is on: they carry what happens to the core, and back."""

from __future__ import annotations

import gc
import sys
import traceback
from collections.abc import Generator
from typing import Any

import pytest

from pytest_deploygate.actions.plan import INTERRUPTED
from pytest_deploygate.config.options import NAME
from pytest_deploygate.core.errors import CheckFailed, NoDataError, NotJudgedError, SourceError
from pytest_deploygate.core.result import Result
from pytest_deploygate.core.text import printable
from pytest_deploygate.engine.ledger import Phase, Told
from pytest_deploygate.engine.session import GateSession
from pytest_deploygate.plugin import items as translation
from pytest_deploygate.plugin.cleaning import clean
from pytest_deploygate.plugin.exit_code import OUTCOME
from pytest_deploygate.plugin.fixture import Gate
from pytest_deploygate.plugin.items import criteria_of

ADAPTER = pytest.StashKey["Adapter"]()
TOLD = pytest.StashKey[Told]()
_TOLD = "_deploygate"
_NEVER_JUDGED = "the criterion was never judged: the test must call gate.check(criterion)"
_MOST_LISTED = 50
_SAYS_ENOUGH = (CheckFailed, NoDataError, NotJudgedError, SourceError)


class Adapter:
    """The hooks of one process: a plain run, xdist's controller or one of its workers."""

    def __init__(self, config: pytest.Config, session: GateSession) -> None:
        self._config = config
        self.session = session
        self._worker = translation.is_worker(config)
        self._judges = translation.judges(config)
        self.gate = Gate(session.run)
        self._outcome = config.stash[OUTCOME]
        self._has_tracebacks = False
        self._found = 0
        self._failed = 0
        self._told = 0

    def pytest_sessionstart(self) -> None:
        """From here on only a verdict ends in 0 or 1."""
        self._outcome.started = True
        if not self._worker and self._judges:
            self.session.begin(self._terminal_writer())

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """From here on there is something to act on."""
        self.session.acting.begin()
        reporter = self._terminal_reporter
        shown = reporter and reporter.isatty and reporter.verbosity >= 0
        if shown and session.items and self._judges and not self._worker:
            self._show_progress(reporter, session.items[0])

    def _show_progress(self, reporter: Any, first: pytest.Item) -> None:
        """A live line until the first test has its answers: it would wait for them in silence."""
        where, criteria = self.session.run.source.info.location, criteria_of(first)
        for answered, asked in self.session.run.progress(criteria):
            told = f"{where}: {answered} of {asked} queries answered"
            reporter.rewrite(printable(self.session.run.redactor.text(told)), erase=True)
        reporter.rewrite("", erase=True)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Let the configuration's severity be the mark, before anybody selects by marks."""
        self._found = len(items)
        for item in items:
            for criterion in criteria_of(item):
                if override := self.session.severity_override(criterion):
                    translation.mark(item, override)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Know what must report, refuse what no criterion knows, and begin to ask."""
        for twice in translation.collected_twice(session.items):
            self._refuse(f"{twice}: was collected more than once; one of its runs would be lost")
        dropped = self._found - len(session.items)  # by a hook that did not say so, perhaps
        self.session.deselected = max(self.session.deselected, dropped)
        criteria = [criteria_of(item) for item in session.items]
        for item in session.items:
            marks = translation.severities_of(item)
            if len(marks) > 1:
                self._refuse(f"{item.nodeid}: is marked critical and warning; keep one of them")
            severity = min(marks, default=None)
            item.stash[TOLD] = translation.known(item, severity, self.session.run.at)
        self.session.collected(
            [item.nodeid for item in session.items],
            [one for each in criteria for one in each],
            others=not all(criteria),
            narrowed=translation.narrowed(self._config),
        )
        if shadowed := translation.shadowed_checks(self._config, session.items):
            self.session.left_out.append(shadowed)
        for complaint in self.session.refusals() if not self._worker else ():
            self._refuse(complaint)
        if not self._worker and self._judges:
            self.session.run.prefetch(self.session.criteria)
        gc.freeze()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection(self) -> Generator[None, object, object]:
        """What cannot be used is told by pytest in one line, and by the reports too."""
        try:
            return (yield)
        except pytest.UsageError as error:
            self.session.refuse(str(error))
            raise

    def _refuse(self, complaint: str) -> None:
        """A worker cannot end the run by itself: it tells the controller."""
        if not self._worker:
            raise pytest.UsageError(f"deploygate: {complaint}")
        self.session.problems.append(complaint)

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        """A run without all its criteria is partial."""
        self.session.deselected += len(items)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_make_collect_report(
        self,
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Clean what a module says that cannot be collected."""
        report = yield
        clean(report, self.session.run.redactor)
        return report

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A module that cannot be collected hides its checks."""
        where = report.nodeid or "collection"
        if report.failed:
            told = translation.last_line(report)
            self.session.problems.append(f"{where}: could not be collected: {told}")
        elif report.skipped:
            self.session.left_out.append(f"{where} was skipped as a whole")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """The gate is this test's now, or once more."""
        self.gate.begin(item.name, item.stash[TOLD].severity)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """What a test owes when its code is done: a judgement, and to fail or be skipped for it."""
        result = yield
        if any(criterion.id not in self.gate.judged for criterion in criteria_of(item)):
            raise NotJudgedError(_NEVER_JUDGED)
        self.gate.settle()
        return result

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Attach what was judged, and clean what the test says."""
        error = call.excinfo
        if error is not None and error.errisinstance(_SAYS_ENOUGH):
            # a traceback that nobody sees would take half of the time when everything fails
            vars(item)["repr_failure"] = _message
            report = yield
            del vars(item)["repr_failure"]
            report.longrepr = _message(error)
        else:
            report = yield
        told, results = item.stash[TOLD], self._untold(call.when)
        if results or error is not None:
            covered = error is not None and self._is_recorded(error.value)
            failure = None if covered else translation.failure_of(call, self.session.run.redactor)
            told = told._replace(results=results, failure=failure, covered=covered)
        setattr(report, _TOLD, told)
        clean(report, self.session.run.redactor)
        return report

    def _is_recorded(self, error: BaseException) -> bool:
        """Whether this test's results tell of it: a fixture fails later tests with the first's."""
        judged = error.result if isinstance(error, CheckFailed) else None
        return judged is not None and any(one is judged for one in self.gate.results)

    def _untold(self, when: str) -> tuple[Result, ...]:
        """All results with the call, which counts; before and after it only if there are more."""
        told = self._told if when == "teardown" else 0
        self._told = len(self.gate.results)
        return tuple(self.gate.results) if when == "call" or self._told > told else ()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what arrives, from this process or from a worker."""
        if self._worker:
            return
        if report.when not in ("setup", "call", "teardown"):
            self.session.problems.append(f"{report.nodeid}: its worker crashed")
        if report.failed:
            shown = report.longrepr
            self._failed += 1
            self._has_tracebacks |= not isinstance(shown, str) or "\n" in shown
        told, message = getattr(report, _TOLD, None), translation.message_of(report)
        self.session.ledger.record(
            Phase(report.nodeid, report.when or "", report.outcome, report.duration, told, message)
        )

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """No verdict: somebody stopped the run, or a test called pytest.exit."""
        self.session.problems.append(f"the run was interrupted: {excinfo.exconly()}")
        if not excinfo.errisinstance(pytest.Session.Interrupted):
            self.session.acting.hold_back(INTERRUPTED)

    def pytest_internalerror(self, excrepr: object) -> None:
        """No verdict: pytest or a plugin broke down."""
        told = (str(excrepr).strip().splitlines() or ["unknown"])[-1]
        self.session.problems.append(f"pytest broke down: {printable(told)}")

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, Any, Any]:
        """The verdict before anybody writes the exit code down, the reports when all is known."""
        if self._worker:
            return (yield)
        gc.freeze()
        if self._outcome.signal:
            self.session.problems.append(f"the run was asked to end: {self._outcome.signal}")
        self.session.left_out += translation.left_out(self._config)
        self.session.conclude(interrupted_by=translation.cut_short(session))
        self.session.act(self._announce)
        self._tell_plugins()
        session.exitstatus = self.session.report.exit_code
        self._leave_breaches_to_the_gate()
        try:
            return (yield)
        except BaseException as error:
            told = f"{type(error).__name__}: {error}"
            self.session.problems.append(f"a plugin broke down at the end of the run: {told}")
            self.session.conclude()
            raise
        finally:
            self._write_reports()
            self._outcome.code = session.exitstatus = self.session.report.exit_code

    def _write_reports(self) -> None:
        """Write every report; after an interrupt once more, as what was written is outdated."""
        verbosity = self._config.get_verbosity()
        try:
            self.session.write(self._terminal_writer(), verbosity=verbosity)
        except KeyboardInterrupt:
            self.session.fail("the run was interrupted while its reports were written")
            self.session.write(self._terminal_writer(), verbosity=verbosity)

    def _announce(self, action: str) -> None:
        writer = self._terminal_writer()
        if writer is not None:
            writer.line(f"\ndeploygate: carrying out {action}")
            writer.flush()

    def _tell_plugins(self) -> None:
        try:
            self._config.hook.pytest_deploygate_verdict(
                report=self.session.report, config=self._config
            )
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # sys.exit(0) in a plugin is no verdict either
            shown = "".join(traceback.format_exception(error))
            print(self.session.run.redactor.text(shown), file=sys.stderr)
            told = printable(f"{type(error).__name__}: {error}")
            self.session.fail(f"pytest_deploygate_verdict: {told}")

    def _leave_breaches_to_the_gate(self) -> None:
        """The gate's block says what FAILURES would say once more; code errors stand there only."""
        option, reporter = self._config.option, self._terminal_reporter
        if reporter is None or self._has_tracebacks or option.verbose > 0:
            return
        if option.tbstyle == "auto":
            option.tbstyle = "no"
        if self._failed > _MOST_LISTED:
            reporter.reportchars = reporter.reportchars.replace("f", "").replace("E", "")

    @property
    def _terminal_reporter(self) -> Any:
        return self._config.pluginmanager.get_plugin("terminalreporter")

    def _terminal_writer(self) -> Any:
        return self._config.get_terminal_writer() if self._terminal_reporter else None

    @pytest.hookimpl(optionalhook=True)
    def pytest_json_runtest_stage(self, report: pytest.TestReport) -> dict[str, Any] | None:
        """What pytest-json-report says of a phase without a word, without a terminal for it."""
        if report.longrepr or getattr(report, "_json_report_extra", {}).get(report.when):
            return None
        return {"duration": report.duration, "outcome": report.outcome}

    @pytest.hookimpl(optionalhook=True, trylast=True)
    def pytest_json_modifyreport(self, json_report: dict[str, Any]) -> None:
        """pytest-json-report's document is complete: add the gate's keys."""
        own_file = self._config.option.json_report_file is not None
        self.session.take_json(json_report, written_elsewhere=own_file)

    @pytest.hookimpl(wrapper=True)
    def pytest_report_to_serializable(self) -> Generator[None, Any, Any]:
        """A report is about to leave its process."""
        data = yield
        if data and (told := data.get(_TOLD)):
            data[_TOLD] = told.to_builtins()
        return data

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_from_serializable(self, data: dict[str, Any]) -> None:
        """A report arrives from another process."""
        if told := data.get(_TOLD):
            data[_TOLD] = Told.from_builtins(told)

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """One evaluation time for every worker."""
        node.workerinput[NAME] = {"at": self.session.run.at}

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """The controller collects nothing: what must report is what the workers collected."""
        self.session.ledger.expect(ids)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """A worker is done, and brings what it asked; or it died, and its tests are missed."""
        self.session.add_worker(getattr(node, "workeroutput", {}).get(NAME))


class Worker:
    """The hooks of xdist's workers alone."""

    def __init__(self, config: pytest.Config, session: GateSession) -> None:
        self._config = config
        self._session = session

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> None:
        """Only here it is known which tests are this worker's own."""
        near = [one for one in (item, nextitem) if one is not None]
        self._session.run.prefetch(one for each in near for one in criteria_of(each))

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self) -> Generator[None, Any, Any]:
        """What the controller must know; without it a plugin has broken down here."""
        result = yield
        self._config.workeroutput[NAME] = self._session.to_builtins()  # type: ignore[attr-defined]
        return result


def _message(error: pytest.ExceptionInfo[BaseException], style: object = None) -> str:
    return str(error.value)
