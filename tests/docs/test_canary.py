"""The example of "New against old" runs as it is pasted."""

from __future__ import annotations

import pytest

from tests.conftest import END, Gate
from tests.docs.pages import block
from tests.extras import needs
from tests.servers import Server

needs("scipy")


def test_the_example_is_judged_as_pasted(
    pytester: pytest.Pytester, run_gate: Gate, healthy: Server
) -> None:
    source = block("python", page="docs/how-to/canary.md", containing="def test_")
    pytester.path.joinpath("test_canary.py").write_text(source, encoding="utf-8")
    options = (f"--prometheus-url={healthy.url}", f"--gate-at={END}", "--gate-var=version=2")
    result = run_gate("test_canary.py", *options)
    assert result.ret == 2  # nothing is measured: the gate is blind
    result.stdout.fnmatch_lines(["*new (version=2) matches nothing*"])
