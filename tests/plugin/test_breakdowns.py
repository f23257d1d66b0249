"""What breaks or distorts a run around its checks: nothing of it ends in 0 or 1."""

from __future__ import annotations

import json

import pytest

from tests.conftest import Gate
from tests.plugin.test_exit_codes import GOOD


@pytest.mark.parametrize(
    "conftest",
    [
        "import sys; sys.exit(0)",
        "import sys\ndef pytest_addoption(parser): sys.exit(0)",
        "def pytest_addoption(parser): raise RuntimeError('broken')",
        "def pytest_addoption(parser): parser.addoption('--gate-json')",
        "import pytest\ndef pytest_addhooks(): pytest.exit('bye', returncode=0)",
        "def pytest_collection_modifyitems(itemz): pass",
        "import pytest\ndef pytest_configure(): pytest.exit('bye', returncode=0)",
        "import pytest\n@pytest.hookimpl(tryfirst=True)\n"
        "def pytest_sessionstart(): pytest.exit('bye', returncode=0)",
        "import pytest\ndef pytest_deploygate_actions(): pytest.exit('bye', returncode=0)",
        "import pytest\ndef pytest_deploygate_reports(): pytest.exit('bye', returncode=0)",
        "import sys\ndef pytest_sessionfinish(): sys.exit(0)",
        "import sys\ndef pytest_terminal_summary(): sys.exit(0)",
    ],
)
def test_a_conftest_that_breaks_down_or_leaves(
    pytester: pytest.Pytester, run_gate: Gate, workers: tuple[str, ...], conftest: str
) -> None:
    pytester.makepyfile(test_good=GOOD)
    pytester.makeconftest(conftest)
    assert run_gate(*workers).ret in (2, 4)


@pytest.mark.parametrize("leaves", ["sys.exit(0)", "raise RuntimeError('too late')"])
def test_a_breakdown_at_the_end_stands_in_the_report(
    pytester: pytest.Pytester, run_gate: Gate, leaves: str
) -> None:
    pytester.makepyfile(test_good=GOOD)
    pytester.makeconftest(f"import sys\ndef pytest_sessionfinish(): {leaves}")
    assert run_gate("--gate-json=gate.json").ret == 2
    written = json.loads(pytester.path.joinpath("gate.json").read_text())
    assert (written["overall_status"], written["exitcode"]) == ("NO_GO", 2)
    assert "broke down at the end of the run" in written["sentence"]


@pytest.mark.parametrize("leaves", ["pytest.exit('bye', returncode=0)", "raise RuntimeError"])
def test_a_worker_that_breaks_down_at_its_end(
    pytester: pytest.Pytester, run_gate: Gate, leaves: str
) -> None:
    pytester.makepyfile(test_good=GOOD)
    pytester.makeconftest(f"""
        import os
        import pytest
        def pytest_sessionfinish():
            if "PYTEST_XDIST_WORKER" in os.environ: {leaves}
    """)
    result = run_gate("-n", "2")
    assert result.ret == 2
    result.stdout.fnmatch_lines(["*a worker ended without a report*"])


def test_every_check_in_every_worker_is_refused(pytester: pytest.Pytester, run_gate: Gate) -> None:
    pytester.makepyfile(test_good=GOOD)
    result = run_gate("-n", "2", "--dist=each")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*--dist each runs every check twice*"])


def test_two_runs_under_one_name_could_not_be_told_apart(
    pytester: pytest.Pytester, run_gate: Gate, workers: tuple[str, ...]
) -> None:
    pytester.makepyfile(
        test_twice="""
        import pytest
        RUNS = []
        @pytest.mark.critical
        def test_second_time_lucky():
            RUNS.append(1)
            assert len(RUNS) > 1
    """
    )
    result = run_gate(*workers, "--keep-duplicates", "test_twice.py", "test_twice.py")
    assert result.ret == (2 if workers else 4)
    result.stdout.fnmatch_lines(["*test_second_time_lucky: was collected more than once*"])


def test_what_a_plugin_drops_without_a_word_makes_the_run_partial(
    pytester: pytest.Pytester, run_gate: Gate, workers: tuple[str, ...]
) -> None:
    pytester.makepyfile(test_good=GOOD)
    pytester.makeconftest("def pytest_collection_modifyitems(items): items[:] = items[:1]")
    result = run_gate(*workers)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*Partial: 2 checks were deselected*"])


def test_only_what_failed_last_is_partial(
    pytester: pytest.Pytester, run_gate: Gate, workers: tuple[str, ...]
) -> None:
    body = "import os, pytest\n@pytest.mark.critical\ndef test_it(): assert os.path.exists({!r})"
    pytester.makepyfile(test_a=body.format("a"), test_b=body.format("b"))
    pytester.path.joinpath("a").touch()
    assert run_gate(*workers).ret == 2
    pytester.path.joinpath("b").touch()
    pytester.path.joinpath("a").unlink()
    result = run_gate(*workers, "--lf")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*Partial: --lf runs only what failed last time*"])


def test_nothing_selected_is_told_as_such(
    pytester: pytest.Pytester, run_gate: Gate, workers: tuple[str, ...]
) -> None:
    pytester.makepyfile(test_good=GOOD)
    result = run_gate(*workers, "-k", "nothing")
    assert result.ret == 2
    result.stdout.fnmatch_lines(["*all 3 checks were deselected*"])


@pytest.mark.parametrize("arguments", [(), ("-s",)])
def test_a_check_that_closes_the_output(
    pytester: pytest.Pytester, start_gate: Gate, arguments: tuple[str, ...]
) -> None:
    pytester.makepyfile(test_good=GOOD, test_bad="def test_bad(): import sys; sys.stdout.close()")
    assert start_gate(*arguments).ret == 2


@pytest.mark.parametrize("plugin", ["terminal", "setuponly", "setupplan"])
def test_a_gate_without_one_of_pytests_own_plugins(
    pytester: pytest.Pytester, run_gate: Gate, plugin: str, workers: tuple[str, ...]
) -> None:
    pytester.makepyfile(test_good=GOOD)
    assert run_gate(*workers, "-p", f"no:{plugin}", "--gate-junit=gate.xml").ret == 0
    assert 'errors="0"' in pytester.path.joinpath("gate.xml").read_text()


def test_the_gate_has_one_name(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_good=GOOD)
    result = pytester.runpytest_subprocess("-p", "pytest_deploygate")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*-p pytest_deploygate does nothing: *-p deploygate*"])
    assert pytester.runpytest_subprocess("-p", "deploygate ", "-k", "nothing").ret == 2


def test_asserts_that_are_compiled_away_are_refused(pytester: pytest.Pytester) -> None:
    import sys

    pytester.makepyfile(test_bad="def test_bad(): assert 0")
    command = (sys.executable, "-O", "-m", "pytest", "-p", "deploygate", "--assert=plain")
    assert pytester.run(*command).ret == 4


def test_the_projects_own_checks_behind_the_package_of_their_name(
    pytester: pytest.Pytester, run_gate: Gate, workers: tuple[str, ...]
) -> None:
    pytester.mkdir("gate_checks").joinpath("test_orders.py").write_text("def test_it(): assert 0")
    demo = ("--gate-demo=go", "--pyargs", "gate_checks")
    result = run_gate(*workers, *demo)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*Partial: gate_checks was not run, only *: name the directory *"])
    assert run_gate(*workers, *demo, "./gate_checks").ret == 2


def test_a_request_to_end_that_a_check_swallows_is_not_forgotten(
    pytester: pytest.Pytester, run_gate: Gate
) -> None:
    pytester.makepyfile(
        test_good=GOOD,
        test_bad="""
        import os, signal, time, pytest
        @pytest.mark.critical
        def test_stubborn():
            try:
                os.kill(os.getpid(), signal.SIGTERM)
                time.sleep(60)
            except BaseException:
                pass
    """,
    )
    result = run_gate()
    assert result.ret == 2
    result.stdout.fnmatch_lines(["*the run was asked to end: SIGTERM*"])


@pytest.mark.parametrize("report", [1, 2, 3, 4, 5])
def test_an_interrupt_while_a_report_is_written(
    pytester: pytest.Pytester, run_gate: Gate, report: int
) -> None:
    pytester.makepyfile(test_good=GOOD)
    pytester.makeconftest(f"""
        import os, signal
        from pytest_deploygate.core import files
        WRITTEN = []
        def interrupted(handle):
            WRITTEN.append(handle)
            if len(WRITTEN) == {report}:
                signal.raise_signal(signal.SIGINT)
        files.os.fsync = interrupted
    """)
    names = ("json", "junit", "html", "metrics", "record")
    assert (
        run_gate("--gate-demo=go", ".", *(f"--gate-{name}=out/{name}" for name in names)).ret == 2
    )
    assert {path.name for path in pytester.path.joinpath("out").iterdir()} == set(names)
    written = json.loads(pytester.path.joinpath("out", "json").read_text())
    assert (written["exitcode"], written["overall_status"]) == (2, "NO_GO")
    assert written["problems"] == ["the run was interrupted while its reports were written"]
