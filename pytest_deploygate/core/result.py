"""One check judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple

from pytest_deploygate.core.severity import Severity
from pytest_deploygate.core.waivers import Waiver


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


class CheckRounds(NamedTuple):
    """How one check fared in all rounds. Times are Unix seconds.

    Attributes:
        statuses: one for each round of the report, None where the check was not judged.
        first_failed: the first round in which it was neither GO nor skipped, None if there is none.
        last_failed: the last of these rounds.
        longest: the longest time in seconds for which it may have failed without a break: from
            the first round of a failure to the first one after it.
        evaluated: whether something was measured and judged in any round.
    """

    statuses: tuple[Status | None, ...]
    first_failed: float | None = None
    last_failed: float | None = None
    longest: float = 0.0
    evaluated: bool = True

    @property
    def counts(self) -> Mapping[Status, int]:
        """In how many rounds it had each status."""
        return Counter(status for status in self.statuses if status is not None)


class Sides(NamedTuple):
    """What a comparison found on its two sides.

    Attributes:
        new: the value of the new side, in ``unit``.
        old: the value of the old side.
        lower: the lower end of the interval of their ratio, None if there is none.
        upper: the upper end.
        history: points (Unix seconds, value) of the old side, for a chart.
    """

    new: float
    old: float
    lower: float | None
    upper: float | None
    unit: str
    history: tuple[tuple[float, float], ...] = ()


def _sides(
    new: float,
    old: float,
    lower: float | None,
    upper: float | None,
    unit: str,
    history: Sequence[Sequence[float]],
) -> Sides:
    return Sides(new, old, lower, upper, unit, tuple((time, value) for time, value in history))


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
        sides: what was compared, None where the value is that of a series. The history is then
            that of the new side.
        rounds: how the check fared in a watch or a wait, None in an ordinary run. It stays in the
            process that judged it: a watch has only one.
        waived: why it failed, as far as that is waived; None if nothing is. With another status
            than WAIVED, something else failed besides.
        waivers: what waived it.
        pending: whether it has no data, and more time alone gives it some: it is measured already.
            A watch waits for that.
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
    sides: Sides | None = None
    rounds: CheckRounds | None = None
    waived: Reason | None = None
    waivers: tuple[Waiver, ...] = ()
    pending: bool = False

    @property
    def evaluated(self) -> bool:
        """Whether something was measured and judged, even if only some of the series.

        What is proved neither good nor bad was judged: it has no data, and a value. An answer with
        warnings does not count: the missing part may belong to every series. Of several rounds one
        is enough.
        """
        if self.rounds is not None:
            return self.rounds.evaluated
        reason = self.waived if self.waived and self.status is Status.WAIVED else self.reason
        part = reason is Reason.NO_DATA and self.value is not None and not self.warnings
        whole = reason in (Reason.OK, Reason.BREACH, Reason.WAIVED)
        return part or whole or self.waived is Reason.BREACH

    @property
    def failed(self) -> bool:
        """Whether it stands in the way of a GO, or of more than a WARNING."""
        return self.status in (Status.NO_GO, Status.WARNING)

    @property
    def ok(self) -> bool:
        """Whether nobody has to do anything: GO, skipped or waived."""
        return self.status in (Status.GO, Status.SKIPPED, Status.WAIVED)

    @property
    def is_freeze(self) -> bool:
        """Whether it is a change freeze; a test of this name is not."""
        return self.id.startswith("freeze[") and not self.nodeid

    def to_builtins(self) -> dict[str, Any]:
        """Return plain builtins, the only values that may travel between xdist's processes."""
        return {
            **self._asdict(),
            "rounds": None,
            "severity": self.severity.value,
            "status": self.status.value,
            "reason": self.reason.value,
            "value": None if self.value is None else float(self.value),
            "threshold": None if self.threshold is None else float(self.threshold),
            "labels": {str(key): str(value) for key, value in self.labels.items()},
            "warnings": list(self.warnings),
            "history": [[float(time), float(value)] for time, value in self.history],
            "waived": self.waived and self.waived.value,
            "waivers": [waiver.to_builtins() for waiver in self.waivers],
            "sides": self.sides and [*self.sides[:-1], [list(one) for one in self.sides.history]],
        }

    @classmethod
    def from_builtins(cls, plain: Mapping[str, Any]) -> Result:
        """Return the result that :meth:`to_builtins` was called on."""
        sides = plain["sides"]
        return cls(**plain)._replace(
            severity=Severity(plain["severity"]),
            status=Status(plain["status"]),
            reason=Reason(plain["reason"]),
            warnings=tuple(plain["warnings"]),
            history=tuple((time, value) for time, value in plain["history"]),
            waived=plain["waived"] and Reason(plain["waived"]),
            waivers=tuple(map(Waiver.from_builtins, plain["waivers"])),
            sides=sides and _sides(*sides),
        )
