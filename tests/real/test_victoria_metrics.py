"""VictoriaMetrics in the place of Prometheus: a whole gate run says the same of production."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_deploygate.core.series import RangeQuery
from tests import servers
from tests.conftest import Gate
from tests.production import openmetrics
from tests.real.asking import gate_run
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
        *("--gate-json=gate.json", *arguments),
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


@pytest.fixture
def hiding(tmp_path: Path) -> Iterator[tuple[Server, float]]:
    """A server with the latency offset that it has by default, and the time of the newest sample.

    The value of the gauge ``age`` is how many seconds before that time it was measured.
    """
    now = round(time.time(), 3)
    samples = "".join(f"age {age} {(now - age) * 1000:.0f}\n" for age in range(0, 300, 5))
    with servers.victoria_metrics(samples, tmp_path, latency_offset=None) as server:
        yield server, now


def test_an_instant_query_sees_the_newest_samples(
    hiding: tuple[Server, float],
    pytester: pytest.Pytester,
    run_gate: Gate,
    workers: tuple[str, ...],
) -> None:
    pytester.makepyfile("""
        from pytest_deploygate import Criterion, gate_criteria
        @gate_criteria([
            Criterion(id="now", query="age", equals=0),
            Criterion(id="in a minute", query="min_over_time(age[1m])", equals=0),
        ])
        def test_newest(criterion, gate): gate.check(criterion)
    """)
    server, now = hiding
    code, checks = judged(run_gate, server.url, now, *workers)
    assert (code, [status for _, status, _, _ in checks]) == (0, ["GO", "GO"])


@pytest.mark.parametrize(
    ("step", "newest"), [(15.0, [30, 30, 30]), (30.0, [60, 30, 30]), (60.0, [120, 60, 0])]
)
def test_a_range_query_in_small_steps_repeats_the_value_of_30_seconds_ago(
    hiding: tuple[Server, float], step: float, newest: list[float]
) -> None:
    server, now = hiding
    query = RangeQuery("age", now - 240, now, step)
    [series] = gate_run(server.url, now).ask(query).series
    assert [value for _, value in series.points][-3:] == newest
