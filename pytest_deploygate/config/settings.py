"""The settings of one run: one typed attribute for each option, and the tables of the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from pytest_deploygate.config.options import OPTIONS
from pytest_deploygate.core.criterion import Criterion

FILE_NAME = "deploygate.toml"
DEFAULT = "default"
"""The origin of an option that was not given."""


class Given(NamedTuple):
    """A threshold's value and where it was given."""

    value: float
    origin: str


class GivenText(NamedTuple):
    """A variable's value and where it was given."""

    value: str
    origin: str


class CriterionOverride(NamedTuple):
    """What the configuration changes of one criterion, and where."""

    changes: Mapping[str, Any]
    origin: str


class ActionTables(NamedTuple):
    """The ``[[actions]]`` in their order; relative paths in them start at the file's directory."""

    tables: tuple[Mapping[str, Any], ...] = ()
    file: Path = Path(FILE_NAME)


def _none_given() -> dict[str, str]:
    return {option.name: DEFAULT for option in OPTIONS}


# Without a repr: a URL may contain a password, and pytest shows the values of a failed assertion.
@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Settings:
    """The settings of one run.

    Every option of :mod:`~pytest_deploygate.config.options` has an attribute of its name. A text
    that was not given is empty; a path or a time that was not given is None.

    Attributes:
        gate_at: Unix seconds.
        gate_set: the thresholds of the command line; ``thresholds`` has those of the file too.
        gate_var: the variables of the command line; ``vars`` has those of the file too.
        gate_query_timeout: seconds.
        gate_timeout: seconds.
        thresholds: by key.
        vars: the variables of queries and titles, by name.
        criteria: what the configuration changes of criteria, by criterion id.
        actions: what to do after the verdict.
        origins: where each option was given, by option name; for messages.
    """

    prometheus_url: str = "http://localhost:9090"
    prometheus_config: Path | None = None
    gate_json: Path | None = None
    gate_junit: Path | None = None
    gate_html: Path | None = None
    gate_metrics: Path | None = None
    gate_pushgateway: str = ""
    gate_set: Mapping[str, float] = field(default_factory=dict)
    gate_select: str = ""
    gate_var: Mapping[str, str] = field(default_factory=dict)
    gate_config: Path | None = None
    gate_env: str = ""
    gate_at: float | None = None
    gate_record: Path | None = None
    gate_replay: Path | None = None
    gate_demo: str = ""
    gate_act: bool = False
    gate_advisory: bool = False
    gate_query_timeout: float = 10.0
    gate_timeout: float = 30.0
    gate_concurrency: int = 16

    thresholds: Mapping[str, Given] = field(default_factory=dict)
    vars: Mapping[str, GivenText] = field(default_factory=dict)
    criteria: Mapping[str, CriterionOverride] = field(default_factory=dict)
    actions: ActionTables = field(default_factory=ActionTables)
    origins: Mapping[str, str] = field(default_factory=_none_given)

    @property
    def outputs(self) -> dict[str, Path]:
        """The files that options ask to write, by option name."""
        asked = {o.name: getattr(self, o.dest) for o in OPTIONS if o.type == "output"}
        return {name: path for name, path in asked.items() if path is not None}

    @property
    def replays(self) -> bool:
        """Whether recorded evidence is judged instead of the answers of a source."""
        return bool(self.gate_replay or self.gate_demo)

    def resolve(self, criterion: Criterion) -> Criterion:
        """The criterion as this run judges it: overridden, with numbers as thresholds."""
        override = self.criteria.get(criterion.id)
        if override is not None:
            criterion = replace(criterion, **override.changes)
        return criterion.resolved({key: given.value for key, given in self.thresholds.items()})
