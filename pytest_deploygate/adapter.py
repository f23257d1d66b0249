"""pytest's hooks while the gate is on: they carry what happens to the core, and back."""

from __future__ import annotations

import atexit
import gc
import os
import traceback
from collections.abc import Callable, Generator, Iterable, Mapping
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from pytest_deploygate import session as gate_session
from pytest_deploygate.acting import acting_for
from pytest_deploygate.cleaning import clean
from pytest_deploygate.config import load
from pytest_deploygate.errors import CheckFailed, ConfigurationError, NoDataError, SourceError
from pytest_deploygate.fixture import Gate
from pytest_deploygate.guard import OUTCOME
from pytest_deploygate.ledger import Phase, Told
from pytest_deploygate.model import Criterion, Reason, Result, Severity, humanised
from pytest_deploygate.options import OPTIONS
from pytest_deploygate.plugin import NAME
from pytest_deploygate.redaction import Redactor
from pytest_deploygate.report import GateReport
from pytest_deploygate.run import GateRun
from pytest_deploygate.settings import Settings, merge
from pytest_deploygate.text import printable

if TYPE_CHECKING:
    from pytest_deploygate.actions.base import Kind
    from pytest_deploygate.sources.base import Source

ADAPTER = pytest.StashKey["Adapter"]()
TOLD = pytest.StashKey[Told]()
_TOLD = "_deploygate"
_MARKS = tuple(Severity)
_NOT_JUDGED = ("collectonly", "setuponly", "setupplan")


def switch_on(config: pytest.Config) -> None:
    """Read the settings and register the hooks below.

    Raises:
        pytest.UsageError: something given cannot be used.
    """
    try:
        added = config.hook.pytest_deploygate_actions(config=config)
        kinds = cache(partial(_action_kinds, added))
        if added:
            kinds()
        settings = _settings(config, kinds)
        gate = gate_session.GateSession(GateRun(settings, os.environ, _source(config, settings)))
        if not _is_worker(config):
            _refuse_unwritable_reports(settings)
            gate.added_reports = _added_reports(config)
            judges = not any(getattr(config.option, name) for name in _NOT_JUDGED)
            gate.acting = acting_for(gate.run, os.environ, kinds, judges=judges)
    except ConfigurationError as error:
        raise pytest.UsageError(f"deploygate: {error}") from None
    _take_over_json_report(config, settings)
    _choose_gate_checks(config)
    adapter = Adapter(config, gate)
    config.stash[ADAPTER] = adapter
    _spare_the_garbage_collector(config)
    config.pluginmanager.register(adapter, "deploygate-adapter")
    config.pluginmanager.register(_fixtures(adapter.gate), "deploygate-fixtures")


def _fixtures(gate: Gate) -> ModuleType:
    """The fixture ``gate``, in a module, as methods may have no scope.

    It does not take ``request``, for which pytest would build a fixture definition in every test.
    """

    @pytest.fixture(scope="session", name="gate")
    def fixture() -> Gate:
        """Ask production; with ``-p deploygate``, else the test is skipped."""
        return gate

    module = ModuleType("deploygate-fixtures")
    module.__dict__["gate"] = fixture
    return module


def _spare_the_garbage_collector(config: pytest.Config) -> None:
    """Let it search less often, and not what lives as long as the process does.

    Modules, tests and their results are no garbage. To search them again and again, last of all
    at the exit, takes longer than a gate of thirteen criteria. When pytest is done and the process
    goes on, all is as it was.
    """
    config.add_cleanup(partial(gc.set_threshold, *gc.get_threshold()))
    config.add_cleanup(gc.unfreeze)
    atexit.register(gc.freeze)
    gc.set_threshold(20_000, 20, 20)
    gc.freeze()


def _action_kinds(added: Iterable[Mapping[str, Kind]]) -> Mapping[str, Kind]:
    from pytest_deploygate.actions.registry import known_kinds

    return known_kinds(added)


def _settings(config: pytest.Config, kinds: Callable[[], Mapping[str, Kind]]) -> Settings:
    given = {option.name: getattr(config.option, option.dest) for option in OPTIONS}
    worker = getattr(config, "workerinput", {}).get(NAME)
    directory = config.invocation_params.dir
    file = load(
        config.rootpath,
        directory / given["gate-config"] if given["gate-config"] else None,
        given["gate-env"],
        kinds=kinds,
    )
    if worker:
        given["gate-at"] = given["gate-at"] if _replays(given, file.options) else str(worker["at"])
    return merge(given, os.environ, file, directory)


def _source(config: pytest.Config, settings: Settings) -> Source | None:
    if _replays({name: settings.text(name) for name in settings.options}):
        return None
    found: Source | None = config.hook.pytest_deploygate_source(config=config, settings=settings)
    return found


def _added_reports(config: pytest.Config) -> dict[Path, Callable[[GateReport], str]]:
    from pytest_deploygate.files import refuse_unwritable

    added = {}
    for reports in config.hook.pytest_deploygate_reports(config=config):
        for path, render in reports.items():
            added[config.invocation_params.dir / path] = render
    for path in added:
        refuse_unwritable("pytest_deploygate_reports", path)
    return added


def _replays(*layers: Any) -> bool:
    return any(layer.get(name) for layer in layers for name in ("gate-replay", "gate-demo"))


def _refuse_unwritable_reports(settings: Settings) -> None:
    from pytest_deploygate.files import refuse_unwritable

    for name in gate_session.WRITTEN:
        if path := settings.path(name):
            refuse_unwritable(f"--{name}", path)


def _take_over_json_report(config: pytest.Config, settings: Settings) -> None:
    """--gate-json is pytest-json-report's document; a --json-report beside it stays as it is."""
    if not settings.path("gate-json"):
        return
    if not hasattr(config.option, "json_report"):
        raise pytest.UsageError("deploygate: --gate-json needs pytest-json-report, which is off")
    if not config.option.json_report:
        config.option.json_report = True
        config.option.json_report_file = None
        config.option.json_report_verbosity = 0
        config.option.json_report_omit = ["collectors", "keywords", "log"]


def _choose_gate_checks(config: pytest.Config) -> None:
    """Without paths on the command line a gate runs the project's gate_checks, not its tests."""
    directory = config.rootpath / "gate_checks"
    if config.args_source is not pytest.Config.ArgsSource.ARGS and directory.is_dir():
        config.args = [str(directory)]


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


class Adapter:
    """The hooks of one process: a plain run, xdist's controller or one of its workers."""

    def __init__(self, config: pytest.Config, session: gate_session.GateSession) -> None:
        self._config = config
        self.session = session
        self._worker = _is_worker(config)
        self.gate = Gate(session.run)
        self._outcome = config.stash[OUTCOME]
        self._has_tracebacks = False
        self._told = 0

    def pytest_sessionstart(self) -> None:
        """From here on only a verdict ends in 0 or 1."""
        self._outcome.started = True
        if not self._worker and not self._collects_only():
            self.session.begin(self._terminal_writer())

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self) -> None:
        """From here on there is something to act on."""
        self.session.acting.begin()
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if not self._worker and reporter and reporter.isatty and reporter.verbosity >= 0:
            self._show_progress(reporter)

    def _show_progress(self, reporter: Any) -> None:
        """A live line until every answer is there: the tests would wait for them in silence."""
        where = self.session.run.source.info.location
        for answered, asked in self.session.run.measurements.progress():
            told = f"{where}: {answered} of {asked} queries answered"
            reporter.rewrite(printable(self.session.run.redactor.text(told)), erase=True)
        reporter.rewrite("", erase=True)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Let the configuration's severity be the mark, before anybody selects by marks."""
        for item in items:
            criterion = _criterion(item)
            override = self.session.severity_override(criterion) if criterion else None
            if override:
                item.own_markers[:] = [m for m in item.own_markers if m.name not in _MARKS]
                item.add_marker(override.value)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Know what must report, refuse what no criterion knows, and begin to ask."""
        for item in session.items:
            marks = _severities(item)
            if len(marks) > 1:
                self._refuse(f"{item.nodeid}: is marked critical and warning; keep one of them")
            item.stash[TOLD] = _known(item, min(marks, default=None), self.session.run.at)
        criteria = [c for item in session.items if (c := _criterion(item))]
        self.session.collected([item.nodeid for item in session.items], criteria)
        for complaint in self.session.unknown_settings():
            self._refuse(complaint)
        if not self._worker and not self._collects_only():
            self.session.run.prefetch(criteria)
        gc.freeze()

    def _collects_only(self) -> bool:
        return any(getattr(self._config.option, name) for name in _NOT_JUDGED)

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
            self.session.problems.append(f"{where}: could not be collected: {_last_line(report)}")
        elif report.skipped:
            self.session.left_out.append(f"{where} was skipped as a whole")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> None:
        """The gate is this test's now; a worker learns only here which tests are its own."""
        self.gate.begin(item.name, item.stash[TOLD].severity)
        if self._worker:
            near = [one for one in (item, nextitem) if one is not None]
            self.session.run.prefetch(c for one in near if (c := _criterion(one)))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Attach what was judged, and clean what the test says."""
        report = yield
        failure, error = None, call.excinfo
        if error is not None:
            failure = _failure(call, self.session.run.redactor)
            if error.errisinstance((CheckFailed, NoDataError, SourceError)):
                report.longrepr = str(error.value)
        elif call.when == "call" and not self._judged(item):
            failure = (Reason.ERROR, _NEVER_JUDGED)
            report.outcome, report.longrepr = "failed", _NEVER_JUDGED
        told, results = item.stash[TOLD], self._untold(call.when)
        if results or error is not None or failure is not None:
            covered = error is not None and error.errisinstance(CheckFailed)
            told = told._replace(results=results, failure=failure, covered=covered)
        setattr(report, _TOLD, told)
        clean(report, self.session.run.redactor)
        return report

    def _untold(self, when: str) -> tuple[Result, ...]:
        """All results with the call, which counts; before and after it only if there are more."""
        told = self._told if when == "teardown" else 0
        self._told = len(self.gate.results)
        return tuple(self.gate.results) if when == "call" or self._told > told else ()

    def _judged(self, item: pytest.Item) -> bool:
        criterion = _criterion(item)
        return criterion is None or criterion.id in self.gate.judged

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what arrives, from this process or from a worker."""
        if self._worker:
            return
        if report.when not in ("setup", "call", "teardown"):
            self.session.problems.append(f"{report.nodeid}: its worker crashed")
        if report.failed:
            shown = report.longrepr
            self._has_tracebacks |= not isinstance(shown, str) or "\n" in shown
        told, message = getattr(report, _TOLD, None), _message(report)
        self.session.ledger.record(
            Phase(report.nodeid, report.when or "", report.outcome, report.duration, told, message)
        )

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """No verdict: somebody stopped the run, or a test called pytest.exit."""
        self.session.problems.append(f"the run was interrupted: {excinfo.exconly()}")
        if not excinfo.errisinstance(pytest.Session.Interrupted):
            self.session.acting.interrupt()

    def pytest_internalerror(self, excrepr: object) -> None:
        """No verdict: pytest or a plugin broke down."""
        told = (str(excrepr).strip().splitlines() or ["unknown"])[-1]
        self.session.problems.append(f"pytest broke down: {printable(told)}")

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, Any, Any]:
        """The verdict before anybody writes the exit code down, the reports when all is known."""
        if self._worker:
            self._config.workeroutput[NAME] = self.session.to_builtins()  # type: ignore[attr-defined]
            return (yield)
        gc.freeze()
        self.session.partial_arguments(self._config.args)
        self.session.conclude(interrupted_by=_cut_short(session))
        self.session.act(self._announce)
        self._tell_plugins()
        session.exitstatus = self.session.report.exit_code
        self._leave_breaches_to_the_gate()
        try:
            return (yield)
        except Exception as error:
            self.session.problems.append(f"a plugin broke down at the end of the run: {error}")
            self.session.conclude()
            raise
        finally:
            verbosity = self._config.get_verbosity()
            self.session.write(self._terminal_writer(), verbosity=verbosity)
            self._outcome.code = session.exitstatus = self.session.report.exit_code

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
            traceback.print_exc()
            told = printable(f"{type(error).__name__}: {error}")
            self.session.fail(f"pytest_deploygate_verdict: {told}")

    def _leave_breaches_to_the_gate(self) -> None:
        """The gate's block says what FAILURES would say once more; code errors stand there only."""
        option = self._config.option
        if not self._has_tracebacks and option.tbstyle == "auto" and option.verbose < 1:
            option.tbstyle = "no"

    def _terminal_writer(self) -> Any:
        if self._config.pluginmanager.get_plugin("terminalreporter") is None:
            return None
        return self._config.get_terminal_writer()

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


_NEVER_JUDGED = "the criterion was never judged: the test must call gate.check(criterion)"


def _known(item: pytest.Item, severity: Severity | None, at: float) -> Told:
    """What is known of a check before it is judged."""
    criterion = _criterion(item)
    if criterion is None:
        return Told(severity, item.name.removeprefix("test_"), _title(item), "", at)
    return Told(severity, criterion.id, criterion.title, criterion.query, at)


def _failure(call: pytest.CallInfo[None], redactor: Redactor) -> tuple[Reason, str] | None:
    """Why a phase failed, unless a recorded result or a skip already says so."""
    error = call.excinfo
    if error is None or error.errisinstance((CheckFailed, pytest.skip.Exception)):
        return None
    reason, message = Reason.ERROR, error.exconly()
    if error.errisinstance(NoDataError):
        reason, message = Reason.NO_DATA, str(error.value)
    elif error.errisinstance(SourceError):
        message = str(error.value)
    elif error.errisinstance((AssertionError, pytest.fail.Exception)) and call.when == "call":
        reason, message = Reason.BREACH, message.removeprefix("AssertionError: ")
    told = redactor.text(message.removeprefix("Failed: "))
    return reason, printable(told)


def _message(report: pytest.TestReport) -> str:
    """A report's own words, for what the gate's payload does not tell."""
    if report.passed:
        return ""
    if report.skipped and isinstance(report.longrepr, tuple):
        return printable(str(report.longrepr[2]).removeprefix("Skipped: "))
    if report.skipped and hasattr(report, "wasxfail"):
        return f"xfail: {printable(report.wasxfail)}"
    return _last_line(report)


def _last_line(report: Any) -> str:
    lines = [line for line in str(report.longrepr or "").splitlines() if line.strip()]
    errors = [line[1:].strip() for line in lines if line.startswith("E ")]
    return printable((errors or lines or [""])[-1])


def _criterion(item: pytest.Item) -> Criterion | None:
    callspec = getattr(item, "callspec", None)
    for value in callspec.params.values() if callspec else ():
        if isinstance(value, Criterion):
            return value
    return None


def _severities(item: pytest.Item) -> set[Severity]:
    return {Severity(mark.name) for mark in item.iter_markers() if mark.name in _MARKS}


def _title(item: pytest.Item) -> str:
    doc = getattr(getattr(item, "obj", None), "__doc__", None)
    first = (doc or "").strip().splitlines()
    return printable(first[0].rstrip(".") if first else humanised(item.name))


def _cut_short(session: pytest.Session) -> str:
    reason = session.shouldfail or session.shouldstop
    return str(reason) if reason else ""
