"""What the configuration file may contain, and the complaint about the rest."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from pytest_deploygate.config import freezes, waivers
from pytest_deploygate.config.options import OPTIONS, Option
from pytest_deploygate.config.settings import FILE_NAME
from pytest_deploygate.core.criterion import NoData
from pytest_deploygate.core.errors import ConfigurationError, did_you_mean
from pytest_deploygate.core.severity import Severity

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

_CRITERION = {
    "type": "object",
    "properties": {
        "severity": {"enum": list(Severity)},
        "query": {"type": "string", "pattern": r"\S"},
        "no_data": {"enum": list(NoData)},
        "optional": {"type": "boolean"},
        "select": {"type": "string"},
        "enabled": {"type": "boolean"},
    },
    "additionalProperties": False,
}

_DEFAULTS = {
    "type": "object",
    # skip and go would let every check without data pass.
    "properties": {"no_data": {"enum": [NoData.NO_GO, NoData.WARNING]}},
    "additionalProperties": False,
}
_REQUIRED = {"type": "array", "items": {"type": "string", "pattern": r"\S"}}


def refuse_invalid(path: Path, table: Mapping[str, Any], actions: Mapping[str, Any]) -> None:
    """Check a file, with all its environments.

    Args:
        path: of the file, for messages.
        table: what the file contains.
        actions: the JSON Schema of ``[[actions]]``.

    Raises:
        ConfigurationError: it contains what is not allowed; the message says where.
    """
    from jsonschema import Draft202012Validator

    errors = sorted(Draft202012Validator(file_schema(actions)).iter_errors(table), key=_place)
    if errors:
        complaints = "; ".join(text for error in errors for text in _complaints(error, table))
        raise ConfigurationError(f"{path}: {complaints}")
    for layer in (table, *table.get("env", {}).values()):
        _refuse_infinite(path, layer)
        _refuse_doubled_actions(path, layer)
        try:
            freezes.freezes(layer.get("freezes", ()), path.parent)
            waivers.waivers(layer.get("waivers", ()), time.time())
        except ConfigurationError as error:
            raise ConfigurationError(f"{path}: {error}") from None


def file_schema(actions: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON Schema of the file, made from the options and the schema of ``[[actions]]``."""
    shared: dict[str, Any] = {o.name: _option_schema(o) for o in OPTIONS if o.in_file}
    shared["thresholds"] = {"type": "object", "additionalProperties": {"type": "number"}}
    shared["vars"] = {"type": "object", "additionalProperties": {"type": "string", "minLength": 1}}
    shared["defaults"] = _DEFAULTS
    shared["required"] = _REQUIRED
    shared["freezes"] = freezes.SCHEMA
    shared["waivers"] = waivers.SCHEMA
    shared["criteria"] = {"type": "object", "additionalProperties": _CRITERION}
    shared["actions"] = actions
    environment = {"type": "object", "properties": shared, "additionalProperties": False}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": FILE_NAME,
        "type": "object",
        "properties": {**shared, "env": {"type": "object", "additionalProperties": environment}},
        "additionalProperties": False,
    }


def _option_schema(option: Option) -> dict[str, Any]:
    if option.choices:
        return {"enum": list(option.choices)}
    schemas: dict[str, dict[str, Any]] = {
        "flag": {"type": "boolean"},
        "count": {"type": "integer", "minimum": 1},
    }
    return schemas.get(option.type, {"type": "string", "minLength": 1})


def _refuse_infinite(path: Path, layer: Mapping[str, Any]) -> None:
    """TOML has NaN, infinity and whole numbers of any size; JSON Schema does not exclude them."""
    for key, value in layer.get("thresholds", {}).items():
        if not abs(value) <= sys.float_info.max:
            raise ConfigurationError(f"{path}: thresholds.{key}: {value} is not a finite number")


def _refuse_doubled_actions(path: Path, layer: Mapping[str, Any]) -> None:
    """The name says which action an environment replaces, and what another one needs."""
    seen: set[str] = set()
    for name in (table["name"] for table in layer.get("actions", ())):
        if name in seen:
            raise ConfigurationError(
                f"{path}: two actions are named {name!r}; give every action its own name"
            )
        seen.add(name)


def _place(error: ValidationError) -> list[str]:
    return [str(part) for part in error.absolute_path]


def _complaints(error: ValidationError, table: Mapping[str, Any]) -> Iterator[str]:
    where = ".".join(_path(error.absolute_path, table))
    instance: Any = error.instance
    if error.validator == "additionalProperties" and isinstance(error.schema, dict):
        known = error.schema.get("properties", {})
        for name in sorted(set(instance) - set(known)):
            yield _unknown_key(where, name, known)
    elif error.validator == "enum" and error.absolute_path[-1] == "kind":
        kinds = cast("list[str]", error.validator_value)
        yield f"{where}: unknown kind {instance!r}, {did_you_mean(str(instance), kinds)}"
    elif error.validator == "enum":
        allowed = ", ".join(str(value) for value in cast("list[Any]", error.validator_value))
        yield f"{where}: {instance!r} is not allowed, write one of {allowed}"
    else:
        yield f"{where}: {error.message}"


def _unknown_key(where: str, name: str, known: Iterable[str]) -> str:
    key = f"{where}.{name}".lstrip(".")
    if any(option.name == name and not option.in_file for option in OPTIONS):
        return f"{key!r} is not a key of the file; give it on the command line"
    return f"unknown key {key!r}, {did_you_mean(name, known)}"


def _path(parts: Iterable[str | int], table: Any) -> Iterator[str]:
    """The keys that lead to a value; an item of a list by its name, or by its number from 1."""
    for part in parts:
        table = table[part]
        if isinstance(part, int):
            names = (table.get(key) for key in ("name", "check")) if isinstance(table, dict) else ()
            name = next(filter(None, names), None)
            yield str(name or part + 1)
        else:
            yield part
