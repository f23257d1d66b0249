"""The examples in "Test your checks" run as they are pasted, plain and with workers."""

from __future__ import annotations

import pytest

from tests import forked
from tests.docs.pages import block, blocks
from tests.servers import executable

PAGE = "docs/how-to/test-your-checks.md"
CHECKS, TESTS = (one.text for one in blocks("python", page=PAGE))
SUMMARY = block("text", page=PAGE).partition("\n")[2]


def test_the_page_as_it_is_pasted(
    pytester: pytest.Pytester, fork_server: str, workers: tuple[str, ...]
) -> None:
    executable("prometheus", "prometheus")
    pytester.makeini(f"[pytest]\naddopts = {' '.join(forked.WITHOUT)}")
    for path, text in (("gate_checks/test_checkout.py", CHECKS), ("tests/test_gate.py", TESTS)):
        pytester.path.joinpath(path).parent.mkdir()
        pytester.path.joinpath(path).write_text(text, "utf-8")
    done = forked.run_pytest(fork_server, pytester.path, *workers, "tests")
    done.assert_outcomes(passed=3)
    assert SUMMARY in done.stdout.str()
