"""The gate's keys in pytest-json-report's document (schema: ``schemas/report.schema.json``)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pytest_deploygate.model import Result, Status
from pytest_deploygate.redaction import Redactor
from pytest_deploygate.report import GateReport

SCHEMA_VERSION = 1


def complete(document: dict[str, Any], report: GateReport, redactor: Redactor) -> None:
    """Add the gate's keys, in place; twice does no harm."""
    document.update(redactor.document(_strict(dict(document))))
    document["exitcode"] = report.exit_code
    document["summary"] = {**document.get("summary", {}), **_counts(report)}
    document["deploygate"] = {"schema": SCHEMA_VERSION}
    document["overall_status"] = report.verdict.value
    document["timestamp"] = _iso(report.evaluated_at)
    document["partial"] = bool(report.partial)
    document["partial_reason"] = report.partial
    document["sentence"] = report.sentence
    document["problems"] = [*report.problems, *([report.blind] if report.blind else [])]
    document["notices"] = list(report.notices)
    document["advisory"] = report.advisory
    document["gate_environment"] = report.environment
    document["source"] = {
        "kind": report.source.kind,
        "location": redactor.text(report.source.location),
    }
    document["configured"] = [
        {"name": c.name, "value": c.value, "default": c.default, "origin": c.origin}
        for c in report.changes
    ]
    document["checks"] = [_check(result) for result in report.results]


def render(document: Mapping[str, Any]) -> str:
    """Strict JSON: what no strict parser takes has been replaced before."""
    return json.dumps(document, allow_nan=False, indent=1, default=str) + "\n"


def _check(result: Result) -> dict[str, Any]:
    return {
        "id": result.id,
        "name": result.name,
        "severity": result.severity.value,
        "status": result.status.value,
        "reason": result.reason.value,
        "value": _finite(result.value),
        "threshold": _finite(result.threshold),
        "comparison": result.comparison,
        "unit": result.unit,
        "message": result.message,
        "labels": dict(result.labels),
        "query": result.query,
        "timestamp": _iso(result.timestamp) if result.timestamp else None,
        "failing": result.failing,
        "total": result.total,
        "warnings": list(result.warnings),
        "nodeid": result.nodeid,
    }


def _counts(report: GateReport) -> dict[str, int]:
    counts = report.counts
    return {
        "go": counts[Status.GO],
        "warning": counts[Status.WARNING],
        "no_go": counts[Status.NO_GO],
        "skipped_checks": counts[Status.SKIPPED],
        "waived": counts[Status.WAIVED],
    }


def _iso(time: float) -> str:
    moment = datetime.fromtimestamp(time, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


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
