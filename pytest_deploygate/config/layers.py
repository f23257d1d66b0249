"""Command line, environment variables and configuration file, merged into the settings.

Each place is one :class:`Layer`. ``merge`` takes the strongest first: the command line wins over
environment variables, these win over ``[env.NAME]`` of the file, and that over the rest of it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pytest_deploygate.config.contradictions import refuse_contradictions
from pytest_deploygate.config.freezes import freezes
from pytest_deploygate.config.options import OPTIONS, Option
from pytest_deploygate.config.settings import (
    DEFAULT,
    ActionTables,
    CriterionOverride,
    Given,
    GivenText,
    Mention,
    Settings,
)
from pytest_deploygate.config.values import converted
from pytest_deploygate.config.waivers import waivers
from pytest_deploygate.core.errors import ConfigurationError
from pytest_deploygate.core.freezes import AnyFreeze
from pytest_deploygate.core.patterns import matches
from pytest_deploygate.core.waivers import Waiver

COMMAND_LINE = "command line"
ENVIRONMENT = "environment"
_PRODUCTIONS = frozenset(
    {
        *(option.name for option in OPTIONS if option.type in ("output", "log")),
        *("prometheus-url", "prometheus-config", "gate-pushgateway", "gate-act"),
        *("gate-at", "gate-watch", "gate-wait", "gate-delay", "gate-replay", "gate-demo"),
    }
)
"""What a file says of the server, the time, the rounds and the outputs of a run of production."""
_NAMED = {"thresholds": "threshold", "criteria": "criterion", "vars": "variable"}


class Layer(NamedTuple):
    """What one place gives.

    Attributes:
        origin: the name of the place, for reports.
        table: the keys are those of the configuration file.
        directory: where relative paths in the table start.
        file: the file that was read, if it is one.
    """

    origin: str
    table: Mapping[str, Any]
    directory: Path = Path()
    file: Path | None = None

    def place(self, option: Option) -> str:
        """Where a value of this layer was given, as the user wrote it; for messages."""
        if self.origin == COMMAND_LINE:
            return f"--{option.name}"
        if self.origin == ENVIRONMENT:
            return f"${option.variable}"
        return f"{self.origin}: {option.name}"


def command_line(given: Mapping[str, Any], directory: Path = Path()) -> Layer:
    """The layer of the command line.

    Args:
        given: the parsed options by name; None where an option was not given.
        directory: where pytest was started.

    Raises:
        ConfigurationError: an option was given without a value.
    """
    for name, value in given.items():
        # An unset variable of a pipeline: --gate-env "$ENVIRONMENT" must not choose no environment.
        if value == "":
            raise ConfigurationError(f"--{name}: is empty; give a value, or leave it out")
    table = {name: value for name, value in given.items() if value is not None}
    return Layer(COMMAND_LINE, table, directory)


def environment(environ: Mapping[str, str]) -> Layer:
    """The layer of the environment variables; an empty variable counts as not set."""
    table = {o.name: environ[o.variable] for o in OPTIONS if environ.get(o.variable)}
    return Layer(ENVIRONMENT, table)


def rehearsed(layer: Layer) -> Layer:
    """The layer of a file where a test judges a production of its own."""
    kept = {name: value for name, value in layer.table.items() if name not in _PRODUCTIONS}
    return layer._replace(table=kept)


def merge(*layers: Layer) -> Settings:
    """The settings of a run; the first layer wins.

    Raises:
        ConfigurationError: a value cannot be used, or two options exclude each other.
    """
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for option in OPTIONS:
        layer = next((layer for layer in layers if option.name in layer.table), None)
        origins[option.name] = layer.place(option) if layer else DEFAULT
        if layer:
            values[option.dest] = _value(option, layer)
    settings = Settings(
        **values,
        thresholds=_thresholds(layers, values.get("gate_set", {})),
        vars=_variables(layers, values.get("gate_var", {})),
        criteria=_criteria(layers),
        default_no_data=_default_no_data(layers),
        required=_required(layers),
        freezes=_freezes(layers),
        waivers=_waivers(layers),
        mentions=_mentions(layers, values.get("gate_env", "")),
        actions=_actions(layers),
        origins=origins,
    )
    refuse_contradictions(settings)
    return settings


def _value(option: Option, layer: Layer) -> object:
    try:
        return converted(option, layer.table[option.name], layer.directory)
    except ConfigurationError as error:
        raise ConfigurationError(f"{layer.place(option)}: {error}") from None


def _thresholds(layers: tuple[Layer, ...], gate_set: Mapping[str, float]) -> dict[str, Given]:
    found: dict[str, Given] = {}
    for layer in reversed(layers):
        given = layer.table.get("thresholds", {})
        found |= {key: Given(float(value), layer.origin) for key, value in given.items()}
    return found | {key: Given(value, COMMAND_LINE) for key, value in gate_set.items()}


def _variables(layers: tuple[Layer, ...], gate_var: Mapping[str, str]) -> dict[str, GivenText]:
    found: dict[str, GivenText] = {}
    for layer in reversed(layers):
        given = layer.table.get("vars", {})
        found |= {name: GivenText(str(value), layer.origin) for name, value in given.items()}
    return found | {name: GivenText(value, COMMAND_LINE) for name, value in gate_var.items()}


def _criteria(layers: tuple[Layer, ...]) -> dict[str, CriterionOverride]:
    found: dict[str, CriterionOverride] = {}
    for layer in reversed(layers):
        for name, changes in layer.table.get("criteria", {}).items():
            before = found.get(name, CriterionOverride({}, layer.origin))
            merged = {**before.changes, **changes}
            enabled = merged.pop("enabled", before.enabled)
            # An optional check without data is skipped: the policy that was asked for would not
            # count.
            if "no_data" in changes:
                merged.setdefault("optional", False)
            found[name] = CriterionOverride(merged, layer.origin, enabled)
    return found


def _default_no_data(layers: tuple[Layer, ...]) -> GivenText | None:
    given = ((layer, layer.table.get("defaults", {}).get("no_data")) for layer in layers)
    return next((GivenText(value, layer.origin) for layer, value in given if value), None)


def _required(layers: tuple[Layer, ...]) -> tuple[str, ...]:
    """What an environment requires is added to what the file requires."""
    patterns = (one for layer in reversed(layers) for one in layer.table.get("required", ()))
    return tuple(dict.fromkeys(patterns))


def _freezes(layers: tuple[Layer, ...]) -> tuple[AnyFreeze, ...]:
    """The freezes of an environment are added to those of the file."""
    tables = [one for layer in reversed(layers) for one in layer.table.get("freezes", ())]
    file = next((layer.file for layer in layers if layer.file), None)
    try:
        return freezes(tables, file.parent if file else Path())
    except ConfigurationError as error:  # a name that the file and an environment have
        raise ConfigurationError(f"{file}: {error}") from None


def _waivers(layers: tuple[Layer, ...]) -> tuple[Waiver, ...]:
    """The waivers of an environment are added to those of the file."""
    tables = [one for layer in reversed(layers) for one in layer.table.get("waivers", ())]
    return waivers(tables, time.time())


def _mentions(layers: tuple[Layer, ...], chosen: str) -> tuple[Mention, ...]:
    """The names that only the file has: in the environments that were not chosen, and of waivers.

    A wrong one is found only here.
    """
    others = [
        (table, f"{layer.origin} [env.{environment}]")
        for layer in layers
        for environment, table in layer.table.get("env", {}).items()
        if environment != chosen
    ]
    every = [*((layer.table, layer.origin) for layer in layers), *others]
    return (
        *(
            Mention(kind, name, origin)
            for table, origin in others
            for key, kind in _NAMED.items()
            for name in table.get(key, {})
        ),
        *(
            Mention("waiver", one["check"], origin)
            for table, origin in every
            for one in table.get("waivers", ())
            if not _may_be_a_freeze(one["check"], [table for table, _ in every])
        ),
    )


def _may_be_a_freeze(pattern: str, tables: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a pattern is for a freeze of any environment; the events of a calendar are open."""
    freezes = [one for table in tables for one in table.get("freezes", ())]
    names = (f"freeze[{one['name']}]" for one in freezes if "name" in one)
    in_calendar = pattern.startswith("freeze[") and any("calendar" in one for one in freezes)
    return in_calendar or any(matches(name, pattern) for name in names)


def _actions(layers: tuple[Layer, ...]) -> ActionTables:
    """The actions of all layers; one with the name of a weaker layer's action replaces it."""
    named: dict[str, Mapping[str, Any]] = {}
    for layer in reversed(layers):
        named |= {table["name"]: table for table in layer.table.get("actions", ())}
    file = next((layer.file for layer in layers if layer.file), None)
    return ActionTables(tuple(named.values()), file) if file else ActionTables()
