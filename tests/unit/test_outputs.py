"""Every output says what became of the others, as far as it can."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_deploygate.core.report import GateReport
from pytest_deploygate.reports.outputs import Output, ReportFile, write_all
from tests.made import report, result


class Recorder:
    """An output that keeps what it is given, and fails the first so many times."""

    def __init__(self, log: list[str], name: str, *, required: bool, failures: int = 0) -> None:
        self.required = required
        self._log = log
        self._name = name
        self._failures = failures

    def write(self, report: GateReport) -> str:
        self._log.append(f"{self._name} {', '.join(report.problems + report.notices)}".strip())
        self._failures -= 1
        return f"no {self._name}" if self._failures >= 0 else ""


class Run:
    """A run whose report holds what its outputs could not do."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.notices: list[str] = []
        self.log: list[str] = []

    def write(self, *outputs: Output) -> GateReport:
        return write_all(outputs, self._conclude, self._failed)

    def file(self, name: str, failures: int = 0) -> Recorder:
        return Recorder(self.log, name, required=True, failures=failures)

    def service(self, name: str, failures: int = 0) -> Recorder:
        return Recorder(self.log, name, required=False, failures=failures)

    def _conclude(self) -> GateReport:
        return report(result(), problems=tuple(self.problems), notices=tuple(self.notices))

    def _failed(self, output: Output, why: str) -> None:
        (self.problems if output.required else self.notices).append(why)


def test_every_output_is_written_once_when_all_goes_well() -> None:
    run = Run()
    assert run.write(run.file("json"), run.service("push"), run.file("html")).exit_code == 0
    assert run.log == ["json", "html", "push"]


def test_a_file_that_fails_is_no_go_and_the_others_say_so() -> None:
    run = Run()
    last = run.write(run.file("json"), run.file("html", failures=2), run.service("push"))
    assert (last.exit_code, last.problems) == (2, ("no html", "no html"))
    assert run.log == ["json", "html", "json no html", "html no html", "push no html, no html"]


def test_a_service_that_fails_is_a_notice_in_files_and_later_outputs() -> None:
    run = Run()
    last = run.write(run.file("json"), run.service("push", failures=1), run.service("terminal"))
    assert (last.exit_code, last.notices) == (0, ("no push",))
    assert run.log == ["json", "push", "json no push", "terminal no push"]


def test_a_file_that_fails_only_when_it_is_written_again_is_no_go() -> None:
    run = Run()

    class Later(Recorder):
        def write(self, report: GateReport) -> str:
            super().write(report)
            return "no room" if report.notices else ""

    file = Later(run.log, "json", required=True)
    last = run.write(file, run.service("push", failures=1), run.service("terminal"))
    assert last.exit_code == 2
    assert run.log[-1].startswith("terminal no room")


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(0), OSError(28, "No space left")])
def test_a_report_that_cannot_be_made_is_not_left_half(
    tmp_path: Path, error: BaseException
) -> None:
    def render(report: GateReport) -> str:
        raise error

    path = tmp_path / "report"
    path.write_text("an earlier run's")
    why = ReportFile("--gate-x", path, render).write(report(result()))
    assert why.startswith(f"--gate-x {path}: could not be written: ")
    assert not path.exists()
