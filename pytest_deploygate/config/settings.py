"""Command line, environment and configuration file merged into the settings of one run."""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from pytest_deploygate.config.file import ActionTables, CriterionOverride, FileConfig
from pytest_deploygate.config.options import OPTIONS, Option
from pytest_deploygate.core.criterion import Criterion, number
from pytest_deploygate.core.durations import seconds
from pytest_deploygate.core.errors import ConfigurationError, did_you_mean
from pytest_deploygate.core.report import Change

COMMAND_LINE = "command line"
_YEAR_10000 = 253_402_300_800.0  # Unix seconds; what is more is milliseconds


class Given(NamedTuple):
    """A value and where it was given."""

    value: Any
    origin: str


class Unknown(NamedTuple):
    """A setting that nothing knows: what to tell, and whether it was given for this very run."""

    told: str
    for_this_run: bool


class Settings(NamedTuple):
    """What one run was told. ``options`` holds every option by its name, defaults included."""

    options: Mapping[str, Given]
    thresholds: Mapping[str, Given]
    criteria: Mapping[str, CriterionOverride]
    actions: ActionTables
    at: float

    def text(self, name: str) -> str:
        """An option's value as text, empty when it was not given."""
        value = self.options[name].value
        return "" if value is None else str(value)

    def path(self, name: str) -> Path | None:
        """An option's value as a path."""
        value = self.options[name].value
        return None if value is None else Path(value)

    def flag(self, name: str) -> bool:
        """Whether a switch is on."""
        return bool(self.options[name].value)

    def seconds(self, name: str) -> float:
        """An option's duration in seconds."""
        return seconds(self.options[name].value)

    def resolve(self, criterion: Criterion) -> Criterion:
        """The criterion as it is judged in this run: overridden, its thresholds as numbers."""
        override = self.criteria.get(criterion.id)
        if override is not None:
            criterion = replace(criterion, **override.changes)
        return criterion.resolved({key: given.value for key, given in self.thresholds.items()})

    def unknown(self, criteria: Collection[Criterion]) -> dict[str, Unknown]:
        """Thresholds and overrides that none of the criteria has, by name."""
        keys = {threshold.key for criterion in criteria for threshold in criterion.thresholds}
        ids = {criterion.id for criterion in criteria}
        found = {}
        for key in self.thresholds.keys() - keys:
            origin = self.thresholds[key].origin
            told = f"{origin}: unknown threshold {key!r}, {did_you_mean(key, keys)}"
            found[key] = Unknown(told, origin == COMMAND_LINE)
        for name in self.criteria.keys() - ids:
            origin = self.criteria[name].origin
            told = f"{origin}: unknown criterion {name!r}, {did_you_mean(name, ids)}"
            found[f"criteria.{name}"] = Unknown(told, False)
        return dict(sorted(found.items()))

    def misfits(self, criteria: Iterable[Criterion]) -> list[str]:
        """Complaints about thresholds that were given in another unit than the criterion's."""
        found = {
            threshold.key: self.thresholds[threshold.key]
            for criterion in criteria
            for threshold in criterion.thresholds
            if criterion.unit == "ratio" and threshold.key in self.thresholds
            if 0 <= threshold.default <= 1 and not 0 <= self.thresholds[threshold.key].value <= 1
        }
        return [
            f"{given.origin}: {key} = {given.value:g} would be {given.value * 100:g} %; ratios are "
            "shares of one, such as 0.005 for 0.5 %"
            for key, given in found.items()
        ]

    def changes(self, criteria: Collection[Criterion]) -> tuple[Change, ...]:
        """What differs from the criteria's own defaults, and where it was given."""
        found = {}
        for criterion in criteria:
            for threshold in criterion.thresholds:
                given = self.thresholds.get(threshold.key)
                if given is not None and given.value != threshold.default:
                    found[threshold.key] = Change(
                        name=threshold.key,
                        value=f"{given.value:g}",
                        default=f"{number(threshold):g}",
                        origin=given.origin,
                    )
        return (*found.values(), *self._overridden(criteria))

    def _overridden(self, criteria: Iterable[Criterion]) -> Iterable[Change]:
        for criterion in criteria:
            override = self.criteria.get(criterion.id)
            for name, value in override.changes.items() if override else ():
                default = getattr(criterion, name)
                if value != default:
                    yield Change(
                        name=f"{criterion.id}.{name}",
                        value=str(value),
                        default=str(default),
                        origin=override.origin if override else "",
                    )


def merge(
    command_line: Mapping[str, Any], environ: Mapping[str, str], file: FileConfig, directory: Path
) -> Settings:
    """The command line wins over the environment, the environment over the file.

    Args:
        command_line: by option name; None where an option was not given.
        environ: the process's environment.
        file: the configuration file, its environment already chosen.
        directory: what paths on the command line are relative to.

    Raises:
        ConfigurationError: a value cannot be used.
    """
    options = {
        option.name: _chosen(option, command_line, environ, file, directory) for option in OPTIONS
    }
    thresholds = {
        key: Given(value=value, origin=origin) for key, (value, origin) in file.thresholds.items()
    }
    thresholds |= dict(_threshold(text) for text in command_line["gate-set"] or ())
    at = options["gate-at"].value
    settings = Settings(
        options=options,
        thresholds=thresholds,
        criteria=file.criteria,
        actions=file.actions,
        at=round(time.time(), 3) if at is None else evaluation_time(at),
    )
    _refuse_contradictions(settings)
    return settings


def _chosen(
    option: Option,
    command_line: Mapping[str, Any],
    environ: Mapping[str, str],
    file: FileConfig,
    directory: Path,
) -> Given:
    given = command_line[option.name]
    if given == "":
        raise ConfigurationError(f"--{option.name}: is empty; give a value, or leave it out")
    if given is not None and given is not False:
        value = str(directory / given) if option.type == "path" else given
        return _checked(option, Given(value=value, origin=COMMAND_LINE))
    if option.name == "prometheus-url" and environ.get("PROMETHEUS_URL"):
        return Given(value=environ["PROMETHEUS_URL"], origin="$PROMETHEUS_URL")
    if option.name in file.options:
        return _checked(option, Given(value=file.options[option.name], origin=file.origin))
    return Given(value=option.default, origin="default")


def _checked(option: Option, given: Given) -> Given:
    if option.type == "duration":
        try:
            seconds(given.value)
        except ConfigurationError as error:
            raise ConfigurationError(f"{option.name}: {error}") from None
    if option.type == "count" and not (str(given.value).isdecimal() and int(given.value) > 0):
        raise ConfigurationError(f"{option.name}: {given.value!r} is no whole number above zero")
    return given


def _threshold(text: str) -> tuple[str, Given]:
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise ConfigurationError(
            f"--gate-set {text!r}: write it as KEY=VALUE, such as fast_p95_max=3"
        )
    try:
        limit = float(value)
    except ValueError:
        limit = math.nan
    if not math.isfinite(limit):
        raise ConfigurationError(
            f"--gate-set {key.strip()}: {value!r} is no number; ratios are shares of one, "
            "such as 0.005 for 0.5 %"
        )
    return key.strip(), Given(value=limit, origin=COMMAND_LINE)


def evaluation_time(text: str) -> float:
    """Unix seconds of ``--gate-at``: RFC 3339 with its offset, or Unix seconds."""
    try:
        value = float(text)
    except ValueError:
        value = _rfc3339(str(text))
    if not 0 < value < _YEAR_10000:
        raise _bad_time(text)
    return round(value, 3)


def _rfc3339(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _bad_time(text) from None
    if moment.tzinfo is None:
        raise ConfigurationError(
            f"gate-at: {text!r} has no offset from UTC; write it as 2026-01-31T12:00:00Z"
        )
    return moment.timestamp()


def _bad_time(text: object) -> ConfigurationError:
    return ConfigurationError(
        f"gate-at: {text!r} is no time; write RFC 3339 (2026-01-31T12:00:00Z) or Unix seconds"
    )


def _refuse_contradictions(settings: Settings) -> None:
    sources = [name for name in ("gate-replay", "gate-demo") if settings.text(name)]
    if len(sources) == 2:
        raise ConfigurationError("--gate-replay and --gate-demo: give one of them")
    if sources and settings.text("gate-at"):
        raise ConfigurationError(
            f"--gate-at with --{sources[0]}: evidence is judged at the time it was recorded; "
            "leave --gate-at out"
        )
