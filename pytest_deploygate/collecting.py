"""The criteria that a pytest command line would collect, without running them."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from pytest_deploygate.adapter import ADAPTER
from pytest_deploygate.errors import ConfigurationError
from pytest_deploygate.model import Criterion
from pytest_deploygate.run import GateRun

DEFAULT_ARGUMENTS = ("--pyargs", "gate_checks")


@dataclass(frozen=True, slots=True)
class Collected:
    """Criteria resolved with the settings of their run, in the order of collection."""

    criteria: tuple[Criterion, ...]
    run: GateRun


class _Collector:
    def __init__(self) -> None:
        self.collected: Collected | None = None

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        gate = session.config.stash[ADAPTER].session
        resolved = tuple(gate.run.settings.resolve(one) for one in gate.criteria)
        self.collected = Collected(resolved, gate.run)


def collect(arguments: Sequence[str]) -> Collected:
    """The criteria of these pytest arguments; of ``--pyargs gate_checks`` without any.

    Raises:
        ConfigurationError: pytest cannot collect them, or there is none.
    """
    collector = _Collector()
    output = io.StringIO()
    # pytest would like to be the first to import what it is already running in
    quiet = ["-q", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
    command = ["-p", "deploygate", "--collect-only", *quiet, *(arguments or DEFAULT_ARGUMENTS)]
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        pytest.main(command, plugins=[collector])
    if collector.collected is None or not collector.collected.criteria:
        told = [line for line in output.getvalue().splitlines() if "error" in line.lower()]
        raise ConfigurationError(
            f"no criterion was collected from {' '.join(arguments) or 'gate_checks'}"
            + (f": {told[0].strip()}" if told else "; name tests that use gate_criteria")
        )
    return collector.collected
