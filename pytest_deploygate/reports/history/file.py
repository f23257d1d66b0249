"""The history of a gate: a file of which every line is one run, or one round, as JSON."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from pytest_deploygate.core.document import gate_keys
from pytest_deploygate.core.report import GateReport

_OF_A_CHECK = ("id", "name", "severity", "status", "reason", "message")
_NOT_GO = ("NO_GO", "WARNING", "WAIVED")


class HistoryFile:
    """A file to which the verdict is appended, also by several processes at the same time.

    Args:
        path: the file.
    """

    required = False

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, report: GateReport) -> str:
        """Append one line, in one piece."""
        line = json.dumps(entry(report), allow_nan=False) + "\n"
        try:
            append(self._path, line.encode())
        except OSError as error:
            return f"--gate-history {self._path}: could not be written: {error.strerror or error}"
        return ""


def entry(report: GateReport) -> dict[str, Any]:
    """What the history keeps of a run or a round: the verdict, and what failed and why."""
    keys = gate_keys(report)
    failed = [check for check in keys["checks"] if check["status"] in _NOT_GO]
    return {
        "time": keys["timestamp"],
        "verdict": keys["overall_status"],
        "partial": keys["partial"],
        "environment": keys["gate_environment"],
        "context": keys["context"],
        "checks": len(keys["checks"]),
        "problems": keys["problems"],
        "failed": [{name: check[name] for name in _OF_A_CHECK} for check in failed],
    }


def append(path: Path, line: bytes) -> None:
    """Append a line after whole lines only: one that another process left torn is ended first.

    Raises:
        OSError: the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
    with os.fdopen(handle, "r+b", buffering=0) as file:
        _lock(file.fileno())
        size = file.seek(0, os.SEEK_END)
        torn = size and os.pread(file.fileno(), 1, size - 1) != b"\n"
        text = (b"\n" if torn else b"") + line
        if file.write(text) != len(text):
            raise OSError(28, "no space left on device")


def _lock(handle: int) -> None:
    """Wait for other processes; the lock ends when the file is closed."""
    try:
        import fcntl
    except ImportError:  # Windows, where an append is in one piece too
        return
    fcntl.flock(handle, fcntl.LOCK_EX)
