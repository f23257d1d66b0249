"""A gate in a process of its own, which asks the test's server and reaches nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pytest_deploygate.testing import rehearsal
from pytest_deploygate.testing.rehearsal import Rehearsal

# What this run of pytest is told, not the gate; where a gate of GitHub's runner writes its verdict;
# and the credentials for production.
_NOT_THE_GATES = (
    *("PYTEST_ADDOPTS", "PYTEST_CURRENT_TEST", "PYTEST_VERSION", "PYTEST_XDIST_"),
    *("GITHUB_ACTIONS", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "PROMETHEUS_TOKEN"),
)
_LOCAL = "127.0.0.1"


class Ended(NamedTuple):
    """A gate's process that has ended.

    Attributes:
        exit_code: of the process.
        output: what it wrote on its terminal.
        written: what :mod:`.rehearsal` wrote; None if the gate did not come as far.
    """

    exit_code: int
    output: str
    written: Mapping[str, Any] | None


def run(root: Path, directory: Path, arguments: Sequence[str], *, url: str = "") -> Ended:
    """Run ``pytest -p deploygate ARGUMENTS`` and wait for its end.

    Args:
        root: where the process starts, and pytest's root directory.
        directory: an empty one for files of the process.
        arguments: of pytest.
        url: of the server to ask.
    """
    given = Rehearsal(str(directory / "results.json"), url)
    # A checkout that this process can import from, as with python -m pytest, is no accident.
    safe_path = [] if {"", str(root)} & set(sys.path) else ["-P"]
    command = [
        *(sys.executable, *safe_path, "-m", "pytest", "-p", "deploygate", "-p", rehearsal.PLUGIN),
        *("--no-header", "--color=no", f"--rootdir={root}", f"--basetemp={directory / 'tmp'}"),
        *("-o", f"cache_dir={directory / 'cache'}"),
        *arguments,
    ]
    done = subprocess.run(
        command,
        cwd=root,
        env=_environ() | given.environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    )
    written = Path(given.file)
    content = json.loads(written.read_text(encoding="utf-8")) if written.exists() else None
    return Ended(done.returncode, done.stdout.strip(), content)


def _environ() -> dict[str, str]:
    kept = {n: text for n, text in os.environ.items() if not n.startswith(_NOT_THE_GATES)}
    # A proxy of the environment knows no server of this machine.
    direct = {name: _with_local(kept.get(name, "")) for name in ("no_proxy", "NO_PROXY")}
    return kept | direct | {"PYTHONIOENCODING": "utf-8"}


def _with_local(hosts: str) -> str:
    return f"{hosts},{_LOCAL}" if hosts else _LOCAL
