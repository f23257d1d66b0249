"""A deployment gate whose criteria are pytest tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_deploygate.core.criterion import Criterion as Criterion
    from pytest_deploygate.core.criterion import NoData as NoData
    from pytest_deploygate.core.criterion import Severity as Severity
    from pytest_deploygate.core.criterion import Threshold as Threshold
    from pytest_deploygate.core.criterion import threshold as threshold
    from pytest_deploygate.core.errors import CheckFailed as CheckFailed
    from pytest_deploygate.core.errors import ConfigurationError as ConfigurationError
    from pytest_deploygate.core.errors import GateError as GateError
    from pytest_deploygate.core.errors import NoDataError as NoDataError
    from pytest_deploygate.core.errors import SourceError as SourceError
    from pytest_deploygate.core.result import Reason as Reason
    from pytest_deploygate.core.result import Result as Result
    from pytest_deploygate.core.result import Status as Status
    from pytest_deploygate.core.series import Series as Series
    from pytest_deploygate.core.verdict import Verdict as Verdict
    from pytest_deploygate.kinds.instant import Instant as Instant
    from pytest_deploygate.kinds.runaway import Runaway as Runaway
    from pytest_deploygate.kinds.sustained import Sustained as Sustained
    from pytest_deploygate.kinds.trend import Trend as Trend
    from pytest_deploygate.plugin.decorator import gate_criteria as gate_criteria
    from pytest_deploygate.plugin.fixture import Gate as Gate

# Resolved when first asked for: pytest imports this package at every start, gate or no gate.
_HOMES = {
    "pytest_deploygate.core.criterion": (
        "Criterion",
        "NoData",
        "Severity",
        "Threshold",
        "threshold",
    ),
    "pytest_deploygate.core.errors": (
        "CheckFailed",
        "ConfigurationError",
        "GateError",
        "NoDataError",
        "SourceError",
    ),
    "pytest_deploygate.core.result": (
        "Reason",
        "Result",
        "Status",
    ),
    "pytest_deploygate.core.series": ("Series",),
    "pytest_deploygate.core.verdict": ("Verdict",),
    "pytest_deploygate.kinds.instant": ("Instant",),
    "pytest_deploygate.kinds.runaway": ("Runaway",),
    "pytest_deploygate.kinds.sustained": ("Sustained",),
    "pytest_deploygate.kinds.trend": ("Trend",),
    "pytest_deploygate.plugin.decorator": ("gate_criteria",),
    "pytest_deploygate.plugin.fixture": ("Gate",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME_OF)


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOME_OF[name]), name)
