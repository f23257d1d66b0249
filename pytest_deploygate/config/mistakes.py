"""Settings that are wrong for the criteria of a run: unknown names, and wrong units."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from pytest_deploygate.config.layers import COMMAND_LINE
from pytest_deploygate.config.settings import Mention, Settings
from pytest_deploygate.core.criterion import Criterion, Threshold
from pytest_deploygate.core.errors import did_you_mean
from pytest_deploygate.core.patterns import matches

_RELEASE = "version"  # the reports name the release that is judged, whoever else uses it


class Unknown(NamedTuple):
    """A name that nothing has: the message, and whether it was given for this run only."""

    message: str
    for_this_run: bool
    name: str


def unknown_names(
    settings: Settings,
    criteria: Collection[Criterion],
    *,
    tests: Collection[str] = (),
    used: Collection[str] = (),
) -> dict[str, Unknown]:
    """The names in the settings that nothing has; their keys are the same in all processes.

    Args:
        settings: of the run; of the file, the environments that were not chosen count too.
        criteria: every criterion that was seen.
        tests: the names of checks that are not criteria; they can only be left out.
        used: the variables that queries and titles ask for.
    """
    ids = {criterion.id for criterion in criteria}
    left_out = {id_ for id_, one in settings.criteria.items() if not one.changes} & set(tests)
    known = {
        "threshold": {threshold.key for one in criteria for threshold in one.thresholds},
        "criterion": ids | left_out,
        "variable": set(used),
        "waiver": ids | set(tests),
    }
    return {
        f"{one.kind} {one.name} of {one.origin}": Unknown(
            _complaint(one, known[one.kind]), one.origin == COMMAND_LINE, one.name
        )
        for one in sorted(_named(settings))
        if not _is_known(one, known[one.kind])
    }


def _is_known(one: Mention, known: Collection[str]) -> bool:
    if one.kind == "waiver":
        return any(matches(id_, one.name) for id_ in known)
    return one.name in known or (one.kind, one.name) == ("variable", _RELEASE)


_COMPLAINTS = {
    "variable": "no check uses the variable",
    "waiver": "waivers: no check matches",
}


def _complaint(one: Mention, known: Collection[str]) -> str:
    what = _COMPLAINTS.get(one.kind, f"unknown {one.kind}")
    return f"{one.origin}: {what} {one.name!r}, {did_you_mean(one.name, known)}"


def _named(settings: Settings) -> Iterator[Mention]:
    """Every name in the settings. The evidence that ships has answers for few of the file's."""
    mentions = [
        *(Mention("threshold", key, one.origin) for key, one in settings.thresholds.items()),
        *(Mention("variable", name, one.origin) for name, one in settings.vars.items()),
        *(Mention("criterion", id_, one.origin) for id_, one in settings.criteria.items()),
        *settings.mentions,
    ]
    for one in mentions:
        if one.origin == COMMAND_LINE or not settings.gate_demo:
            yield one


def wrong_units(settings: Settings, criteria: Iterable[Criterion]) -> list[str]:
    """Complaints about thresholds of ratios that were given in percent."""
    found = {
        threshold.key: settings.thresholds[threshold.key]
        for criterion in criteria
        for threshold in criterion.thresholds
        if criterion.unit == "ratio" and not _is_of_traffic(threshold, criterion)
        if threshold.key in settings.thresholds
        if 0 <= threshold.default <= 1 and not 0 <= settings.thresholds[threshold.key].value <= 1
    }
    return [
        f"{given.origin}: {key} = {given.value:g} would be {given.value * 100:g} %; ratios are "
        "shares of one, such as 0.005 for 0.5 %"
        for key, given in found.items()
    ]


def _is_of_traffic(threshold: Threshold, criterion: Criterion) -> bool:
    return criterion.enough is not None and criterion.enough.at_least == threshold
