"""A kind of somebody's own is judged, reported, recorded, replayed and exported."""

from __future__ import annotations

import json
import shutil
import sys
from importlib import import_module
from pathlib import Path

import pytest

from pytest_deploygate import Criterion
from pytest_deploygate.kinds.times import Times
from tests import servers
from tests.alike import assert_alike
from tests.conftest import END, Gate
from tests.real.asking import gate_run

EXAMPLE = Path(__file__).parents[2] / "examples" / "kind"
REPORTS = ("gate.json", "gate.xml", "gate.html", "gate.prom", "evidence.json")


@pytest.fixture
def example(pytester: pytest.Pytester, run_gate: Gate, healthy: servers.Server) -> Gate:
    """The shipped example, in front of a healthy service."""
    shutil.copytree(EXAMPLE, pytester.path, dirs_exist_ok=True)
    return run_gate


def test_the_example_is_judged_and_stands_in_every_report(
    pytester: pytest.Pytester, example: Gate, healthy: servers.Server, workers: tuple[str, ...]
) -> None:
    names = ("json", "junit", "html", "metrics", "record")
    written = [f"--gate-{name}={path}" for name, path in zip(names, REPORTS, strict=True)]
    where = (f"--prometheus-url={healthy.url}", f"--gate-at={END}")
    result = example(*workers, *where, *written)
    assert result.ret == 0
    (check,) = json.loads((pytester.path / "gate.json").read_text())["checks"]
    assert (check["id"], check["status"], check["reason"]) == ("load_balance", "GO", "ok")
    assert (check["value"], check["threshold"]) == (pytest.approx(1.0), 1.5)
    result.stdout.fnmatch_lines([f"*{check['message']}*"])
    for path in REPORTS[:3]:
        assert "Load Balance" in (pytester.path / path).read_text()
    metrics = (pytester.path / "gate.prom").read_text()
    assert 'deployment_gate_check_status{check="load_balance",severity="critical"} 1.0' in metrics


def test_the_example_is_judged_again_from_its_evidence(
    pytester: pytest.Pytester, example: Gate, healthy: servers.Server, workers: tuple[str, ...]
) -> None:
    where = (f"--prometheus-url={healthy.url}", f"--gate-at={END}")
    assert example(*workers, *where, "--gate-record=evidence.json").ret == 0
    replay = (*workers, "--gate-replay=evidence.json", "--gate-json=gate.json")
    assert example(*replay).ret == 0
    assert example(*replay, "--gate-set=load_balance_max=0.9").ret == 2
    (check,) = json.loads((pytester.path / "gate.json").read_text())["checks"]
    assert (check["status"], check["reason"]) == ("NO_GO", "breach")


@pytest.mark.parametrize("command", ["rules", "grafana"])
def test_the_example_is_exported(pytester: pytest.Pytester, example: Gate, command: str) -> None:
    code = "import sys; from pytest_deploygate.cli import main; sys.exit(main())"
    done = pytester.run(sys.executable, "-c", code, command)
    assert done.ret == 0
    assert "max(sum by (instance) (rate(http_requests_total[5m])))" in done.stdout.str()


def test_the_example_is_judged_at_many_times_as_at_each_of_them(
    healthy: servers.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLE))
    balance = import_module("balance")
    given = Criterion(
        id="x",
        query="sum by (instance) (rate(http_requests_total[5m]))",
        at_most=1.5,
        kind=balance.Balanced(),
    )
    assert_alike(given, Times(END - 600, 60.0, 11), gate_run(healthy.url, END).ask)
