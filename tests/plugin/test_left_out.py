"""What the named files define and pytest does not collect makes the run partial, and is named."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from tests.conftest import Gate

GOOD = "import pytest\n@pytest.mark.critical\ndef test_good(): pass\n"
CRITERIA = """
    from pytest_deploygate import Criterion, gate_criteria
    @gate_criteria(Criterion(id="{0}", query="up", equals=1))
    def {1}(criterion, gate): gate.check(criterion)
"""


def ran(path: Path, run_gate: Gate, *arguments: str) -> dict[str, Any]:
    """The JSON report of a run."""
    run_gate(*arguments, "--gate-json=gate.json")
    report: dict[str, Any] = json.loads((path / "gate.json").read_text())
    return report


def assert_partial(report: dict[str, Any], *reasons: str) -> None:
    """The run passed, and is partial for these reasons and no other."""
    assert report["partial_reason"].split("; ") == [*reasons]
    assert (report["overall_status"], report["exitcode"]) == ("WARNING", 1)


@pytest.fixture
def checks(pytester: pytest.Pytester) -> Path:
    """A directory with checks in two files."""
    directory = pytester.mkdir("gate_checks")
    (directory / "test_good.py").write_text(GOOD)
    (directory / "test_rl.py").write_text(GOOD.replace("good", "rl"))
    return directory


@pytest.mark.parametrize(
    ("arguments", "conftest", "by"),
    [
        (("--ignore=gate_checks/test_rl.py",), "", "--ignore"),
        (("--ignore-glob=gate_checks/*_rl.py",), "", "--ignore-glob"),
        ((), "collect_ignore = ['test_rl.py']", "collect_ignore or a plugin"),
        ((), "collect_ignore_glob = ['*_rl.py']", "collect_ignore or a plugin"),
        (
            (),
            "def pytest_ignore_collect(collection_path):\n"
            "    return True if collection_path.name == 'test_rl.py' else None",
            "collect_ignore or a plugin",
        ),
    ],
)
def test_an_ignored_file_makes_the_run_partial(
    checks: Path, run_gate: Gate, arguments: tuple[str, ...], conftest: str, by: str
) -> None:
    (checks / "conftest.py").write_text(conftest)
    report = ran(checks.parent, run_gate, *arguments)
    assert_partial(report, f"gate_checks/test_rl.py is ignored by {by}")


def test_every_process_says_once_what_is_left_out(checks: Path, run_gate: Gate) -> None:
    report = ran(checks.parent, run_gate, "-n", "2", "--ignore=gate_checks/test_rl.py")
    assert_partial(report, "gate_checks/test_rl.py is ignored by --ignore")


def test_an_option_of_the_ini_file_leaves_out_as_loudly(
    checks: Path, run_gate: Gate, workers: tuple[str, ...]
) -> None:
    (checks.parent / "pytest.ini").write_text("[pytest]\naddopts = -k good\n")
    assert_partial(ran(checks.parent, run_gate, *workers), "1 check was deselected")


def test_a_directory_that_is_not_searched_makes_the_run_partial(
    checks: Path, run_gate: Gate
) -> None:
    (checks.parent / "pytest.ini").write_text("[pytest]\nnorecursedirs = slow venv\n")
    for name in ("slow/deep", "venv", "build", ".hidden", "env"):
        directory = checks / name
        directory.mkdir(parents=True)
        (directory / "test_more.py").write_text(GOOD)
    (checks / "env" / "pyvenv.cfg").write_text("")
    (checks / "build" / "test_more.py").unlink()
    report = ran(checks.parent, run_gate)
    assert_partial(report, "gate_checks/slow/deep/test_more.py is ignored by norecursedirs")


LOST = {
    "orders.py": (
        GOOD,
        "gate_checks/orders.py has checks, but matches none of python_files",
    ),
    "shared.py": (CRITERIA.format("it", "test_it"), "gate_checks/shared.py has checks, but *"),
    "helpers.py": ("def test_value(): pass\ndef wait(gate): pass", ""),
    "test_init.py": (
        GOOD + "class TestIt:\n    def __init__(self): pass\n    def test_it(self): pass",
        "gate_checks/test_init.py: TestIt.test_it is in a class with an __init__*",
    ),
    "test_names.py": (
        GOOD + "@pytest.mark.critical\ndef check_it(): pass\ndef wait(gate): pass",
        "gate_checks/test_names.py: check_it is a check, but matches none of python_functions",
    ),
    "test_classes.py": (
        GOOD + "class Checks:\n    @pytest.mark.warning\n    def test_it(self): pass\n"
        "class Helpers:\n    def test_value(self): pass",
        "gate_checks/test_classes.py: Checks.test_it is a check in a class that matches none of *",
    ),
    "test_twice.py": (
        GOOD + GOOD,
        "gate_checks/test_twice.py: test_good is hidden by a second definition of its name",
    ),
    "test_empty.py": (
        GOOD + "@pytest.mark.parametrize('n', [])\ndef test_each(n): pass",
        "gate_checks/test_empty.py::test_each: its parameter set is empty",
    ),
    "test_never.py": (
        GOOD + "@pytest.mark.critical\ndef test_off(): pass\ntest_off.__test__ = False",
        "gate_checks/test_never.py: test_off was not collected",
    ),
}


def test_every_check_that_pytest_passes_over_is_named(
    pytester: pytest.Pytester, run_gate: Gate, workers: tuple[str, ...]
) -> None:
    directory = pytester.mkdir("gate_checks")
    for name, (text, _) in LOST.items():
        (directory / name).write_text(dedent(text))
    report = ran(pytester.path, run_gate, *workers)
    reasons = report["partial_reason"].split("; ")
    expected = [reason for _, reason in LOST.values() if reason]
    assert len(reasons) == len(expected)
    matcher = pytest.LineMatcher(reasons)
    matcher.fnmatch_lines_random([one.replace("[", "[[]") for one in expected])
    assert report["overall_status"] == "WARNING"


INI = "[pytest]\npython_files = check_*.py\npython_classes = Check\npython_functions = check_*\n"


def test_other_patterns_are_obeyed_and_what_they_pass_over_is_named(
    pytester: pytest.Pytester, run_gate: Gate
) -> None:
    pytester.path.joinpath("pytest.ini").write_text(INI)
    directory = pytester.mkdir("gate_checks")
    (directory / "check_it.py").write_text(
        GOOD.replace("test_good", "check_good")
        + "class CheckIt:\n    def check_it(self): pass\n"
        + "def test_of_another_tool(): pass\n"
        + "def test_orders(gate): pass\n"
    )
    (directory / "test_unit.py").write_text("def test_unit(): pass")
    (directory / "test_good.py").write_text(GOOD)
    assert_partial(
        ran(pytester.path, run_gate),
        "gate_checks/check_it.py: test_orders is a check, but matches none of python_functions",
        "gate_checks/test_good.py has checks, but matches none of python_files",
    )


WHOLE = """
    import functools, pytest, unittest
    pytestmark = pytest.mark.critical
    def helper(gate): pass
    from base import Base, test_shared

    @pytest.fixture
    def test_server(gate): return gate

    def traced(function):
        def call(): function()
        return call

    if True:
        def test_one_way(): pass
    else:
        def test_one_way(): pass

    try:
        import not_there
        def test_if_there(): pass
    except ImportError:
        pass

    @pytest.mark.critical
    @traced
    def test_traced(): pass

    @functools.wraps(test_traced)
    def test_wrapped(): pass

    @pytest.mark.critical
    class TestInherits(Base):
        def setup_method(self): pass
        def helper(self): pass

    class Case(unittest.TestCase):
        def test_case(self): pass

    class TestOuter:
        class TestInner:
            @staticmethod
            def test_static(): pass

    @pytest.mark.parametrize("n", [1, 2])
    async def nothing(n): pass

    def test_again(): pass
    test_again = functools.lru_cache(test_again)
"""
BASE = """
    import pytest
    class Base:
        @pytest.mark.critical
        def test_inherited(self): pass
    @pytest.mark.critical
    def test_shared(): pass
"""


def test_nothing_is_missing_in_a_whole_run(pytester: pytest.Pytester, run_gate: Gate) -> None:
    directory = pytester.mkdir("gate_checks")
    (directory / "test_whole.py").write_text(dedent(WHOLE))
    (directory / "base.py").write_text(dedent(BASE))
    report = ran(pytester.path, run_gate)
    assert report["partial_reason"] == ""
    assert report["overall_status"] == "GO"


def test_only_what_lies_below_the_arguments_counts(
    checks: Path, run_gate: Gate, pytester: pytest.Pytester
) -> None:
    elsewhere = pytester.mkdir("elsewhere")
    (elsewhere / "orders.py").write_text(GOOD)
    (checks / "orders.py").write_text(GOOD)
    assert ran(checks.parent, run_gate, "gate_checks/test_good.py")["partial_reason"] == ""
    assert "orders.py" in ran(checks.parent, run_gate)["partial_reason"]


def test_an_argument_of_which_nothing_is_collected_is_no_go(
    checks: Path, run_gate: Gate, pytester: pytest.Pytester, workers: tuple[str, ...]
) -> None:
    empty = pytester.mkdir("empty")
    (empty / "test_nothing.py").write_text("")
    report = ran(checks.parent, run_gate, *workers, "gate_checks", "empty")
    assert report["problems"] == ["nothing was collected from empty"]
    assert report["exitcode"] == 2


def test_test_paths_that_contain_the_checks_are_kept(
    checks: Path, run_gate: Gate, pytester: pytest.Pytester
) -> None:
    more = pytester.mkdir("more")
    (more / "test_more.py").write_text(GOOD)
    ini = checks.parent / "pytest.ini"
    ini.write_text("[pytest]\ntestpaths = gate_checks more\n")
    assert len(ran(checks.parent, run_gate)["checks"]) == 3
    ini.write_text("[pytest]\ntestpaths = more\n")
    assert len(ran(checks.parent, run_gate)["checks"]) == 2


DEMO = ("--gate-demo=go", "--pyargs", "gate_checks")


@pytest.mark.parametrize("own", ["./gate_checks", ""])
def test_a_package_that_hides_the_checks_that_ship_makes_the_run_partial(
    checks: Path, run_gate: Gate, workers: tuple[str, ...], own: str
) -> None:
    (checks / "__init__.py").write_text("")
    (checks.parent / "pytest.ini").write_text("[pytest]\npythonpath = .\n")
    report = ran(checks.parent, run_gate, *workers, *DEMO, *([own] if own else []))
    assert len(report["checks"]) == 2
    assert report["partial_reason"].startswith("/")
    assert "gate_checks was not run, only gate_checks of the same name" in report["partial_reason"]


def test_checks_of_their_own_that_the_package_hides_make_the_run_partial(
    checks: Path, run_gate: Gate, workers: tuple[str, ...]
) -> None:
    report = ran(checks.parent, run_gate, *workers, *DEMO)
    assert report["partial_reason"].startswith("gate_checks was not run, only /")
    assert ran(checks.parent, run_gate, *DEMO, "./gate_checks")["partial_reason"] == ""
