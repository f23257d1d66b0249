"""Several checks in one test, and tests that do not do what they look like: nothing is lost."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.conftest import END, Gate
from tests.servers import Server

HEAD = """
    import pytest
    from pytest_deploygate import CheckFailed, Criterion, gate_criteria
    @pytest.mark.critical
    def test_good(gate): gate.check("vector(0)", below=1.0)
"""


Checks = Callable[..., tuple[int, dict[str, tuple[str, str]]]]


@pytest.fixture
def checks(
    pytester: pytest.Pytester, run_gate: Gate, healthy: Server, workers: tuple[str, ...]
) -> Checks:
    """Run a module on a healthy Prometheus: the exit code, and each check's status and reason."""

    def run(body: str, *arguments: str) -> tuple[int, dict[str, tuple[str, str]]]:
        pytester.makepyfile(test_it=HEAD + body)
        where = (f"--prometheus-url={healthy.url}", f"--gate-at={END}", "--gate-json=gate.json")
        code = int(run_gate(*workers, *where, *arguments).ret)
        written = json.loads(pytester.path.joinpath("gate.json").read_text())
        return code, {c["id"]: (c["status"], c["reason"]) for c in written["checks"]}

    return run


@pytest.mark.parametrize(
    "first",
    [
        'gate.check("nothing", below=1.0, optional=True)',
        'gate.check("nothing", below=1.0)',
        'gate.check("vector(5)", below=1.0, severity="warning")',
    ],
)
def test_a_check_that_is_no_failure_does_not_hide_the_next(checks: Checks, first: str) -> None:
    code, judged = checks(f"""
    @pytest.mark.critical
    def test_two(gate):
        {first}
        gate.check("vector(99)", below=1.0)
    """)
    assert code == 2
    assert judged["two-2"] == ("NO_GO", "breach")


def test_a_test_whose_checks_are_all_skipped_is_skipped(checks: Checks) -> None:
    code, judged = checks("""
    @pytest.mark.critical
    def test_two(gate):
        for _ in range(2): gate.check("nothing", below=1.0, optional=True)
    """)
    assert code == 0
    assert judged == {
        "good": ("GO", "ok"),
        "two": ("SKIPPED", "no-data"),
        "two-2": ("SKIPPED", "no-data"),
    }


def test_a_warning_fails_its_test_at_the_end(checks: Checks) -> None:
    code, judged = checks("""
    @pytest.mark.warning
    def test_two(gate):
        assert gate.check("vector(5)", below=1.0).value == 5.0
        gate.check("vector(0)", below=1.0)
    """)
    assert code == 1
    assert judged["two"] == ("WARNING", "breach")
    assert judged["two-2"] == ("GO", "ok")


def test_a_shared_fixture_that_failed_fails_every_test_that_needs_it(checks: Checks) -> None:
    code, judged = checks("""
    @pytest.fixture(scope="module")
    def base(gate): gate.check("vector(5)", below=1.0, severity="critical")
    @pytest.mark.critical
    def test_first(base): pass
    @pytest.mark.critical
    def test_second(base): pass
    """)
    assert code == 2
    assert judged["first"] == ("NO_GO", "breach")
    assert judged["second"][0] == "NO_GO"


@pytest.mark.parametrize("before", ["pass", 'gate.check("vector(0)", below=1.0)'])
def test_a_check_that_says_itself_that_it_failed_has_failed(checks: Checks, before: str) -> None:
    code, judged = checks(f"""
    @pytest.mark.critical
    def test_own(gate):
        {before}
        raise CheckFailed("orders are broken")
    """)
    assert code == 2
    assert ("NO_GO", "breach") in judged.values()


def test_an_answer_that_is_returned_is_not_asserted(checks: Checks) -> None:
    code, judged = checks("""
    @pytest.mark.critical
    def test_own(gate): return gate.query("vector(5)")[0].value < 1.0
    """)
    assert code == 2
    assert judged["own"][0] == "NO_GO"


def test_a_passing_subtest_beside_a_criterion_takes_nothing_away(checks: Checks) -> None:
    code, judged = checks("""
    @gate_criteria(Criterion(id="one", query="vector(0)", below=1.0))
    def test_one(criterion, gate, subtests):
        with subtests.test("before"): assert True
        gate.check(criterion)
    """)
    assert code == 0
    assert judged == {"good": ("GO", "ok"), "one": ("GO", "ok")}


@pytest.mark.parametrize(
    ("first", "code", "status"),
    [
        ('gate.check("nothing", below=1.0)', 1, ("WARNING", "no-data")),
        ('gate.check("vector(5)", below=1.0)', 2, ("NO_GO", "breach")),
    ],
)
def test_a_check_in_a_subtest_counts_once(
    checks: Checks, first: str, code: int, status: tuple[str, str]
) -> None:
    found, judged = checks(f"""
    @pytest.mark.critical
    def test_parts(gate, subtests):
        with subtests.test("a"): {first}
        with subtests.test("b"): gate.check("vector(0)", below=1.0)
    """)
    assert found == code
    assert judged == {"good": ("GO", "ok"), "parts": status, "parts-2": ("GO", "ok")}


def test_each_of_two_criteria_in_one_test_must_be_judged(checks: Checks) -> None:
    code, judged = checks("""
    @pytest.mark.parametrize("a", [Criterion(id="a", query="vector(0)", below=1.0)])
    @pytest.mark.parametrize("b", [Criterion(id="b", query="vector(9)", below=1.0)])
    @pytest.mark.critical
    def test_both(a, b, gate): gate.check(a)
    """)
    assert code == 2
    assert judged["a"] == ("GO", "ok")
    assert ("NO_GO", "error") in judged.values()


def test_a_test_that_is_run_again_is_judged_by_its_last_try(
    checks: Checks, pytester: pytest.Pytester
) -> None:
    pytester.makeconftest("""
        import pytest
        from _pytest.runner import runtestprotocol
        @pytest.hookimpl(tryfirst=True)
        def pytest_runtest_protocol(item, nextitem):
            if "again" not in item.name: return None
            item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
            runtestprotocol(item, nextitem=None, log=False)
            item._initrequest()
            runtestprotocol(item, nextitem=nextitem)
            item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
            return True
    """)
    code, judged = checks("""
    TRIES = []
    @pytest.mark.critical
    def test_again(gate):
        TRIES.append(1)
        gate.check(f"vector({9 if len(TRIES) < 2 else 0})", below=1.0)
    """)
    assert (code, judged["again"]) == (0, ("GO", "ok"))


def test_a_misspelt_keyword_is_told_with_the_nearest(
    pytester: pytest.Pytester, run_gate: Gate, workers: tuple[str, ...]
) -> None:
    pytester.makepyfile("def test_it(gate): gate.check('up', at_lest=1)")
    result = run_gate(*workers)
    assert result.ret == 2
    result.stdout.fnmatch_lines(["*unknown 'at_lest', did you mean 'at_least'?*"])
