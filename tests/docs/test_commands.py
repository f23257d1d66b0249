"""Every command in the documentation is run, or its options are read by the program itself."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from pytest_deploygate.cli import COMMANDS, main
from tests.conftest import END, Gate
from tests.docs.pages import ROOT, blocks, commands, written
from tests.servers import Server

PAGES_WITH_TESTS = {
    "docs/how-to/after-the-deployment.md",
    "docs/how-to/what-a-release-process-adds.md",
    "docs/how-to/which-limits-are-right.md",
    "docs/tutorial.md",
}
"""Their own tests run each of their commands, and know what it prints."""
PROGRAMS = {
    *(
        "cd",
        "code=0",
        "curl",
        "deploygate",
        "docker",
        "eval",
        "export",
        "kubectl",
        "make",
        "mkdir",
        "pip",
    ),
    *("pytest", "python", "python3", "sleep", "source"),
}
CHECK = """
import pytest

@pytest.mark.critical
def test_up(gate):
    gate.check("max(up)", at_least=1)
"""


def here(start: str) -> dict[str, str]:
    """The commands of the pages that lack tests of their own, and the place of each."""
    found = written(start).items()
    return {c: one.place for c, one in found if one.page not in PAGES_WITH_TESTS}


def arguments(command: str) -> list[str]:
    """The words after the program, until the shell does something with the output."""
    words = shlex.split(command.partition("||")[0].partition(">")[0].replace('"$code"', "0"))
    return words[3:] if words[:3] == ["pytest", "-p", "deploygate"] else words[1:]


def test_every_command_is_of_a_program_that_is_tested() -> None:
    for one in blocks("bash"):
        for command in commands(one.text):
            assert command.split()[0] in PROGRAMS, f"{one.place}: {command}"


def test_every_make_target_and_every_script_exists() -> None:
    for command in written("make "):
        assert f"\n{command.split()[1]}:" in (ROOT / "Makefile").read_text("utf-8"), command
    for command in written("python "):
        words = command.split()
        assert words[1] == "-m" or (ROOT / words[1]).is_file(), command


@pytest.mark.parametrize("command", here("pytest -p deploygate"))
def test_the_gate_runs_every_command(
    pytester: pytest.Pytester,
    run_gate: Gate,
    monkeypatch: pytest.MonkeyPatch,
    healthy: Server,
    command: str,
) -> None:
    monkeypatch.setenv("PROMETHEUS_URL", healthy.url)
    pytester.mkdir("gate_checks").joinpath("test_up.py").write_text(CHECK, encoding="utf-8")
    Path("prometheus-client.yml").write_text("http_headers: {X-Scope-OrgID: {values: [team-a]}}")
    given = arguments(command)
    if "--prometheus-url" in given:
        given[given.index("--prometheus-url") + 1] = healthy.url
    if "--gate-replay" in given:
        recorded = ("--pyargs", "gate_checks", "--gate-record=evidence.json", f"--gate-at={END}")
        assert run_gate(*recorded).ret in (0, 1)
    elif "--gate-demo" not in given:
        given.append(f"--gate-at={END}")
    result = run_gate(*given, "--gate-timeout=5s", "--gate-json=gate.json")
    report = json.loads(Path("gate.json").read_text(encoding="utf-8"))
    assert (result.ret, report["problems"]) in [(code, []) for code in (0, 1, 2)]


@pytest.mark.parametrize("command", here("deploygate ci"))
def test_every_pipeline_is_printed(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments(command)) == 0
    assert "deploygate verify" in capsys.readouterr().out


@pytest.mark.parametrize("command", here("deploygate"))
def test_the_program_knows_every_option(
    command: str, run_gate: Gate, capsys: pytest.CaptureFixture[str]
) -> None:
    name, *given = arguments(command)
    assert name in COMMANDS
    with pytest.raises(SystemExit) as ended:
        main([name, *given, "--help"])
    assert ended.value.code == 0
    named = [word.partition("=")[0] for word in given if word.startswith("--")]
    shown = capsys.readouterr().out
    gate = run_gate("--help").stdout.str() if set(named) - set(shown.split()) else ""
    for option in named:
        assert option in shown or option in gate, option
