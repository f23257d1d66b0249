"""The README's first check runs as it is pasted."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.conftest import END, Gate
from tests.docs.pages import block, must_show, read
from tests.production import openmetrics, production
from tests.servers import prometheus

LONGEST = 800  # words: one screen and a half; the rest is in docs


def test_it_stays_short() -> None:
    assert len(read("README.md").split()) < LONGEST


@pytest.mark.parametrize(("errors", "code"), [(0.0, 0), (0.031, 2)], ids=["GO", "NO-GO"])
def test_the_first_check_decides_as_shown(
    pytester: pytest.Pytester, run_gate: Gate, tmp_path: Path, errors: float, code: int
) -> None:
    source = block("python", page="README.md")
    pytester.mkdir("gate_checks").joinpath("test_api.py").write_text(source, encoding="utf-8")
    command = block("bash", page="README.md", containing="--gate-html")
    state = production(END).with_error_rate(lambda age: errors)
    with prometheus(openmetrics(state), tmp_path) as server:
        given = command.replace("http://prometheus.example.com:9090", server.url)
        result = run_gate(*shlex.split(given)[3:], f"--gate-at={END}")
    assert result.ret == code
    assert pytester.path.joinpath("gate.html").exists()
    if code == 2:
        must_show(block("text", page="README.md"), result.stdout.str())
