"""One check judged."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple

from pytest_deploygate.core.criterion import Severity


class Status(StrEnum):
    """The light of one check."""

    GO = "GO"
    WARNING = "WARNING"
    NO_GO = "NO_GO"
    SKIPPED = "SKIPPED"
    WAIVED = "WAIVED"


class Reason(StrEnum):
    """Why a check has its status; measured bad, not measured and no data are different things."""

    OK = "ok"
    BREACH = "breach"
    NO_DATA = "no-data"
    ERROR = "error"
    SKIPPED = "skipped"
    WAIVED = "waived"


class Result(NamedTuple):
    """One check judged.

    ``value`` is what was judged (of the worst series), ``threshold`` what it was held against,
    both in ``unit``; ``failing`` of ``total`` series failed. ``history`` holds the worst series'
    (Unix seconds, value) points where a report wants a chart.
    """

    id: str
    name: str
    severity: Severity
    status: Status
    reason: Reason
    message: str
    value: float | None = None
    threshold: float | None = None
    comparison: str = ""
    unit: str = ""
    labels: Mapping[str, str] = MappingProxyType({})
    query: str = ""
    timestamp: float = 0.0
    failing: int = 0
    total: int = 0
    nodeid: str = ""
    duration: float = 0.0
    marked: bool = True
    warnings: tuple[str, ...] = ()
    history: tuple[tuple[float, float], ...] = ()

    @property
    def evaluated(self) -> bool:
        """Whether something was measured and judged, be it only a part of the series.

        What a source warns of while answering may be missing from every series.
        """
        part = self.reason is Reason.NO_DATA and self.value is not None and not self.warnings
        return part or self.reason in (Reason.OK, Reason.BREACH, Reason.WAIVED)

    @property
    def ok(self) -> bool:
        """Whether this result asks for nothing: GO, skipped or waived."""
        return self.status in (Status.GO, Status.SKIPPED, Status.WAIVED)

    def to_builtins(self) -> dict[str, Any]:
        """Plain builtins, the only thing that may travel between xdist's processes."""
        return {
            **self._asdict(),
            "severity": self.severity.value,
            "status": self.status.value,
            "reason": self.reason.value,
            "value": None if self.value is None else float(self.value),
            "threshold": None if self.threshold is None else float(self.threshold),
            "labels": {str(key): str(value) for key, value in self.labels.items()},
            "warnings": list(self.warnings),
            "history": [[float(time), float(value)] for time, value in self.history],
        }

    @classmethod
    def from_builtins(cls, plain: Mapping[str, Any]) -> Result:
        """The inverse of :meth:`to_builtins`."""
        return cls(**plain)._replace(
            severity=Severity(plain["severity"]),
            status=Status(plain["status"]),
            reason=Reason(plain["reason"]),
            warnings=tuple(plain["warnings"]),
            history=tuple((time, value) for time, value in plain["history"]),
        )
