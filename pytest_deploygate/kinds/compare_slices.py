"""The slices of one side: which are asked for, what they hold, how long they are empty."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

from pytest_deploygate.core.series import RangeQuery, Series
from pytest_deploygate.kinds import window as past

_FEWEST_SILENT = 3


def range_of(expr: str, end: float, length: float, step: float) -> RangeQuery:
    """Points every ``step`` seconds until the end, as many as the length has room for."""
    steps = math.floor(max(length, 0.0) / step + 1e-6)
    return RangeQuery(expr, round(end - steps * step, 3), round(end, 3), step)


def places_of(series: Series, end: float, step: float) -> dict[int, float]:
    """The finite values, by the number of steps before the end."""
    found = ((round((end - time) / step), value) for time, value in series.points)
    return {place: value for place, value in found if math.isfinite(value)}


def silent_for(own: Mapping[int, float], other: Mapping[int, float]) -> int:
    """The newest slices in which a side had nothing while the other had something.

    0 if they are fewer than three, or if the side was silent for as long before: rare events have
    gaps.

    Args:
        own: what a side has, by the number of steps before the end.
        other: the same of the other side.
    """
    places = sorted(own)
    silent = places[0] if places else 0
    longest = max((b - a - 1 for a, b in pairwise(places)), default=0)
    if silent < _FEWEST_SILENT or silent <= longest:
        return 0
    return silent if any(place < silent for place in other) else 0


def age_of(series: Sequence[Series], end: float, step: float) -> float:
    """Seconds for which no series of a side has had a value, 0 if one has a current one."""
    return min(past.age_of_ended(one, end, 2 * step) for one in series)
