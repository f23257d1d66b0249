"""A deployment gate whose criteria are pytest tests.

Everything that a check, a criterion or a plugin of the gate needs is imported from here. The
folders below are internal: their names may change.
"""

from __future__ import annotations

from typing import Any

# Imported when first used: pytest imports this package at every start, with or without the gate.
# Type checkers read __init__.pyi, which would be twice as much to load here.
_HOMES = {
    "actions.base": "Action ActionKind Context Deadline",
    "config.settings": "Settings",
    "core.criterion": "Comparison Criterion Enough Limit NoData Threshold threshold",
    "core.durations": "Duration",
    "core.errors": "ActionError CheckFailed ConfigurationError GateError "
    "NoDataError SourceError TransientError",
    "core.report": "ActionResult ActionStatus Change GateReport SourceInfo",
    "core.result": "Reason Result Status",
    "core.series": "InstantQuery Measurement Query RangeQuery Series",
    "core.severity": "Severity",
    "core.verdict": "Verdict",
    "kinds.alerts": "Alerts no_alerts",
    "kinds.base": "Answers InRun Kind",
    "kinds.compare": "Compare",
    "kinds.decision": "Decision Decisions",
    "kinds.instant": "Instant",
    "kinds.limit": "hold",
    "kinds.objectives": "slo",
    "kinds.openslo": "openslo",
    "kinds.runaway": "Runaway",
    "kinds.sustained": "Sustained",
    "kinds.times": "Times",
    "kinds.trend": "Trend",
    "plugin.decorator": "gate_criteria",
    "plugin.fixture": "Gate",
    "promql.expressions": "Expressions NotExpressible",
    "sources.base": "Source",
}

__all__ = " ".join(_HOMES.values()).split()


def __getattr__(name: str) -> Any:
    home = next((home for home, names in _HOMES.items() if name in names.split()), None)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{home}"), name)
