"""A check has to ask: what asks nothing, returns its answer or is never awaited is no GO."""

from __future__ import annotations

import json

import pytest

from tests.conftest import Gate

CHECK = "import pytest\n@pytest.mark.critical\n"
NOTHING_ASKS = "*nothing here asks production: no test is marked*"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("import unittest\nclass TestIt(unittest.TestCase):\n    def test_it(self): pass", 2),
        (f"{CHECK}def test_marked(): pass", 0),
        ("import pytest\npytestmark = pytest.mark.warning\ndef test_marked(): pass", 0),
        ("def test_asks(gate): pass", 0),
        (
            "import pytest\n@pytest.fixture\ndef answer(gate): return 1\n"
            "def test_asks(answer): pass",
            0,
        ),
        ("def test_asks(request): request.getfixturevalue('gate')", 0),
    ],
)
def test_a_run_in_which_nothing_asks_is_no_gate(
    pytester: pytest.Pytester, run_gate: Gate, text: str, code: int
) -> None:
    pytester.makepyfile(text)
    result = run_gate()
    assert result.ret == code
    if code:
        result.stdout.fnmatch_lines([NOTHING_ASKS])


def test_ordinary_tests_that_are_left_after_a_selection_are_no_gate(
    pytester: pytest.Pytester, run_gate: Gate, workers: tuple[str, ...]
) -> None:
    pytester.makepyfile(test_it=f"{CHECK}def test_marked(): pass\ndef test_ordinary(): pass")
    result = run_gate(*workers, "-k", "test_ordinary")
    assert result.ret == 2
    result.stdout.fnmatch_lines([NOTHING_ASKS])


FILTERS = {
    "ignore": (("-W", "ignore"), ""),
    "default": (("-W", "default"), ""),
    "no plugin": (("-p", "no:warnings"), ""),
    "addopts": ((), "[pytest]\naddopts = -p no:warnings\n"),
    "ini": ((), "[pytest]\nfilterwarnings = ignore\n"),
}
RETURNED = """
    import pytest, unittest

    pytestmark = [pytest.mark.critical, pytest.mark.filterwarnings("ignore")]

    def test_returns(): return 5 < 3

    async def test_is_not_awaited(): assert 5 < 3

    def test_returns_what_nothing_awaits():
        async def answer(): assert 5 < 3
        return answer()

    class TestClass:
        def test_returns(self): return 5 < 3

        @staticmethod
        def test_returns_zero(): return 0

        async def test_is_not_awaited(self): assert 5 < 3

    class TestCase(unittest.TestCase):
        def test_returns(self): return 5 < 3

        async def test_is_not_awaited(self): assert 5 < 3

    class TestAwaitedCase(unittest.IsolatedAsyncioTestCase):
        async def test_returns(self): return 5 < 3
"""


@pytest.mark.parametrize("silenced", FILTERS)
def test_a_returned_answer_is_an_error_whatever_silences_warnings(
    pytester: pytest.Pytester, run_gate: Gate, silenced: str
) -> None:
    arguments, ini = FILTERS[silenced]
    if ini:
        pytester.makefile(".ini", pytest=ini)
    assert_errors(pytester, run_gate, *arguments)


def test_a_returned_answer_is_an_error_in_every_process(
    pytester: pytest.Pytester, run_gate: Gate
) -> None:
    assert_errors(pytester, run_gate, "-n", "2", "-W", "ignore")


def assert_errors(pytester: pytest.Pytester, run_gate: Gate, *arguments: str) -> None:
    pytester.makepyfile(RETURNED)
    result = run_gate(*arguments, "--gate-json=gate.json")
    assert result.ret == 2
    checks = json.loads((pytester.path / "gate.json").read_text())["checks"]
    assert {(one["status"], one["reason"]) for one in checks} == {("NO_GO", "error")}
    assert len(checks) == 9


UNITTEST = "import pytest, unittest\n@pytest.mark.critical\nclass TestIt(unittest.{}):\n"
AWAITS = """
    import asyncio, functools, inspect, pytest

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(pyfuncitem):
        if inspect.iscoroutinefunction(pyfuncitem.obj):
            asyncio.run(pyfuncitem.obj())
            return True
"""


@pytest.mark.parametrize(("body", "code"), [("assert 1", 0), ("assert 0", 2), ("return True", 2)])
def test_a_coroutine_that_a_plugin_awaits_is_a_check_like_any_other(
    pytester: pytest.Pytester, run_gate: Gate, body: str, code: int
) -> None:
    pytester.makeconftest(AWAITS)
    pytester.makepyfile(f"{CHECK}async def test_it(): {body}")
    assert run_gate().ret == code


def test_what_unittest_awaits_or_skips_is_no_error(
    pytester: pytest.Pytester, run_gate: Gate
) -> None:
    pytester.makepyfile(
        f"{UNITTEST.format('IsolatedAsyncioTestCase')}"
        "    def setUp(self): self.here = 1\n"
        "    async def test_it(self): assert self.here\n"
        "    def test_plain(self): assert self.here\n"
        "    @unittest.skip('later')\n"
        "    async def test_later(self): assert False\n"
        "    async def test_skips(self): self.skipTest('no')\n"
    )
    result = run_gate()
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*SKIPPED (2 checks)*"])
