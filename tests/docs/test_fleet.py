"""The example of "A whole fleet" runs as it is pasted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.proxy import proxy
from tests.conftest import END, Gate
from tests.docs.pages import block
from tests.production import Counter, openmetrics, production
from tests.servers import Server, prometheus

SERVICES = [("checkout", "200", 99.8), ("checkout", "500", 0.2), ("search", "200", 40.0)]


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Server]:
    """A Prometheus with two of the three services, of which one has errors."""
    state = replace(production(END), series=())
    for service, status, rate in SERVICES:
        labels = {"service": service, "status": status}
        state = state.with_series("http_requests_total", labels, Counter(rate))
    with prometheus(openmetrics(state), tmp_path) as server:
        yield server


@pytest.mark.parametrize("workers", [(), ("-n", "2", "--dist", "loadfile")], ids=["plain", "xdist"])
def test_the_fleet_runs_as_pasted(
    pytester: pytest.Pytester, run_gate: Gate, services: Server, workers: tuple[str, ...]
) -> None:
    source = block("python", page="docs/how-to/fleet.md")
    pytester.path.joinpath("test_fleet.py").write_text(source, encoding="utf-8")
    with proxy(services.url, 0) as counting:
        where = (f"--prometheus-url={counting.url}", f"--gate-at={END}", "--gate-json=gate.json")
        assert run_gate(*where, *workers).ret == 1
        assert counting.queries == 1
    checks = json.loads(pytester.path.joinpath("gate.json").read_text(encoding="utf-8"))["checks"]
    assert {
        check["id"]: (check["status"], check["reason"], check["value"]) for check in checks
    } == {
        "error_rate[checkout]": ("GO", "ok", pytest.approx(0.002)),
        "error_rate[search]": ("GO", "ok", 0),
        "error_rate[login]": ("WARNING", "no-data", None),
    }
