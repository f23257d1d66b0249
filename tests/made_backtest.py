"""Reports of backtests as the command makes them, for tests of what is made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from pytest_deploygate.core.backtest import (
    SHARES,
    BacktestReport,
    CheckHistory,
    Deployment,
    Incident,
    Incidents,
    Outcome,
    Period,
    Suggestion,
)
from pytest_deploygate.core.result import Reason, Status
from pytest_deploygate.core.severity import Severity
from pytest_deploygate.core.verdict import Verdict
from tests.made import SERVER

START, STEP = 1_789_948_800.0, 300.0
STATUSES = {".": Status.GO, "w": Status.WARNING, "x": Status.NO_GO, "-": Status.SKIPPED}
REASONS = {".": Reason.OK, "w": Reason.BREACH, "x": Reason.BREACH, "-": Reason.NO_DATA}


def at(step: float) -> float:
    """When a step is, in Unix seconds."""
    return START + step * STEP


def history(id_: str, steps: str, **changes: Any) -> CheckHistory:
    """A check by its steps: ``..xxw-``."""
    given: dict[str, Any] = {
        "name": id_.replace("_", " ").capitalize(),
        "severity": Severity.CRITICAL,
        "unit": "seconds",
        "comparison": "<",
        "limit": 2.5,
        "statuses": tuple(STATUSES[one] for one in steps),
        "reasons": tuple(REASONS[one] for one in steps),
        "values": tuple(None if one == "-" else 2.0 + ".wx".index(one) for one in steps),
        "labels": ({"instance": "app-1"},) * len(steps),
        "alone": steps.count("x") * STEP,
        "together": 0.0,
        "failed": (steps.count("x") + steps.count("w")) * STEP,
        "no_data": steps.count("-") * STEP,
        "unanswered": 0.0,
        "flaps": sum(a != b for a, b in pairwise(steps)),
    }
    return CheckHistory(id=id_, **{**given, **changes})


def outcome(steps: str, *checks: CheckHistory, **changes: Any) -> Outcome:
    """What the gate would have said at these steps."""
    given: dict[str, Any] = {
        "verdicts": tuple(Verdict(STATUSES[one.replace("-", ".")]) for one in steps),
        "checks": checks or (history("fast_p95", steps),),
        "periods": (),
        "incidents": None,
        "deployments": None,
    }
    return Outcome(**{**given, **changes})


def period(first: int, behind: int, *failed: str, **changes: Any) -> Period:
    """A period of NO-GO by its steps."""
    given: dict[str, Any] = {"begin": at(first), "end": at(behind), "failed": failed}
    return Period(**{**given, "culprits": {}, **changes})


def report(made: Outcome, **changes: Any) -> BacktestReport:
    """The report of a backtest on a server."""
    count = len(made.verdicts)
    given: dict[str, Any] = {
        "start": START,
        "end": at(count),
        "step": STEP,
        "times": tuple(map(at, range(count))),
        "outcome": made,
        "against": None,
        "other_thresholds": {},
        "suggestions": None,
        "toml": {},
        "left_out": (),
        "problems": (),
        "notices": (),
        "source": SERVER,
        "configuration": "",
        "environment": "",
        "selection": "",
        "variables": {},
        "queries": 18,
        "duration": 4.2,
    }
    return BacktestReport(**{**given, **changes})


def suggestion(id_: str, limits: Sequence[float | None], **changes: Any) -> Suggestion:
    """Suggested limits for 1 %, 0.1 % and 0 % of the time."""
    given: dict[str, Any] = {
        **{"name": id_, "key": f"{id_}_max", "unit": "seconds", "comparison": "<", "limit": 2.5},
        **{"median": 2.0, "p95": 2.2, "p99": 2.31, "worst": 2.64},
    }
    named: Mapping[str, float | None] = dict(zip(SHARES, limits, strict=True))
    return Suggestion(id=id_, limits=named, **{**given, **changes})


def everything(name: str = "fast_p95") -> BacktestReport:
    """A report that has all there can be, with a name that can be hostile."""
    steps = "...xxx...ww.." + "." * 87 + "xx.-" + "." * 196
    known = Incidents(
        incidents=(
            Incident(name=f"database {name}", start=at(2.4), end=at(6), delay=180.0),
            Incident(name="DNS", start=at(50), end=at(52)),
        ),
        outside=("last year",),
        periods=2,
        false_periods=1,
        during=1800.0,
        blocked=900.0,
        false_alarm=600.0,
    )
    made = outcome(
        steps,
        history(name, steps),
        history("cpu_usage", "." * 280 + "w" * 20, severity=Severity.WARNING, unit="ratio"),
        history("vram_headroom", "-" * 300),
        *(history(f"fine_{number}", "." * 300) for number in range(3)),
        periods=(
            period(
                *(3, 6, name),
                culprits={name: f"9.10 s, instance={name}"},
                incidents=(f"database {name}",),
            ),
            period(100, 102, incidents=(), why="the gate is blind: nothing could be evaluated"),
        ),
        incidents=known,
        deployments=(
            Deployment(time=at(4), name=f"4.2 {name}", verdict=Verdict.NO_GO),
            Deployment(time=at(40), name="4.3", verdict=Verdict.GO),
            Deployment(time=at(-40), name="4.1", verdict=None),
        ),
    )
    other = outcome("...xx" + "." * 295, *made.checks, incidents=known)
    return report(
        made,
        against=other,
        other_thresholds={"fast_p95_max": 3.0},
        suggestions=(
            suggestion(name, (2.32, 2.64, 2.65)),
            suggestion("cpu_usage", (0.9, None, None), unit="ratio"),
        ),
        toml={"1%": "fast_p95_max = 2.32\ncpu_usage_max = 0.9", "0.1%": "", "0%": "a = 2.65"},
        left_out=("orders_flow", name),
        problems=(f"{name}: not measured at 3 of 300 steps: refused",),
        notices=("the clock is 2m ahead",),
        configuration="deploygate.toml",
        environment="production",
        selection='app="shop"',
    )
