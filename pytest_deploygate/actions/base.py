"""What an action is, and what it is given."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from pytest_deploygate.core.report import GateReport
from pytest_deploygate.core.secrets import Redactor


class Deadline:
    """A moment that many seconds from now, which can be brought forward."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds until then, never less than 0."""
        return max(0.0, self._end - time.monotonic())

    def bring_forward(self) -> None:
        """The time is over now: whoever waits should stop waiting and clean up."""
        self._end = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Context:
    """What surrounds an action: where relative paths begin, the environment, what is secret."""

    directory: Path
    environ: Mapping[str, str]
    redactor: Redactor


class Action(Protocol):
    """One thing that is done about a verdict."""

    def describe(self) -> str:
        """What it would do, on one line, without secrets."""

    def check(self) -> None:
        """Find out before the gate runs whether this machine has what it needs.

        Raises:
            ConfigurationError: it has not; the message says what is missing.
        """

    def run(self, report: GateReport, deadline: Deadline) -> str:
        """Do it, in a thread of its own that is given up shortly after the deadline.

        ``report.actions`` holds what came of the actions before. The first line of the answer
        tells what was done, further lines are kept as its output.

        Raises:
            ActionError: it could not be done; the message is told like the answer.
            TimeoutError: it was not done before the deadline; its message likewise.
        """


@dataclass(frozen=True, slots=True)
class ActionKind:
    """A kind of action: how one is made from its table in the configuration.

    Args:
        make: takes the table and the context; raises ConfigurationError for keys that contradict
            each other.
        properties: the keys that it has besides those of every action, each with its JSON Schema.
        required: those of them that must be given.
    """

    make: Callable[[Mapping[str, Any], Context], Action]
    properties: Mapping[str, Any] = field(default_factory=dict)
    required: Sequence[str] = ()
