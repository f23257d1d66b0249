"""Gate reports as a run makes them, for what turns reports into something else."""

from __future__ import annotations

from typing import Any

from pytest_deploygate.core.criterion import Severity
from pytest_deploygate.core.report import GateReport
from pytest_deploygate.core.result import Reason, Result, Status
from pytest_deploygate.core.secrets import Redactor
from pytest_deploygate.core.verdict import Verdict, decide
from pytest_deploygate.reports.json_report import complete

NOW = 1_790_000_000.0
_REASONS = {
    Status.GO: Reason.OK,
    Status.WARNING: Reason.BREACH,
    Status.NO_GO: Reason.BREACH,
    Status.SKIPPED: Reason.SKIPPED,
    Status.WAIVED: Reason.WAIVED,
}


def result(status: Status = Status.GO, **fields: Any) -> Result:
    """A check of this status."""
    severity = Severity.WARNING if status is Status.WARNING else Severity.CRITICAL
    given = {
        "id": "fast_p95_latency",
        "name": "Fast p95 Latency",
        "severity": severity,
        "reason": _REASONS[status],
        "message": "p95 2.12 s (limit 2.50 s)",
        "value": 2.12,
        "threshold": 2.5,
        "comparison": "<",
        "unit": "seconds",
        "timestamp": NOW,
        **fields,
    }
    return Result(status=status, **given)


def report(*results: Result, **fields: Any) -> GateReport:
    """A finished report of these checks, judged as a run judges them."""
    bad = fields.get("problems") or fields.get("blind")
    given: dict[str, Any] = {
        "verdict": Verdict.NO_GO if bad else decide(results),
        "evaluated_at": NOW,
        "started_at": NOW,
        **fields,
    }
    return GateReport(results=results, **given)


def document(made: GateReport, *, created: float = NOW, duration: float = 1.0) -> dict[str, Any]:
    """The JSON report of a run that ended at ``created``."""
    written: dict[str, Any] = {
        "created": created,
        "duration": duration,
        "exitcode": 0,
        "root": "/project",
        "environment": {},
        "summary": {"passed": 1, "total": 1, "collected": 1},
        "tests": [{"nodeid": "test_api.py::test_api", "outcome": "passed"}],
    }
    complete(written, made, Redactor())
    return written
