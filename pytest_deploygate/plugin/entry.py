"""The entry point: what every pytest run of the environment pays for.

It registers marks, and hands over to :mod:`.activation` only when ``-p deploygate`` switched the
gate on. It imports nothing else of the package until then.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from copy import copy
from typing import Any

import pytest

NAME = "deploygate"
"""The name for ``-p``."""
HOOKS = (
    "pytest_deploygate_actions",
    "pytest_deploygate_reports",
    "pytest_deploygate_source",
    "pytest_deploygate_verdict",
)
"""The hooks in :mod:`pytest_deploygate.plugin.hookspecs`."""
SEEN = "deploygate_seen"
"""The key under which a worker sends what its tests saw."""
_PACKAGE = "pytest_deploygate"
_TESTING = "pytest_deploygate.testing"
_OURS = ("gate_", "prometheus_")
"""How the attributes of the gate's options begin."""
HOW_TO_SWITCH_ON = "a check of the deployment gate: run it with pytest -p deploygate"


def pytest_plugin_registered(manager: pytest.PytestPluginManager) -> None:
    """Specify the gate's hooks when a plugin or a ``conftest.py`` implements one of them."""
    # Not in pytest_addhooks: four specifications that nobody needs cost a sixth of a run without
    # the gate, and pytest refuses a hook without one only when it has collected all tests.
    if any(hasattr(manager.hook, name) for name in HOOKS):
        _specify_hooks(manager)


def _specify_hooks(manager: pytest.PytestPluginManager) -> None:
    caller = getattr(manager.hook, HOOKS[0], None)
    if caller is None or not caller.has_spec():
        from pytest_deploygate.plugin import hookspecs

        manager.add_hookspecs(hookspecs)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config, parser: pytest.Parser, args: list[str]
) -> Generator[None, Any, Any]:
    """What a conftest.py breaks while it is loaded is a usage error, not pytest's 1, or 0."""
    is_on = _is_named(early_config.known_args_namespace.plugins)
    # Not in pytest_addoption: to import and register the options is half of what the plugin costs
    # in a run that needs none of them. Here pytest adds those of conftest.py files, too.
    # A shell that completes a command line asks for them without giving it as arguments.
    if is_on or "_ARGCOMPLETE" in os.environ or any(map(_needs_options, args)):
        _add_options(early_config, parser, args)
    if not is_on:
        return (yield)
    from pytest_deploygate.plugin.own_modules import import_own_modules_plainly

    import_own_modules_plainly(early_config)
    if early_config.known_args_namespace.gate_json:
        _load_json_report(early_config.pluginmanager)
    try:
        return (yield)
    except (pytest.UsageError, KeyboardInterrupt):
        raise
    except BaseException as error:
        if type(error).__name__ == "ConftestImportFailure":  # pytest tells it well, and ends in 4
            raise
        raise pytest.UsageError(
            f"{NAME}: conftest.py broke down: {type(error).__name__}: {error}"
        ) from error


def _needs_options(argument: str) -> bool:
    begin = argument.removeprefix("--").replace("-", "_")
    return argument in ("-h", "--help") or (argument[:2] == "--" and begin.startswith(_OURS))


def _add_options(config: pytest.Config, parser: pytest.Parser, args: list[str]) -> None:
    """Register the gate's options, and take them out of what pytest knows of the arguments."""
    from pytest_deploygate.config.options import OPTIONS

    group = parser.getgroup(NAME, "deployment gate (switch it on with -p deploygate)")
    for option in OPTIONS:
        keywords: dict[str, Any] = {"dest": option.dest, "help": option.help, "default": None}
        if option.type == "flag":
            keywords["action"] = "store_true"
        elif option.type in ("numbers", "texts"):
            keywords["action"] = "append"
        if option.choices:
            keywords["choices"] = option.choices
        elif option.metavar:
            keywords["metavar"] = option.metavar
        group.addoption(f"--{option.name}", **keywords)
    before = config.known_args_namespace
    known = parser.parse_known_args(args, namespace=copy(config.option))
    known.confcutdir = before.confcutdir  # what pytest has worked out from the arguments
    config.known_args_namespace = known


def _load_json_report(manager: pytest.PytestPluginManager) -> None:
    """Without plugin autoloading it is there only if somebody loads it."""
    module = "pytest_jsonreport.plugin"
    if not any(getattr(plugin, "__name__", "") == module for plugin in manager.get_plugins()):
        manager.import_plugin(module)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Register the marks, and the gate itself when it is on."""
    config.addinivalue_line("markers", "critical: a gate check whose failure is NO-GO")
    config.addinivalue_line("markers", "warning: a gate check whose failure is WARNING")
    if is_on(config):
        from pytest_deploygate.plugin.activation import switch_on

        _specify_hooks(config.pluginmanager)
        switch_on(config)
    else:
        _refuse_options_of_a_gate_that_is_off(config)


def is_on(config: pytest.Config) -> bool:
    """Whether ``-p deploygate`` named the gate, here or on xdist's controller."""
    return _is_named(config.option.plugins)


def _is_named(plugins: list[str] | None) -> bool:
    return any(plugin.strip() == NAME for plugin in plugins or ())


def _refuse_options_of_a_gate_that_is_off(config: pytest.Config) -> None:
    if any(name.startswith(_PACKAGE) for name in config.option.plugins or ()):
        raise pytest.UsageError(f"-p {_PACKAGE} does nothing: the gate's name is -p {NAME}")
    given = [name for name, value in vars(config.option).items() if value]
    if not any(name.startswith(_OURS) for name in given):
        return
    from pytest_deploygate.config.options import OPTIONS

    for option in OPTIONS:  # other plugins have options that begin so
        if option.dest in given:
            raise pytest.UsageError(
                f"--{option.name} needs the gate, which is off: add -p deploygate"
            )


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> Generator[None, Any, Any]:
    """The last word on the exit code: a gate that broke down does not end in 0 or 1."""
    if not is_on(config):
        return (yield)
    from pytest_deploygate.plugin.exit_code import guarded_exit_code

    return (yield from guarded_exit_code(config))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """What an xdist worker's tests saw of the project's checks.

    A test module that names the plugin for tests names it in the workers only.
    """
    seen = getattr(node, "workeroutput", {}).get(SEEN)
    if seen is not None:
        manager = node.config.pluginmanager
        manager.import_plugin(_TESTING)
        manager.get_plugin(_TESTING).receive(node.config, seen)


@pytest.fixture(scope="session")
def gate() -> None:
    """Ask production; with ``-p deploygate``, else the test is skipped."""
    # When the gate is on, activation's fixture of this name takes this one's place.
    pytest.skip(HOW_TO_SWITCH_ON)
