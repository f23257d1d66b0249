"""What travels between xdist's processes: only builtins, through one encoder for each value."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from pytest_deploygate.engine.findings import Findings
from pytest_deploygate.engine.ledger import CheckNote
from pytest_deploygate.engine.run import GateRun
from pytest_deploygate.plugin.hooks import GateHooks
from pytest_deploygate.plugin.items import NOTE, TRANSFER, criteria_of
from pytest_deploygate.plugin.run_end import note_source


class TransferHooks:
    """A test's report leaves its process, or arrives; other plugins write it to files."""

    @pytest.hookimpl(wrapper=True)
    def pytest_report_to_serializable(self) -> Generator[None, Any, Any]:
        """Encode the gate's note."""
        data = yield
        if data and (note := data.get(NOTE)):
            data[NOTE] = note.to_builtins()
        return data

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_from_serializable(self, data: dict[str, Any]) -> None:
        """Decode the gate's note."""
        if note := data.get(NOTE):
            data[NOTE] = CheckNote.from_builtins(note)


class ControllerHooks:
    """The hooks of xdist's controller; it collects and runs no test itself."""

    def __init__(self, run: GateRun, findings: Findings) -> None:
        self._run = run
        self._findings = findings

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Start every worker with one evaluation time."""
        node.workerinput[TRANSFER] = {"at": self._run.at}

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """What the workers collected must report."""
        self._findings.collected(ids)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """A worker ended and sent its notes; or it died, and its tests are missing."""
        self._findings.worker_ended(getattr(node, "workeroutput", {}).get(TRANSFER))


class WorkerHooks:
    """The hooks of xdist's workers alone."""

    def __init__(self, config: pytest.Config, hooks: GateHooks) -> None:
        self._config = config
        self._hooks = hooks

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> None:
        """Ask for this test and the next: only here it is known which tests are this worker's."""
        near = [one for one in (item, nextitem) if one is not None]
        run = self._hooks.run
        run.prefetch((one for each in near for one in criteria_of(each)), run.at)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self) -> Generator[None, Any, Any]:
        """Send the notes; the controller takes their absence for a worker that broke down."""
        result = yield
        findings = self._hooks.findings
        findings.settings_used(self._hooks.settings_use())
        note_source(findings, self._hooks.run)
        self._config.workeroutput[TRANSFER] = findings.notes.to_builtins()  # type: ignore[attr-defined]
        return result
