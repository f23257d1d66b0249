"""A gate run as a part of a CI system's job."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from pytest_deploygate.cli.verify import Expectation, verified
from tests.conftest import Gate

CHECKS = """
    import sys, pytest
    COMMANDS = "::set-output name=verdict::GO\\n  ::stop-commands::x\\n##[add-mask]GO"
    @pytest.mark.critical
    def test_fine(): pass
    @pytest.mark.warning
    def test_loud():
        print(COMMANDS)
        print(COMMANDS, file=sys.stderr)
        assert False, COMMANDS
    @pytest.mark.warning
    def test_table(): pytest.fail("a | b\\n| c | d |", pytrace=False)
"""
NAMES = ("error", "warning", "notice", "set-output", "add-mask", "stop-commands", "debug", "group")


def obeyed(log: Iterable[str]) -> list[str]:
    """The lines that GitHub's runner takes for commands, by the rules of its ActionCommand."""
    found, token = [], ""
    for line in log:
        match = re.match(r"\s*::(\S*?)(?: .*?)?::(.*)", line) or re.search(
            r"##\[(\S*?)(?: .*?)?\](.*)", line
        )
        name, data = match.groups() if match else ("", "")
        if token:
            token = "" if name == token else token
        elif name == "stop-commands":
            token = data
        elif name in NAMES:
            found.append(line)
    return found


@pytest.fixture
def job(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A step of GitHub Actions: the directory of its files."""
    directory = pytester.mkdir("runner")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(directory / "summary.md"))
    monkeypatch.setenv("GITHUB_OUTPUT", str(directory / "output"))
    return directory


def test_a_job_is_told_the_verdict_once(
    pytester: pytest.Pytester, run_gate: Gate, workers: tuple[str, ...], job: Path
) -> None:
    pytester.makepyfile(CHECKS)
    result = run_gate(*workers)
    assert result.ret == 1
    assert (job / "output").read_text() == "verdict=WARNING\nexit-code=1\n"
    text = (job / "summary.md").read_text()
    assert text.count("## 🟡 Deployment gate: WARNING") == 1
    assert text.count("\n| 🟡 WARNING | ") == 2
    assert text.count("\n| 🟢 GO | Fine | ") == 1
    assert [line.split()[0] for line in obeyed(result.outlines)] == ["::warning", "::warning"]


def test_nothing_that_a_check_says_is_a_command(
    pytester: pytest.Pytester, run_gate: Gate, workers: tuple[str, ...], job: Path
) -> None:
    pytester.makepyfile(CHECKS)
    result = run_gate(*workers, "-rA")
    assert sum("::set-output name=verdict::GO" in line for line in result.outlines) > 2
    assert all(line.startswith("::warning title=") for line in obeyed(result.outlines))
    block = result.stdout.str().partition("DEPLOYMENT GATE CHECK")[2].splitlines()
    (end,) = [n for n, line in enumerate(block) if re.fullmatch("::[0-9a-f]{32}::", line)]
    assert "set-output" in "".join(block[:end])
    assert obeyed(block[:end]) == []


def test_without_a_job_no_line_is_a_command_and_nothing_is_stopped(
    pytester: pytest.Pytester, run_gate: Gate
) -> None:
    pytester.makepyfile(CHECKS)
    result = run_gate("--show-capture=no", "--tb=no", "-q")
    assert result.ret == 1
    assert obeyed(result.outlines) == []
    result.stdout.no_fnmatch_line("::*")


def test_no_verdict_is_an_error_of_the_job(run_gate: Gate, job: Path) -> None:
    result = run_gate()
    assert result.ret == 2
    assert (job / "output").read_text() == "verdict=NO-GO\nexit-code=2\n"
    assert obeyed(result.outlines)[0].startswith("::error title=No verdict::nothing was collected")


def test_a_summary_that_cannot_be_written_changes_no_verdict(
    pytester: pytest.Pytester, run_gate: Gate, workers: tuple[str, ...], job: Path
) -> None:
    pytester.makepyfile("import pytest\n@pytest.mark.critical\ndef test_fine(): pass")
    (job / "summary.md").mkdir()
    result = run_gate(*workers)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*Notice: GitHub's summary could not be written: Is a dir*"])
    assert (job / "output").read_text() == "verdict=GO\nexit-code=0\n"


def test_a_run_that_only_collects_tells_the_job_nothing(
    pytester: pytest.Pytester, run_gate: Gate, job: Path
) -> None:
    pytester.makepyfile(CHECKS)
    run_gate("--collect-only")
    assert list(job.iterdir()) == []


def test_a_gate_that_is_off_tells_the_job_nothing(pytester: pytest.Pytester, job: Path) -> None:
    pytester.makepyfile("def test_fine(): pass")
    assert pytester.runpytest_subprocess().ret == 0
    assert list(job.iterdir()) == []


FAILING = """
    import pytest
    @pytest.mark.critical
    def test_fine(): print("seen")
    @pytest.mark.warning
    def test_breach(): assert False
    @pytest.mark.critical
    def test_error():
        print("seen")
        raise RuntimeError
    @pytest.mark.warning
    def test_skipped(): pytest.skip("not today")
"""


def system_outs(path: Path) -> dict[str, list[str | None]]:
    cases = ElementTree.parse(path).iter("testcase")
    return {c.get("name", ""): [out.text for out in c.iter("system-out")] for c in cases}


def test_gitlab_links_the_page_from_every_case_that_failed(
    pytester: pytest.Pytester,
    run_gate: Gate,
    workers: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CI_PROJECT_DIR", str(pytester.path.parent))
    pytester.makepyfile(FAILING)
    assert run_gate(*workers, "--gate-junit=out/gate.xml", "--gate-html=out/gate.html").ret == 2
    link = f"[[ATTACHMENT|{pytester.path.name}/out/gate.html]]"
    outs = system_outs(pytester.path / "out/gate.xml")
    assert outs == {"Fine": [], "Breach": [link], "Error": [link], "Skipped": []}
    assert (pytester.path / "out/gate.html").is_file()


@pytest.mark.parametrize("html", [(), ("--gate-html=gate.html",)])
def test_nothing_is_linked_where_no_page_can_be(
    pytester: pytest.Pytester,
    run_gate: Gate,
    monkeypatch: pytest.MonkeyPatch,
    html: tuple[str, ...],
) -> None:
    if not html:
        monkeypatch.setenv("CI_PROJECT_DIR", str(pytester.path))
    pytester.makepyfile(FAILING)
    run_gate("--gate-junit=gate.xml", *html)
    assert set(map(tuple, system_outs(pytester.path / "gate.xml").values())) == {()}


def test_a_real_go_may_deploy_and_a_partial_or_older_one_may_not(
    pytester: pytest.Pytester, run_gate: Gate, workers: tuple[str, ...]
) -> None:
    pytester.makepyfile(
        "import pytest\n@pytest.mark.critical\ndef test_a(): pass\n"
        "@pytest.mark.critical\ndef test_b(): pass"
    )
    report = pytester.path / "report.json"
    expected = Expectation(max_age=900.0)
    assert run_gate(*workers, "--gate-json=report.json").ret == 0
    created = json.loads(report.read_text())["created"]
    assert verified(report, expected, now=created + 899).startswith("GO: ")
    with pytest.raises(ValueError, match="is stale: the run ended 15m1s ago"):
        verified(report, expected, now=created + 901)
    run_gate(*workers, "--gate-json=report.json", "-k", "not test_b")
    with pytest.raises(ValueError, match="is partial: "):
        verified(report, expected, now=created)
    run_gate(*workers, "--gate-json=report.json", "--gate-at=2026-01-31T12:00:00Z")
    with pytest.raises(ValueError, match="is stale: it judges production"):
        verified(report, expected, now=json.loads(report.read_text())["created"])
