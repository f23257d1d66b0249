"""What a file defines is read from its text: a check that pytest does not see must be found."""

from __future__ import annotations

from textwrap import dedent

import pytest

from pytest_deploygate.plugin.definitions import Definition, Patterns, definitions

PATTERNS = Patterns(files=("test_*.py",), classes=("Test",), functions=("test",))


def found(text: str) -> dict[str, Definition]:
    return {one.name: one for one in definitions(dedent(text).encode())}


@pytest.mark.parametrize(
    "text",
    [
        "import pytest\n@pytest.mark.critical\ndef it(): pass",
        "import pytest as pt\n@pt.mark.warning\nasync def it(): pass",
        "from pytest import mark\n@mark.critical\ndef it(): pass",
        "from pytest import mark as m\n@m.critical\ndef it(): pass",
        "import pytest\nBAD = pytest.mark.critical\n@BAD\ndef it(): pass",
        "import pytest\npytestmark = pytest.mark.critical\ndef it(): pass",
        "import pytest\npytestmark = [pytest.mark.slow, pytest.mark.critical]\ndef it(): pass",
        "from pytest_deploygate import gate_criteria\n@gate_criteria(ALL)\ndef it(): pass",
        "from pytest_deploygate import gate_criteria as all_of\n@all_of(ALL)\ndef it(): pass",
        "import pytest_deploygate as pd\n@pd.gate_criteria(ALL)\ndef it(): pass",
        "from pytest_deploygate import gate_criteria\nof = gate_criteria(A)\n@of\ndef it(): pass",
    ],
)
def test_a_function_is_marked_however_the_mark_is_written(text: str) -> None:
    one = found(text)["it"]
    assert one.marked is ("pytestmark" not in text)
    assert one.within_marked is ("pytestmark" in text)


def test_a_mark_of_a_class_is_one_of_its_functions() -> None:
    one = found("""
        import pytest
        @pytest.mark.critical
        class A:
            class B:
                def it(self): pass
        class C:
            pytestmark = pytest.mark.warning
            def it(self): pass
        class D:
            def it(self): pass
    """)
    assert {name: one[name].within_marked for name in one} == {
        "A.B.it": True,
        "C.it": True,
        "D.it": False,
    }


@pytest.mark.parametrize(
    "second",
    [
        "def test_a(): pass",
        "async def test_a(): pass",
        "class test_a: pass",
        "test_a = None",
        "from other import test_a",
        "from other import something as test_a",
    ],
)
def test_a_second_meaning_of_a_name_hides_the_first(second: str) -> None:
    first = definitions(f"def test_a(): pass\n{second}".encode())[0]
    assert first.hidden


@pytest.mark.parametrize(
    "second",
    ["test_a = traced(test_a)", "if X:\n    def test_b(): pass", "class T:\n    def test_a(s): 0"],
)
def test_a_name_that_goes_on_hides_nothing(second: str) -> None:
    first = definitions(f"def test_a(): pass\n{second}".encode())[0]
    assert not first.hidden


def test_alternatives_are_guarded_and_not_hidden() -> None:
    both = definitions(b"if X:\n    def test_a(): pass\nelse:\n    def test_a(): pass")
    assert [(one.hidden, one.guarded) for one in both] == [(False, True)] * 2


def test_a_hidden_class_hides_its_functions() -> None:
    both = definitions(b"class T:\n    def test_a(s): 0\nclass T:\n    def test_b(s): 0")
    assert [(one.name, one.hidden) for one in both] == [("T.test_a", True), ("T.test_b", False)]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("def test_a(): pass", True),
        ("def check_a(): pass", False),
        ("class TestIt:\n    def test_a(self): pass", True),
        ("class Checks:\n    def test_a(self): pass", False),
        ("class Checks(unittest.TestCase):\n    def test_a(self): pass", True),
    ],
)
def test_a_test_is_named_by_pytests_patterns(text: str, named: bool) -> None:
    (one,) = definitions(text.encode())
    assert one.is_test(PATTERNS) is named


def test_the_first_line_is_that_of_the_code_object() -> None:
    text = "\n@first\n@second\ndef test_a(): pass\ndef test_b(gate): pass"
    lines = [(one.line, one.uses_gate) for one in definitions(text.encode())]
    assert lines == [(2, False), (5, True)]


def test_fixtures_are_no_tests() -> None:
    text = "import pytest\n@pytest.fixture(scope='session')\ndef test_server(gate): pass"
    assert definitions(text.encode()) == []


def test_a_constructor_keeps_pytest_from_collecting_the_class() -> None:
    one = found("class TestA:\n    def __init__(self): pass\n    def test_a(self): pass")
    assert one["TestA.test_a"].built
