"""The live example: a real shop is scraped and watched while it gets slow, breaks and recovers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import servers
from tests.extras import needs

EXAMPLE = Path(__file__).parents[2] / "examples" / "live"


def watched(directory: Path, modes: str, *options: str) -> tuple[int, dict[str, Any], str]:
    servers.executable("prometheus", "prometheus")
    report = directory / "live.json"
    command = [sys.executable, str(EXAMPLE / "run.py"), f"--modes={modes}", "--"]
    command += [f"--gate-json={report}", *options]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=180)
    assert report.exists(), done.stdout + done.stderr
    return done.returncode, json.loads(report.read_text()), done.stdout


@pytest.mark.parametrize("recovers", [True, False], ids=["recovers", "stays-broken"])
def test_a_shop_that_gets_slow_and_breaks_is_noticed_while_it_does(
    tmp_path: Path, recovers: bool
) -> None:
    if recovers:
        code, report, out = watched(tmp_path, "well:2,slow:3,well:13")
        assert code == 1, out
    else:
        code, report, out = watched(tmp_path, "well:2,broken:40", "--gate-failures=3")
        assert code == 2, out
        assert len(report["rounds"]) < 30  # it did not wait until the end
    failing = "order_p95" if recovers else "orders_fail"
    statuses = {check["id"]: check["status"] for check in report["checks"]}
    bad = "WARNING" if recovers else "NO_GO"
    assert statuses == {"orders_fail": "GO", "order_p95": "GO", "instances": "GO", failing: bad}
    (check,) = (check for check in report["checks"] if check["id"] == failing)
    assert check["rounds"]["NO_GO"] >= 3
    assert report["rounds"][0]["verdict"] == "GO"


def test_a_canary_is_found_while_its_errors_are_tripled_and_not_while_both_are_slow(
    tmp_path: Path,
) -> None:
    servers.executable("prometheus", "prometheus")
    needs("scipy")
    command = [
        sys.executable,
        str(EXAMPLE / "run.py"),
        "--canary",
        "--",
        "--gate-history=gate.jsonl",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=180)
    assert done.returncode == 2, done.stdout + done.stderr
    slow, tripled = [json.loads(one) for one in (tmp_path / "gate.jsonl").read_text().splitlines()]
    assert (slow["verdict"], tripled["verdict"]) == ("GO", "NO_GO"), done.stdout
