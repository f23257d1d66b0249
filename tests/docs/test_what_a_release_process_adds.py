"""The examples in "What a release process adds" run as they are pasted."""

from __future__ import annotations

import json
import shlex
from functools import partial

import pytest

from pytest_deploygate.cli import main
from tests.conftest import END, Gate
from tests.docs.pages import block
from tests.servers import Server

example = partial(block, page="docs/how-to/what-a-release-process-adds.md")


@pytest.mark.parametrize(
    ("wanted", "status", "words"),
    [
        ("100", "GO", "0 % (< 1 %)"),
        ("1e6", "WARNING", "no data: 120000 requests in 5 minutes, 1e+06 wanted"),
    ],
)
def test_a_criterion_wants_enough_traffic(
    pytester: pytest.Pytester, run_gate: Gate, healthy: Server, wanted: str, status: str, words: str
) -> None:
    pytester.path.joinpath("test_checkout.py").write_text(example("python", containing="Enough"))
    where = (f"--prometheus-url={healthy.url}", f"--gate-at={END}", "--gate-json=gate.json")
    run_gate(*where, f"--gate-set=checkout_requests_min={wanted}", "test_checkout.py")
    [check] = json.loads(pytester.path.joinpath("gate.json").read_text("utf-8"))["checks"]
    assert (check["status"], check["message"]) == (status, words)


@pytest.mark.parametrize(
    ("limit", "status"), [("5", "GO"), ("0.5", "WAIVED")], ids=["not needed", "needed"]
)
def test_a_waiver_lets_a_check_fail(
    pytester: pytest.Pytester, run_gate: Gate, healthy: Server, limit: str, status: str
) -> None:
    pytester.path.joinpath("deploygate.toml").write_text(
        example("toml", containing="[[waivers]]"), "utf-8"
    )
    where = (f"--prometheus-url={healthy.url}", f"--gate-at={END}", "--gate-json=gate.json")
    code = run_gate(*where, f"--gate-set=fast_p95_max={limit}", "--pyargs", "gate_checks").ret
    assert code == int(status == "WAIVED")
    checks = json.loads(pytester.path.joinpath("gate.json").read_text("utf-8"))["checks"]
    [check] = [one for one in checks if one["id"] == "fast_p95_latency"]
    assert check["status"] == status


ICS = """\
BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//docs//EN
BEGIN:VEVENT
UID:1
SUMMARY:Inventory
DTSTART;VALUE=DATE:20261205
END:VEVENT
END:VCALENDAR
"""


@pytest.mark.parametrize(
    ("at", "held"),
    [
        ("2026-11-26T22:59:59Z", set()),
        ("2026-11-26T23:00:00Z", {"freeze[Black Friday]"}),
        ("2026-11-27T15:00:00Z", {"freeze[Black Friday]", "freeze[weekend]"}),
        ("2026-12-04T23:00:00Z", {"freeze[weekend]", "freeze[Inventory]"}),
    ],
)
def test_freezes_hold_as_the_page_says(
    pytester: pytest.Pytester, run_gate: Gate, at: str, held: set[str]
) -> None:
    pytester.path.joinpath("deploygate.toml").write_text(
        example("toml", containing="[[freezes]]"), "utf-8"
    )
    pytester.path.joinpath("freezes.ics").write_text(ICS.replace("\n", "\r\n"), "utf-8")
    pytester.makepyfile("import pytest\n@pytest.mark.critical\ndef test_it(): pass")
    run_gate(f"--gate-at={at}", "--gate-json=gate.json", ".")
    checks = json.loads(pytester.path.joinpath("gate.json").read_text("utf-8"))["checks"]
    assert {one["id"] for one in checks if one["status"] not in ("GO", "SKIPPED")} == held


def test_alerts_are_asked_for(pytester: pytest.Pytester, run_gate: Gate, healthy: Server) -> None:
    pytester.path.joinpath("test_alerts.py").write_text(example("python", containing="no_alerts"))
    where = (f"--prometheus-url={healthy.url}", "--gate-json=gate.json", "test_alerts.py")
    run_gate(*where)
    checks = json.loads(pytester.path.joinpath("gate.json").read_text("utf-8"))["checks"]
    assert {one["id"]: (one["reason"], one["message"]) for one in checks} == dict.fromkeys(
        ("no_critical_alerts", "no_warning_alerts"),
        ("no-data", "no data: no alert is firing, but no alerting rule is loaded"),
    )


def test_the_artifact_is_attested_and_verified(
    pytester: pytest.Pytester,
    run_gate: Gate,
    healthy: Server,
    capsys: pytest.CaptureFixture[str],
) -> None:
    gate, verify = (
        example("bash", containing="--gate-attest").replace("\\\n", "").strip().splitlines()
    )
    where = (f"--prometheus-url={healthy.url}", f"--gate-at={END}")
    assert run_gate(*shlex.split(gate)[3:], *where).ret == 0
    statement = json.loads(pytester.path.joinpath("gate.intoto.json").read_text("utf-8"))
    assert statement["predicate"]["result"] == "PASSED"
    assert main([*shlex.split(verify)[1:], "--max-age=99999d"]) == 0
    assert "GO: All checks passed" in capsys.readouterr().out
