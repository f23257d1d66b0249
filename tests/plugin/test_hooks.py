"""The gate's own hooks, as a plugin's author uses them."""

from __future__ import annotations

import shutil
from fnmatch import fnmatch
from pathlib import Path

import pytest

from pytest_deploygate.plugin import hookspecs
from pytest_deploygate.plugin.entry import HOOKS
from tests.conftest import Gate

EXAMPLE = Path(__file__).parents[2] / "examples" / "plugin"
CHECK = "import pytest\n@pytest.mark.critical\ndef test_orders(): pass\n"


@pytest.fixture
def example(pytester: pytest.Pytester, run_gate: Gate) -> Gate:
    """The shipped example."""
    shutil.copytree(EXAMPLE, pytester.path, dirs_exist_ok=True)
    return run_gate


def test_the_example_has_a_source_an_action_a_report_and_hears_the_verdict(
    pytester: pytest.Pytester, example: Gate, workers: tuple[str, ...]
) -> None:
    result = example("--gate-act", *workers)
    assert result.ret == 2
    result.stdout.fnmatch_lines(
        [
            "*tell (ticket): done, written to tickets.txt",
            "Source: numbers.json",
            "Wrote: *gate.txt (pytest_deploygate_reports)",
        ]
    )
    written = {name: (pytester.path / name).read_text() for name in FILES}
    assert written == FILES


FILES = {
    "tickets.txt": "NO-GO: Orders: 84.5, limit 100\n",
    "gate.txt": "NO_GO orders 84.5\n",
    "verdicts.log": "NO-GO, 1 actions\n",
}


def test_the_example_goes_when_its_source_has_a_good_number(
    pytester: pytest.Pytester, example: Gate, workers: tuple[str, ...]
) -> None:
    (pytester.path / "numbers.json").write_text('{"orders_per_second": 120}')
    assert example("--gate-act", *workers).ret == 0
    assert not (pytester.path / "tickets.txt").exists()


def test_the_keys_of_an_added_kind_are_checked(pytester: pytest.Pytester, example: Gate) -> None:
    table = '[[actions]]\nname = "a"\nkind = "ticket"\non = ["GO"]\nflie = "x"\n'
    (pytester.path / "deploygate.toml").write_text(table)
    result = example()
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*unknown key 'actions.a.flie', did you mean 'file'?*"])


def test_a_replay_asks_no_source_of_a_plugin(pytester: pytest.Pytester, run_gate: Gate) -> None:
    pytester.makeconftest("def pytest_deploygate_source(): raise ValueError('asked')")
    result = run_gate("--pyargs", "gate_checks", "--gate-demo", "go")
    assert result.ret == 0


def test_a_plugin_of_a_gate_that_is_off_changes_nothing(
    pytester: pytest.Pytester, example: Gate
) -> None:
    result = pytester.runpytest_subprocess()
    assert result.ret == 0
    result.assert_outcomes(skipped=1)
    assert not (pytester.path / "verdicts.log").exists()


@pytest.mark.parametrize("on", [("-p", "deploygate"), ()], ids=["on", "off"])
def test_a_hook_below_the_root_directory_is_known(
    pytester: pytest.Pytester, on: tuple[str, ...]
) -> None:
    below = pytester.mkdir("below")
    (below / "conftest.py").write_text("def pytest_deploygate_verdict(report): pass")
    check = "import pytest\n@pytest.mark.critical\ndef test_it(): pass\n"
    (below / "test_good.py").write_text(check)
    pytester.makepyfile(check)
    result = pytester.runpytest_subprocess(*on, *(["--gate-demo=go"] if on else []), ".")
    assert result.ret == 0
    result.assert_outcomes(passed=2)


@pytest.mark.parametrize(
    ("hook", "message"),
    [
        ("pytest_deploygate_verdict(verdict)", "*Argument(s) {'verdict'} are declared*"),
        ("pytest_deploygate_verdct(report)", "*unknown hook 'pytest_deploygate_verdct'*"),
    ],
)
def test_a_mistyped_hook_is_refused_without_the_gate_too(
    pytester: pytest.Pytester, hook: str, message: str
) -> None:
    pytester.makeconftest(f"def {hook}: pass")
    pytester.makepyfile("def test_good(): pass")
    result = pytester.runpytest_subprocess()
    assert result.ret != 0
    assert fnmatch(result.stdout.str() + result.stderr.str(), message)


def test_the_entry_point_knows_every_hook() -> None:
    assert set(HOOKS) == {name for name in vars(hookspecs) if name.startswith("pytest_")}


@pytest.mark.parametrize("hook", ["source", "actions", "reports"])
@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        ("ValueError('no')", 2, "ValueError: no"),
        ("SystemExit(0)", 2, "SystemExit: 0"),
        ("ConfigurationError('no key')", 4, "ERROR: deploygate: no key"),
    ],
)
def test_a_hook_that_raises_before_the_checks_ends_in_no_go_or_a_usage_error(
    pytester: pytest.Pytester, run_gate: Gate, hook: str, error: str, code: int, text: str
) -> None:
    pytester.makeconftest(f"""
        from pytest_deploygate import ConfigurationError
        def pytest_deploygate_{hook}(): raise {error}
    """)
    pytester.makepyfile(test_orders=CHECK)
    result = run_gate("test_orders.py")
    assert result.ret == code
    assert text in result.stderr.str() + result.stdout.str()


@pytest.mark.parametrize("error", ["ValueError: no pager", "SystemExit: 0", "Failed: no pager"])
def test_a_verdict_hook_that_raises_makes_it_no_go_in_every_report(
    pytester: pytest.Pytester, run_gate: Gate, workers: tuple[str, ...], error: str
) -> None:
    kind, _, value = error.partition(": ")
    pytester.makeconftest(f"""
        from pytest import fail
        Failed = fail.Exception
        def pytest_deploygate_verdict(report): raise {kind}("{value}")
    """)
    pytester.makepyfile(test_orders=CHECK)
    result = run_gate("test_orders.py", "--gate-json", "gate.json", *workers)
    assert result.ret == 2
    result.stdout.fnmatch_lines([f"*pytest_deploygate_verdict: {error}"])
    assert "NO_GO" in (pytester.path / "gate.json").read_text()


def test_a_report_that_raises_makes_it_no_go_and_the_others_say_so(
    pytester: pytest.Pytester, run_gate: Gate
) -> None:
    pytester.makeconftest("""
        def pytest_deploygate_reports(): return {"mine.txt": lambda report: report.nonsense}
    """)
    pytester.makepyfile(test_orders=CHECK)
    result = run_gate("test_orders.py", "--gate-junit", "gate.xml")
    assert result.ret == 2
    text = "mine.txt: could not be written: AttributeError: 'GateReport' object has no attribute"
    result.stdout.fnmatch_lines([f"*pytest_deploygate_reports */{text}*"])
    assert text in (pytester.path / "gate.xml").read_text().replace("&apos;", "'")
    assert not (pytester.path / "mine.txt").exists()


def test_a_report_that_cannot_be_written_is_refused_before_the_checks(
    pytester: pytest.Pytester, run_gate: Gate
) -> None:
    pytester.makeconftest("def pytest_deploygate_reports(): return {'/dev/null/x': str}")
    pytester.makepyfile(test_orders=CHECK)
    result = run_gate("test_orders.py")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*pytest_deploygate_reports /dev/null/x: cannot be written*"])
