"""Call a Python function with the report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_deploygate.actions.base import ActionKind, Context, Deadline
from pytest_deploygate.actions.function import REFERENCE, load
from pytest_deploygate.core.report import GateReport


class Python:
    """Calls ``function(report)``. What it returns is the message; it fails if it raises."""

    def __init__(self, options: Mapping[str, Any], context: Context) -> None:
        self._reference: str = options["function"]
        self._context = context

    def describe(self) -> str:
        """The call."""
        return f"{self._reference}(report)"

    def check(self) -> None:
        """The function can be imported."""
        load(self._reference, self._context)

    def run(self, report: GateReport, deadline: Deadline) -> str:
        """The text that the function returns."""
        answer = load(self._reference, self._context)(report)
        return f"{self._reference} returned" if answer is None else f"{self._reference}: {answer}"


PYTHON = ActionKind(Python, {"function": REFERENCE}, ("function",))
