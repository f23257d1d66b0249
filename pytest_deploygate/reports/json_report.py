"""The gate's keys in pytest-json-report's document (schema: ``schemas/report.schema.json``)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from pytest_deploygate.core.document import gate_keys
from pytest_deploygate.core.report import GateReport
from pytest_deploygate.core.result import Status
from pytest_deploygate.core.secrets import Redactor

_PRETTY_UP_TO = 200  # checks; without indentation the encoder is a C function


def complete(document: dict[str, Any], report: GateReport, redactor: Redactor) -> None:
    """Add the gate's keys, in place, to a document that somebody else will write."""
    document.update(_hidden(_strict({**document, **_keys(document, report)}), redactor))


def render(document: Mapping[str, Any], report: GateReport, redactor: Redactor) -> str:
    """The document with the gate's keys, as strict JSON."""
    whole = {**document, **_keys(document, report)}
    indent = 1 if len(report.results) <= _PRETTY_UP_TO else None
    try:
        text = json.dumps(whole, allow_nan=False, indent=indent, default=str)
    except ValueError:
        text = ""
    if not text or "\\ud" in text:  # NaN, or perhaps a lone surrogate: rare, and slow to look for
        text = json.dumps(_strict(whole), indent=indent, default=str)
    if redactor.text(text) != text:
        text = json.dumps(_hidden(json.loads(text), redactor), indent=indent)
    return text + "\n"


def _hidden(whole: dict[str, Any], redactor: Redactor) -> dict[str, Any]:
    """The document without secrets in any text.

    A time holds no secret, though a password may be a part of one, such as a year.
    """
    clean: dict[str, Any] = redactor.document(whole)
    pairs = zip(clean["checks"], whole["checks"], strict=True)
    checks = [{**check, "timestamp": given["timestamp"]} for check, given in pairs]
    return {
        **clean,
        "checks": checks,
        "rounds": whole["rounds"],
        "timestamp": whole["timestamp"],
    }


def _keys(document: Mapping[str, Any], report: GateReport) -> dict[str, Any]:
    counts = {**document.get("summary", {}), **_counts(report)}
    return {"exitcode": report.exit_code, "summary": counts, **gate_keys(report)}


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
