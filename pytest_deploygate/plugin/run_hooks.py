"""pytest's hooks from the start of a run to its end; xdist's workers have none of them."""

from __future__ import annotations

import gc
import time
from collections.abc import Generator, Sequence
from typing import Any

import pytest

from pytest_deploygate.actions.plan import INTERRUPTED
from pytest_deploygate.core.text import printable
from pytest_deploygate.plugin import items as tests
from pytest_deploygate.plugin.exit_code import GATE_EXIT
from pytest_deploygate.plugin.hooks import GateHooks
from pytest_deploygate.plugin.run_end import RunEnd
from pytest_deploygate.plugin.run_outputs import github_log, outputs_of
from pytest_deploygate.reports.outputs import Output, ReportFile
from pytest_deploygate.reports.platforms import GitHubLog

RUN_HOOKS = "deploygate-run"
"""The name under which pytest knows these hooks."""

_MOST_LISTED = 50


class RunHooks:
    """Leads one run to its verdict and its reports."""

    def __init__(
        self,
        config: pytest.Config,
        hooks: GateHooks,
        end: RunEnd,
        files: Sequence[ReportFile],
        pushed: Sequence[Output],
    ) -> None:
        self._config = config
        self._hooks = hooks
        self._end = end
        self._files = files
        self._pushed = pushed
        self._run, self._findings = hooks.run, hooks.findings
        self._exit = config.stash[GATE_EXIT]
        self._log: GitHubLog | None = None
        self._has_tracebacks = False
        self._failed = 0

    def pytest_sessionstart(self) -> None:
        """From here on only a verdict ends in 0 or 1, and the log of a step obeys no command."""
        self._exit.started = True
        if tests.judges(self._config):
            self._log = github_log(self._terminal_writer())

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """From here on there is something to act on."""
        self._end.actions.begin()
        reporter = self._terminal_reporter
        shown = reporter and reporter.isatty and reporter.verbosity >= 0 and not self._run.pace
        if shown and session.items and tests.judges(self._config):
            self._show_progress(reporter, session.items[0])

    def _show_progress(self, reporter: Any, first: pytest.Item) -> None:
        """A live line until the first test has its answers: it would wait for them in silence."""
        where, criteria = self._run.source.info.location, tests.criteria_of(first)
        for answered, asked in self._run.progress(criteria, self._run.at):
            text = f"{where}: {answered} of {asked} queries answered"
            reporter.rewrite(printable(self._run.redactor.text(text)), erase=True)
        reporter.rewrite("", erase=True)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what arrives, from this process or from a worker."""
        if report.when not in ("setup", "call", "teardown"):
            self._findings.problem(f"{report.nodeid}: its worker crashed")
        if report.failed:
            shown = report.longrepr
            self._failed += 1
            self._has_tracebacks |= not isinstance(shown, str) or "\n" in shown
        self._findings.reported(tests.phase_of(report))

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """What an interrupted run says is nothing to act on; what -x ends early is."""
        if not excinfo.errisinstance(pytest.Session.Interrupted):
            self._end.actions.hold_back(INTERRUPTED)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, Any, Any]:
        """The verdict before anybody writes the exit code down, the reports when all is known."""
        gc.freeze()
        if self._exit.signal:
            self._findings.problem(f"the run was asked to end: {self._exit.signal}")
        if (pace := self._run.pace) and self._was_not_watched():
            self._findings.problem(f"no {pace.mode} took place: a plugin ran the tests itself")
        for text in tests.left_out(self._config):
            self._findings.left_out(text)
        self._findings.end(
            time.time(),
            self._run.redactor.text,
            cut_short=tests.cut_short(session),
            waived=self._run.waived,
        )
        self._end.judge(self._hooks.settings_use())
        in_part = tests.narrowed(self._config) or bool(self._run.settings.gate_demo)
        self._end.act(self._announce, in_part=in_part)
        self._end.call_verdict_hook()
        session.exitstatus = self._end.conclude().exit_code
        self._leave_breaches_to_the_gate()
        try:
            return (yield)
        except BaseException as error:
            why = f"{type(error).__name__}: {error}"
            self._findings.failure(f"a plugin broke down at the end of the run: {why}")
            raise
        finally:
            self._exit.code = session.exitstatus = self._write()

    def _was_not_watched(self) -> bool:
        """Whether there were no rounds, and nothing that stopped the run says why."""
        nothing_else = tests.judges(self._config) and not self._findings.notes.problems
        return nothing_else and self._findings.watched is None

    def _write(self) -> int:
        outputs = outputs_of(
            self._run,
            self._files,
            self._pushed,
            judges=tests.judges(self._config),
            writer=self._terminal_writer(),
            verbosity=self._config.get_verbosity(),
            log=self._log,
        )
        return self._end.write(outputs).exit_code

    def _announce(self, action: str) -> None:
        writer = self._terminal_writer()
        if writer is not None:
            writer.line(f"\ndeploygate: carrying out {action}")
            writer.flush()

    def _leave_breaches_to_the_gate(self) -> None:
        """The gate's block says what FAILURES would repeat; only errors in code stay there."""
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
