"""Waivers in whole gates: every report says who, why and until when."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pytest_deploygate.cli import main
from tests.conftest import END, Gate
from tests.plugin.test_reports import schema_errors
from tests.servers import Server

CHECKS = """
    import pytest

    @pytest.mark.critical
    def test_targets(gate):
        gate.check("count(up)", below=5, title="Targets", id="targets")
        gate.check("count(up) * 2", below=5, title="Twice", id="twice")

    @pytest.mark.critical
    def test_own():
        assert 1 + 1 == 3
"""


def stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()


def waiver(check: str, *more: str, begin: float = END, until: float = END + 3600) -> str:
    lines = ["[[waivers]]", f'check = "{check}"', 'by = "Dana Kim"', 'reason = "known"', *more]
    return "\n".join([*lines, f"from = {stamp(begin)}", f"until = {stamp(until)}", ""])


@pytest.fixture
def judge(pytester: pytest.Pytester, run_gate: Gate, healthy: Server) -> Any:
    """Judge the checks with these waivers: the exit code and the JSON report."""
    pytester.makepyfile(test_checks=CHECKS)

    def run(waivers: str, *options: str | Path) -> tuple[int, dict[str, Any]]:
        pytester.path.joinpath("deploygate.toml").write_text(waivers, "utf-8")
        where = (f"--prometheus-url={healthy.url}", f"--gate-at={END}", ".")
        done = run_gate(*where, "--gate-json=gate.json", *options)
        report = json.loads(pytester.path.joinpath("gate.json").read_text("utf-8"))
        assert schema_errors(report) == []
        return int(done.ret), report

    return run


def picture(report: dict[str, Any]) -> dict[str, str]:
    return {check["id"]: check["status"] for check in report["checks"]}


def test_a_waived_check_stands_in_every_report(
    judge: Any, workers: tuple[str, ...], pytester: pytest.Pytester
) -> None:
    code, report = judge(
        waiver("t*", 'ticket = "OPS-1"') + waiver("own"),
        *("--gate-junit=gate.xml", "--gate-html=gate.html", *workers),
    )
    assert (code, report["overall_status"]) == (1, "WARNING")
    assert picture(report) == dict.fromkeys(("targets", "twice", "own"), "WAIVED")
    assert report["sentence"].startswith("3 waived: Targets: 8, limit 5")
    assert report["checks"][0]["waivers"] == [
        {
            **{"check": "t*", "by": "Dana Kim", "reason": "known", "ticket": "OPS-1"},
            "until": "2026-09-21T15:13:20.000Z",
        }
    ]
    assert (report["checks"][0]["value"], report["checks"][0]["waived"]) == (8, "breach")
    said = "waived by Dana Kim until 2026-09-21 15:13:20 UTC: known"
    for name in ("gate.xml", "gate.html"):
        text = pytester.path.joinpath(name).read_text("utf-8")
        assert text.count(said) >= 3
        assert "expires in 1h" in text
    assert report["summary"]["waived"] == 3


def test_a_waived_check_hides_none_after_it(judge: Any, workers: tuple[str, ...]) -> None:
    code, report = judge(waiver("targets") + waiver("own"), *workers)
    assert code == 2
    assert picture(report) == {"targets": "WAIVED", "twice": "NO_GO", "own": "WAIVED"}


@pytest.mark.parametrize(("late", "code"), [(0, 1), (1, 2)])
def test_it_counts_at_the_evaluation_time(judge: Any, late: float, code: int) -> None:
    given = waiver("*", begin=END - 3600, until=END - late)
    found, report = judge(given)
    assert found == code
    assert [("expired" in notice) for notice in report["notices"]] == [bool(late)]


def test_verify_has_an_option_for_it(
    judge: Any, capsys: pytest.CaptureFixture[str], pytester: pytest.Pytester
) -> None:
    judge(waiver("*"))
    options = ["verify", "gate.json", "--max-age", f"{round(time.time() - END + 9e6)}s"]
    assert main(options) == 2
    assert "--allow-waived accepts it" in capsys.readouterr().err
    assert main([*options, "--allow-waived"]) == 0
    assert "WARNING: 3 waived" in capsys.readouterr().out


def test_a_replay_uses_the_waivers_of_the_recorded_run(
    judge: Any, run_gate: Gate, pytester: pytest.Pytester, workers: tuple[str, ...]
) -> None:
    _, recorded = judge(waiver("t*") + waiver("own"), "--gate-record=evidence.json", *workers)
    pytester.path.joinpath("deploygate.toml").write_text(waiver("targets"), "utf-8")
    replay = ("--gate-replay=evidence.json", "--gate-json=gate.json", "test_checks.py", *workers)
    assert run_gate(*replay).ret == 1
    replayed = json.loads(pytester.path.joinpath("gate.json").read_text("utf-8"))
    for report in (recorded, replayed):
        for check in report["checks"]:
            check.pop("duration", None)
    assert replayed["checks"] == recorded["checks"]


def test_a_waiver_for_nothing_is_refused_before_anything_is_asked(
    run_gate: Gate, pytester: pytest.Pytester
) -> None:
    pytester.path.joinpath("deploygate.toml").write_text(waiver("api_eror_rate"), "utf-8")
    done = run_gate("--prometheus-url=http://127.0.0.1:9", "--pyargs", "gate_checks")
    assert done.ret == 4
    done.stderr.fnmatch_lines(
        ["*deploygate.toml: waivers: no check matches 'api_eror_rate', did you mean 'api_error*"]
    )


def test_one_that_could_be_for_an_inline_check_is_judged_at_the_end(
    judge: Any, workers: tuple[str, ...]
) -> None:
    code, report = judge(waiver("*") + waiver("nothing*"), *workers)
    assert code == 2
    assert "no check matches 'nothing*'" in report["problems"][0]
    code, report = judge(waiver("*") + waiver("nothing*"), "-k", "targets", *workers)
    assert code == 1
    assert any("no check matches 'nothing*'" in notice for notice in report["notices"])


def test_a_watch_is_no_go_again_when_the_waiver_ends(judge: Any) -> None:
    watch = ("--gate-watch=2m", "--gate-interval=30s", "--gate-failures=3")
    code, report = judge(waiver("*"), *watch)
    assert (code, set(picture(report).values())) == (1, {"WAIVED"})
    assert report["checks"][0]["rounds"]["WAIVED"] == 5
    code, report = judge(waiver("*", until=END + 45), *watch)
    assert (code, picture(report)["targets"], picture(report)["own"]) == (2, "NO_GO", "NO_GO")
    assert report["checks"][0]["rounds"]["WAIVED"] == 2
    code, report = judge(waiver("*", begin=END + 45), *watch)
    assert (code, picture(report)["targets"]) == (1, "WARNING")  # a failure before it is none less
    assert "failed in 2 of 5 rounds" in report["checks"][0]["message"]
