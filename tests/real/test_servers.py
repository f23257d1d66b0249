"""The servers and the production states that the other tests stand on."""

from __future__ import annotations

import math
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests

from tests import servers
from tests.production import Counter, Production, openmetrics, production
from tests.servers import MissingServer, Server, ServerError

END = 1_790_000_000
TWO_DAYS = 2 * 86400
FAST = {"mode": "fast", "original_model": "small"}
FIXES = "llm_schema_fix_count_total"
LOSS = 'rl_loss{loss_type="total_loss"}'
REQUESTS = "sum(rate(http_requests_total[5m]))"
ERROR_RATE = f'sum(rate(http_requests_total{{status=~"5.."}}[5m])) / {REQUESTS}'
NOTHING = "# EOF\n"


def p95(mode: str, instance: str = "app-1:8000") -> str:
    """Return the query of one instance's p95."""
    selector = f'llm_brief_latency_seconds_bucket{{mode="{mode}",instance="{instance}"}}'
    return f"histogram_quantile(0.95, rate({selector}[5m]))"


class Scenario(NamedTuple):
    """What is wrong, what is asked, and the sorted values that should come back."""

    change: Callable[[Production], Production]
    query: str
    expected: list[float]


SCENARIOS = {
    "instances": Scenario(lambda p: p, "count by (job) (up)", [2, 2, 2, 2]),
    "no 5xx": Scenario(lambda p: p, ERROR_RATE, []),
    "no failure": Scenario(lambda p: p, FIXES, []),
    "requests": Scenario(lambda p: p, REQUESTS, [400]),
    "fast": Scenario(lambda p: p, p95("fast"), [2.1]),
    "balanced": Scenario(lambda p: p, p95("balanced"), [2.9]),
    "creative": Scenario(lambda p: p, p95("creative"), [4.2]),
    "reward": Scenario(lambda p: p, 'rl_reward_ma{window="100"}', [12.45, 12.45]),
    "cpu": Scenario(lambda p: p, '1 - avg(rate(node_cpu_seconds_total{mode="idle"}[5m]))', [0.623]),
    "even samples": Scenario(lambda p: p, f"count_over_time({LOSS}[2h])", [481, 481]),
    "error rate": Scenario(lambda p: p.with_error_rate(0.005), ERROR_RATE, [0.005]),
    "slow": Scenario(lambda p: p.with_latency("fast", 6), p95("fast"), [6]),
    "beyond the buckets": Scenario(lambda p: p.with_latency("fast", 30), p95("fast"), [10]),
    "slow for ten minutes": Scenario(
        lambda p: p.with_latency("fast", lambda age: 6 if age < 600 else 2.1),
        p95("fast"),
        [6],
    ),
    "slow until ten minutes ago": Scenario(
        lambda p: p.with_latency("fast", lambda age: 6 if age >= 600 else 2.1),
        p95("fast").replace("[5m]", "[5m] offset 10m"),
        [6],
    ),
    "one slow instance": Scenario(
        lambda p: p.with_latency("fast", 6, instance="app-2:8000"),
        f"{p95('fast')} or {p95('fast', 'app-2:8000')}",
        [2.1, 6],
    ),
    "first failure": Scenario(
        lambda p: p.with_series(FIXES, FAST, Counter(start=1, born=600)),
        f"{FIXES} * 100 + count_over_time({FIXES}[1h])",
        [141, 141],
    ),
    "increments": Scenario(
        lambda p: p.with_series(FIXES, FAST, Counter(increments={100: 2, 7000: 3})),
        f"{FIXES} - {FIXES} offset 2h",
        [5, 5],
    ),
    "restart": Scenario(
        lambda p: p.with_values("http_requests_total", Counter(200, resets=[60])),
        "http_requests_total",
        [12000, 12000],
    ),
    "diverged": Scenario(
        lambda p: p.with_values("rl_loss", lambda age: math.inf if age < 60 else 0.4),
        f"{LOSS} or {LOSS} offset 2m",
        [math.inf, math.inf],
    ),
    "gap": Scenario(
        lambda p: p.missing(lambda age: 300 <= age <= 1200, "rl_loss"),
        f"absent({LOSS} offset 10m) or {LOSS}",
        [0.4523, 0.4523, 1],
    ),
    "stopped": Scenario(lambda p: p.missing(lambda age: age < 600), "up", []),
    "removed": Scenario(lambda p: p.without("up", job="app"), "count by (job) (up)", [2, 2, 2]),
}


def parsed(text: str) -> list[Any]:
    """Read the text as strictly as the reference parser does."""
    parser = pytest.importorskip("prometheus_client.openmetrics.parser")
    return list(parser.text_string_to_metric_families(text))


def samples(url: str, query: str, at: float = END) -> list[float]:
    """Return the sorted values of an instant query."""
    asked: dict[str, str | float] = {"query": query, "time": at}
    answer = requests.get(f"{url}/api/v1/query", asked, timeout=10)
    answer.raise_for_status()
    return sorted(float(item["value"][1]) for item in answer.json()["data"]["result"])


@pytest.fixture(scope="module")
def scenarios(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, list[float]]]:
    """Return what one Prometheus, holding every scenario, answers to each one's query."""
    ends = {name: END + number * TWO_DAYS for number, name in enumerate(SCENARIOS)}
    states = [SCENARIOS[name].change(production(end)) for name, end in ends.items()]
    with servers.prometheus(openmetrics(*states), tmp_path_factory.mktemp("all")) as server:
        yield {n: samples(server.url, SCENARIOS[n].query, end) for n, end in ends.items()}


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_production_answers_as_described(name: str, scenarios: dict[str, list[float]]) -> None:
    assert scenarios[name] == pytest.approx(SCENARIOS[name].expected, rel=1e-3)


def test_the_text_is_strict_openmetrics() -> None:
    # The parser mistakes a histogram's second point in time for a duplicate of its first.
    names = [family.name for family in parsed(openmetrics(production(END, length=0)))]
    assert len(names) == len(set(names)) > 15


def test_productions_are_merged_in_time_order() -> None:
    text = openmetrics(production(END + TWO_DAYS, length=60), production(END, length=60))
    times: dict[str, list[int]] = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            times.setdefault(line.split()[0], []).append(int(line.split()[2]))
    assert all(seen == sorted(set(seen)) and len(seen) == 10 for seen in times.values())
    assert text.count("# TYPE") == len({line for line in text.splitlines() if "# TYPE" in line})


def test_labels_are_escaped() -> None:
    state = production(END, length=0).with_series("x", {"path": 'a\\b\n"c"'}, 1)
    families = parsed(openmetrics(state))
    assert {s.labels["path"] for f in families if f.name == "x" for s in f.samples} == {'a\\b\n"c"'}


def test_productions_that_overlap_are_refused() -> None:
    with pytest.raises(ValueError, match="overlap"):
        openmetrics(production(END), production(END + 3600))


def test_a_series_that_is_not_there_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match=r"no series llm_breif_total"):
        production(END).without("llm_breif_total")


def test_victoria_metrics_holds_the_data(tmp_path: Path) -> None:
    text = openmetrics(production(END).with_error_rate(0.01))
    with servers.victoria_metrics(text, tmp_path) as server:
        assert samples(server.url, ERROR_RATE) == pytest.approx([0.01])
        assert samples(server.url, p95("creative")) == pytest.approx([4.2], rel=1e-3)


def test_the_pushgateway_keeps_what_is_pushed(tmp_path: Path) -> None:
    with servers.pushgateway(tmp_path) as server:
        requests.put(f"{server.url}/metrics/job/gate", "verdict 2\n", timeout=10).raise_for_status()
        assert (
            'verdict{instance="",job="gate"} 2'
            in requests.get(f"{server.url}/metrics", timeout=10).text
        )


@pytest.mark.parametrize(
    "start",
    [
        lambda directory: servers.prometheus(NOTHING, directory),
        lambda directory: servers.victoria_metrics(NOTHING, directory),
        servers.pushgateway,
    ],
    ids=["prometheus", "victoria_metrics", "pushgateway"],
)
def test_a_server_is_quiet_and_gone_afterwards(
    start: Callable[[Path], AbstractContextManager[Server]],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with start(tmp_path) as server:
        os.kill(server.pid, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(server.pid, 0)
    assert capfd.readouterr() == ("", "")


def test_another_port_is_taken_when_the_first_is_not_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        ports = iter([taken, servers.free_port()])
        monkeypatch.setattr(servers, "free_port", lambda: next(ports))
        with servers.victoria_metrics(NOTHING, tmp_path) as server:
            assert not server.url.endswith(str(taken))


def test_a_web_configuration_is_followed(tmp_path: Path) -> None:
    web = tmp_path / "web.yml"
    # The word "secret", hashed with bcrypt.
    web.write_text(
        "basic_auth_users: {gate: $2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW}\n"
    )
    with servers.prometheus(NOTHING, tmp_path, web_config=web) as server:
        url = f"{server.url}/api/v1/query?query=1"
        assert requests.get(url, timeout=10).status_code == 401
        assert requests.get(url, auth=("gate", "secret"), timeout=10).ok


def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    with (
        pytest.raises(ServerError, match="unknown long flag '--no-such'"),
        servers.prometheus(NOTHING, tmp_path, "--no-such"),
    ):
        pass


def test_refused_samples_say_why(tmp_path: Path) -> None:
    with pytest.raises(ServerError, match="promtool refused"), servers.prometheus("x", tmp_path):
        pass


def test_a_missing_program_names_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingServer, match="package victoria-metrics"):
        servers.victoria_metrics(NOTHING, tmp_path).__enter__()
