"""Results and reports as a run makes them, for tests of what is made of them."""

from __future__ import annotations

from typing import Any

from pytest_deploygate.core.report import GateReport, SourceInfo
from pytest_deploygate.core.result import Reason, Result, Status
from pytest_deploygate.core.secrets import Redactor
from pytest_deploygate.core.severity import Severity
from pytest_deploygate.core.verdict import Verdict, decide
from pytest_deploygate.reports.json_report import complete

END = 1_790_000_000.0
SERVER = SourceInfo(kind="prometheus", location="https://prometheus.example.com/base/")
RECORDING = SourceInfo(kind="recording", location="evidence.json")
FAILED: dict[str, Any] = {"status": Status.NO_GO, "reason": Reason.BREACH}
ERROR: dict[str, Any] = {
    **{"status": Status.NO_GO, "reason": Reason.ERROR},
    **{"value": None, "message": "refused"},
}

GOOD = Result(
    id="fast_p95",
    name="Fast p95",
    severity=Severity.CRITICAL,
    status=Status.GO,
    reason=Reason.OK,
    message="p95 2.00 s (< 2.50 s)",
    value=2.0,
    threshold=2.5,
    comparison="<",
    unit="seconds",
    labels={"mode": "fast"},
    query='p95{mode="fast"}',
    timestamp=END,
    nodeid="gate_checks/test_latency.py::test_latency[fast_p95]",
)
_REASONS = {
    Status.GO: Reason.OK,
    Status.WARNING: Reason.BREACH,
    Status.NO_GO: Reason.BREACH,
    Status.SKIPPED: Reason.SKIPPED,
    Status.WAIVED: Reason.WAIVED,
}


def result(status: Status = Status.GO, **changes: Any) -> Result:
    """A check of this status, with changes."""
    severity = Severity.WARNING if status is Status.WARNING else Severity.CRITICAL
    usual = {"severity": severity, "reason": _REASONS[status]}
    return GOOD._replace(status=status, **{**usual, **changes})


def measured(*values: float, step: float = 60.0, **changes: Any) -> Result:
    """A check whose history, ending now, has these values; the last one was judged."""
    first = END - step * (len(values) - 1)
    history = tuple((first + step * n, value) for n, value in enumerate(values))
    return result(**{"history": history, "value": values[-1], **changes})


def report(*results: Result, verdict: Verdict | None = None, **changes: Any) -> GateReport:
    """The report of a whole run on a server, with the verdict that a run would reach."""
    bad = changes.get("problems") or changes.get("blind")
    reached = Verdict.NO_GO if bad else decide(results, partial=bool(changes.get("partial")))
    given = {"source": SERVER, "evaluated_at": END, "started_at": END + 1, "duration": 0.5}
    return GateReport(
        verdict=reached if verdict is None else verdict,
        results=results,
        **{**given, **changes},
    )


def document(made: GateReport, *, created: float = END, duration: float = 1.0) -> dict[str, Any]:
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
