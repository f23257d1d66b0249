"""One check judged."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple

from pytest_deploygate.core.severity import Severity


class Status(StrEnum):
    """The status of one check, as people see it."""

    GO = "GO"
    WARNING = "WARNING"
    NO_GO = "NO_GO"
    SKIPPED = "SKIPPED"
    WAIVED = "WAIVED"


class Reason(StrEnum):
    """Why a check has its status. A bad value, a failed query and no data are different reasons."""

    OK = "ok"
    BREACH = "breach"
    NO_DATA = "no-data"
    ERROR = "error"
    SKIPPED = "skipped"
    WAIVED = "waived"


class Result(NamedTuple):
    """One check judged.

    Attributes:
        value: what was judged, of the worst series, in ``unit``; None if nothing was judged.
        threshold: the limit that the value was held against, in ``unit``.
        labels: of the worst series.
        timestamp: the evaluation time, in Unix seconds.
        failing: number of the series that failed, of ``total``.
        marked: whether the test is marked critical or warning.
        warnings: what the source warned of.
        history: points (Unix seconds, value) of the worst series, for a chart.
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
        """Whether something was measured and judged, even if only some of the series.

        An answer with warnings does not count: the missing part may belong to every series.
        """
        part = self.reason is Reason.NO_DATA and self.value is not None and not self.warnings
        return part or self.reason in (Reason.OK, Reason.BREACH, Reason.WAIVED)

    @property
    def ok(self) -> bool:
        """Whether nobody has to do anything: GO, skipped or waived."""
        return self.status in (Status.GO, Status.SKIPPED, Status.WAIVED)

    def to_builtins(self) -> dict[str, Any]:
        """Return plain builtins, the only values that may travel between xdist's processes."""
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
        """Return the result that :meth:`to_builtins` was called on."""
        return cls(**plain)._replace(
            severity=Severity(plain["severity"]),
            status=Status(plain["status"]),
            reason=Reason(plain["reason"]),
            warnings=tuple(plain["warnings"]),
            history=tuple((time, value) for time, value in plain["history"]),
        )
