"""The commands of "After the deployment" run as they are pasted, over the past."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from pytest_deploygate.cli import main
from tests.conftest import END, Gate
from tests.docs.pages import read
from tests.servers import Server

TEXT = read("docs/how-to/after-the-deployment.md")


def commands(start: str) -> list[str]:
    """The commands in blocks and in the text that begin so; none would be a test of nothing."""
    found = [line.partition("  #")[0] for line in re.findall(rf"(?m)^({start}.*)$", TEXT)]
    found += re.findall(rf"`({start}[^`]*)`", TEXT)
    assert found
    return found


@pytest.mark.parametrize("command", commands("pytest -p deploygate"))
def test_the_gate_takes_every_command(
    pytester: pytest.Pytester,
    run_gate: Gate,
    monkeypatch: pytest.MonkeyPatch,
    healthy: Server,
    command: str,
) -> None:
    monkeypatch.setenv("PROMETHEUS_URL", healthy.url)
    options = [*shlex.split(command)[3:], "--pyargs", "gate_checks"]
    past = f"--gate-at={END - 3600}"
    if "--gate-at" in options:
        options[options.index("--gate-at") + 1] = str(END - 3600)
    elif "--gate-replay" in options:
        assert (
            run_gate(*options[2:], past, "--gate-watch=1m", "--gate-record=evidence.json").ret == 0
        )
    else:
        options.append(past)
    if "--gate-watch" in options:
        options.append("--gate-interval=5m")  # few rounds say it too
    assert run_gate(*options).ret == 0


def test_the_history_is_shown_as_pasted(
    run_gate: Gate, pytester: pytest.Pytester, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_gate("--gate-demo=no-go", "--gate-history=gate.jsonl").ret == 2
    for command in commands("deploygate history"):
        assert main([*shlex.split(command)[1:], "--last", "99999d"]) == 0
        assert "NO-GO 100.0%" in capsys.readouterr().out
    assert Path("history.html").exists()


def test_the_pipeline_is_printed_as_pasted(capsys: pytest.CaptureFixture[str]) -> None:
    for command in commands("deploygate ci"):
        assert main(shlex.split(command)[1:]) == 0
        assert "--gate-watch 30m" in capsys.readouterr().out
