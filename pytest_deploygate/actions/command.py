"""Run a command, such as ``docker compose`` or ``kubectl``."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from pytest_deploygate.actions.base import ActionKind, Context, Deadline
from pytest_deploygate.actions.process import ARGV, execute, refuse_missing
from pytest_deploygate.core.report import GateReport


class Command:
    """Runs an argument list, without a shell, in the directory of the configuration."""

    def __init__(self, options: Mapping[str, Any], context: Context) -> None:
        self._argv: list[str] = options["command"]
        self._context = context

    def describe(self) -> str:
        """The command, as it would be typed in a shell."""
        return shlex.join(self._argv)

    def check(self) -> None:
        """The command exists."""
        refuse_missing(self._argv, self._context)

    def run(self, report: GateReport, deadline: Deadline) -> str:
        """Its exit code and the end of its output."""
        return execute(self._argv, self._context, report, deadline)


COMMAND = ActionKind(Command, {"command": ARGV}, ("command",))
