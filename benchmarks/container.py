"""The gate installed as a container has it: from a wheel, in an environment of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.commands import Command

ROOT = Path(__file__).parent.parent


def installed_python(directory: Path) -> str:
    """Make an environment with the gate's wheel, and return its interpreter.

    pip compiles what it installs. The dependencies have the versions of this environment.
    """
    environment, constraints = directory / "venv", directory / "constraints.txt"
    _run(sys.executable, "-m", "venv", environment)
    constraints.write_text(_run(sys.executable, "-m", "pip", "freeze", "--exclude-editable"))
    _run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", directory, ROOT)
    (wheel,) = directory.glob("*.whl")
    python = environment / "bin" / "python"
    _run(python, "-m", "pip", "install", "-q", "-c", constraints, wheel)
    return str(python)


def in_container(command: Command, python: str, *, keeps_bytecode: bool) -> Command:
    """The same command with that interpreter; most images forbid it to write bytecode."""
    arguments = (python, *command.arguments[1:])
    return replace(command, arguments=arguments, keeps_bytecode=keeps_bytecode)


def _run(*command: str | Path) -> str:
    arguments: Sequence[str | Path] = command
    return subprocess.run(arguments, check=True, stdout=subprocess.PIPE, text=True).stdout
