"""What a shell is told that completes a command line with argcomplete."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


def completed(line: str, directory: Path) -> set[str]:
    """The words that can follow, as the shell's function gets them: on descriptor 8."""
    command = Path(sys.executable).with_name(line.partition(" ")[0])
    environ = {
        **os.environ,
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_IFS": "\v",
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
        "COMP_TYPE": "9",
        "PYTEST_ADDOPTS": "",
    }
    script = f"exec {command} 8>&1 9>/dev/null 1>/dev/null 2>/dev/null"
    done = subprocess.run(
        ["sh", "-c", script], env=environ, cwd=directory, capture_output=True, text=True, timeout=60
    )
    return set(filter(None, map(str.strip, done.stdout.split("\v"))))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("pytest -p deploygate --gate-h", {"--gate-html", "--gate-history"}),
        ("pytest -p deploygate --gate-demo ", {"go", "warning", "no-go"}),
        ("deploygate ver", {"verify"}),
        ("deploygate verify --allow-", {"--allow-warning", "--allow-waived"}),
        ("deploygate ci --w", {"--watch"}),
    ],
)
def test_options_commands_and_values_are_completed(
    line: str, words: set[str], tmp_path: Path
) -> None:
    assert completed(line, tmp_path) >= words
