"""What an action is, and what it gets to work with."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from pytest_deploygate.core.report import GateReport
from pytest_deploygate.core.secrets import Redactor


class Deadline:
    """The moment so many seconds from now; it can be brought forward."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds until then, never less than 0."""
        return max(0.0, self._end - time.monotonic())

    def bring_forward(self) -> None:
        """End the time now, so that whoever waits stops waiting and cleans up."""
        self._end = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Context:
    """The surroundings of an action.

    Args:
        directory: relative paths begin here.
        environ: the environment variables.
        redactor: learns the secrets of the action.
    """

    directory: Path
    environ: Mapping[str, str]
    redactor: Redactor


class Action(Protocol):
    """One thing to do about a verdict."""

    def describe(self) -> str:
        """What the action would do, on one line, without secrets."""

    def check(self) -> None:
        """Check before the gate runs whether this machine has what the action needs.

        Raises:
            ConfigurationError: something is missing; the message says what.
        """

    def run(self, report: GateReport, deadline: Deadline) -> str:
        """Do it, in a thread of its own. Nobody waits for the thread long after the deadline.

        Args:
            report: the verdict; ``report.actions`` has the results of the actions before.
            deadline: until when it should be done.

        Returns:
            What was done, on the first line; further lines are kept as the output.

        Raises:
            ActionError: it could not be done; the message is used like the returned text.
            TimeoutError: it was not done before the deadline; likewise.
        """


@dataclass(frozen=True, slots=True)
class ActionKind:
    """A kind of action: how an action is made from its table in the configuration.

    Args:
        make: takes the table and the context; raises ConfigurationError if keys contradict each
            other.
        properties: the keys of its own, each with its JSON Schema; the keys of every action are
            added to them.
        required: the keys of its own that must be given.
    """

    make: Callable[[Mapping[str, Any], Context], Action]
    properties: Mapping[str, Any] = field(default_factory=dict)
    required: Sequence[str] = ()
