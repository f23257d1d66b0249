"""What the configuration file may contain, and the complaint about the rest."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from pytest_deploygate.config import freezes, waivers
from pytest_deploygate.config.options import OPTIONS, Option
from pytest_deploygate.config.settings import FILE_NAME
from pytest_deploygate.config.waivers import TIME
from pytest_deploygate.core.criterion import NoData
from pytest_deploygate.core.errors import ConfigurationError, did_you_mean
from pytest_deploygate.core.severity import Severity

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

_CRITERION = {
    "type": "object",
    "properties": {
        "severity": {
            "enum": list(Severity),
            "description": "what a failure is: critical is NO-GO, warning is WARNING",
        },
        "query": {
            "type": "string",
            "pattern": r"\S",
            "description": "PromQL instead of the criterion's own",
        },
        "no_data": {"enum": list(NoData), "description": "what an empty answer is"},
        "optional": {
            "type": "boolean",
            "description": "whether the check is skipped without data, and not counted",
        },
        "select": {
            "type": "string",
            "description": "label matchers instead of gate-select; empty for none",
        },
        "enabled": {
            "type": "boolean",
            "description": "false leaves the check out on purpose: reports list it",
        },
    },
    "additionalProperties": False,
}
_THRESHOLDS = {
    "type": "object",
    "additionalProperties": {"type": "number"},
    "description": "limits by the names that the criteria give them; a ratio is a share of one",
}
_VARIABLES = {
    "type": "object",
    "additionalProperties": {"type": "string", "minLength": 1},
    "description": "what replaces $NAME in queries and titles",
}
_DEFAULTS = {
    "type": "object",
    "properties": {
        # skip and go would let every check without data pass.
        "no_data": {
            "enum": [NoData.NO_GO, NoData.WARNING],
            "description": "what an empty answer is, for critical criteria that leave it open",
        }
    },
    "additionalProperties": False,
    "description": "what criteria leave open",
}
_REQUIRED = {
    "type": "array",
    "items": {"type": "string", "pattern": r"\S"},
    "description": "ids of checks that must be measured; * and ? match anything",
}
_CRITERIA = {
    "type": "object",
    "additionalProperties": _CRITERION,
    "description": "changes of criteria, by their ids",
}


def refuse_invalid(path: Path, table: Mapping[str, Any], actions: Mapping[str, Any]) -> None:
    """Check a file, with all its environments.

    Args:
        path: of the file, for messages.
        table: what the file contains.
        actions: the JSON Schema of ``[[actions]]``.

    Raises:
        ConfigurationError: it contains what is not allowed; the message says where.
    """
    from jsonschema import Draft7Validator

    found = Draft7Validator(file_schema(actions)).iter_errors(table)
    # What is wrong with the form of a freeze is said better below.
    errors = sorted((e for e in found if e.validator_value is not freezes.FORMS), key=_place)
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
    """The JSON Schema of the file, made from the options and the schema of ``[[actions]]``.

    It is draft 7, which the tools for TOML read.
    """
    shared: dict[str, Any] = {o.name: _option_schema(o) for o in OPTIONS if o.in_file}
    shared["thresholds"] = _THRESHOLDS
    shared["vars"] = _VARIABLES
    shared["defaults"] = _DEFAULTS
    shared["required"] = _REQUIRED
    shared["freezes"] = freezes.SCHEMA
    shared["waivers"] = waivers.SCHEMA
    shared["criteria"] = _CRITERIA
    shared["actions"] = actions
    environment = {"type": "object", "properties": shared, "additionalProperties": False}
    environments = {
        "type": "object",
        "additionalProperties": environment,
        "description": "what is different in an environment, which gate-env chooses",
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": FILE_NAME,
        "description": "Settings of the deployment gate, pytest -p deploygate",
        "type": "object",
        "properties": {**shared, "env": environments},
        "additionalProperties": False,
    }


def published(actions: Mapping[str, Any]) -> str:
    """The schema as JSON, for editors and other tools: they read a date of TOML as a text."""

    def typed(schema: dict[str, Any]) -> dict[str, Any]:
        return {**schema, "type": "string"} if schema.get("title") == TIME["title"] else schema

    whole = json.loads(json.dumps(file_schema(actions)), object_hook=typed)
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _option_schema(option: Option) -> dict[str, Any]:
    schemas: dict[str, dict[str, Any]] = {
        "flag": {"type": "boolean"},
        "count": {"type": "integer", "minimum": 1},
    }
    own = {"enum": list(option.choices)} if option.choices else schemas.get(option.type)
    return {**(own or {"type": "string", "minLength": 1}), "description": option.help}


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
