"""What a run costs, in queries and in modules: counted, not timed."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from benchmarks.proxy import proxy
from tests.conftest import END, Gate
from tests.servers import Server

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


def test_thirteen_criteria_ask_thirteen_queries(run_gate: Gate, healthy: Server) -> None:
    with proxy(healthy.url, 0) as counting:
        arguments = (f"--prometheus-url={counting.url}", f"--gate-at={END}")
        assert run_gate("--pyargs", "gate_checks", *arguments).ret == 0
        assert counting.queries == 13


def test_a_fleet_asks_each_question_once(
    pytester: pytest.Pytester, run_gate: Gate, healthy: Server
) -> None:
    pytester.makepyfile(FLEET)
    reports = ("--gate-json=a.json", "--gate-junit=a.xml", "--gate-record=e.json")
    with proxy(healthy.url, 0) as counting:
        arguments = (f"--prometheus-url={counting.url}", f"--gate-at={END}", *reports)
        run_gate(*arguments).assert_outcomes(passed=4, failed=116)
        assert counting.queries == 3


def test_distributed_no_worker_asks_a_question_twice(
    pytester: pytest.Pytester, run_gate: Gate, healthy: Server
) -> None:
    pytester.makepyfile(FLEET)
    with proxy(healthy.url, 0) as counting:
        arguments = (f"--prometheus-url={counting.url}", f"--gate-at={END}")
        run_gate("-n", "2", *arguments).assert_outcomes(passed=4, failed=116)
        assert counting.queries <= 2 * 3


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
    run_gate: Gate,
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
    assert run_gate(*where, *options).ret == 0
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
