"""Actions of a whole gate run: when they are carried out, where they are reported."""

from __future__ import annotations

import json
import os
import shutil
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

from tests import receiver as server
from tests.conftest import END, Gate
from tests.servers import Server

ROOT = Path(__file__).parents[2]
BAD = """
    import pytest
    @pytest.mark.critical
    @pytest.mark.parametrize("n", range(4))
    def test_orders(n): assert n < 3, "84 orders, limit 100"
"""
GOOD = "import pytest\n@pytest.mark.critical\ndef test_orders(): pass\n"
LOG = """
[[actions]]
name = "log"
kind = "command"
on = ["GO", "WARNING", "NO-GO"]
command = ["sh", "-c", "echo $DEPLOYGATE_VERDICT >> log; echo begun; exit ${CODE:-0}"]
"""


@pytest.fixture
def gate(pytester: pytest.Pytester, run_gate: Gate) -> Gate:
    """A gate with one failing check of four, and an action that leaves a line in ``log``."""
    pytester.makepyfile(test_orders=BAD)
    (pytester.path / "deploygate.toml").write_text(LOG)
    return run_gate


def logged(pytester: pytest.Pytester) -> list[str]:
    log = pytester.path / "log"
    return log.read_text().splitlines() if log.exists() else []


def actions(pytester: pytest.Pytester, name: str = "gate.json") -> list[dict[str, Any]]:
    actions: list[dict[str, Any]] = json.loads((pytester.path / name).read_text())["actions"]
    return actions


def test_actions_are_carried_out_once(
    pytester: pytest.Pytester, gate: Gate, workers: tuple[str, ...]
) -> None:
    result = gate("test_orders.py", "--gate-act", *workers)
    assert result.ret == 2
    assert logged(pytester) == ["NO-GO"]
    result.stdout.fnmatch_lines(["ACTIONS", "*log (command): done, exit code 0: begun"])


def test_without_the_flag_they_are_only_announced(
    pytester: pytest.Pytester, gate: Gate, workers: tuple[str, ...]
) -> None:
    result = gate("test_orders.py", *workers)
    assert result.ret == 2
    assert logged(pytester) == []
    result.stdout.fnmatch_lines(["*log (command): planned, sh -c *(not done without --gate-act)"])


def test_every_report_tells_what_came_of_them(
    pytester: pytest.Pytester, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makefile(".toml", deploygate=LOG + LOG.replace('"log"', '"more"\nneeds = "log"'))
    monkeypatch.setenv("CODE", "3")
    reports = ("--gate-json", "gate.json", "--gate-junit", "gate.xml")
    own = ("--json-report", "--json-report-file", "own.json")
    result = gate("test_orders.py", "--gate-act", *reports, *own)
    assert result.ret == 2
    failed, skipped = actions(pytester)
    assert failed.pop("duration") > 0
    assert failed == {
        "name": "log",
        "kind": "command",
        "status": "failed",
        "message": "exit code 3: begun",
        "output": "",
    }
    assert (skipped["status"], skipped["message"]) == ("skipped", "needs log, which is failed")
    assert [one["status"] for one in actions(pytester, "own.json")] == ["failed", "skipped"]
    cases = ElementTree.parse(pytester.path / "gate.xml").iter("testcase")
    reported = {case.get("name"): case for case in cases if case.get("classname") == "gate.actions"}
    error = reported["log (command)"].find("error")
    assert error is not None
    assert error.text == "failed: exit code 3: begun"
    assert list(reported["more (command): skipped: needs log, which is failed"]) == []
    result.stdout.fnmatch_lines(["*log (command): failed, exit code 3: begun"])


@pytest.mark.parametrize(("check", "code"), [(GOOD, 0), (BAD, 2)])
def test_a_failed_action_changes_no_verdict(
    pytester: pytest.Pytester,
    gate: Gate,
    monkeypatch: pytest.MonkeyPatch,
    check: str,
    code: int,
) -> None:
    pytester.makepyfile(test_orders=check)
    monkeypatch.setenv("CODE", "1")
    result = gate("test_orders.py", "--gate-act")
    assert result.ret == code
    result.stdout.fnmatch_lines(["*log (command): failed, exit code 1: begun"])


@pytest.mark.parametrize(
    "arguments",
    [
        ("--collect-only",),
        ("--setup-only",),
        ("--setup-plan",),
        ("--fixtures",),
        ("--gate-set", "no_such=1", "--pyargs", "gate_checks"),
        ("no_such_file.py",),
    ],
)
def test_a_run_that_checks_nothing_does_nothing(
    pytester: pytest.Pytester, gate: Gate, arguments: tuple[str, ...]
) -> None:
    result = gate("test_orders.py", "--gate-act", *arguments)
    assert result.ret != 1
    assert logged(pytester) == []


def test_a_collection_error_is_a_no_go_to_act_on(pytester: pytest.Pytester, gate: Gate) -> None:
    pytester.makepyfile(test_orders="import no_such_module")
    assert gate("test_orders.py", "--gate-act").ret == 2
    assert logged(pytester) == ["NO-GO"]


@pytest.mark.parametrize("stop", ["raise KeyboardInterrupt", "import pytest; pytest.exit('no')"])
def test_an_interrupted_run_is_not_acted_on(
    pytester: pytest.Pytester, gate: Gate, stop: str
) -> None:
    pytester.makepyfile(test_orders=f"def test_orders(): {stop}")
    result = gate("test_orders.py", "--gate-act")
    assert result.ret == 2
    assert logged(pytester) == []
    result.stdout.fnmatch_lines(["*log*planned*(not done: the run was interrupted)"])


def test_a_replay_and_a_demo_are_never_acted_on(
    pytester: pytest.Pytester, gate: Gate, workers: tuple[str, ...]
) -> None:
    demo = ("--pyargs", "gate_checks", "--gate-demo", "no-go")
    result = gate(*demo, "--gate-act", "--gate-record", "evidence.json", *workers)
    assert result.ret == 2
    replay = ("--pyargs", "gate_checks", "--gate-replay", "evidence.json")
    replayed = gate(*replay, "--gate-act", *workers)
    assert replayed.ret == 2
    for run in (result, replayed):
        run.stdout.fnmatch_lines(["*log*planned*(not done: evidence is only replayed)"])
    assert logged(pytester) == []


def test_an_environment_has_actions_of_its_own(pytester: pytest.Pytester, gate: Gate) -> None:
    own = LOG.replace("[[actions]]", "[[env.staging.actions]]").replace(">> log", ">> staging.log")
    pytester.makefile(".toml", deploygate=LOG + own)
    gate("test_orders.py", "--gate-act", "--gate-env", "staging")
    assert (pytester.path / "staging.log").read_text() == "NO-GO\n"
    assert logged(pytester) == []


@pytest.mark.parametrize(
    ("text", "flag", "message"),
    [
        (LOG.replace('"command"', '"comand"'), (), "actions.log.kind: unknown kind 'comand', did"),
        (LOG + "needs = 'x'", (), "actions.log: needs 'x', but no action before it"),
        (LOG.replace('"sh"', '"no-such"'), ("--gate-act",), "'no-such' is not found on the PATH"),
        (
            '[[actions]]\nname = "tell"\nkind = "slack"\non = ["GO"]\nurl_env = "NO_SUCH"',
            ("--gate-act",),
            "actions.tell: url_env: $NO_SUCH is not set; it must contain the URL",
        ),
        (
            '[[actions]]\nname = "back"\nkind = "checkpoint-rollback"\non = ["GO"]\n'
            'directory = "gone"\nreload = ["true"]',
            ("--gate-act",),
            "actions.back: directory */gone is not a directory",
        ),
    ],
)
def test_what_cannot_work_is_refused_before_the_checks(
    pytester: pytest.Pytester, gate: Gate, text: str, flag: tuple[str, ...], message: str
) -> None:
    pytester.makefile(".toml", deploygate=text)
    result = gate("test_orders.py", *flag)
    assert result.ret == 4
    result.stderr.fnmatch_lines([f"ERROR: deploygate: */deploygate.toml: *{message}*"])
    assert "Traceback" not in result.stderr.str()


def test_what_the_machine_lacks_does_not_matter_to_a_plan(
    pytester: pytest.Pytester, gate: Gate
) -> None:
    pytester.makefile(".toml", deploygate=LOG.replace('"sh"', '"no-such"'))
    result = gate("test_orders.py")
    assert result.ret == 2
    result.stdout.fnmatch_lines(["*log (command): planned, no-such -c *"])


def test_a_secret_address_is_in_no_report(
    pytester: pytest.Pytester, run_gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    (pytester.path / "deploygate.toml").write_text(
        '[[actions]]\nname = "tell"\nkind = "slack"\non = ["NO-GO"]\nurl_env = "HOOK"\n'
        '[[actions]]\nname = "leak"\nkind = "command"\non = ["NO-GO"]\ncommand = ["env"]\n'
    )
    token = "T0/B0/abcdefghijklmnopqrstuvwx"
    pytester.makepyfile("import os\ndef test_leak(): assert not os.environ['HOOK']")
    with server.receiver(server.answering(500, f"no {token}")) as slack:
        monkeypatch.setenv("HOOK", f"{slack.url}/services/{token}")
        reports = ("--gate-json", "gate.json", "--gate-junit", "gate.xml")
        result = run_gate("--gate-act", *reports)
    assert result.ret == 2
    assert len(slack.requests) == 1
    assert [one["status"] for one in actions(pytester)] == ["failed", "done"]
    assert "abcdefghijklmn" not in (pytester.path / "gate.json").read_text()
    assert "abcdefghijklmn" not in (pytester.path / "gate.xml").read_text()
    message = result.stdout.str().partition("DEPLOYMENT GATE CHECK")[2]
    assert "$HOOK answers 500: no T0/B0/***" in message
    assert "abcdefghijklmn" not in message


def test_gate_act_may_stand_in_the_configuration(pytester: pytest.Pytester, gate: Gate) -> None:
    pytester.makefile(".toml", deploygate="gate-act = true\n" + LOG)
    gate("test_orders.py")
    assert logged(pytester) == ["NO-GO"]


DOCKER = f"""#!{sys.executable}
import sys
open("docker.log", "a").write(" ".join(sys.argv[1:]) + "\\n")
print("Container app", sys.argv[4])
sys.exit("no such service: app" if "NO_DAEMON" in __import__("os").environ else 0)
"""


@pytest.fixture
def rollback(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, run_gate: Gate) -> Gate:
    """The shipped auto-rollback, with a stand-in for docker that keeps what it is asked."""
    shutil.copy(ROOT / "examples" / "auto-rollback" / "deploygate.toml", pytester.path)
    programs = pytester.mkdir("bin")
    (programs / "docker").write_text(DOCKER)
    (programs / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    pytester.makepyfile(test_orders=BAD)
    return run_gate


def test_the_auto_rollback_rolls_back_and_notifies(
    pytester: pytest.Pytester, rollback: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    with server.receiver() as slack:
        monkeypatch.setenv("SLACK_WEBHOOK_URL", slack.url)
        assert rollback("test_orders.py", "--gate-act").ret == 2
    assert (pytester.path / "docker.log").read_text().splitlines() == [
        "compose -f docker-compose.production.yml down",
        "compose -f docker-compose.production.yml up -d --scale app=2 --scale worker-llm=2",
    ]
    message = slack.requests[0].body["text"]
    assert "🔴 *Deployment gate: NO-GO*" in message
    assert "→ start: done, exit code 0: Container app up" in message


def test_an_auto_rollback_that_fails_goes_no_further_and_notifies(
    pytester: pytest.Pytester, rollback: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_DAEMON", "1")
    with server.receiver() as slack:
        monkeypatch.setenv("SLACK_WEBHOOK_URL", slack.url)
        assert rollback("test_orders.py", "--gate-act").ret == 2
    assert len((pytester.path / "docker.log").read_text().splitlines()) == 1
    message = slack.requests[0].body["text"]
    assert "→ stop: failed, exit code 1: no such service: app" in message


def test_an_auto_rollback_leaves_production_alone_when_only_the_gate_is_blind(
    pytester: pytest.Pytester, rollback: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = ("--prometheus-url", "http://127.0.0.1:9", "--gate-timeout", "1s")
    with server.receiver() as slack:
        monkeypatch.setenv("SLACK_WEBHOOK_URL", slack.url)
        result = rollback("--pyargs", "gate_checks", "--gate-act", *nowhere)
    assert result.ret == 2
    assert not (pytester.path / "docker.log").exists()
    assert "blind" in slack.requests[0].body["text"]


def test_a_go_rolls_nothing_back(
    pytester: pytest.Pytester, rollback: Gate, healthy: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with server.receiver() as slack:
        monkeypatch.setenv("SLACK_WEBHOOK_URL", slack.url)
        at = ("--prometheus-url", healthy.url, "--gate-at", str(END))
        assert rollback("--pyargs", "gate_checks", "--gate-act", *at).ret == 0
    assert not (pytester.path / "docker.log").exists()
    assert slack.requests == []
