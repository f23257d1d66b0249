"""Merely installed, the plugin changes nothing."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Gate

HEAVY = ("requests", "numpy", "junit_xml", "jsonschema", "tenacity", "jinja2", "prometheus_client")

ORDINARY = """
    import pytest
    def test_good(): pass
    def test_bad(): assert 1 == 2
    @pytest.mark.skip(reason="later")
    def test_skipped(): pass
    @pytest.mark.critical
    def test_with_a_mark_of_its_own(): pass
"""


def test_nothing_heavy_is_imported(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_good(): pass")
    pytester.makeconftest(f"""
        import sys
        def pytest_sessionfinish():
            loaded = [name for name in {HEAVY} if name in sys.modules]
            ours = [name for name in sys.modules if name.startswith("pytest_deploygate")]
            print("LOADED", loaded, sorted(ours))
    """)
    result = pytester.runpytest_subprocess("-s")
    result.stdout.fnmatch_lines(
        ["*LOADED [[]] [[]'pytest_deploygate', *.plugin', *.plugin.entry']"]
    )


def test_the_public_names_are_imported_only_when_they_are_used() -> None:
    code = "import sys, pytest_deploygate as d; print(sorted(m for m in sys.modules if m in {!r}))"
    printed = subprocess.run(
        [sys.executable, "-c", code.format(HEAVY)], capture_output=True, text=True, check=True
    )
    assert printed.stdout.strip() == "[]"


def test_an_ordinary_run_is_the_same_with_and_without_the_plugin(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(ORDINARY)
    pytester.makeini("[pytest]\nmarkers = critical: somebody else's\n")
    arguments = ("-v", "--no-header", "-p", "no:cacheprovider")
    without = pytester.runpytest_subprocess(*arguments, "-p", "no:deploygate")
    installed = pytester.runpytest_subprocess(*arguments)
    assert installed.ret == without.ret == 1

    def timeless(lines: list[str]) -> list[str]:
        """The last line tells the time, and "===" fills what that leaves free."""
        return [re.sub(r"=+| in [\d.]+s", "", line) for line in lines]

    assert timeless(installed.outlines) == timeless(without.outlines)
    assert installed.errlines == without.errlines


def test_checks_are_skipped_with_a_reason_that_says_how_to_switch_the_gate_on(
    pytester: pytest.Pytester, workers: tuple[str, ...]
) -> None:
    result = pytester.runpytest_subprocess(
        *workers, "--strict-markers", "-rs", "--pyargs", "gate_checks"
    )
    assert result.ret == 0
    result.assert_outcomes(skipped=14)
    result.stdout.fnmatch_lines(["*run it with pytest -p deploygate*"])


@pytest.mark.parametrize("option", ["--gate-json=x.json", "--gate-demo=go", "--gate-advisory"])
def test_an_option_of_a_gate_that_is_off_is_refused(pytester: pytest.Pytester, option: str) -> None:
    pytester.makepyfile("def test_good(): pass")
    result = pytester.runpytest_subprocess(option)
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*needs the gate, which is off: add -p deploygate*"])


def test_the_gate_works_without_plugin_autoloading(
    run_gate: Gate, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    result = run_gate("--pyargs", "gate_checks", "--gate-demo", "go", "--gate-json", "report.json")
    assert result.ret == 0
    assert '"overall_status": "GO"' in Path(pytester.path, "report.json").read_text()


def test_the_gate_can_be_switched_on_in_the_projects_configuration(
    run_gate: Gate, pytester: pytest.Pytester
) -> None:
    pytester.makeini("[pytest]\naddopts = -p deploygate --gate-demo=no-go\n")
    result = pytester.runpytest_subprocess("--pyargs", "gate_checks")
    assert result.ret == 2


def test_without_paths_the_gate_runs_the_gate_checks_of_the_project(
    run_gate: Gate, pytester: pytest.Pytester, workers: tuple[str, ...]
) -> None:
    pytester.makepyfile(test_unit="def test_unit(): assert False")
    pytester.mkdir("gate_checks").joinpath("test_gate.py").write_text(
        "import pytest\n@pytest.mark.critical\ndef test_service(): pass\n"
    )
    result = run_gate(*workers)
    assert result.ret == 0
    result.assert_outcomes(passed=1)


@pytest.mark.parametrize("arguments", [("--help",), ("-h",), ("-p", "deploygate", "--help")])
def test_the_help_has_the_options_whether_the_gate_is_on_or_not(
    pytester: pytest.Pytester, arguments: tuple[str, ...]
) -> None:
    result = pytester.runpytest_subprocess(*arguments)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["deployment gate (switch it on with -p deploygate):"])
    result.stdout.fnmatch_lines(["*--gate-watch=TIME*"])


def test_an_option_is_no_reason_to_look_for_conftests_elsewhere(pytester: pytest.Pytester) -> None:
    """pytest takes the value of an option that it does not know yet for a path."""
    pytester.makepyfile(**{"checks/test_a": "def test_a(): pass"})
    pytester.makepyfile(**{"other/conftest": "raise RuntimeError('loaded')"})
    pytester.makeini("[pytest]\naddopts = -k test_a")
    arguments = ("-p", "deploygate", "checks", "--gate-json", "other", "--gate-demo", "go")
    result = pytester.runpytest_subprocess(*arguments)
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*--gate-json*other*is a directory*"])


@pytest.mark.parametrize("arguments", [(), ("--gate-keeper=b",), ("--prometheus-job-name", "b")])
@pytest.mark.parametrize("gate", [(), ("-p", "deploygate")], ids=["off", "on"])
def test_options_of_other_plugins_that_begin_like_the_gates_are_theirs(
    pytester: pytest.Pytester, arguments: tuple[str, ...], gate: tuple[str, ...]
) -> None:
    pytester.makeconftest("""
        def pytest_addoption(parser):
            parser.addoption("--gate-keeper", default="a")
            parser.addoption("--prometheus-job-name", default="a")
    """)
    pytester.makepyfile("""
        import pytest

        @pytest.mark.critical
        def test_a(pytestconfig):
            assert pytestconfig.option.gate_keeper and pytestconfig.option.prometheus_job_name
    """)
    assert pytester.runpytest_subprocess(*gate, *arguments).ret == 0
