"""Settings that are wrong for the criteria of a run: unknown names, and wrong units."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from pytest_deploygate.config.layers import COMMAND_LINE
from pytest_deploygate.config.settings import Settings
from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.core.errors import did_you_mean

_RELEASE = "version"  # the reports name the release that is judged, whoever else uses it


class Unknown(NamedTuple):
    """A name that no criterion has: the message, and whether it was given for this run only."""

    message: str
    for_this_run: bool


def unknown_names(
    settings: Settings, criteria: Collection[Criterion], used: Collection[str] = ()
) -> dict[str, Unknown]:
    """Thresholds, overrides and variables that mean nothing to the criteria, by name.

    Args:
        settings: of the run.
        criteria: every criterion that was seen.
        used: the variables that their queries and titles ask for.
    """
    keys = {threshold.key for criterion in criteria for threshold in criterion.thresholds}
    ids = {criterion.id for criterion in criteria}
    found = {}
    for key in settings.thresholds.keys() - keys:
        origin = settings.thresholds[key].origin
        message = f"{origin}: unknown threshold {key!r}, {did_you_mean(key, keys)}"
        found[key] = Unknown(message, origin == COMMAND_LINE)
    for name in settings.criteria.keys() - ids:
        origin = settings.criteria[name].origin
        message = f"{origin}: unknown criterion {name!r}, {did_you_mean(name, ids)}"
        found[f"criteria.{name}"] = Unknown(message, False)
    for name in settings.vars.keys() - set(used) - {_RELEASE}:
        origin = settings.vars[name].origin
        message = f"{origin}: no check uses the variable {name!r}, {did_you_mean(name, used)}"
        found[f"vars.{name}"] = Unknown(message, origin == COMMAND_LINE)
    return dict(sorted(found.items()))


def wrong_units(settings: Settings, criteria: Iterable[Criterion]) -> list[str]:
    """Complaints about thresholds of ratios that were given in percent."""
    found = {
        threshold.key: settings.thresholds[threshold.key]
        for criterion in criteria
        for threshold in criterion.thresholds
        if criterion.unit == "ratio" and threshold.key in settings.thresholds
        if 0 <= threshold.default <= 1 and not 0 <= settings.thresholds[threshold.key].value <= 1
    }
    return [
        f"{given.origin}: {key} = {given.value:g} would be {given.value * 100:g} %; ratios are "
        "shares of one, such as 0.005 for 0.5 %"
        for key, given in found.items()
    ]
