"""What a check can do with ``gate``, against a healthy Prometheus."""

from __future__ import annotations

import pytest

from tests.conftest import END, Gate
from tests.servers import Server


@pytest.fixture
def at_healthy(healthy: Server) -> tuple[str, ...]:
    return (f"--prometheus-url={healthy.url}", f"--gate-at={END}")


@pytest.mark.parametrize(
    ("limit", "mark", "code"),
    [
        ("at_least=100.0", "critical", 0),
        ("below=100.0", "warning", 1),
        ("below=100.0", "critical", 2),
        ("above=399.0, at_most=401", "critical", 2),
    ],
)
def test_a_check_in_three_lines(
    pytester: pytest.Pytester,
    run_gate: Gate,
    workers: tuple[str, ...],
    at_healthy: tuple[str, ...],
    limit: str,
    mark: str,
    code: int,
) -> None:
    pytester.makepyfile(f"""
        import pytest

        @pytest.mark.critical
        def test_other(): pass

        @pytest.mark.{mark}
        def test_orders_flow(gate):
            gate.check("sum(rate(http_requests_total[5m]))", {limit}, title="Requests per second")
    """)
    result = run_gate(*workers, *at_healthy)
    assert result.ret == code
    if "at_most" in limit:
        result.stdout.fnmatch_lines(["*give exactly one limit*given: at_most, above*"])
    else:
        result.stdout.fnmatch_lines(["  • Requests per second*", "*400*100*"])


def test_the_published_example_of_criteria_as_data_runs(
    pytester: pytest.Pytester,
    run_gate: Gate,
    workers: tuple[str, ...],
    at_healthy: tuple[str, ...],
) -> None:
    pytester.makepyfile("""
        from pytest_deploygate import Criterion, gate_criteria, threshold
        P95 = (
            'histogram_quantile(0.95, '
            'rate(llm_brief_latency_seconds_bucket{{mode="{mode}"}}[5m]))'
        )
        LATENCY = [
            Criterion(id=f"{mode}_p95_latency", title=f"{mode.capitalize()} p95 Latency",
                      query=P95.format(mode=mode), below=threshold(f"{mode}_p95_max", limit),
                      unit="seconds", severity=severity)
            for mode, limit, severity in [("fast", 2.5, "critical"), ("creative", 4.0, "warning")]
        ]

        @gate_criteria(LATENCY)
        def test_latency(criterion, gate):
            gate.check(criterion)
    """)
    assert run_gate(*workers, *at_healthy).ret == 1
    assert run_gate(*workers, *at_healthy, "--gate-set", "creative_p95_max=4.5").ret == 0
    assert run_gate(*workers, *at_healthy, "--gate-set", "fast_p95_max=2").ret == 2
    assert run_gate(*workers, *at_healthy, "-m", "critical").ret == 1


def test_a_criterion_that_its_test_forgets_to_check_is_an_error(
    pytester: pytest.Pytester,
    run_gate: Gate,
    workers: tuple[str, ...],
    at_healthy: tuple[str, ...],
) -> None:
    pytester.makepyfile("""
        from pytest_deploygate import Criterion, gate_criteria
        @gate_criteria([Criterion(id="forgotten", query="up", equals=1)])
        def test_nothing(criterion, gate): pass
    """)
    result = run_gate(*workers, *at_healthy)
    assert result.ret == 2
    result.stdout.fnmatch_lines(["*the criterion was never judged*gate.check(criterion)*"])


def test_a_breach_that_the_test_swallows_still_counts(
    pytester: pytest.Pytester,
    run_gate: Gate,
    workers: tuple[str, ...],
    at_healthy: tuple[str, ...],
) -> None:
    pytester.makepyfile("""
        import pytest
        @pytest.mark.critical
        def test_swallowed(gate):
            try:
                gate.check("up", equals=0)
            except Exception:
                pass
    """)
    assert run_gate(*workers, *at_healthy).ret == 2


def test_queries_give_series_and_empty_answers_are_no_good_news(
    pytester: pytest.Pytester,
    run_gate: Gate,
    workers: tuple[str, ...],
    at_healthy: tuple[str, ...],
) -> None:
    pytester.makepyfile("""
        import pytest
        @pytest.mark.critical
        def test_up(gate):
            assert {s.labels["job"] for s in gate.query('up')} == {"app", "node", "cadvisor", "gpu"}
            assert all(s.value == 1 for s in gate.query("up"))
            (series,) = gate.query_range("sum(up)", last="10m", step="1m")
            assert [value for _, value in series.points] == [8.0] * 11
            assert gate.query("nowhere", allow_empty=True) == ()
        @pytest.mark.critical
        def test_nowhere(gate):
            assert all(s.value == 1 for s in gate.query("nowhere"))
    """)
    result = run_gate(*workers, *at_healthy)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*no data: the query matches nothing: nowhere*"])


def test_a_check_whose_code_raises_is_an_error_of_its_severity(
    pytester: pytest.Pytester,
    run_gate: Gate,
    workers: tuple[str, ...],
    at_healthy: tuple[str, ...],
) -> None:
    pytester.makepyfile("""
        import pytest
        @pytest.mark.critical
        def test_good(gate): gate.check("up", equals=1)
        @pytest.mark.warning
        def test_broken(gate):
            gate.check("up", equals=1, id="checked_before")
            raise KeyError("typo")
    """)
    result = run_gate(*workers, *at_healthy)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*• Broken*", "*error: KeyError: 'typo'*", "*GO (2 checks)*"])


@pytest.mark.parametrize("policy", ["no-go", "warning", "skip", "go"])
def test_missing_data_means_what_the_check_says(
    pytester: pytest.Pytester,
    run_gate: Gate,
    workers: tuple[str, ...],
    at_healthy: tuple[str, ...],
    policy: str,
) -> None:
    pytester.makepyfile(f"""
        import pytest
        @pytest.mark.critical
        def test_up(gate): gate.check("up", equals=1)
        @pytest.mark.critical
        def test_nowhere(gate): gate.check("nowhere", equals=1, no_data="{policy}")
    """)
    code = {"no-go": 2, "warning": 1, "skip": 0, "go": 0}[policy]
    assert run_gate(*workers, *at_healthy).ret == code


def test_one_criterion_is_judged_for_each_service_without_further_queries(
    pytester: pytest.Pytester,
    run_gate: Gate,
    workers: tuple[str, ...],
    at_healthy: tuple[str, ...],
) -> None:
    pytester.makepyfile("""
        from pytest_deploygate import Criterion, gate_criteria
        @gate_criteria(
            Criterion(id=f"up[{job}]", query="min by (job) (up)", equals=1, match={"job": job})
            for job in ("app", "node", "elsewhere")
        )
        def test_up(criterion, gate): gate.check(criterion)
    """)
    result = run_gate(*workers, *at_healthy)
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        ["*• Up [[]elsewhere[]]*", "*no data: none of 4 series has job=elsewhere*"]
    )


def test_the_gate_itself_warns_of_nothing(run_gate: Gate, workers: tuple[str, ...]) -> None:
    assert run_gate("-W", "error", "--gate-demo=go", "--pyargs", "gate_checks", *workers).ret == 0
