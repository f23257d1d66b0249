"""A report as builtins: the gate's keys of the JSON report, which webhooks get too."""

from __future__ import annotations

import math
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache
from typing import Any

from pytest_deploygate.core.context import Context
from pytest_deploygate.core.report import ActionResult, GateReport
from pytest_deploygate.core.result import CheckRounds, Result, Sides, Status
from pytest_deploygate.core.rounds import Watched

SCHEMA_VERSION = 1


def gate_keys(report: GateReport) -> dict[str, Any]:
    """Return everything that the gate itself reports, in plain JSON types.

    ``schemas/report.schema.json`` describes them.
    """
    return {
        "deploygate": {"schema": SCHEMA_VERSION},
        "overall_status": report.verdict.value,
        "timestamp": iso(report.evaluated_at),
        "rounds": [{"time": iso(one.at), "verdict": one.verdict.value} for one in report.rounds],
        **({"deployed_at": iso(report.deployed_at)} if report.deployed_at else {}),
        **({"watch": _watch(report.watched)} if report.watched else {}),
        "partial": bool(report.partial),
        "partial_reason": report.partial,
        "sentence": report.sentence,
        "problems": list(report.obstacles),
        "notices": list(report.notices),
        "advisory": report.advisory,
        "gate_environment": report.environment,
        "selection": report.selection,
        "variables": dict(report.variables),
        "configuration": report.configuration or None,
        "context": _context(report.context),
        "subject": str(report.attested.subject) if report.attested else None,
        "source": {"kind": report.source.kind, "location": report.source.location},
        "configured": [
            {"name": c.name, "value": c.value, "default": c.default, "origin": c.origin}
            for c in report.changes
        ],
        "checks": [_check(result) for result in report.results],
        "actions": [_action(action) for action in report.actions],
    }


def _watch(watched: Watched) -> dict[str, Any]:
    return {
        "mode": watched.mode.value,
        "length": watched.length,
        "outcome": watched.outcome,
        "dropped": watched.dropped,
        "unsteady": watched.unsteady,
    }


def _context(context: Context) -> dict[str, str | None]:
    known = asdict(context)
    return {name: known[name] or None for name in ("commit", "ref", "pipeline", "version")}


def _check(result: Result) -> dict[str, Any]:
    rounds = _rounds(result.rounds) if result.rounds else {}
    sides = {"sides": _sides(result.sides)} if result.sides else {}
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
        "timestamp": iso(result.timestamp) if result.timestamp else None,
        "failing": result.failing,
        "total": result.total,
        "warnings": list(result.warnings),
        "nodeid": result.nodeid,
        **sides,
        **rounds,
        **(_waived(result) if result.waivers else {}),
    }


def _waived(result: Result) -> dict[str, Any]:
    return {
        "waived": result.waived,
        "waivers": [
            {
                "check": one.check,
                "by": one.by,
                "reason": one.reason,
                "ticket": one.ticket or None,
                "until": iso(one.until),
            }
            for one in result.waivers
        ],
    }


def _sides(sides: Sides) -> dict[str, Any]:
    return {
        "new": _finite(sides.new),
        "old": _finite(sides.old),
        "unit": sides.unit,
        "lower": _finite(sides.lower),
        "upper": _finite(sides.upper),
    }


def _rounds(rounds: CheckRounds) -> dict[str, Any]:
    counts, first, last = rounds.counts, rounds.first_failed, rounds.last_failed
    return {
        "rounds": {status.value: counts[status] for status in Status},
        "first_failed": None if first is None else iso(first),
        "last_failed": None if last is None else iso(last),
        "longest_failure": rounds.longest,
    }


def _action(action: ActionResult) -> dict[str, Any]:
    return {
        "name": action.name,
        "kind": action.kind,
        "status": action.status.value,
        "message": action.message,
        "output": action.output,
        "duration": action.duration,
    }


@cache
def iso(time: float) -> str:
    """A time in Unix seconds as reports write it: ``2026-01-31T12:00:00.000Z``."""
    moment = datetime.fromtimestamp(time, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
