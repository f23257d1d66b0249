"""The hooks of the gate, for plugins and for the ``conftest.py`` of the root directory.

They are pytest hooks like any other, called only when ``-p deploygate`` has switched the gate on.
Where the gate may not be installed, ``@pytest.hookimpl(optionalhook=True)`` keeps pytest content.
A hook that raises never ends in GO: before the checks it is a usage error or an internal error,
after them the verdict becomes NO-GO, exit code 2.
"""

# mypy: disable-error-code="empty-body"

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_deploygate.actions.base import ActionKind
    from pytest_deploygate.config.settings import Settings
    from pytest_deploygate.core.report import GateReport
    from pytest_deploygate.sources.base import Source


@pytest.hookspec(firstresult=True)
def pytest_deploygate_source(config: pytest.Config, settings: Settings) -> Source | None:
    """Return where measurements come from, instead of a Prometheus-compatible server.

    The first that is not None is asked. Called in every process, xdist's workers too, and not
    when evidence is replayed.

    Args:
        config: pytest's.
        settings: of this run; ``settings.gate_env`` is the value of ``--gate-env``.
    """


@pytest.hookspec
def pytest_deploygate_actions(config: pytest.Config) -> Mapping[str, ActionKind]:
    """Return more kinds of actions, by the name that ``kind`` has in the configuration.

    Called in every process, before the configuration is read.
    """


@pytest.hookspec
def pytest_deploygate_reports(
    config: pytest.Config,
) -> Mapping[Path, Callable[[GateReport], str]]:
    """Return more reports: the file, and the function that makes its text of the report.

    Called before the checks, on the controller only; relative paths begin where pytest was
    started. The files are written with all the others. A function that raises, or a file that
    cannot be written, makes the verdict NO-GO.
    """


@pytest.hookspec
def pytest_deploygate_verdict(report: GateReport, config: pytest.Config) -> None:
    """Hear of the verdict, on the controller only: ``report`` is final, its actions are done.

    Called before the reports are written. If it raises, they say so and the verdict is NO-GO;
    the actions that were carried out before stay as they are.
    """
