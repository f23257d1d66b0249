"""The end of a run, in its order: results, verdict, actions, the verdict hook, the outputs."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable, Sequence

import pytest

from pytest_deploygate.actions.plan import MISTAKEN, ActionPlan
from pytest_deploygate.core.report import GateReport
from pytest_deploygate.core.result import Result
from pytest_deploygate.core.text import printable
from pytest_deploygate.engine import conclusion
from pytest_deploygate.engine.conclusion import RunFacts
from pytest_deploygate.engine.findings import Findings, SettingsUse
from pytest_deploygate.engine.run import GateRun
from pytest_deploygate.reports import load
from pytest_deploygate.reports.outputs import Output, write_all

_SHORT = 0.0003
"""Seconds after which a thread with an answer gets its turn while modules are imported."""


class RunEnd:
    """Takes the steps from the last test to the last report; each adds to the findings.

    Args:
        config: pytest's.
        run: what was asked.
        findings: what happened.
        facts: what else the report says of the run.
        actions: what is done about the verdict.
    """

    def __init__(
        self,
        config: pytest.Config,
        run: GateRun,
        findings: Findings,
        *,
        facts: RunFacts,
        actions: ActionPlan,
    ) -> None:
        self._config = config
        self._run = run
        self._findings = findings
        self._facts = facts
        self.actions = actions

    def conclude(self) -> GateReport:
        """The report of what has been found until now."""
        return conclusion.conclude(self._findings, self._facts, self._run.redactor.text)

    def judge_round(self, results: tuple[Result, ...], at: float) -> GateReport:
        """The report of one round of a watch or a wait, at an evaluation time in Unix seconds."""
        self._facts = self._facts._replace(at=at)
        self._findings.judged(results, time.time())
        report = self.conclude()
        self._findings.round_is_over(report.rounds[-1])
        return report

    def judge(self, use: SettingsUse) -> None:
        """Bring in what is known only when the tests are over.

        Args:
            use: what the settings mean to this process; with xdist the workers have said it.
        """
        if not self._findings.notes.settings:
            self._findings.settings_used(use)
        results, at = self._findings.results, self._facts.at
        if nothing := self._run.why_nothing_is_selected(results, at):
            self._findings.problem(nothing)
        if not self.conclude().problems:
            self._findings.charted(self._run.with_history(results, at, self._load_reports))
        note_source(self._findings, self._run)

    def _load_reports(self) -> None:
        """Import what renders them; what is wrong with it is said when they are rendered."""
        interval = sys.getswitchinterval()
        sys.setswitchinterval(_SHORT)
        try:
            load("gate-html").environment().get_template(load("gate-html").PAGE)
            if self._run.settings.gate_junit:
                load("gate-junit")
        except Exception:
            pass
        finally:
            sys.setswitchinterval(interval)

    def act(self, announce: Callable[[str], None], *, in_part: bool) -> None:
        """Do about the verdict what is configured.

        Args:
            announce: is called with each action before it begins.
            in_part: whether other checks exist that the configuration may be for.
        """
        if conclusion.mistakes(self._findings, self._facts):
            self.actions.hold_back(MISTAKEN)
        mistaken = self.actions.mistakes(self.conclude())
        interrupted = self.actions.act(self.conclude(), self._run.redactor, announce)
        self._findings.acted(self.actions.results)
        if interrupted:
            self._findings.failure(interrupted)
        # Only now: what is configured for a NO-GO is not for one that a typo makes.
        for mistake in mistaken:
            (self._findings.notice if in_part else self._findings.failure)(mistake)

    def call_verdict_hook(self) -> None:
        """Let plugins hear of the verdict; one that raises makes it NO-GO."""
        try:
            self._config.hook.pytest_deploygate_verdict(report=self.conclude(), config=self._config)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # sys.exit(0) in a plugin must not become the verdict
            shown = "".join(traceback.format_exception(error))
            print(self._run.redactor.text(shown), file=sys.stderr)
            why = printable(f"{type(error).__name__}: {error}")
            self._findings.failure(f"pytest_deploygate_verdict: {why}")

    def write(self, outputs: Sequence[Output]) -> GateReport:
        """Write every output; a report that cannot be written makes the run NO-GO.

        An interrupt is a failure too: what was written before is outdated, and is written again.

        Returns:
            The report that the run ends with.
        """
        try:
            return write_all(outputs, self.conclude, self._failed)
        except KeyboardInterrupt:
            self._findings.failure("the run was interrupted while its reports were written")
            return write_all(outputs, self.conclude, self._failed)

    def write_round(self, outputs: Sequence[Output], report: GateReport) -> None:
        """Write what is written in every round; what fails is told at the end."""
        for output in outputs:
            if why := output.write(report):
                self._findings.notice(why)

    def _failed(self, output: Output, why: str) -> None:
        if output.required:
            self._findings.failure(why)
        else:
            self._findings.notice(why)


def note_source(findings: Findings, run: GateRun) -> None:
    """Note what the source has to say at the end of a process, and its answers as evidence."""
    findings.notice(*run.source.notices())
    if run.settings.gate_record:
        findings.answered(run.answers())
