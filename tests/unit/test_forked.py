"""What the gates under test are started with must not hide how they end."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests import forked
from tests.conftest import Gate


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("pass", 0),
        ("raise SystemExit(3)", 3),
        ("raise SystemExit('no')", 1),
        ("raise ValueError", 1),
        ("raise KeyboardInterrupt", -signal.SIGINT),
        ("import os; os._exit(7)", 7),
        ("import os; os.kill(os.getpid(), 9)", -signal.SIGKILL),
        ("import sys, os; os.close(1); print('x')", 120),
        ("import threading; threading.Thread(target=print, args=['x']).start()", 0),
    ],
)
def test_a_forked_process_ends_as_an_interpreter_does(
    code: str, expected: int, fork_server: str
) -> None:
    with open(os.devnull, "r+") as nothing:
        streams = (nothing.fileno(),) * 3
        process = forked.Process(fork_server, ["-c", code], streams, os.environ)
        assert process.wait(60) == expected


def test_a_process_that_cannot_be_prepared_does_not_end_in_0(fork_server: str) -> None:
    process = forked.Process(fork_server, ["-c", "pass"], (), {"not = a name": "x"})
    assert process.wait(60) == forked.NOT_RUN


def test_a_process_starts_where_and_as_it_was_asked_to(
    fork_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code = (
        "import os, sys; assert sys.path[0] == ''; assert 'gate_checks' not in sys.modules;"
        "open('seen', 'w').write(os.environ['SAID'])"
    )
    with open(os.devnull, "r+") as nothing:
        streams = (nothing.fileno(),) * 3
        process = forked.Process(fork_server, ["-c", code], streams, {"SAID": "so"})
        assert process.wait(60) == 0
    assert (tmp_path / "seen").read_text() == "so"


@pytest.mark.parametrize("start", ["run_gate", "start_gate"])
def test_a_gate_under_test_loads_no_plugin_of_a_development_tool(
    pytester: pytest.Pytester, request: pytest.FixtureRequest, start: str
) -> None:
    """They take longer to load than the gate takes to run, hundreds of times."""
    gate: Gate = request.getfixturevalue(start)
    pytester.makeconftest("""
        import sys
        TOOLS = ("hypothesis", "_hypothesis_pytestplugin", "syrupy")
        def pytest_unconfigure():
            with open("loaded", "w") as file:
                file.write(str([name for name in TOOLS if name in sys.modules]))
    """)
    gate()
    assert (pytester.path / "loaded").read_text() == "[]"
