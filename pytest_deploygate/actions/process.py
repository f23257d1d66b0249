"""Run commands without a shell, each in a process group that is ended when its time is over."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from pytest_deploygate.actions.base import Context, Deadline
from pytest_deploygate.core.errors import ActionError, ConfigurationError
from pytest_deploygate.core.report import GateReport
from pytest_deploygate.core.text import printable

ARGV = {
    "type": "array",
    "items": {"type": "string"},
    "minItems": 1,
    "description": "a program and its arguments, without a shell",
}
"""The JSON Schema of a command."""

_MOST_OUTPUT = 8 * 1024  # bytes; an error is usually at the end of the output
_CHUNK = 64 * 1024
_POLL = 0.1  # seconds
_TO_END = 1.0  # seconds between SIGTERM and SIGKILL


def refuse_missing(argv: Sequence[str], context: Context) -> None:
    """Check whether a command exists, in the same places in which it will be looked for.

    Raises:
        ConfigurationError: it does not exist, or is not executable.
    """
    program = argv[0]
    if "/" in program:
        found = shutil.which(context.directory / program)
        where = f"in {context.directory}"
    else:
        found, where = shutil.which(program, path=context.environ.get("PATH")), "on the PATH"
    if found is None:
        raise ConfigurationError(f"command {program!r} is not found {where}, or not executable")


def execute(argv: Sequence[str], context: Context, report: GateReport, deadline: Deadline) -> str:
    """Run a command to its end, in the directory of the configuration.

    Returns:
        The exit code and the last line of its output, then the end of the output.

    Raises:
        ActionError: it cannot be started, or its exit code is not 0.
        TimeoutError: the time is over; the process group is ended.
    """
    process = _started(argv, context.directory, {**context.environ, **variables(report)})
    assert process.stdout is not None
    tail = _Tail(process.stdout)
    try:
        _wait(process, deadline)
    except subprocess.TimeoutExpired:
        _end_group(process)
        raise TimeoutError(tail.text()) from None
    summary = _summary(process.returncode, tail.text())
    if process.returncode:
        raise ActionError(summary)
    return summary


def variables(report: GateReport) -> dict[str, str]:
    """The verdict as environment variables for a command."""
    failed = [result.id for result in report.results if not result.ok]
    return {
        "DEPLOYGATE_VERDICT": report.verdict.label,
        "DEPLOYGATE_EXIT_CODE": str(report.exit_code),
        "DEPLOYGATE_SENTENCE": printable(report.sentence),
        "DEPLOYGATE_FAILED": " ".join(printable(name) for name in failed),
        "DEPLOYGATE_ENVIRONMENT": report.environment,
    }


def _started(
    argv: Sequence[str], directory: Path, environ: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            argv,
            cwd=directory,
            env=environ,
            # A command that asks a question would wait for an answer that nobody gives.
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # Its own process group, so that everything that it starts can be ended with it.
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        cause = getattr(error, "strerror", None) or str(error)
        raise ActionError(f"{argv[0]!r} cannot be started: {cause}") from None


def _wait(process: subprocess.Popen[bytes], deadline: Deadline) -> None:
    """Wait in short steps, because the deadline can be brought forward meanwhile."""
    while deadline.left:
        with suppress(subprocess.TimeoutExpired):
            process.wait(min(_POLL, deadline.left))
            return
    process.wait(0)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End the command and everything that it started, first with SIGTERM, then with SIGKILL."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_TO_END)
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _summary(code: int, output: str) -> str:
    ended = f"ended by signal {-code}" if code < 0 else f"exit code {code}"
    lines = output.splitlines()
    summary = f"{ended}: {lines[-1]}" if lines else ended
    return f"{summary}\n{output}" if len(lines) > 1 else summary


class _Tail:
    """Reads a pipe to its end and keeps the last part.

    It has a thread of its own: a process that stays in the background keeps the pipe open, and
    must not be waited for.
    """

    def __init__(self, pipe: IO[bytes]) -> None:
        self._kept = b""
        self._thread = threading.Thread(target=self._read, args=(pipe,), daemon=True)
        self._thread.start()

    def _read(self, pipe: IO[bytes]) -> None:
        with pipe:
            while chunk := os.read(pipe.fileno(), _CHUNK):
                self._kept = (self._kept + chunk)[-_MOST_OUTPUT:]

    def text(self) -> str:
        """The end of the output, as far as it was read."""
        self._thread.join(_TO_END / 2)
        return self._kept.decode("utf-8", "replace").strip()
