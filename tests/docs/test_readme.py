"""The README's first check runs as it is pasted."""

from __future__ import annotations

import shlex

import pytest

from tests.conftest import END, Gate
from tests.docs.pages import block, read
from tests.servers import Server

LONGEST = 800  # words: one screen and a half; the rest is in docs


def test_it_stays_short() -> None:
    assert len(read("README.md").split()) < LONGEST


@pytest.mark.parametrize(("limit", "code"), [("0.01", 0), ("-1", 2)])
def test_the_first_check_decides(
    pytester: pytest.Pytester, run_gate: Gate, healthy: Server, limit: str, code: int
) -> None:
    source = block("python", page="README.md").replace("below=0.01", f"below={limit}")
    pytester.mkdir("gate_checks").joinpath("test_api.py").write_text(source, encoding="utf-8")
    command = block("bash", page="README.md", containing="--gate-html")
    given = command.replace("http://prometheus.example.com:9090", healthy.url)
    result = run_gate(*shlex.split(given)[3:], f"--gate-at={END}")
    assert result.ret == code
    assert pytester.path.joinpath("gate.html").exists()
