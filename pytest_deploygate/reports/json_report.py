"""The gate's keys in pytest-json-report's document (schema: ``schemas/report.schema.json``)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from pytest_deploygate.document import gate_keys
from pytest_deploygate.model import Status
from pytest_deploygate.redaction import Redactor
from pytest_deploygate.report import GateReport


def complete(document: dict[str, Any], report: GateReport, redactor: Redactor) -> None:
    """Add the gate's keys, in place; twice does no harm."""
    document.update(redactor.document(_strict(dict(document))))
    document["exitcode"] = report.exit_code
    document["summary"] = {**document.get("summary", {}), **_counts(report)}
    document.update(redactor.document(gate_keys(report)))


def render(document: Mapping[str, Any]) -> str:
    """Strict JSON: what no strict parser takes has been replaced before."""
    return json.dumps(document, allow_nan=False, indent=1, default=str) + "\n"


def _counts(report: GateReport) -> dict[str, int]:
    counts = report.counts
    return {
        "go": counts[Status.GO],
        "warning": counts[Status.WARNING],
        "no_go": counts[Status.NO_GO],
        "skipped_checks": counts[Status.SKIPPED],
        "waived": counts[Status.WAIVED],
    }


def _strict(value: Any) -> Any:
    """No bare NaN, no lone surrogate, no control characters from a test's output."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {str(key): _strict(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(item) for item in value]
    return value
