"""The report of a backtest, from which its outputs are made.

A step stands for the time until the next one: a verdict holds until the gate is asked again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pytest_deploygate.core.report import SourceInfo
from pytest_deploygate.core.result import Reason, Status
from pytest_deploygate.core.severity import Severity
from pytest_deploygate.core.verdict import Verdict

SHARES = {"1%": 0.01, "0.1%": 0.001, "0%": 0.0}
"""The shares of time that a suggested limit may block, by the names that the reports give them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckHistory:
    """One check at every step. Its times are in seconds.

    Attributes:
        limit: with the thresholds of this backtest.
        comparison: its symbol.
        statuses: one for each step, as are the reasons, the values and the labels.
        values: of the worst series; None where none was judged.
        labels: of the worst series.
        alone: how long it was the only check that was NO-GO.
        together: how long it was NO-GO with others.
        failed: how long it was not GO or SKIPPED.
        no_data: how long its reason was no data.
        unanswered: how long its reason was an error.
        flaps: how often its status changed.
    """

    id: str
    name: str
    severity: Severity
    unit: str
    comparison: str
    limit: float
    statuses: tuple[Status, ...]
    reasons: tuple[Reason, ...]
    values: tuple[float | None, ...]
    labels: tuple[Mapping[str, str], ...]
    alone: float
    together: float
    failed: float
    no_data: float
    unanswered: float
    flaps: int

    @property
    def blocked(self) -> float:
        """How long it was NO-GO, in seconds."""
        return self.alone + self.together


@dataclass(frozen=True, kw_only=True, slots=True)
class Period:
    """An unbroken time of NO-GO, in Unix seconds; ``end`` is the first step that is not.

    Attributes:
        failed: the ids of the checks that were NO-GO, the longest first.
        why: what made it NO-GO where no check did, such as that the gate was blind; else empty.
        culprits: the worst series behind a failure, in words, by the id of the check.
        incidents: the names of the incidents during it; None where incidents are not known.
    """

    begin: float
    end: float
    failed: tuple[str, ...]
    why: str = ""
    culprits: Mapping[str, str]
    incidents: tuple[str, ...] | None = None

    @property
    def length(self) -> float:
        """In seconds."""
        return self.end - self.begin


@dataclass(frozen=True, kw_only=True, slots=True)
class Incident:
    """A time in which production was ill, in Unix seconds, ``end`` not included.

    Attributes:
        delay: seconds from its start to the first NO-GO; None if the gate did not see it.
    """

    name: str
    start: float
    end: float
    delay: float | None = None

    @property
    def seen(self) -> bool:
        """Whether the gate was NO-GO during it."""
        return self.delay is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class Incidents:
    """The incidents, and what the gate made of them. Its times are in seconds.

    Attributes:
        incidents: those within the backtest.
        outside: names of those that are not.
        periods: how many periods of NO-GO there were, and ``false_periods`` those in no incident.
        during: how long an incident was, and ``blocked`` how long of that the gate was NO-GO.
        false_alarm: how long it was NO-GO outside of incidents.
    """

    incidents: tuple[Incident, ...]
    outside: tuple[str, ...]
    periods: int
    false_periods: int
    during: float
    blocked: float
    false_alarm: float

    @property
    def seen(self) -> int:
        """How many incidents the gate saw."""
        return sum(one.seen for one in self.incidents)

    @property
    def recall(self) -> float | None:
        """The share of the incidents that the gate saw; None without an incident."""
        return self.seen / len(self.incidents) if self.incidents else None

    @property
    def precision(self) -> float | None:
        """The share of the periods of NO-GO that were incidents; None without a period."""
        return 1 - self.false_periods / self.periods if self.periods else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Deployment:
    """A deployment, in Unix seconds, and the verdict that it would have had.

    ``verdict`` is that of the last step until then; None outside of the backtest.
    """

    time: float
    name: str
    verdict: Verdict | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What the gate would have said with one set of thresholds.

    Attributes:
        verdicts: one for each step.
        incidents: None where they are not known; the same holds for ``deployments``.
    """

    verdicts: tuple[Verdict, ...]
    checks: tuple[CheckHistory, ...]
    periods: tuple[Period, ...]
    incidents: Incidents | None
    deployments: tuple[Deployment, ...] | None

    def share(self, verdict: Verdict) -> float:
        """The share of the steps that have this verdict."""
        return self.verdicts.count(verdict) / len(self.verdicts)


@dataclass(frozen=True, kw_only=True, slots=True)
class Suggestion:
    """The values of one check outside of incidents, and limits that fit them.

    Attributes:
        key: of the named threshold; empty if the limit is a number.
        limit: the present one.
        median: half of the time the value of the worst series was this good or better; ``p95`` and
            ``p99`` the same for 95 % and 99 % of it. None without a value.
        worst: the worst value.
        limits: the strictest limit that blocks at most so much of the time, by a name of
            :data:`SHARES`; None if no limit does.
    """

    id: str
    name: str
    key: str
    unit: str
    comparison: str
    limit: float
    median: float | None
    p95: float | None
    p99: float | None
    worst: float | None
    limits: Mapping[str, float | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class BacktestReport:
    """A backtest.

    Attributes:
        start: the first step, in Unix seconds.
        end: where the last step ends, in Unix seconds.
        step: seconds from one step to the next.
        outcome: with the thresholds of the gate.
        against: with those of ``--against``, which are ``other_thresholds``.
        suggestions: None if none were asked for.
        toml: lines for ``[thresholds]`` by the share of time that they block.
        left_out: the names of tests of their own code, and of checks that are left out.
        problems: what could not be answered; the result is not whole.
        notices: worth a line.
        queries: how many range queries were asked.
        duration: how long it took, in seconds.
        deployed_at: when the new version was deployed, in Unix seconds; None if nobody said.
    """

    start: float
    end: float
    step: float
    times: tuple[float, ...]
    outcome: Outcome
    against: Outcome | None
    other_thresholds: Mapping[str, float]
    suggestions: tuple[Suggestion, ...] | None
    toml: Mapping[str, str]
    left_out: tuple[str, ...]
    problems: tuple[str, ...]
    notices: tuple[str, ...]
    source: SourceInfo
    configuration: str
    environment: str
    selection: str
    variables: Mapping[str, str]
    queries: int
    duration: float
    deployed_at: float | None = None

    @property
    def blocks(self) -> bool:
        """Whether the verdict was NO-GO at any step."""
        return Verdict.NO_GO in self.outcome.verdicts
