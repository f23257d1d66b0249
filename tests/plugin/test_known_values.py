"""What the gate spares pytest changes nothing that a test, a fixture or a plugin sees."""

from __future__ import annotations

import pytest

from tests.conftest import END, Gate
from tests.servers import Server

FINE = """
    import pytest
    from pytest_deploygate import Criterion, gate_criteria
    FINE = [Criterion(id=f"fine_{n}", query="vector(1)", equals=1) for n in range(2)]
    NOTED = []
"""
CONFTEST = """
    import pytest

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(session):
        for item in session.items:
            path, line, name = item.reportinfo()
            assert item.location == (path.name, line, name)
            assert item.location[2].endswith(item.name)
"""
Workers = tuple[str, ...]


def asked(server: Server) -> tuple[str, ...]:
    """Where and when the criteria are asked."""
    return f"--prometheus-url={server.url}", f"--gate-at={END}"


def test_tests_and_fixtures_see_what_they_see_without_the_gate(
    pytester: pytest.Pytester, run_gate: Gate, healthy: Server, workers: Workers
) -> None:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(
        test_all=FINE
        + """
    @pytest.fixture
    def known(criterion): return criterion

    @pytest.fixture(autouse=True)
    def early(request):
        if request.cls is not TestMade:
            assert request.getfixturevalue("criterion") is request.node.callspec.params["criterion"]

    @gate_criteria(FINE)
    def test_direct(criterion, gate, known, request):
        assert criterion is known is request.node.funcargs["criterion"]
        assert request.node.funcargs["request"] is request
        assert request.getfixturevalue("gate") is gate
        gate.check(criterion)

    class TestBoth:
        @gate_criteria(FINE)
        def test_one(self, criterion, gate): gate.check(criterion)
        @gate_criteria(FINE)
        @pytest.mark.parametrize("number", [1, 2])
        def test_two(self, gate, criterion, number): gate.check(criterion)

    class TestMade:
        @pytest.fixture
        def criterion(self, request): return request.param, "made"

        @pytest.mark.parametrize("criterion", FINE, indirect=True)
        def test_indirect(self, criterion, gate):
            given, made = criterion
            assert made == "made"
            gate.check(given)

    class TestWrapped:
        @pytest.fixture
        def gate(self, gate):
            NOTED.append(gate)
            return gate

        @gate_criteria(FINE)
        def test_wrapped(self, criterion, gate):
            assert NOTED.pop() is gate
            gate.check(criterion)
    """
    )
    result = run_gate(*workers, *asked(healthy), "test_all.py")
    result.assert_outcomes(passed=12)


def test_whoever_asks_hears_of_every_fixture(
    pytester: pytest.Pytester, run_gate: Gate, healthy: Server
) -> None:
    pytester.makepyfile(
        test_all=FINE
        + """
    @gate_criteria(FINE)
    def test_direct(criterion, gate): gate.check(criterion)
    """
    )
    shown = run_gate("--setup-show", *asked(healthy), "test_all.py").stdout
    shown.fnmatch_lines(["*SETUP    F criterion*fine_*", "*TEARDOWN F criterion*fine_*"])
    pytester.makeconftest(
        "def pytest_fixture_setup(fixturedef): print('heard of', fixturedef.argname)"
    )
    heard = str(run_gate("-s", *asked(healthy), "test_all.py").stdout)
    assert heard.count("heard of criterion") == 2
    assert heard.count("heard of gate") == 1
