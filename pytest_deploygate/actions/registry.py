"""The kinds of actions by their names, and the JSON Schema of ``[[actions]]``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any

from pytest_deploygate.actions.base import ActionKind
from pytest_deploygate.core.errors import ConfigurationError
from pytest_deploygate.core.result import Reason
from pytest_deploygate.core.verdict import Verdict

_HOMES = {
    "checkpoint-rollback": ("checkpoint", "CHECKPOINT_ROLLBACK"),
    "command": ("command", "COMMAND"),
    "downshift": ("downshift", "DOWNSHIFT"),
    "python": ("python", "PYTHON"),
    "slack": ("webhook", "SLACK"),
    "webhook": ("webhook", "WEBHOOK"),
}
_NAMES = {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1}
_REASONS = [reason.value for reason in (Reason.BREACH, Reason.NO_DATA, Reason.ERROR)]

SHARED: Mapping[str, Any] = {
    "name": {"type": "string", "minLength": 1, "description": "for reports, and for needs"},
    "kind": {"type": "string", "description": "what to do"},
    "on": {
        "type": "array",
        "items": {"enum": [v.label for v in Verdict]},
        "minItems": 1,
        "description": "the verdicts that start it",
    },
    "for": {**_NAMES, "description": "only if one of these checks failed"},
    "reasons": {
        "type": "array",
        "items": {"enum": _REASONS},
        "minItems": 1,
        "description": "only if one of its checks failed for one of these reasons",
    },
    "needs": {"type": "string", "description": "only after the action of this name succeeded"},
    "timeout": {"type": ["string", "number"], "description": "the longest time for it (30s)"},
}
"""The keys of every action."""


def known_kinds(added: Iterable[Mapping[str, ActionKind]] = ()) -> dict[str, ActionKind]:
    """The kinds of this package, and those that plugins add.

    Raises:
        ConfigurationError: two kinds have the same name.
    """
    kinds = {name: _shipped(*home) for name, home in _HOMES.items()}
    for more in added:
        for name, kind in more.items():
            if name in kinds:
                raise ConfigurationError(
                    f"pytest_deploygate_actions: the kind {name!r} exists; give it another name"
                )
            kinds[name] = kind
    return kinds


def _shipped(module: str, name: str) -> ActionKind:
    kind: ActionKind = getattr(import_module(f"pytest_deploygate.actions.{module}"), name)
    return kind


def schema(kinds: Mapping[str, ActionKind]) -> dict[str, Any]:
    """The JSON Schema of ``[[actions]]``: the keys of every action, and those of each kind."""
    return {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                **SHARED,
                "kind": {"enum": sorted(kinds), "description": SHARED["kind"]["description"]},
            },
            "required": ["name", "kind", "on"],
            "allOf": [_only_for(name, kind) for name, kind in kinds.items()],
        },
        "description": "what to do after the verdict, in this order",
    }


def _only_for(name: str, kind: ActionKind) -> dict[str, Any]:
    return {
        "if": {"properties": {"kind": {"const": name}}, "required": ["kind"]},
        "then": {
            "properties": {**dict.fromkeys(SHARED, True), **kind.properties},
            "required": list(kind.required),
            "additionalProperties": False,
        },
    }
