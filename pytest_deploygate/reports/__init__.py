"""What a finished gate report is turned into. None of these asks, judges or knows pytest.

A new report is one module here with ``render(report) -> str``, one line below and its option.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from pytest_deploygate.core.report import GateReport

_RENDERERS = {
    "gate-junit": "junit",
    "gate-html": "html",
    "gate-metrics": "metrics",
    "gate-attest": "attestation",
}

OPTIONS = tuple(_RENDERERS)
"""The options that name a file which is rendered from the report alone."""


def render(option: str, report: GateReport) -> str:
    """The text of the report that an option asks for; its libraries are imported only now."""
    text: str = load(option).render(report)
    return text


def load(option: str) -> Any:
    """Import what renders a report: where there is time to, or when it is rendered."""
    return import_module(f"{__name__}.{_RENDERERS[option]}")
