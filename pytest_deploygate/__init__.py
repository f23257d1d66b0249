"""A deployment gate whose criteria are pytest tests.

Everything that a check, a criterion or a plugin of the gate needs is imported from here. The
folders below are internal: their names may change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_deploygate.actions.base import Action as Action
    from pytest_deploygate.actions.base import ActionKind as ActionKind
    from pytest_deploygate.actions.base import Context as Context
    from pytest_deploygate.actions.base import Deadline as Deadline
    from pytest_deploygate.config.settings import Settings as Settings
    from pytest_deploygate.core.criterion import Comparison as Comparison
    from pytest_deploygate.core.criterion import Criterion as Criterion
    from pytest_deploygate.core.criterion import Limit as Limit
    from pytest_deploygate.core.criterion import NoData as NoData
    from pytest_deploygate.core.criterion import Severity as Severity
    from pytest_deploygate.core.criterion import Threshold as Threshold
    from pytest_deploygate.core.criterion import threshold as threshold
    from pytest_deploygate.core.durations import Duration as Duration
    from pytest_deploygate.core.errors import ActionError as ActionError
    from pytest_deploygate.core.errors import CheckFailed as CheckFailed
    from pytest_deploygate.core.errors import ConfigurationError as ConfigurationError
    from pytest_deploygate.core.errors import GateError as GateError
    from pytest_deploygate.core.errors import NoDataError as NoDataError
    from pytest_deploygate.core.errors import SourceError as SourceError
    from pytest_deploygate.core.errors import TransientError as TransientError
    from pytest_deploygate.core.report import ActionResult as ActionResult
    from pytest_deploygate.core.report import ActionStatus as ActionStatus
    from pytest_deploygate.core.report import Change as Change
    from pytest_deploygate.core.report import GateReport as GateReport
    from pytest_deploygate.core.report import SourceInfo as SourceInfo
    from pytest_deploygate.core.result import Reason as Reason
    from pytest_deploygate.core.result import Result as Result
    from pytest_deploygate.core.result import Status as Status
    from pytest_deploygate.core.series import InstantQuery as InstantQuery
    from pytest_deploygate.core.series import Measurement as Measurement
    from pytest_deploygate.core.series import Query as Query
    from pytest_deploygate.core.series import RangeQuery as RangeQuery
    from pytest_deploygate.core.series import Series as Series
    from pytest_deploygate.core.verdict import Verdict as Verdict
    from pytest_deploygate.kinds.base import Answers as Answers
    from pytest_deploygate.kinds.base import Kind as Kind
    from pytest_deploygate.kinds.decision import Decision as Decision
    from pytest_deploygate.kinds.decision import Decisions as Decisions
    from pytest_deploygate.kinds.instant import Instant as Instant
    from pytest_deploygate.kinds.limit import hold as hold
    from pytest_deploygate.kinds.runaway import Runaway as Runaway
    from pytest_deploygate.kinds.sustained import Sustained as Sustained
    from pytest_deploygate.kinds.times import Times as Times
    from pytest_deploygate.kinds.trend import Trend as Trend
    from pytest_deploygate.plugin.decorator import gate_criteria as gate_criteria
    from pytest_deploygate.plugin.fixture import Gate as Gate
    from pytest_deploygate.promql.expressions import Expressions as Expressions
    from pytest_deploygate.promql.expressions import NotExpressible as NotExpressible
    from pytest_deploygate.sources.base import Source as Source

# Imported when first used: pytest imports this package at every start, with or without the gate.
_HOMES = {
    "actions.base": "Action ActionKind Context Deadline",
    "config.settings": "Settings",
    "core.criterion": "Comparison Criterion Limit NoData Severity Threshold threshold",
    "core.durations": "Duration",
    "core.errors": "ActionError CheckFailed ConfigurationError GateError "
    "NoDataError SourceError TransientError",
    "core.report": "ActionResult ActionStatus Change GateReport SourceInfo",
    "core.result": "Reason Result Status",
    "core.series": "InstantQuery Measurement Query RangeQuery Series",
    "core.verdict": "Verdict",
    "kinds.base": "Answers Kind",
    "kinds.decision": "Decision Decisions",
    "kinds.instant": "Instant",
    "kinds.limit": "hold",
    "kinds.runaway": "Runaway",
    "kinds.sustained": "Sustained",
    "kinds.times": "Times",
    "kinds.trend": "Trend",
    "plugin.decorator": "gate_criteria",
    "plugin.fixture": "Gate",
    "promql.expressions": "Expressions NotExpressible",
    "sources.base": "Source",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}

__all__ = sorted(_HOME_OF)


if not TYPE_CHECKING:  # mypy would believe that every name exists

    def __getattr__(name: str) -> Any:
        if name not in _HOME_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
