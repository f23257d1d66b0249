"""A backtest as JSON (schema: ``schemas/backtest.schema.json``)."""

from __future__ import annotations

import json
import math
from typing import Any

from pytest_deploygate.core.backtest import (
    BacktestReport,
    CheckHistory,
    Incidents,
    Outcome,
    Period,
    Suggestion,
)
from pytest_deploygate.core.secrets import Redactor
from pytest_deploygate.core.verdict import Verdict

SCHEMA_VERSION = 1


def render(report: BacktestReport, redactor: Redactor) -> str:
    """Strict JSON without secrets."""
    text = json.dumps(document(report), allow_nan=False)
    if redactor.text(text) != text:
        text = json.dumps(redactor.document(document(report)), allow_nan=False)
    return text + "\n"


def document(report: BacktestReport) -> dict[str, Any]:
    """The report in plain JSON types; all times are Unix seconds."""
    suggestions = report.suggestions
    return {
        "deploygate": {"schema": SCHEMA_VERSION},
        "from": report.start,
        "to": report.end,
        "step": report.step,
        "times": list(report.times),
        **_outcome(report.outcome),
        "against": None
        if report.against is None
        else {"thresholds": dict(report.other_thresholds), **_outcome(report.against)},
        "suggestions": None if suggestions is None else [_suggestion(one) for one in suggestions],
        "thresholds": dict(report.toml),
        "left_out": list(report.left_out),
        "problems": list(report.problems),
        "notices": list(report.notices),
        "source": report.source._asdict(),
        "configuration": report.configuration or None,
        "gate_environment": report.environment,
        "selection": report.selection,
        "variables": dict(report.variables),
        "queries": report.queries,
        "duration": report.duration,
    }


def _outcome(outcome: Outcome) -> dict[str, Any]:
    deployments = outcome.deployments
    return {
        "verdicts": [one.value for one in outcome.verdicts],
        "share": {verdict.value: outcome.share(verdict) for verdict in Verdict},
        "checks": [_check(one) for one in outcome.checks],
        "periods": [_period(one) for one in outcome.periods],
        "incidents": None if outcome.incidents is None else _incidents(outcome.incidents),
        "deployments": None
        if deployments is None
        else [
            {
                "time": one.time,
                "name": one.name,
                "verdict": one.verdict.value if one.verdict else None,
                "blocked": one.verdict is Verdict.NO_GO,
            }
            for one in deployments
        ],
    }


def _check(check: CheckHistory) -> dict[str, Any]:
    return {
        "id": check.id,
        "name": check.name,
        "severity": check.severity.value,
        "unit": check.unit,
        "comparison": check.comparison,
        "threshold": _finite(check.limit),
        "status": [one.value for one in check.statuses],
        "reason": [one.value for one in check.reasons],
        "value": [_finite(one) for one in check.values],
        "labels": list(check.labels),
        "seconds": {
            "blocked": check.blocked,
            "blocked_alone": check.alone,
            "blocked_with_others": check.together,
            "failed": check.failed,
            "no_data": check.no_data,
            "error": check.unanswered,
        },
        "flaps": check.flaps,
    }


def _period(period: Period) -> dict[str, Any]:
    return {
        "begin": period.begin,
        "end": period.end,
        "length": period.length,
        "failed": list(period.failed),
        "why": period.why,
        "culprits": dict(period.culprits),
        "incidents": None if period.incidents is None else list(period.incidents),
    }


def _incidents(found: Incidents) -> dict[str, Any]:
    return {
        "recall": found.recall,
        "precision": found.precision,
        "seen": found.seen,
        "incidents": [
            {
                "name": one.name,
                "start": one.start,
                "end": one.end,
                "seen": one.seen,
                "delay": one.delay,
            }
            for one in found.incidents
        ],
        "outside": list(found.outside),
        "periods": found.periods,
        "false_periods": found.false_periods,
        "minutes": {
            "incident": found.during / 60,
            "blocked": found.blocked / 60,
            "false_alarm": found.false_alarm / 60,
        },
    }


def _suggestion(one: Suggestion) -> dict[str, Any]:
    return {
        "id": one.id,
        "key": one.key or None,
        "unit": one.unit,
        "comparison": one.comparison,
        "threshold": _finite(one.limit),
        "median": one.median,
        "p95": one.p95,
        "p99": one.p99,
        "worst": one.worst,
        "limits": dict(one.limits),
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
