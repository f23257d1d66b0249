"""The settings of one run: one typed attribute for each option, and the tables of the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from pytest_deploygate.config.options import OPTIONS
from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.core.freezes import AnyFreeze
from pytest_deploygate.core.severity import Severity
from pytest_deploygate.core.waivers import Waiver

FILE_NAME = "deploygate.toml"
DEFAULT = "default"
"""The origin of an option that was not given."""


class Given(NamedTuple):
    """A threshold's value and where it was given."""

    value: float
    origin: str


class GivenText(NamedTuple):
    """A text and where it was given."""

    value: str
    origin: str


class CriterionOverride(NamedTuple):
    """What the configuration changes of one criterion, and where; or that it is left out."""

    changes: Mapping[str, Any]
    origin: str
    enabled: bool = True


class Mention(NamedTuple):
    """A threshold, a criterion, a variable or a waiver that a place of the settings names."""

    kind: str
    name: str
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
        gate_deployed_at: Unix seconds.
        gate_set: the thresholds of the command line; ``thresholds`` has those of the file too.
        gate_var: the variables of the command line; ``vars`` has those of the file too.
        gate_query_timeout: seconds.
        gate_timeout: seconds.
        gate_watch: seconds, None without a watch; and so are the other times of rounds.
        thresholds: by key.
        vars: the variables of queries and titles, by name.
        criteria: what the configuration changes of criteria, by criterion id.
        default_no_data: the meaning of an empty answer to a critical criterion that says nothing.
        required: patterns of the ids of checks that must be measured.
        freezes: when nothing may be deployed.
        waivers: who lets which checks fail.
        mentions: what the other environments of the file speak of.
        actions: what to do after the verdict.
        file: the configuration file that was read, None if there is none.
        other_files: configuration files that are near and were not read.
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
    gate_deployed_at: float | None = None
    gate_record: Path | None = None
    gate_replay: Path | None = None
    gate_demo: str = ""
    gate_act: bool = False
    gate_advisory: bool = False
    gate_query_timeout: float = 10.0
    gate_timeout: float = 30.0
    gate_concurrency: int = 16
    gate_watch: float | None = None
    gate_wait: float | None = None
    gate_steady: float = 300.0
    gate_delay: float = 0.0
    gate_interval: float = 30.0
    gate_failures: int = 3
    gate_history: Path | None = None
    gate_subject: str = ""
    gate_attest: Path | None = None

    thresholds: Mapping[str, Given] = field(default_factory=dict)
    vars: Mapping[str, GivenText] = field(default_factory=dict)
    criteria: Mapping[str, CriterionOverride] = field(default_factory=dict)
    default_no_data: GivenText | None = None
    required: tuple[str, ...] = ()
    freezes: tuple[AnyFreeze, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    mentions: tuple[Mention, ...] = ()
    actions: ActionTables = field(default_factory=ActionTables)
    origins: Mapping[str, str] = field(default_factory=_none_given)
    file: Path | None = None
    other_files: tuple[Path, ...] = ()

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
        if self.default_no_data and _says_nothing(criterion):
            criterion = replace(criterion, no_data=self.default_no_data.value)
        return criterion.resolved({key: given.value for key, given in self.thresholds.items()})

    @property
    def left_out(self) -> frozenset[str]:
        """The ids of the checks that are left out on purpose."""
        return frozenset(id_ for id_, override in self.criteria.items() if not override.enabled)

    def why_left_out(self, id_: str) -> str:
        """Why a check is left out on purpose; empty if it is not."""
        override = self.criteria.get(id_)
        if override is None or override.enabled:
            return ""
        return f"left out on purpose: {override.origin}: criteria.{id_}.enabled = false"


def _says_nothing(criterion: Criterion) -> bool:
    """Whether a critical criterion leaves it to the configuration what missing data means."""
    said = criterion.no_data is not None or criterion.optional
    return criterion.level is Severity.CRITICAL and not said
