"""A plugin of the gate's process that a test starts: it asks the test's server, keeps the results.

A rehearsal must not reach production: what the configuration file says of reports, actions, servers
and rounds does not count (:data:`~pytest_deploygate.plugin.activation.REHEARSED`).
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

if TYPE_CHECKING:
    from pytest_deploygate.core.report import GateReport
    from pytest_deploygate.sources.base import Source

PLUGIN = __name__
_VARIABLE = "DEPLOYGATE_REHEARSAL"

_broken: list[str] = []


class Rehearsal(NamedTuple):
    """What the plugin is given, as JSON in an environment variable.

    Attributes:
        file: to write the results to, as JSON.
        url: of the server to ask; empty where nothing is judged.
    """

    file: str
    url: str = ""

    @property
    def environ(self) -> dict[str, str]:
        """The variable for the process."""
        return {_VARIABLE: json.dumps(self._asdict())}


def _given() -> Rehearsal:
    return Rehearsal(**json.loads(os.environ[_VARIABLE]))


@pytest.hookimpl(tryfirst=True)  # before the gate's own, as this plugin is registered after it
def pytest_configure(config: pytest.Config) -> None:
    """Before the gate reads its settings, in xdist's workers too."""
    from pytest_deploygate.plugin.activation import REHEARSED

    config.stash[REHEARSED] = True


@pytest.hookimpl(tryfirst=True)
def pytest_deploygate_source() -> Source | None:
    """The test's server, with no credentials of another one."""
    from pytest_deploygate.core.secrets import Redactor
    from pytest_deploygate.sources.prometheus import open_server

    url = _given().url
    return open_server(url, Redactor(), origin="the test's server", environ={}) if url else None


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """What cannot be collected says nothing about production."""
    if report.failed:
        _broken.append(f"{report.nodeid}: {report.longreprtext.strip().splitlines()[-1]}")


def pytest_internalerror(excrepr: object) -> None:
    """Nor does an error of pytest or of a plugin."""
    _broken.append(str(excrepr).strip().splitlines()[-1])


def pytest_deploygate_verdict(report: GateReport, config: pytest.Config) -> None:
    """Keep what the gate says."""
    if config.option.collectonly:
        return
    _write(
        verdict=report.verdict.value,
        sentence=report.sentence,
        problems=list(report.obstacles),
        results=[result.to_builtins() for result in report.results],
        broken=_broken,
    )


def pytest_collection_finish(session: pytest.Session) -> None:
    """Where checks are only collected: their ids, without those that are left out on purpose."""
    if not session.config.option.collectonly:
        return
    from pytest_deploygate.plugin.hooks import GATE_HOOKS
    from pytest_deploygate.plugin.items import asks, criteria_of

    gate = session.config.stash[GATE_HOOKS]
    plain = [item for item in session.items if asks(item) and not criteria_of(item)]
    ids = [*(one.id for one in gate.criteria), *(one.name.removeprefix("test_") for one in plain)]
    left_out = gate.run.settings.left_out
    _write(checks=[one for one in dict.fromkeys(ids) if one not in left_out])


def _write(**content: Any) -> None:
    Path(_given().file).write_text(json.dumps(content), encoding="utf-8")
