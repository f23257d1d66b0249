"""The commands of the page about limits run as they are pasted."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from pytest_deploygate import cli
from tests.conftest import END
from tests.docs.pages import blocks, read
from tests.real import backtests  # noqa: F401  numpy is imported before any test
from tests.servers import Server

PAGE = "docs/how-to/which-limits-are-right.md"
COMMANDS = re.findall(r"^deploygate backtest .*$", read(PAGE), re.MULTILINE)
INCIDENTS, DEPLOYMENTS = (one.text for one in blocks("csv", page=PAGE))


def test_there_are_commands() -> None:
    assert len(COMMANDS) >= 6


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_runs_as_it_is_pasted(
    command: str,
    healthy: Server,
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PROMETHEUS_URL", healthy.url)
    Path("incidents.csv").write_text(INCIDENTS, encoding="utf-8")
    Path("deployments.csv").write_text(DEPLOYMENTS, encoding="utf-8")
    arguments = shlex.split(command.replace("--last 7d", f"--gate-at {END} --last 30m"))[1:]
    assert cli.main(arguments) == 0, capsys.readouterr().err
    assert "GO 100.0 %" in capsys.readouterr().out
