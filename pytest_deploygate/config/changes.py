"""What the settings change of criteria, for the reports."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from pytest_deploygate.config.settings import Settings
from pytest_deploygate.core.criterion import Criterion, NoData, number
from pytest_deploygate.core.report import Change


def changes(settings: Settings, criteria: Collection[Criterion]) -> tuple[Change, ...]:
    """What differs from the criteria's own defaults, and where it was given."""
    return (
        *_thresholds(settings, criteria),
        *_overrides(settings, criteria),
        *_defaults(settings),
    )


def _defaults(settings: Settings) -> Iterable[Change]:
    given = settings.default_no_data
    if given and given.value != NoData.WARNING:
        yield Change("defaults.no_data", given.value, NoData.WARNING, given.origin)


def _thresholds(settings: Settings, criteria: Iterable[Criterion]) -> Iterable[Change]:
    found: dict[str, Change] = {}
    for threshold in (one for criterion in criteria for one in criterion.thresholds):
        given = settings.thresholds.get(threshold.key)
        if given is not None and given.value != threshold.default:
            found[threshold.key] = Change(
                name=threshold.key,
                value=f"{given.value:g}",
                default=f"{number(threshold):g}",
                origin=given.origin,
            )
    return found.values()


def _overrides(settings: Settings, criteria: Iterable[Criterion]) -> Iterable[Change]:
    for criterion in criteria:
        override = settings.criteria.get(criterion.id)
        for name, value in override.changes.items() if override else ():
            default = getattr(criterion, name)
            if value != default:
                yield Change(
                    name=f"{criterion.id}.{name}",
                    value=str(value),
                    default="none" if default is None else str(default),
                    origin=override.origin if override else "",
                )
