"""What ``-p deploygate`` switches on: the settings of this run, its source, and the hooks."""

from __future__ import annotations

import atexit
import gc
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from pytest_deploygate.actions.plan import ActionPlan, plan_actions, why_held_back
from pytest_deploygate.config import layers
from pytest_deploygate.config.file import load
from pytest_deploygate.config.options import NAME, OPTIONS
from pytest_deploygate.config.settings import Settings
from pytest_deploygate.core.errors import ConfigurationError
from pytest_deploygate.core.report import GateReport
from pytest_deploygate.engine.run import GateRun
from pytest_deploygate.engine.session import GateSession
from pytest_deploygate.plugin.exit_code import OUTCOME
from pytest_deploygate.plugin.fixture import Gate
from pytest_deploygate.plugin.hooks import ADAPTER, Adapter, Worker
from pytest_deploygate.plugin.items import CHECKS, is_worker, judges

if TYPE_CHECKING:
    from pytest_deploygate.actions.base import ActionKind
    from pytest_deploygate.sources.base import Source


def switch_on(config: pytest.Config) -> None:
    """Read the settings, and register the hooks and the fixture.

    Raises:
        pytest.UsageError: something given cannot be used.
    """
    _refuse_what_hides_failures(config)
    try:
        added = config.hook.pytest_deploygate_actions(config=config)
        kinds = cache(partial(_action_kinds, added))
        if added:
            kinds()
        settings = _settings(config, kinds)
        run = GateRun(settings, os.environ, _source(config, settings))
        gate = GateSession(run, judges=judges(config))
        if not is_worker(config):
            gate.added_reports = _added_reports(config)
            _make_way(settings, gate.added_reports)
            gate.acting = _action_plan(run, kinds, judges=judges(config))
    except ConfigurationError as error:
        raise pytest.UsageError(f"deploygate: {error}") from None
    _take_over_json_report(config, settings)
    _choose_gate_checks(config)
    adapter = Adapter(config, gate)
    config.stash[ADAPTER] = adapter
    config.stash[OUTCOME].redacted = run.redactor.text
    _spare_the_garbage_collector(config)
    # A check that returns its answer instead of asserting it would pass whatever it is.
    config.addinivalue_line("filterwarnings", "error::pytest.PytestReturnNotNoneWarning")
    config.pluginmanager.register(adapter, "deploygate-adapter")
    config.pluginmanager.register(_fixtures(adapter.gate), "deploygate-fixtures")
    if is_worker(config):
        config.pluginmanager.register(Worker(config, gate), "deploygate-worker")


def _refuse_what_hides_failures(config: pytest.Config) -> None:
    if getattr(config.option, "dist", "no") == "each":
        raise pytest.UsageError("deploygate: --dist each runs every check twice; use -n alone")
    if not __debug__ and config.option.assertmode == "plain":
        raise pytest.UsageError("deploygate: python -O with --assert=plain asserts nothing")


def _fixtures(gate: Gate) -> ModuleType:
    """The fixture ``gate``, in a module, as methods may have no scope.

    It does not take ``request``, for which pytest would build a fixture definition in every test.
    """

    @pytest.fixture(scope="session", name="gate")
    def fixture() -> Gate:
        """Ask production; with ``-p deploygate``, else the test is skipped."""
        return gate

    module = ModuleType("deploygate-fixtures")
    module.__dict__["gate"] = fixture
    return module


def _spare_the_garbage_collector(config: pytest.Config) -> None:
    """Let it search less often, and not what lives as long as the process does.

    Modules, tests and their results are no garbage. To search them again and again, last of all
    at the exit, takes longer than a gate of thirteen criteria. Should the process go on when
    pytest is done, it is searched as before.
    """
    config.add_cleanup(partial(gc.set_threshold, *gc.get_threshold()))
    config.add_cleanup(gc.unfreeze)
    atexit.register(gc.freeze)
    gc.set_threshold(20_000, 20, 20)
    gc.freeze()


def _action_kinds(added: Iterable[Mapping[str, ActionKind]]) -> Mapping[str, ActionKind]:
    from pytest_deploygate.actions.registry import known_kinds

    return known_kinds(added)


def _action_plan(
    run: GateRun, kinds: Callable[[], Mapping[str, ActionKind]], *, judges: bool
) -> ActionPlan:
    settings = run.settings
    return plan_actions(
        settings.actions.tables,
        settings.actions.file,
        environ=os.environ,
        redactor=run.redactor,
        kinds=kinds,
        held_back=why_held_back(act=settings.gate_act, source=run.source.info, judges=judges),
    )


def _settings(config: pytest.Config, kinds: Callable[[], Mapping[str, ActionKind]]) -> Settings:
    given = {option.name: getattr(config.option, option.dest) for option in OPTIONS}
    directory = config.invocation_params.dir
    command_line = layers.command_line(given, directory)
    file = load(
        config.rootpath,
        directory / given["gate-config"] if given["gate-config"] else None,
        given["gate-env"],
        actions=lambda: _actions_schema(kinds()),
    )
    settings = layers.merge(command_line, layers.environment(os.environ), *file)
    worker = getattr(config, "workerinput", {}).get(NAME)
    if not worker or settings.replays:
        return settings
    return replace(settings, gate_at=worker["at"])


def _actions_schema(kinds: Mapping[str, ActionKind]) -> dict[str, Any]:
    from pytest_deploygate.actions.registry import schema

    return schema(kinds)


def _source(config: pytest.Config, settings: Settings) -> Source | None:
    if settings.replays:
        return None
    found: Source | None = config.hook.pytest_deploygate_source(config=config, settings=settings)
    return found


def _added_reports(config: pytest.Config) -> dict[Path, Callable[[GateReport], str]]:
    return {
        config.invocation_params.dir / path: render
        for reports in config.hook.pytest_deploygate_reports(config=config)
        for path, render in reports.items()
    }


def _make_way(settings: Settings, added: Iterable[Path]) -> None:
    """Every report can be written, and none of an earlier run is there should this one die."""
    from pytest_deploygate.core.files import discard, is_stream, refuse_unwritable

    asked = [(f"--{name}", path) for name, path in settings.outputs.items()]
    asked += [("pytest_deploygate_reports", path) for path in added]
    taken: dict[str, str] = {}
    for origin, path in asked:
        refuse_unwritable(origin, path)
        first = taken.setdefault(os.path.realpath(path), origin)
        if first != origin and not is_stream(path):
            raise ConfigurationError(f"{origin} {path}: is the file of {first}; give another")
    for _, path in asked:
        discard(path)


def _take_over_json_report(config: pytest.Config, settings: Settings) -> None:
    """--gate-json is pytest-json-report's document; a --json-report beside it stays as it is."""
    if not settings.gate_json:
        return
    if not hasattr(config.option, "json_report"):
        raise pytest.UsageError("deploygate: --gate-json needs pytest-json-report, which is off")
    if not config.option.json_report:
        config.option.json_report = True
        config.option.json_report_file = None
        config.option.json_report_verbosity = 0
        config.option.json_report_omit = ["collectors", "keywords", "log"]


def _choose_gate_checks(config: pytest.Config) -> None:
    """Without paths on the command line a gate runs the project's gate_checks, not its tests."""
    directory = config.rootpath / CHECKS
    if config.args_source is not pytest.Config.ArgsSource.ARGS and directory.is_dir():
        config.args = [str(directory)]
