"""No run that failed to reach a verdict ends in 0 or 1."""

from __future__ import annotations

import pytest

from tests.conftest import Gate

GOOD = """
    import pytest
    @pytest.mark.critical
    def test_first(): pass
    @pytest.mark.critical
    def test_second(): pass
    @pytest.mark.warning
    def test_third(): pass
"""


@pytest.mark.parametrize(
    ("critical", "warning", "code"),
    [("True", "True", 0), ("True", "False", 1), ("False", "True", 2), ("False", "False", 2)],
)
def test_the_worst_failure_decides(
    pytester: pytest.Pytester,
    run_gate: Gate,
    workers: tuple[str, ...],
    critical: str,
    warning: str,
    code: int,
) -> None:
    pytester.makepyfile(f"""
        import pytest
        @pytest.mark.critical
        def test_critical(): assert {critical}
        @pytest.mark.warning
        def test_warning(): assert {warning}
    """)
    assert run_gate(*workers).ret == code


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("import os; os._exit(0)", "crashed"),
        ("import pytest; pytest.exit('enough', returncode=0)", ""),
        ("raise KeyboardInterrupt", ""),
        ("raise SystemExit(0)", "SystemExit"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "crashed"),
    ],
)
def test_a_check_that_ends_the_process_of_its_worker_is_no_go(
    pytester: pytest.Pytester, run_gate: Gate, body: str, text: str
) -> None:
    pytester.makepyfile(test_good=GOOD, test_bad=f"def test_bad(): {body}")
    result = run_gate("-n", "2", "--max-worker-restart=1")
    assert result.ret == 2
    result.stdout.fnmatch_lines([f"*{text}*", "*NO-GO (exit code 2)*"])


@pytest.mark.parametrize(
    "body",
    [
        "import pytest; pytest.exit('enough', returncode=0)",
        "import pytest; pytest.exit('enough', returncode=1)",
        "raise KeyboardInterrupt",
        "raise SystemExit(0)",
    ],
)
def test_a_check_that_ends_a_plain_run_is_no_go(
    pytester: pytest.Pytester, run_gate: Gate, body: str
) -> None:
    pytester.makepyfile(test_good=GOOD, test_bad=f"def test_bad(): {body}")
    assert run_gate().ret == 2


def test_nothing_collected_is_no_go(run_gate: Gate, workers: tuple[str, ...]) -> None:
    result = run_gate(*workers)
    assert result.ret == 2
    result.stdout.fnmatch_lines(["*nothing was collected*--pyargs gate_checks*"])


def test_a_collection_error_is_no_go(
    pytester: pytest.Pytester, run_gate: Gate, workers: tuple[str, ...]
) -> None:
    pytester.makepyfile(test_good=GOOD, test_bad="import does_not_exist")
    result = run_gate(*workers, "--continue-on-collection-errors")
    assert result.ret == 2
    result.stdout.fnmatch_lines(["*test_bad.py: could not be collected: *does_not_exist*"])


def test_stopping_at_the_first_failure_leaves_checks_unjudged(
    pytester: pytest.Pytester, run_gate: Gate, workers: tuple[str, ...]
) -> None:
    pytester.makepyfile("""
        import pytest
        @pytest.mark.warning
        @pytest.mark.parametrize("number", range(20))
        def test_many(number): assert number
    """)
    result = run_gate(*workers, "-x")
    assert result.ret == 2
    result.stdout.fnmatch_lines(["*of 20 checks never reported*"])


def test_a_first_failure_that_cuts_nothing_short_is_an_ordinary_one(
    pytester: pytest.Pytester, run_gate: Gate
) -> None:
    pytester.makepyfile("""
        import pytest
        @pytest.mark.warning
        def test_only(): assert False
    """)
    assert run_gate("-x").ret == 1


@pytest.mark.parametrize("option", ["--collect-only", "--setup-only", "--setup-plan"])
def test_a_run_that_judges_nothing_is_no_go(
    pytester: pytest.Pytester, run_gate: Gate, option: str
) -> None:
    pytester.makepyfile(GOOD)
    result = run_gate(option)
    assert result.ret == 2
    result.stdout.fnmatch_lines(["*nothing was judged: checks were only collected or set up*"])


def test_an_unmarked_failure_counts_as_critical(
    pytester: pytest.Pytester, run_gate: Gate, workers: tuple[str, ...]
) -> None:
    pytester.makepyfile("""
        import pytest
        @pytest.mark.critical
        def test_marked(): pass
        def test_unmarked(): assert False
    """)
    assert run_gate(*workers).ret == 2


@pytest.mark.parametrize("hook", ["pytest_runtest_call", "pytest_runtest_logreport"])
def test_an_internal_error_is_no_go(
    pytester: pytest.Pytester, run_gate: Gate, workers: tuple[str, ...], hook: str
) -> None:
    pytester.makepyfile(GOOD)
    pytester.makeconftest("""
        import pytest
        @pytest.hookimpl(wrapper=True)
        def pytest_runtest_protocol(item):
            if "second" in item.name: raise RuntimeError("broken plugin")
            return (yield)
    """)
    assert run_gate(*workers).ret == 2


@pytest.mark.parametrize(
    "hook", ["pytest_sessionstart", "pytest_sessionfinish", "pytest_unconfigure"]
)
def test_a_plugin_that_breaks_around_the_session_is_no_go(
    pytester: pytest.Pytester, run_gate: Gate, hook: str
) -> None:
    pytester.makepyfile(GOOD)
    pytester.makeconftest(f"""
        def {hook}(): raise RuntimeError("broken plugin")
    """)
    assert run_gate().ret == 2


def test_pytest_usage_errors_keep_their_code(run_gate: Gate) -> None:
    assert run_gate("does_not_exist.py").ret == 4
    assert run_gate("--no-such-option").ret == 4


def test_a_failing_fixture_or_teardown_is_a_failure_of_its_severity(
    pytester: pytest.Pytester, run_gate: Gate, workers: tuple[str, ...]
) -> None:
    pytester.makepyfile("""
        import pytest
        @pytest.fixture
        def broken(): yield; raise RuntimeError("teardown")
        @pytest.mark.critical
        def test_good(): pass
        @pytest.mark.warning
        def test_warned(broken): pass
    """)
    result = run_gate(*workers)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*error: RuntimeError: teardown*"])


def test_an_expected_failure_does_not_pass_a_gate(
    pytester: pytest.Pytester, run_gate: Gate, workers: tuple[str, ...]
) -> None:
    pytester.makepyfile("""
        import pytest
        @pytest.mark.critical
        def test_good(): pass
        @pytest.mark.critical
        @pytest.mark.xfail(reason="we know")
        def test_known(): assert False
    """)
    assert run_gate(*workers).ret == 2


def test_skipped_checks_do_not_count_unless_nothing_is_left(
    pytester: pytest.Pytester, run_gate: Gate, workers: tuple[str, ...]
) -> None:
    skipped = """
        import pytest
        @pytest.mark.critical
        @pytest.mark.skip(reason="not today")
        def test_skipped(): pass
    """
    pytester.makepyfile(test_skipped=skipped)
    result = run_gate(*workers)
    assert result.ret == 2
    result.stdout.fnmatch_lines(["*every check was skipped*"])
    pytester.makepyfile(test_good=GOOD)
    assert run_gate(*workers).ret == 0


def test_a_gate_without_one_evaluated_critical_check_is_blind(
    pytester: pytest.Pytester, run_gate: Gate, workers: tuple[str, ...]
) -> None:
    pytester.makepyfile("""
        import pytest
        @pytest.mark.critical
        @pytest.mark.skip(reason="not today")
        def test_skipped(): pass
        @pytest.mark.warning
        def test_good(): pass
        def test_unmarked(): pass
    """)
    result = run_gate(*workers)
    assert result.ret == 2
    result.stdout.fnmatch_lines(
        ["*the gate is blind: the only critical check could not be evaluated: *not today*"]
    )


def test_an_advisory_run_ends_in_0_and_still_tells_the_verdict(
    pytester: pytest.Pytester, run_gate: Gate, workers: tuple[str, ...]
) -> None:
    pytester.makepyfile("import pytest\n@pytest.mark.critical\ndef test_bad(): assert False")
    result = run_gate(*workers, "--gate-advisory")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["Overall Status: *NO-GO", "*exit code 0 instead of 2*"])


def test_an_advisory_run_without_a_verdict_is_no_go(run_gate: Gate) -> None:
    assert run_gate("--gate-advisory").ret == 2


def test_a_check_marked_twice_is_refused(
    pytester: pytest.Pytester, run_gate: Gate, workers: tuple[str, ...]
) -> None:
    pytester.makepyfile("""
        import pytest
        @pytest.mark.critical
        @pytest.mark.warning
        def test_both(): pass
    """)
    result = run_gate(*workers)
    assert result.ret == (2 if workers else 4)
    output = result.stdout.str() + result.stderr.str()
    assert "test_both: is marked critical and warning; keep one of them" in output


def test_a_deselected_check_makes_the_run_partial(
    pytester: pytest.Pytester, run_gate: Gate, workers: tuple[str, ...]
) -> None:
    pytester.makepyfile(GOOD)
    result = run_gate(*workers, "-k", "not second")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*Partial: 1 check was deselected*"])


def test_a_module_that_skips_itself_makes_the_run_partial(
    pytester: pytest.Pytester, run_gate: Gate, workers: tuple[str, ...]
) -> None:
    pytester.makepyfile(test_good=GOOD, test_gone="import pytest; pytest.importorskip('nowhere')")
    result = run_gate(*workers)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*Partial: test_gone.py was skipped as a whole*"])


def test_what_a_failing_subtest_measured_counts(
    pytester: pytest.Pytester, run_gate: Gate, workers: tuple[str, ...]
) -> None:
    pytester.makepyfile("""
        import pytest
        @pytest.mark.critical
        def test_parts(subtests):
            with subtests.test("first"):
                assert False, "the first part"
            with subtests.test("second"):
                assert True
    """)
    result = run_gate(*workers)
    assert result.ret == 2


def test_a_broken_installation_is_no_go(
    pytester: pytest.Pytester, start_gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makepyfile(GOOD)
    pytester.mkdir("broken").joinpath("requests.py").write_text("raise ImportError('half there')")
    monkeypatch.setenv("PYTHONPATH", str(pytester.path / "broken"))
    assert start_gate().ret == 2
