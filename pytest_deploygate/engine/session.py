"""One gate run from the first collected test to the written reports."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from pytest_deploygate import reports
from pytest_deploygate.actions.plan import MISTAKEN, ActionPlan
from pytest_deploygate.config.changes import changes
from pytest_deploygate.config.mistakes import unknown_names, wrong_units
from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.core.errors import SourceError
from pytest_deploygate.core.report import Change, GateReport
from pytest_deploygate.core.series import Measurement, Query
from pytest_deploygate.core.severity import Severity
from pytest_deploygate.core.text import counted, printable
from pytest_deploygate.core.verdict import Verdict, blindness, decide
from pytest_deploygate.engine.ledger import Ledger
from pytest_deploygate.engine.run import GateRun
from pytest_deploygate.reports.platforms import GitHubStep, github_step, path_in_project

Unknown = Mapping[str, tuple[str, bool]]
"""Settings that nothing knows, by name: what to tell of them, and whether they are mistakes."""


class GateSession:
    """Collects what a run brings, concludes it into a report, and has it written."""

    def __init__(self, run: GateRun, *, judges: bool = True) -> None:
        self.run = run
        self._judges = judges
        self._refused = False
        self._others = False
        self._narrowed = False
        self._unknown: list[Unknown] = []
        self.ledger = Ledger()
        self.problems: list[str] = []
        self.left_out: list[str] = []
        self.deselected = 0
        self.criteria: list[Criterion] = []
        self._changes: dict[str, Change] = {}
        self._notices: dict[str, None] = {}
        self._answers: dict[Query, Measurement | SourceError] = {}
        self._started_at = time.time()
        self._json: dict[str, Any] | None = None
        self._github: GitHubStep | None = None
        self.report = GateReport(verdict=Verdict.NO_GO, results=(), problems=("no verdict yet",))
        self.acting = ActionPlan()
        self.added_reports: dict[Path, Callable[[GateReport], str]] = {}

    def begin(self, terminal: Any) -> None:
        """The run starts, perhaps as a step of a CI system that is told of its end."""
        self._github = github_step(os.environ)
        if self._github and terminal is not None:
            self._github.begin(terminal)

    def severity_override(self, criterion: Criterion) -> Severity | None:
        """The severity that the configuration gives a criterion, if it differs."""
        level = self.run.resolved(criterion).level
        return None if level is criterion.level else level

    def collected(
        self, nodeids: Iterable[str], criteria: Iterable[Criterion], *, others: bool, narrowed: bool
    ) -> None:
        """These tests will run, and these criteria are among them.

        Args:
            nodeids: of all tests.
            criteria: of those that have some.
            others: whether there are more, which may ask with thresholds of their own.
            narrowed: whether only a part of what the configuration is for was named.
        """
        self.ledger.expect(nodeids)
        self.criteria = list(criteria)
        self._others, self._narrowed = others, narrowed

    def refusals(self) -> list[str]:
        """What was set and cannot be used, as far as that is known before the checks are run.

        Checks that could not be collected, or were not named, may be what it was set for.
        """
        all_seen = self.criteria and not self._others and not self.problems
        unknown = self._unknown_here() if all_seen else {}
        mistakes = [told for told, mistaken in unknown.values() if mistaken]
        return [*wrong_units(self.run.settings, self.run.criteria), *mistakes]

    def _unknown_here(self) -> Unknown:
        """What was set for this run must mean something in it; a file is for other runs too."""
        in_part = self._others or self._narrowed
        return {
            name: (one.message, one.for_this_run or not in_part)
            for name, one in unknown_names(self.run.settings, self.run.criteria).items()
        }

    def refuse(self, complaint: str) -> None:
        """What was given cannot be used: pytest ends in its own usage error."""
        self.problems.append(complaint.removeprefix("deploygate: "))
        self._refused = True

    def to_builtins(self) -> dict[str, Any]:
        """What a worker has to tell the controller at its end."""
        from pytest_deploygate.sources.recording import answers_to_builtins

        record = self.run.settings.gate_record
        settings, criteria = self.run.settings, self.run.criteria
        return {
            "problems": [*self.problems, *wrong_units(settings, criteria)],
            "deselected": self.deselected,
            "left_out": self.left_out,
            "unknown": self._unknown_here(),
            "changes": [list(change) for change in changes(settings, criteria)],
            "notices": self.run.source.notices(),
            "answers": answers_to_builtins(self.run.answers()) if record else [],
        }

    def add_worker(self, told: Mapping[str, Any] | None) -> None:
        """Take in what one worker told, once it is done; one that died may have hidden anything."""
        if told is None:
            self.problems.append("a worker ended without a word: see its error above")
            return
        from pytest_deploygate.sources.recording import answers_from_builtins

        self.problems += [p for p in told["problems"] if p not in self.problems]
        self.deselected = max(self.deselected, told["deselected"])
        self.left_out += [text for text in told["left_out"] if text not in self.left_out]
        self._unknown.append(told["unknown"])
        for name, value, default, origin in told["changes"]:
            change = Change(name=name, value=value, default=default, origin=origin)
            self._changes.setdefault(name, change)
        self._notices |= dict.fromkeys(told["notices"])
        self._answers |= answers_from_builtins(told["answers"])

    def take_json(self, document: dict[str, Any], *, written_elsewhere: bool) -> None:
        """pytest-json-report's document, whose gate's keys are added when it is written."""
        self._json = document
        if written_elsewhere:
            from pytest_deploygate.reports.json_report import complete

            complete(document, self.report, self.run.redactor)

    def conclude(self, *, interrupted_by: str = "") -> None:
        """All results together: the verdict, and everything that stood in its way."""
        judged = self._judges and not self._refused
        results = self.ledger.results(self.run.redactor.text) if judged else ()
        self.problems += self._shortfalls(interrupted_by)
        self._judge_settings()
        blind = blindness(results)
        settings = self.run.settings
        self.report = GateReport(
            verdict=Verdict.NO_GO if self.problems or blind else decide(results),
            results=results if self.problems else self.run.with_history(results),
            problems=self._told_problems(),
            blind=blind,
            notices=(*self._notices, *self.run.source.notices()),
            partial=self._partial(),
            evaluated_at=self.run.at,
            started_at=self._started_at,
            duration=time.time() - self._started_at,
            source=self.run.source.info,
            environment=settings.gate_env,
            advisory=settings.gate_advisory,
            changes=tuple(self._changes.values()),
            page=path_in_project(settings.gate_html, os.environ),
            refused=self._refused,
            actions=self.acting.results,
        )

    def act(self, announce: Callable[[str], None]) -> None:
        """Do about the verdict what is configured, and let every report tell it."""
        interrupted = self.acting.act(self.report, self.run.redactor, announce)
        self.report = replace(self.report, actions=self.acting.results)
        if interrupted:
            self.fail(interrupted)

    def fail(self, *problems: str) -> None:
        """Something went wrong after the verdict: it does not stand."""
        self.problems += problems
        told = self._told_problems()
        self.report = replace(self.report, verdict=Verdict.NO_GO, problems=told)

    def _told_problems(self) -> tuple[str, ...]:
        told = (printable(self.run.redactor.text(problem)) for problem in self.problems)
        return tuple(dict.fromkeys(told))

    def _judge_settings(self) -> None:
        """What nothing knows that was set: only now are all thresholds and checks seen."""
        settings, criteria = self.run.settings, self.run.criteria
        if self._refused:
            return
        if not self._unknown:
            self._unknown = [self._unknown_here()]
            self.problems += wrong_units(settings, criteria)
            self._changes |= {change.name: change for change in changes(settings, criteria)}
        first, *others = self._unknown
        for name, (told, mistaken) in first.items() if not self.problems else ():
            if not all(name in other for other in others):
                continue
            if mistaken:
                self.problems.append(told)
                self.acting.hold_back(MISTAKEN)
            else:
                self._notices[told] = None

    def _shortfalls(self, interrupted_by: str) -> list[str]:
        if self._refused:
            return []
        if not self._judges:
            return ["nothing was judged: checks were only collected or set up"]
        if not self.ledger.expected and not self.problems:
            if self.deselected:
                return [f"all {self.deselected} checks were deselected, by -k or -m perhaps"]
            return ["nothing was collected: name the checks, such as --pyargs gate_checks"]
        lost = self.ledger.lost()
        if not lost:
            return []
        why = f" ({interrupted_by})" if interrupted_by else ""
        first = ", ".join(lost[:3]) + (" ..." if len(lost) > 3 else "")
        return [f"{len(lost)} of {self.ledger.expected} checks never reported{why}: {first}"]

    def _partial(self) -> str:
        reasons = list(self.left_out)
        if self.deselected:
            were = "was" if self.deselected == 1 else "were"
            reasons.insert(0, f"{counted(self.deselected, 'check')} {were} deselected")
        return "; ".join(reasons)

    def write(self, terminal: Any, *, verbosity: int = 0) -> None:
        """Every report that was asked for, then the terminal's; a failure makes it NO-GO."""
        self._write_or_fail()
        if notice := self._push():
            self.report = replace(self.report, notices=(*self.report.notices, notice))
            self._write_or_fail()
        if self._github:
            notices = (*self.report.notices, *self._github.write(self.report))
            self.report = replace(self.report, notices=notices)
        if terminal is not None:
            from pytest_deploygate.reports.terminal import write

            write(terminal, self.report, self._written(), verbosity=verbosity)
            if self._github:
                self._github.end(terminal, self.report)

    def _write_or_fail(self) -> None:
        failures = self._write_files()
        if failures:
            self.fail(*failures)
            self._write_files()

    def _push(self) -> str:
        """Push the gate's metrics if that was asked for, and say what stood in the way."""
        gateway = self.run.pushgateway
        if gateway is None:
            return ""
        from pytest_deploygate.http.client import put
        from pytest_deploygate.reports.push import not_about_now, push

        told = not_about_now(self.report) or push(self.report, partial(put, gateway))
        text = f"nothing was pushed to --gate-pushgateway {gateway.url}: {told}"
        return printable(self.run.redactor.text(text)) if told else ""

    def _write_files(self) -> list[str]:
        from pytest_deploygate.core.files import discard, write_atomically

        failures = []
        for path, (name, render) in self._outputs().items():
            try:
                write_atomically(path, render())
            except (Exception, SystemExit) as error:  # the disk's, or a plugin's that renders
                told = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
                failures.append(f"{name} {path}: could not be written: {told}")
                discard(path)
        return failures

    def _outputs(self) -> dict[Path, tuple[str, Callable[[], str]]]:
        """Every file that this run writes: what asked for it, and what makes its text."""
        own = {
            path: (f"--{name}", render)
            for name, render in self._renderers().items()
            if (path := self.run.settings.outputs.get(name))
        }
        added = {
            path: ("pytest_deploygate_reports", partial(render, self.report))
            for path, render in self.added_reports.items()
        }
        return {**own, **added}

    def _renderers(self) -> dict[str, Callable[[], str]]:
        plain = {name: partial(reports.render, name, self.report) for name in reports.OPTIONS}
        return {**plain, "gate-record": self._render_evidence, "gate-json": self._render_json}

    def _render_evidence(self) -> str:
        import json

        from pytest_deploygate.sources.recording import encode

        answers = {**self.run.answers(), **self._answers}
        document = encode(self.run.at, self.run.source.info.location, answers)
        return json.dumps(document) + "\n"

    def _render_json(self) -> str:
        from pytest_deploygate.reports.json_report import render

        return render(self._json or {}, self.report, self.run.redactor)

    def _written(self) -> dict[str, str]:
        """The files that are there, and what asked for them."""
        outputs = self._outputs().items()
        return {str(path): name for path, (name, _) in outputs if path.exists()}
