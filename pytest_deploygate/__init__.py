"""A deployment gate whose criteria are pytest tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_deploygate.criteria import gate_criteria as gate_criteria
    from pytest_deploygate.errors import CheckFailed as CheckFailed
    from pytest_deploygate.errors import ConfigurationError as ConfigurationError
    from pytest_deploygate.errors import GateError as GateError
    from pytest_deploygate.errors import NoDataError as NoDataError
    from pytest_deploygate.errors import SourceError as SourceError
    from pytest_deploygate.fixture import Gate as Gate
    from pytest_deploygate.model import Criterion as Criterion
    from pytest_deploygate.model import Instant as Instant
    from pytest_deploygate.model import NoData as NoData
    from pytest_deploygate.model import Reason as Reason
    from pytest_deploygate.model import Result as Result
    from pytest_deploygate.model import Runaway as Runaway
    from pytest_deploygate.model import Series as Series
    from pytest_deploygate.model import Severity as Severity
    from pytest_deploygate.model import Status as Status
    from pytest_deploygate.model import Sustained as Sustained
    from pytest_deploygate.model import Threshold as Threshold
    from pytest_deploygate.model import Trend as Trend
    from pytest_deploygate.model import Verdict as Verdict
    from pytest_deploygate.model import threshold as threshold

# Resolved when first asked for: pytest imports this package at every start, gate or no gate.
_HOMES = {
    "pytest_deploygate.criteria": ("gate_criteria",),
    "pytest_deploygate.errors": (
        "CheckFailed",
        "ConfigurationError",
        "GateError",
        "NoDataError",
        "SourceError",
    ),
    "pytest_deploygate.fixture": ("Gate",),
    "pytest_deploygate.model": (
        "Criterion",
        "Instant",
        "NoData",
        "Reason",
        "Result",
        "Runaway",
        "Series",
        "Severity",
        "Status",
        "Sustained",
        "Threshold",
        "Trend",
        "Verdict",
        "threshold",
    ),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME_OF)


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOME_OF[name]), name)
