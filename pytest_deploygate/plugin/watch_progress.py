"""The rounds of a watch or a wait on the terminal, while it goes on."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from pytest_deploygate.core.durations import spoken
from pytest_deploygate.core.report import GateReport
from pytest_deploygate.core.result import Status
from pytest_deploygate.core.text import inert, printable
from pytest_deploygate.core.verdict import Verdict

_TICK = 1.0  # seconds between two changes of the live line


class Progress:
    """One live line on a terminal; elsewhere a line for each round in which something changed.

    Args:
        reporter: pytest's terminal reporter, None where nothing is shown.
        clean: takes secrets out of a text.
        planned: how many rounds there will be, if it does not end earlier.
    """

    def __init__(self, reporter: Any, clean: Callable[[str], str], planned: int = 1) -> None:
        self._reporter = reporter
        self._planned = planned
        self._clean = clean
        self._is_live = bool(reporter and reporter.isatty)
        self._rounds = 0
        self._before: object = None
        self._text = ""

    def wait_until(self, at: float) -> None:
        """Wait for a moment in Unix seconds."""
        while (left := at - time.time()) > 0:
            if self._is_live:
                waiting = f"next round in {spoken(left + 0.5)}"
                self._rewrite(f"{self._text}; {waiting}" if self._text else waiting)
            time.sleep(min(left, _TICK))

    def show(self, report: GateReport) -> None:
        """A round is over."""
        self._rounds += 1
        if self._reporter is None:
            return
        moment = datetime.fromtimestamp(report.evaluated_at, UTC)
        sentence = "" if report.verdict is Verdict.GO else f": {report.sentence}"
        which = f"round {self._rounds} of {self._planned}"
        if self._rounds > self._planned:
            which = f"round {self._rounds}, added"
        self._text = f"{moment:%H:%M:%S} {which}: {report.verdict.label}{sentence}"
        failed = report.with_status(Status.NO_GO, Status.WARNING)
        state = report.verdict, report.obstacles, [(one.id, one.status) for one in failed]
        if self._is_live:
            self._rewrite(self._text)
        elif state != self._before:
            self._reporter.write_line(self._shown(self._text))
        self._before = state

    def end(self) -> None:
        """The last round is over: leave room for pytest's own lines."""
        if self._is_live:
            self._reporter.rewrite("", erase=True)

    def _rewrite(self, text: str) -> None:
        width = self._reporter._tw.fullwidth - 1
        self._reporter.rewrite(self._shown(text)[:width], erase=True)

    def _shown(self, text: str) -> str:
        return inert(printable(self._clean(text)))
