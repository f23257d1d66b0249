"""A window before the evaluation time: whether its series are current, and whether it is enough."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pytest_deploygate.core.durations import spoken
from pytest_deploygate.core.series import Series

STEPS = 120
"""The parts that a window is asked for in."""

PLACES = frozenset({"instance", "pod", "node", "host", "version", "replica", "prometheus_replica"})
"""The labels that say where, by which version or by whom something is measured, not what."""

_DUST = 0.002  # seconds; a source rounds the times of its points to milliseconds

ENDED = "ended"
TOO_FEW = "too few points"
TOO_SHORT = "too short a time"

Points = Sequence[tuple[float, float]]


def age_of_ended(series: Series, at: float, step: float) -> float:
    """Seconds for which a series has had no value, or 0 when it has a current one.

    A query frontend may round the times of a range query down to multiples of its step, so that
    the newest point of an answer is up to one step old.
    """
    age = at - series.points[-1][0]
    return age if age > step - _DUST else 0.0


def without_replaced(series: Sequence[Series], at: float, step: float) -> list[Series]:
    """Without the series that ended and go on elsewhere, as when new pods replace old ones.

    Args:
        series: each with at least one point.
        at: the evaluation time, in Unix seconds.
        step: seconds between two points.
    """
    ended = [bool(age_of_ended(one, at, step)) for one in series]
    if not any(ended):
        return list(series)
    both = list(zip(series, ended, strict=True))
    going_on = {identity(one) for one, over in both if not over}
    return [one for one, over in both if not over or identity(one) not in going_on]


def identity(series: Series) -> frozenset[tuple[str, str]]:
    """The labels that say what is measured, not where."""
    return frozenset(item for item in series.labels.items() if item[0] not in PLACES)


def finite_points(series: Series) -> Points:
    """The points that are finite numbers."""
    return [point for point in series.points if math.isfinite(point[1])]


def shortage(points: Points, window: float, *, least: int, coverage: float) -> tuple[str, float]:
    """Why these points are not enough for the window: a case and its number; or ("", 0.0).

    Args:
        points: finite ones.
        window: in seconds.
        least: the fewest points.
        coverage: the share of the window that they must span.
    """
    if len(points) < max(least, 2):
        return TOO_FEW, float(len(points))
    measured = points[-1][0] - points[0][0]
    return (TOO_SHORT, measured) if measured < coverage * window else ("", 0.0)


def ended(age: float) -> str:
    """That a series has had no value for these seconds.

    The source looks back five minutes, so that the last sample is older than the last point.
    """
    return f"no value for at least {spoken(age)}"


def explained(case: str, number: float, window: float, *, least: int, coverage: float) -> str:
    """Why a series could not be judged, in words; empty for other cases."""
    if case == ENDED:
        return ended(number)
    if case == TOO_FEW:
        found = "1 point" if number == 1 else f"{number:.0f} points"
        short_of = f"{found} in {spoken(window)}, at least {max(least, 2)} needed"
        step = window / STEPS
        left = max((max(least, 2) - number) * step, coverage * window - max(number - 1, 0) * step)
        return f"{short_of}: enough in {_roughly(left)}"
    if case == TOO_SHORT:
        enough = spoken(coverage * window)
        short_of = f"{spoken(number)} of {spoken(window)} measured, at least {enough} needed"
        return f"{short_of}: enough in {_roughly(coverage * window - number)}"
    return ""


def _roughly(seconds: float) -> str:
    """A time to wait, if there is data without a gap from now on."""
    return f"about {spoken(max(60.0, math.ceil(seconds / 60) * 60.0))}"
