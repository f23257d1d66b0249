"""Downshift a service to a cheaper mode (the document's 3.3 and 7.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_deploygate.actions.base import ActionKind, Context, Deadline
from pytest_deploygate.actions.endpoint import PLACES, Endpoint, one_of, properties, text_schema
from pytest_deploygate.actions.function import REFERENCE, load
from pytest_deploygate.core.errors import ActionError, ConfigurationError
from pytest_deploygate.core.report import GateReport

MODES = ("creative", "balanced", "fast")
"""The modes of the document, the slowest first."""


class Downshift:
    """Sends the modes before and after to the service's admin endpoint, or to a manager object.

    Raises:
        ConfigurationError: the second mode is not cheaper, or not exactly one receiver is given.
    """

    def __init__(self, options: Mapping[str, Any], context: Context) -> None:
        self._service = options.get("service", "llm")
        self._from = options["from"]
        self._to = options.get("to") or MODES[MODES.index(self._from) + 1]
        if MODES.index(self._to) <= MODES.index(self._from):
            raise ConfigurationError(
                f"from {self._from} to {self._to} is not a downshift; "
                f"the order is {' → '.join(MODES)}"
            )
        self._context = context
        self._function: str = options.get("function", "")
        place = one_of(options, (*PLACES, "function"))
        self._endpoint = None if self._function else Endpoint(place, options, context)

    def describe(self) -> str:
        """Both modes, and the receiver."""
        receiver = f"POST to {self._endpoint}" if self._endpoint else self._function
        return f"{self._shift()} by {receiver}"

    def check(self) -> None:
        """The address or the function exists."""
        if self._endpoint:
            self._endpoint.check()
        else:
            load(self._function, self._context)

    def run(self, report: GateReport, deadline: Deadline) -> str:
        """Shift down; it has failed if the manager returns another mode than the requested one."""
        if self._endpoint:
            document = {"service": self._service, "from": self._from, "to": self._to}
            return f"{self._shift()}; {self._endpoint.post(document, deadline)}"
        manager = load(self._function, self._context)()
        mode = manager.apply_downshift(self._service, self._from, self._to)
        # Many managers return nothing: only another mode is a sure sign of failure.
        if isinstance(mode, str) and mode != self._to:
            raise ActionError(f"{self._shift()} was requested, but the manager returned {mode}")
        return self._shift()

    def _shift(self) -> str:
        return f"{self._service}: {self._from} → {self._to}"


DOWNSHIFT = ActionKind(
    Downshift,
    {
        "service": text_schema("the name that is sent (llm)"),
        "from": {"enum": list(MODES[:-1]), "description": "the mode now"},
        "to": {"enum": list(MODES[1:]), "description": "a cheaper mode; else the next cheaper one"},
        "function": REFERENCE,
        **properties(PLACES),
    },
    ("from",),
)
