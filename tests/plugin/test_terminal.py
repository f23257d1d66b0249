"""What the terminal shows, more of it and less, and on a real one."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.proxy import proxy
from tests.conftest import END, Gate
from tests.servers import Server

DEMO = ("--pyargs", "gate_checks", "--gate-demo", "no-go")


def test_the_verdict_stands_first_and_last_and_the_bad_checks_before_the_good(
    run_gate: Gate, workers: tuple[str, ...]
) -> None:
    result = run_gate(*workers, *DEMO)
    result.stdout.fnmatch_lines(
        [
            "Overall Status: 🔴 NO-GO",
            "🔴 NO-GO (3 checks)",
            "  • Creative p95 Sustained [[]critical[]]",
            "    p95 4.90 s, limit 4.50 s, for 22m (*mode=creative*",
            "🟡 WARNING (1 check)",
            "🟢 GO (10 checks)",
            "  • API Error Rate",
            "Timestamp: 2026-*Z",
            "🔴 NO-GO (exit code 2): RL Loss Runaway: *",
        ]
    )
    assert result.outlines[-1].startswith("🔴 NO-GO (exit code 2)")
    assert "Traceback" not in result.stdout.str()
    assert "= FAILURES =" not in result.stdout.str()


def test_a_run_that_left_checks_out_says_so_where_the_verdict_stands(
    run_gate: Gate, workers: tuple[str, ...]
) -> None:
    result = run_gate(*workers, "--pyargs", "gate_checks", "--gate-demo", "go", "-k", "latency")
    left_out = "10 checks were deselected"
    result.stdout.fnmatch_lines(["⚠️ All checks that were run passed - partial", f"*: {left_out}"])
    assert "Deployment is GO" not in result.stdout.str()
    ran = f"partial, 4 of 14 checks ran, all passed: {left_out}"
    assert result.outlines[-1] == f"🟡 WARNING (exit code 1): {ran}"


def test_a_run_that_fails_in_part_says_so_too(run_gate: Gate, workers: tuple[str, ...]) -> None:
    last = run_gate(*workers, *DEMO, "-k", "creative").outlines[-1]
    assert last.startswith("🔴 NO-GO (exit code 2): Creative p95 Sustained: ")
    assert last.endswith("; partial: 12 checks were deselected")


def test_values_stand_in_a_column(run_gate: Gate) -> None:
    lines = [line for line in run_gate(*DEMO).outlines if line.startswith("    Value: ")]
    assert len({line.index("|") for line in lines[-9:]}) == 1


@pytest.mark.parametrize(
    ("option", "shown", "hidden"),
    [
        ("-qq", "NO-GO (exit code 2)", "Creative p95 Latency [warning]"),
        ("-q", "Creative p95 Latency [warning]", "• API Error Rate"),
        ("-v", "Query: histogram_quantile( 0.95", "Reason: breach"),
        ("-vv", "Reason: breach", "Traceback"),
    ],
)
def test_verbosity_tells_less_and_more(
    run_gate: Gate, option: str, shown: str, hidden: str
) -> None:
    output = run_gate(*DEMO, option).stdout.str()
    assert shown in output
    assert hidden not in output


def test_the_code_of_a_check_that_breaks_is_shown(
    pytester: pytest.Pytester, run_gate: Gate
) -> None:
    pytester.makepyfile("""
        import pytest
        @pytest.mark.critical
        def test_broken(gate):
            raise KeyError("typo")
    """)
    output = run_gate("--gate-demo=go", ".").stdout
    output.fnmatch_lines([">*raise KeyError*", "E *KeyError: 'typo'"])


def on_a_terminal(
    directory: Path,
    *arguments: str,
    text: str = "",
    when_written: Callable[[], None] = lambda: None,
) -> str:
    """What a run writes to a terminal, colours and all; something is done when it wrote a text."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "pytest", "-p", "deploygate", *arguments]
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "120"}
    process = subprocess.Popen(
        command, cwd=directory, env=environment, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    written = b""
    while chunk := _read(ours):
        written += chunk
        if text.encode() in written:
            when_written()
    os.close(ours)
    process.wait(60)
    return written.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # the other side is closed
        return b""


def test_a_live_line_counts_the_answers_and_is_gone_at_the_end(
    tmp_path: Path, healthy: Server
) -> None:
    with proxy(healthy.url, 0.0) as slow:
        slow.answers.clear()
        line = f"{slow.url}: 0 of 15 queries answered"
        given = ("--pyargs", "gate_checks", f"--prometheus-url={slow.url}", f"--gate-at={END}")
        written = on_a_terminal(tmp_path, *given, text=line, when_written=slow.answers.set)
    assert line in written
    assert "GO (exit code 0)" in written


def test_titles_and_files_are_links_on_a_terminal(tmp_path: Path, healthy: Server) -> None:
    written = on_a_terminal(
        tmp_path,
        "--pyargs",
        "gate_checks",
        f"--prometheus-url={healthy.url}",
        f"--gate-at={END}",
        "--gate-json=gate.json",
    )
    assert f"\x1b]8;;{healthy.url}/graph?g0.expr=" in written
    assert f"\x1b]8;;{(tmp_path / 'gate.json').as_uri()}\x1b\\" in written
