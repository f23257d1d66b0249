"""Commands: real processes, their environment, and how they end."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from pytest_deploygate.actions.base import Context
from pytest_deploygate.actions.registry import known_kinds
from pytest_deploygate.actions.runner import Runner, prepare
from pytest_deploygate.core.report import ActionResult, ActionStatus, GateReport
from pytest_deploygate.core.secrets import Redactor
from pytest_deploygate.core.verdict import Verdict
from tests.unit.test_actions_runner import NO_GO


def ran(
    directory: Path, command: Sequence[str], *, timeout: float = 30.0, report: GateReport = NO_GO
) -> ActionResult:
    table = {"name": "a", "kind": "command", "on": ["NO-GO"], "command": command}
    context = Context(directory=directory, environ=os.environ, redactor=Redactor())
    steps = prepare([{**table, "timeout": timeout}], known_kinds(), context)
    (result,) = Runner(redactor=context.redactor).carry_out(steps, report)
    return result


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_no_shell_sees_the_arguments(tmp_path: Path) -> None:
    code = "import sys, json; json.dump(sys.argv[1:], open('seen', 'w'))"
    arguments = ["$HOME", "; touch evil", "a b", "*"]
    assert ran(tmp_path, [*python(code), *arguments]).status is ActionStatus.DONE
    assert json.loads((tmp_path / "seen").read_text()) == arguments
    assert not (tmp_path / "evil").exists()


def test_a_command_gets_the_verdict_in_its_environment(tmp_path: Path) -> None:
    code = (
        "import os, json; "
        "json.dump({k: v for k, v in os.environ.items() if 'DEPLOYGATE' in k}, open('seen', 'w'))"
    )
    ran(tmp_path, python(code))
    assert json.loads((tmp_path / "seen").read_text()) == {
        "DEPLOYGATE_VERDICT": "NO-GO",
        "DEPLOYGATE_EXIT_CODE": "2",
        "DEPLOYGATE_SENTENCE": f"{NO_GO.sentence}",
        "DEPLOYGATE_FAILED": "creative_p95_sustained api_error_rate",
        "DEPLOYGATE_ENVIRONMENT": "",
    }


@pytest.mark.parametrize(
    ("code", "status", "message", "output"),
    [
        ("pass", "done", "exit code 0", ""),
        ("print('up')", "done", "exit code 0: up", ""),
        ("print('one'); print('two')", "done", "exit code 0: two", "one\ntwo"),
        ("import sys; sys.exit(3)", "failed", "exit code 3", ""),
        ("import sys; sys.exit('no daemon')", "failed", "exit code 1: no daemon", ""),
        ("import os; os.kill(os.getpid(), 9)", "failed", "ended by signal 9", ""),
        ("print('\\x1b[31m::error::x')", "done", r"exit code 0: \x1b[31m::error::x", ""),
        ("import os; os.write(1, b'\\xff')", "done", "exit code 0: \N{REPLACEMENT CHARACTER}", ""),
        ("import sys; print(repr(sys.stdin.read()))", "done", "exit code 0: ''", ""),
    ],
)
def test_how_a_command_ended_is_reported(
    tmp_path: Path, code: str, status: str, message: str, output: str
) -> None:
    result = ran(tmp_path, python(code))
    assert (result.status, result.message, result.output) == (status, message, output)


def test_of_a_long_output_the_end_is_kept(tmp_path: Path) -> None:
    result = ran(tmp_path, python("for n in range(20_000): print('line', n)"))
    assert result.message == "exit code 0: line 19999"
    assert len(result.output) < 20_000


def test_a_command_that_is_gone_has_failed(tmp_path: Path) -> None:
    result = ran(tmp_path, ["no-such-command"])
    assert result.status is ActionStatus.FAILED
    assert result.message == "'no-such-command' cannot be started: No such file or directory"


def test_a_nul_in_an_argument_has_failed(tmp_path: Path) -> None:
    assert ran(tmp_path, ["echo", "\0"]).status is ActionStatus.FAILED


def test_a_command_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    child = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    code = (
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, '-c', {child!r}])\n"
        "print('begun', flush=True)\n"
        "open('child', 'w').write(str(child.pid))\n"
        "time.sleep(600)\n"
    )
    result = ran(tmp_path, python(code), timeout=2.0)
    assert (result.status, result.output) == (ActionStatus.TIMED_OUT, "begun")
    assert result.message == "given up after 2 s"
    assert gone(int((tmp_path / "child").read_text()))


def test_a_child_in_the_background_is_not_waited_for(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(child.pid)"
    )
    result = ran(tmp_path, python(code))
    assert result.status is ActionStatus.DONE
    os.kill(int(result.message.rpartition(" ")[2]), 9)


def gone(pid: int) -> bool:
    """Whether a process is gone; its new parent may take a moment to notice."""
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


def test_a_verdict_that_no_action_is_for_starts_nothing(tmp_path: Path) -> None:
    report = GateReport(verdict=Verdict.GO, results=())
    result = ran(tmp_path, python("open('seen', 'w')"), report=report)
    assert result.status is ActionStatus.SKIPPED
    assert list(tmp_path.iterdir()) == []
