"""What ``-p deploygate`` switches on: the settings of this run, its source, and the hooks."""

from __future__ import annotations

import atexit
import gc
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from pytest_deploygate.actions.plan import ActionPlan, plan_actions, why_held_back
from pytest_deploygate.config import layers
from pytest_deploygate.config.file import load
from pytest_deploygate.config.finding import find
from pytest_deploygate.config.options import OPTIONS
from pytest_deploygate.config.settings import Settings
from pytest_deploygate.core.context import context_of
from pytest_deploygate.core.errors import ConfigurationError
from pytest_deploygate.core.files import refuse_unwritable
from pytest_deploygate.core.report import GateReport
from pytest_deploygate.core.subject import Subject
from pytest_deploygate.engine.conclusion import RunFacts
from pytest_deploygate.engine.findings import Findings
from pytest_deploygate.engine.pace import Pace
from pytest_deploygate.engine.run import GateRun
from pytest_deploygate.plugin.exit_code import GATE_EXIT
from pytest_deploygate.plugin.fixture import Gate
from pytest_deploygate.plugin.hooks import GATE_HOOKS, GateHooks
from pytest_deploygate.plugin.items import (
    CHECKS,
    SHIPPED_CHECKS,
    TRANSFER,
    is_worker,
    judges,
    part_was_named,
)
from pytest_deploygate.plugin.json_report_hooks import JsonReportHooks
from pytest_deploygate.plugin.process_ends import refuse_what_ends_the_process
from pytest_deploygate.plugin.report_cleaning import CleaningHooks
from pytest_deploygate.plugin.run_end import RunEnd
from pytest_deploygate.plugin.run_hooks import RUN_HOOKS, RunHooks
from pytest_deploygate.plugin.run_outputs import make_way, pushgateway, report_files, round_outputs
from pytest_deploygate.plugin.xdist_hooks import ControllerHooks, TransferHooks, WorkerHooks
from pytest_deploygate.reports.outputs import Output
from pytest_deploygate.reports.platforms import path_in_project

if TYPE_CHECKING:
    from pytest_deploygate.actions.base import ActionKind
    from pytest_deploygate.sources.base import Source


REHEARSED = pytest.StashKey[bool]()
"""Whether a test has the gate judge a production of its own: nothing may reach the real one."""


def switch_on(config: pytest.Config) -> None:
    """Read the settings, and register the hooks and the fixture.

    Raises:
        pytest.UsageError: something given cannot be used.
    """
    _refuse_what_hides_failures(config)
    refuse_what_ends_the_process(config)
    try:
        hooks = _hooks(config)
    except ConfigurationError as error:
        raise pytest.UsageError(f"deploygate: {error}") from None
    _choose_gate_checks(config, hooks.run.settings)
    config.stash[GATE_EXIT].redacted = hooks.run.redactor.text
    _spare_the_garbage_collector(config)
    config.stash[GATE_HOOKS] = hooks
    config.pluginmanager.register(hooks, "deploygate-hooks")
    config.pluginmanager.register(CleaningHooks(hooks.run.redactor), "deploygate-cleaning")
    config.pluginmanager.register(TransferHooks(), "deploygate-transfer")
    config.pluginmanager.register(_fixtures(hooks.fixture), "deploygate-fixtures")


def _hooks(config: pytest.Config) -> GateHooks:
    """The hooks of every process; those of this one alone are registered already."""
    added = config.hook.pytest_deploygate_actions(config=config)
    kinds = cache(partial(_action_kinds, added))
    if added:
        kinds()
    settings = _settings(config, kinds)
    run = GateRun(settings, os.environ, _source(config, settings))
    if run.pace:
        _refuse_processes(config, run.pace)
    pushed = pushgateway(run)  # a worker must know its password to hide it
    hooks = GateHooks(config, run, Findings())
    if is_worker(config):
        config.pluginmanager.register(WorkerHooks(config, hooks), "deploygate-worker")
    else:
        _register_run(config, hooks, kinds, pushed)
    if settings.gate_json:
        from pytest_deploygate.plugin.json_document import take_over

        take_over(config, is_worker=is_worker(config))
    return hooks


def _register_run(
    config: pytest.Config,
    hooks: GateHooks,
    kinds: Callable[[], Mapping[str, ActionKind]],
    pushed: Sequence[Output],
) -> None:
    """What leads the run to its end; xdist's workers have none of it."""
    run, findings, judged = hooks.run, hooks.findings, judges(config)
    findings.start(time.time())
    for other in run.settings.other_files:
        findings.notice(f"{other} is not read: the configuration is {run.settings.file}")
    facts = RunFacts(
        at=run.at,
        source=run.source.info,
        environment=run.settings.gate_env,
        selection=run.scope.selection,
        deployed_at=run.settings.gate_deployed_at,
        variables=run.scope.variables.values,
        configuration=str(run.settings.file or ""),
        # Evidence that ships has answers for none but the checks that ship.
        required=() if run.settings.gate_demo else run.settings.required,
        left_out=run.settings.left_out,
        subject=Subject.parse(run.settings.gate_subject) if run.settings.gate_subject else None,
        configuration_digest=_digest(run.settings),
        waivers=run.waivers,
        freezes=run.freezes() if judged else (),
        part_was_named=part_was_named(config),
        advisory=run.settings.gate_advisory,
        page=path_in_project(run.settings.gate_html, os.environ),
        judges=judged,
        context=context_of(
            os.environ,
            version=run.scope.variables.values.get("version", ""),
            clean=run.redactor.text,
        ),
    )
    plan = _action_plan(run, kinds, judges=judged)
    end = RunEnd(config, run, findings, facts=facts, actions=plan)
    document = JsonReportHooks(config, end.conclude, run.redactor)
    files = report_files(run, findings, _added_reports(config), render_json=document.render)
    make_way(files, discards=judged)
    if history := run.settings.gate_history:
        refuse_unwritable("--gate-history", history)
    config.pluginmanager.register(RunHooks(config, hooks, end, files, pushed), RUN_HOOKS)
    if run.pace:
        from pytest_deploygate.plugin.watch_hooks import WatchHooks

        watch = WatchHooks(run.pace, hooks, end, round_outputs(run, files, pushed))
        config.pluginmanager.register(watch, "deploygate-watch")
        config.add_cleanup(run.evidence.close)
    config.pluginmanager.register(document, "deploygate-json-report")
    config.pluginmanager.register(ControllerHooks(run, findings), "deploygate-controller")


def _digest(settings: Settings) -> str:
    """SHA-256 of the configuration file, where the verdict is about an artifact."""
    if not settings.gate_subject or settings.file is None:
        return ""
    from pytest_deploygate.engine.attesting import sha256

    return sha256(settings.file.read_bytes())


def _refuse_what_hides_failures(config: pytest.Config) -> None:
    if getattr(config.option, "dist", "no") == "each":
        raise pytest.UsageError("deploygate: --dist each runs every check twice; use -n alone")
    if not __debug__ and config.option.assertmode == "plain":
        raise pytest.UsageError("deploygate: python -O with --assert=plain asserts nothing")


def _refuse_processes(config: pytest.Config, pace: Pace) -> None:
    """A round would have to be the same one in all processes."""
    if getattr(config.option, "dist", "no") != "no" or getattr(config.option, "tx", None):
        raise pytest.UsageError(
            f"deploygate: --gate-{pace.mode} with -n: checks are judged faster than processes "
            "start; leave -n out"
        )


def _fixtures(gate: Callable[[], Gate]) -> ModuleType:
    """The fixture ``gate``, in a module: a fixture with a scope cannot be a method."""
    module = ModuleType("deploygate-fixtures")
    module.__dict__["gate"] = pytest.fixture(scope="session", name="gate")(gate)
    return module


def _spare_the_garbage_collector(config: pytest.Config) -> None:
    """Let it search less often, and not what lives as long as the process does.

    Modules, tests and their results live until the end. To search them again and again, last of all
    at the exit, takes longer than a gate of fourteen criteria. Should the process go on when
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
    found = find(
        directory,
        directory / given["gate-config"] if given["gate-config"] else None,
        root=config.rootpath,
        named=_named_paths(config),
    )
    file = load(found.file, given["gate-env"], actions=lambda: _actions_schema(kinds()))
    if config.stash.get(REHEARSED, False):
        file = tuple(map(layers.rehearsed, file))
    merged = layers.merge(command_line, layers.environment(os.environ), *file)
    settings = replace(merged, file=found.file, other_files=found.others)
    worker = getattr(config, "workerinput", {}).get(TRANSFER)
    if not worker or settings.replays:
        return settings
    return replace(settings, gate_at=worker["at"])


def _named_paths(config: pytest.Config) -> list[Path]:
    """The arguments that are paths; beside one that is a name of a package nothing is meant."""
    named = (config.invocation_params.dir / text.partition("::")[0] for text in config.args)
    return [path for path in named if path.exists()]


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


def _choose_gate_checks(config: pytest.Config, settings: Settings) -> None:
    """Without paths on the command line a gate runs the project's gate_checks, not its tests."""
    if config.args_source is pytest.Config.ArgsSource.ARGS:
        return
    if settings.gate_demo:  # its evidence has answers for no other checks
        config.args = [str(SHIPPED_CHECKS)]
        return
    here = config.invocation_params.dir
    places = (here / CHECKS, config.rootpath / CHECKS)
    directory = next((one for one in places if one.is_dir()), None)
    if directory is not None and not _holds_checks(config, directory):
        config.args = [str(directory)]


def _holds_checks(config: pytest.Config, directory: Path) -> bool:
    """Whether ``testpaths`` names the project's checks, alone or with others."""
    if config.args_source is not pytest.Config.ArgsSource.TESTPATHS:
        return False
    named = [config.invocation_params.dir / text for text in config.args]
    return any(directory.is_relative_to(one) or one.is_relative_to(directory) for one in named)
