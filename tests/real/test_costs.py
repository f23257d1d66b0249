"""What a run costs, in queries, waiting and modules: counted, not timed."""

from __future__ import annotations

import gc
import threading
import time
from pathlib import Path

import pytest

from benchmarks.proxy import proxy
from tests.conftest import END, Gate
from tests.faults import Exchange, Fault, faulty
from tests.servers import Server

LATENCIES = 4
PATIENCE = 20.0  # seconds that a held answer waits at most
UNHURRIED = ("--gate-query-timeout=60s", "--gate-timeout=60s")
FLEET = """
    from pytest_deploygate import Criterion, gate_criteria
    METRICS = ["up", "rl_loss", "machine_memory_bytes"]
    @gate_criteria(
        Criterion(id=f"{metric}[{n}]", query=f"count by (instance) ({metric})", above=0,
                  match={"instance": f"app-{n}:8000"}, severity="warning")
        for metric in METRICS for n in range(40)
    )
    def test_fleet(criterion, gate):
        gate.check(criterion)
"""


def test_fourteen_criteria_ask_one_query_each_and_one_for_their_histogram(
    run_gate: Gate, healthy: Server
) -> None:
    with proxy(healthy.url, 0) as counting:
        arguments = (f"--prometheus-url={counting.url}", f"--gate-at={END}")
        assert run_gate("--pyargs", "gate_checks", *arguments).ret == 0
        assert counting.queries == 15


def test_a_fleet_asks_each_question_once(
    pytester: pytest.Pytester, run_gate: Gate, healthy: Server
) -> None:
    pytester.makepyfile(FLEET)
    reports = ("--gate-json=a.json", "--gate-junit=a.xml", "--gate-record=e.json")
    with proxy(healthy.url, 0) as counting:
        arguments = (f"--prometheus-url={counting.url}", f"--gate-at={END}", *reports)
        run_gate(*arguments).assert_outcomes(passed=4, failed=116)
        assert counting.queries == 3


@pytest.mark.parametrize(
    "distributed",
    ["-n 2", "-n 4", "-n 2 --dist loadfile", "-n 2 --dist worksteal"],
)
def test_distributed_a_worker_asks_only_what_its_own_tests_need(
    run_gate: Gate, healthy: Server, distributed: str
) -> None:
    with proxy(healthy.url, 0) as counting:
        arguments = (f"--prometheus-url={counting.url}", f"--gate-at={END}")
        assert run_gate(*distributed.split(), "--pyargs", "gate_checks", *arguments).ret == 0
        # Each process that judges a latency asks for the buckets of its histogram.
        assert 15 <= counting.queries <= 14 + LATENCIES


@pytest.mark.parametrize(
    ("distributed", "most"),
    [("-n 2", 2 * 3), ("-n 4", 4 * 3), ("-n 2 --dist loadfile", 3)],
)
def test_a_distributed_fleet_asks_each_question_once_in_a_worker_that_needs_it(
    pytester: pytest.Pytester, run_gate: Gate, healthy: Server, distributed: str, most: int
) -> None:
    pytester.makepyfile(FLEET)
    with proxy(healthy.url, 0) as counting:
        arguments = (f"--prometheus-url={counting.url}", f"--gate-at={END}")
        run_gate(*distributed.split(), *arguments).assert_outcomes(passed=4, failed=116)
        assert 3 <= counting.queries <= most


def test_all_queries_are_under_way_before_the_first_test(
    pytester: pytest.Pytester, run_gate: Gate, healthy: Server
) -> None:
    pytester.makepyfile(
        waiting=f"""
        import time
        from pathlib import Path
        import pytest
        @pytest.hookimpl(tryfirst=True)
        def pytest_runtestloop():
            patience = time.monotonic() + {PATIENCE}
            while not Path("together").exists():
                assert time.monotonic() < patience, "the queries are not under way together"
                time.sleep(0.01)
    """
    )
    together = threading.Barrier(15, action=(pytester.path / "together").touch)

    def hold(exchange: Exchange) -> None:
        """Answer nobody until everybody has asked."""
        together.wait(PATIENCE)
        exchange.pass_on()

    with faulty(healthy.url, Fault(hold)) as server:
        where = (f"--prometheus-url={server.url}", f"--gate-at={END}", *UNHURRIED)
        assert run_gate("-p", "waiting", "--pyargs", "gate_checks", *where).ret == 0
        assert len(server.requests) == 15


def test_a_test_waits_only_for_its_own_answer(
    pytester: pytest.Pytester, run_gate: Gate, healthy: Server, workers: tuple[str, ...]
) -> None:
    pytester.makepyfile("""
        from pathlib import Path
        import pytest
        from pytest_deploygate import Criterion, gate_criteria
        FAST, SLOW = [Criterion(id=name, query=f"min(up) # {name}", equals=1)
                      for name in ("fast", "slow")]
        @gate_criteria([FAST])
        def test_fast(criterion, gate): gate.check(criterion)
        @pytest.mark.critical
        def test_plain(): Path("released").touch()
        @gate_criteria([SLOW])
        def test_slow(criterion, gate): gate.check(criterion)
    """)

    def hold(exchange: Exchange) -> None:
        """Answer when a later test has run, and with an error when none does."""
        patience = time.monotonic() + PATIENCE
        while not (pytester.path / "released").exists():
            if time.monotonic() > patience or exchange.wait(0.01):
                return exchange.send(400, b"no later test has run")
        return exchange.pass_on()

    with faulty(healthy.url, {"fast": Fault(Exchange.pass_on), "slow": Fault(hold)}) as server:
        where = (f"--prometheus-url={server.url}", f"--gate-at={END}", *UNHURRIED)
        result = run_gate(*workers, *where)
    result.assert_outcomes(passed=3)
    assert result.ret == 0


def test_an_ad_hoc_query_joins_what_was_asked_before(
    pytester: pytest.Pytester, run_gate: Gate, healthy: Server
) -> None:
    pytester.makepyfile("""
        import pytest
        from pytest_deploygate import Criterion, gate_criteria
        @gate_criteria([Criterion(id="up", query="up", equals=1)])
        def test_up(criterion, gate): gate.check(criterion)
        @pytest.mark.critical
        @pytest.mark.parametrize("again", range(5))
        def test_again(gate, again): gate.check("up", equals=1)
    """)
    with proxy(healthy.url, 0) as counting:
        assert run_gate(f"--prometheus-url={counting.url}", f"--gate-at={END}").ret == 0
        assert counting.queries == 1


@pytest.mark.parametrize(
    ("check", "options", "loaded"),
    [
        ("at_least=1", (), {"requests"}),
        ("at_least=0, kind=Trend('1h')", (), {"requests"}),
        ("at_least=1", ("--gate-junit=a.xml",), {"requests", "junit_xml"}),
        ("at_least=1", ("--gate-html=a.html",), {"requests", "jinja2"}),
        ("at_least=1", ("--gate-metrics=a.prom",), {"requests", "prometheus_client"}),
    ],
)
def test_only_what_a_run_needs_is_loaded(
    pytester: pytest.Pytester,
    start_gate: Gate,
    healthy: Server,
    check: str,
    options: tuple[str, ...],
    loaded: set[str],
) -> None:
    pytester.makepyfile(f"""
        import pytest
        from pytest_deploygate import Trend
        @pytest.mark.critical
        def test_up(gate): gate.check("sum(up)", {check})
    """)
    pytester.makeconftest("""
        import sys
        def pytest_unconfigure():
            heavy = ("requests", "numpy", "junit_xml", "jinja2", "prometheus_client", "jsonschema",
                     "tenacity", "yaml", "xdist.dsession", "pytest_deploygate.actions.runner")
            with open("loaded", "w") as file:
                file.write(" ".join(name for name in heavy if name in sys.modules))
    """)
    where = (f"--prometheus-url={healthy.url}", f"--gate-at={END}")
    assert start_gate(*where, *options).ret == 0
    assert set(Path(pytester.path, "loaded").read_text().split()) == loaded


def test_what_lives_to_the_end_is_not_searched_for_garbage(
    pytester: pytest.Pytester, healthy: Server
) -> None:
    pytester.makepyfile("""
        import gc
        import pytest
        @pytest.mark.critical
        def test_frozen(): assert gc.get_freeze_count() > 1000
    """)
    where = (f"--prometheus-url={healthy.url}", f"--gate-at={END}")
    assert pytester.runpytest_inprocess("-p", "deploygate", *where).ret == 0
    assert gc.get_freeze_count() == 0
