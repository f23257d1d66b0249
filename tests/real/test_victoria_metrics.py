"""VictoriaMetrics in the place of Prometheus: a whole gate run says the same of production."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import servers
from tests.conftest import Gate
from tests.production import openmetrics
from tests.record_demo import states
from tests.servers import Server

EXIT_CODES = {"go": 0, "warning": 1, "no-go": 2}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Server]]:
    """The two servers, each with the states of the demo."""
    samples = openmetrics(*states().values())
    directory = tmp_path_factory.mktemp
    with (
        servers.prometheus(samples, directory("prometheus")) as prometheus,
        servers.victoria_metrics(samples, directory("victoria")) as victoria,
    ):
        yield prometheus, victoria


def judged(run_gate: Gate, url: str, at: float, *arguments: str) -> tuple[int, list[Any]]:
    result = run_gate(
        *("-p", "no:hypothesispytest", "--gate-json=gate.json", *arguments),
        *(f"--prometheus-url={url}", f"--gate-at={at}"),
    )
    checks = json.loads(Path("gate.json").read_text())["checks"]
    return int(result.ret), [(c["id"], c["status"], c["reason"], c["message"]) for c in checks]


@pytest.mark.parametrize("name", EXIT_CODES)
def test_the_shipped_criteria_judge_alike(
    name: str, both: tuple[Server, Server], run_gate: Gate, workers: tuple[str, ...]
) -> None:
    at = states()[name].end
    on_prometheus, on_victoria = (
        judged(run_gate, server.url, at, "--pyargs", "gate_checks", *workers) for server in both
    )
    assert on_victoria == on_prometheus
    assert on_victoria[0] == EXIT_CODES[name]


def test_its_errors_are_told(
    both: tuple[Server, Server], pytester: pytest.Pytester, run_gate: Gate
) -> None:
    pytester.makepyfile('def test_it(gate): gate.check("sum(", below=1)')
    code, checks = judged(run_gate, both[1].url, states()["go"].end)
    assert code == 2
    [(_, status, reason, message)] = checks
    assert (status, reason) == ("NO_GO", "error")
    assert "answers 422: it cannot execute the query" in message
    assert "sum(" in message
