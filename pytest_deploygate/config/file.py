"""The configuration file: ``deploygate.toml``, or ``[tool.deploygate]`` of ``pyproject.toml``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from pytest_deploygate.config.options import OPTIONS, Option
from pytest_deploygate.core.criterion import NoData, Severity
from pytest_deploygate.core.errors import ConfigurationError, did_you_mean

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

    from pytest_deploygate.actions.base import ActionKind

FILE_NAME = "deploygate.toml"


class CriterionOverride(NamedTuple):
    """What the configuration changes of one criterion, and where it says so."""

    changes: Mapping[str, Any]
    origin: str


class ActionTables(NamedTuple):
    """The ``[[actions]]`` of a file, in their order; relative paths in them begin beside it."""

    tables: tuple[Mapping[str, Any], ...] = ()
    file: Path = Path(FILE_NAME)


class FileConfig(NamedTuple):
    """A validated configuration with its environment merged in; empty when there is no file."""

    options: Mapping[str, Any] = MappingProxyType({})
    thresholds: Mapping[str, tuple[float, str]] = MappingProxyType({})
    criteria: Mapping[str, CriterionOverride] = MappingProxyType({})
    actions: ActionTables = ActionTables()
    origin: str = ""


def load(
    root: Path,
    given: Path | None,
    environment: str | None,
    *,
    kinds: Callable[[], Mapping[str, ActionKind]] | None = None,
) -> FileConfig:
    """Read the file that was given, or the one that is found in the root directory.

    Args:
        root: pytest's root directory.
        given: ``--gate-config``.
        environment: ``--gate-env``; without it the file's own ``gate-env`` counts.
        kinds: gives the kinds of actions, if there is a file; else those that ship.

    Raises:
        ConfigurationError: the file cannot be read or holds what is not allowed, or it has no
            such environment.
    """
    path, table = _find(root, given)
    if path is None:
        if environment:
            raise ConfigurationError(
                f"--gate-env {environment!r}: there is no configuration with an "
                f"[env.{environment}]; write {FILE_NAME} or give --gate-config FILE"
            )
        return FileConfig()
    _validate(path, table, schema(kinds() if kinds else None))
    _refuse_no_numbers(path, table)
    return _merged(path, table, environment or table.get("gate-env"))


def _find(root: Path, given: Path | None) -> tuple[Path | None, dict[str, Any]]:
    if given is not None:
        document = _read(given)
        return given, _section(document) if given.name == "pyproject.toml" else document
    own, project = root / FILE_NAME, root / "pyproject.toml"
    if own.is_file():
        return own, _read(own)
    if project.is_file() and b"tool.deploygate" in project.read_bytes():
        return project, _section(_read(project))
    return None, {}


def _section(document: Mapping[str, Any]) -> dict[str, Any]:
    section: dict[str, Any] = document.get("tool", {}).get("deploygate", {})
    return section


def _read(path: Path) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: is no TOML: {error}") from None


def schema(kinds: Mapping[str, ActionKind] | None = None) -> dict[str, Any]:
    """The JSON Schema of the file, made from the options and the kinds of actions."""
    from pytest_deploygate.actions import registry

    shared = {option.name: _option_schema(option) for option in OPTIONS if option.in_file}
    shared["thresholds"] = {"type": "object", "additionalProperties": {"type": "number"}}
    shared["criteria"] = {"type": "object", "additionalProperties": _CRITERION}
    shared["actions"] = registry.schema(registry.known_kinds() if kinds is None else kinds)
    environment = {"type": "object", "properties": shared, "additionalProperties": False}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": FILE_NAME,
        "type": "object",
        "properties": {**shared, "env": {"type": "object", "additionalProperties": environment}},
        "additionalProperties": False,
    }


_CRITERION = {
    "type": "object",
    "properties": {
        "severity": {"enum": list(Severity)},
        "query": {"type": "string", "pattern": r"\S"},
        "no_data": {"enum": list(NoData)},
        "optional": {"type": "boolean"},
    },
    "additionalProperties": False,
}


def _option_schema(option: Option) -> dict[str, Any]:
    if option.choices:
        return {"enum": list(option.choices)}
    schemas: dict[str, dict[str, Any]] = {
        "flag": {"type": "boolean"},
        "count": {"type": "integer", "minimum": 1},
        "list": {"type": "array", "items": {"type": "string"}},
    }
    return schemas.get(option.type, {"type": "string", "minLength": 1})


def _validate(path: Path, table: Mapping[str, Any], schema: Mapping[str, Any]) -> None:
    from jsonschema import Draft202012Validator

    errors = sorted(Draft202012Validator(schema).iter_errors(table), key=_place)
    if errors:
        complaints = "; ".join(text for error in errors for text in _complaints(error, table))
        raise ConfigurationError(f"{path}: {complaints}")


def _refuse_no_numbers(path: Path, table: Mapping[str, Any]) -> None:
    """TOML knows NaN, infinity and whole numbers of any size; JSON Schema does not."""
    for layer in (table, *table.get("env", {}).values()):
        for key, value in layer.get("thresholds", {}).items():
            if not abs(value) <= sys.float_info.max:
                raise ConfigurationError(f"{path}: thresholds.{key}: {value} is no finite number")


def _place(error: ValidationError) -> list[str]:
    return [str(part) for part in error.absolute_path]


def _complaints(error: ValidationError, table: Mapping[str, Any]) -> Iterator[str]:
    where = ".".join(_path(error.absolute_path, table))
    instance: Any = error.instance
    if error.validator == "additionalProperties" and isinstance(error.schema, dict):
        known = error.schema.get("properties", {})
        for name in sorted(set(instance) - set(known)):
            yield f"unknown key {f'{where}.{name}'.lstrip('.')!r}, {did_you_mean(name, known)}"
    elif error.validator == "enum" and error.absolute_path[-1] == "kind":
        kinds = cast("list[str]", error.validator_value)
        yield f"{where}: unknown kind {instance!r}, {did_you_mean(str(instance), kinds)}"
    elif error.validator == "enum":
        allowed = ", ".join(str(value) for value in cast("list[Any]", error.validator_value))
        yield f"{where}: {instance!r} is not allowed, write one of {allowed}"
    else:
        yield f"{where}: {error.message}"


def _path(parts: Iterable[str | int], table: Any) -> Iterator[str]:
    """The keys that lead to a value; an entry of a list goes by its name, or is counted from 1."""
    for part in parts:
        table = table[part]
        if isinstance(part, int):
            name = table.get("name") if isinstance(table, dict) else None
            yield str(name or part + 1)
        else:
            yield part


def _merged(path: Path, table: Mapping[str, Any], environment: str | None) -> FileConfig:
    environments = table.get("env", {})
    if environment and environment not in environments:
        raise ConfigurationError(
            f"{path}: no [env.{environment}], {did_you_mean(environment, environments)}"
        )
    layers = [(str(path.name), table)]
    if environment:
        layers.append((f"{path.name} [env.{environment}]", environments[environment]))
    options: dict[str, Any] = {}
    thresholds: dict[str, tuple[float, str]] = {}
    criteria: dict[str, CriterionOverride] = {}
    actions: dict[str, Mapping[str, Any]] = {}
    for origin, layer in layers:
        options |= {o.name: _located(o, layer[o.name], path) for o in OPTIONS if o.name in layer}
        thresholds |= {k: (float(v), origin) for k, v in layer.get("thresholds", {}).items()}
        for name, changes in layer.get("criteria", {}).items():
            before = criteria[name].changes if name in criteria else {}
            merged = {**before, **changes}
            if "no_data" in changes:  # an optional check would be skipped whatever the policy
                merged.setdefault("optional", False)
            criteria[name] = CriterionOverride(changes=merged, origin=origin)
        actions |= _by_name(layer.get("actions", ()), path)
    if environment:
        options["gate-env"] = environment
    return FileConfig(
        options=options,
        thresholds=thresholds,
        criteria=criteria,
        actions=ActionTables(tables=tuple(actions.values()), file=path),
        origin=path.name,
    )


def _by_name(tables: Iterable[Mapping[str, Any]], path: Path) -> dict[str, Mapping[str, Any]]:
    """One environment's action takes the place of the one that has its name."""
    named: dict[str, Mapping[str, Any]] = {}
    for table in tables:
        if table["name"] in named:
            raise ConfigurationError(
                f"{path}: actions.{table['name']} stands twice; give every action its own name"
            )
        named[table["name"]] = table
    return named


def _located(option: Option, value: Any, path: Path) -> Any:
    """A path in the file is relative to the file."""
    return str(path.parent / value) if option.type == "path" else value
