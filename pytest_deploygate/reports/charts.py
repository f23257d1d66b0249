"""A value held against its limit, and the time before it, as geometry for inline SVG.

Coordinates are whole numbers from 0 to 1000, y pointing down; the page stretches them to its own
width. A value that cannot be drawn is a gap, never a coordinate.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import NamedTuple

from pytest_deploygate.core.criterion import Comparison
from pytest_deploygate.core.durations import spoken
from pytest_deploygate.core.result import Reason, Result, Sides, Status
from pytest_deploygate.core.text import lasting, value_text
from pytest_deploygate.reports.axis import Axis, Tick

SIZE = 1000
_WINDOW = 7200.0  # seconds; all charts that can share one time axis do
_MOST_POINTS = 480
_LARGEST = 1e300
_COMPARISONS = {comparison.symbol: comparison for comparison in Comparison}

Point = tuple[float, float]


class Bar(NamedTuple):
    """Where zero, the value, the limit and the side that is not allowed lie on a line."""

    zero: int
    value: int
    limit: int
    beyond: tuple[int, int] | None


class Chart(NamedTuple):
    """A line in time: SVG paths, the limit, what lies beyond it, ticks and the same in words.

    ``deployed`` is where the new version was deployed. A comparison has the ``other`` line, of the
    old side, and the area that is ``allowed`` beside it.
    """

    line: str
    trend: str
    newest: tuple[int, int]
    limit: int | None
    limit_text: str
    beyond: tuple[int, int] | None
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    caption: str
    deployed: int | None = None
    other: str = ""
    allowed: str = ""


def is_slope(result: Result) -> bool:
    """Whether the value is a slope: a trend's is not where its own curve ends."""
    if result.sides is not None:
        return False
    newest = next((v for _, v in reversed(result.history) if not math.isnan(v)), None)
    return newest is not None and _finite(result.value) and result.value != newest


def bar(result: Result) -> Bar | None:
    """The value against its limit, from zero; None without two numbers."""
    value, limit = result.value, result.threshold
    if value is None or limit is None or not (_drawable(value) and _drawable(limit)):
        return None
    low, high = min(0.0, value, limit), max(0.0, value, limit)
    margin = 0.12 * (high - low or 1.0)
    axis = Axis(low - margin * (low < 0), high + margin * (high > 0 or low == 0))
    at = axis.position(limit, SIZE)
    return Bar(
        zero=axis.position(0.0, SIZE),
        value=axis.position(value, SIZE),
        limit=at,
        beyond=_beyond(result, after=(at, SIZE - at), before=(0, at)),
    )


def chart(result: Result, deployed_at: float | None = None) -> Chart | None:
    """The history of the worst series; None where there is too little to draw.

    Args:
        result: with its history.
        deployed_at: when the new version was deployed, in Unix seconds, if that is known.
    """
    if result.sides is not None:
        return _of_sides(result, result.sides, deployed_at)
    segments = list(_segments(result.history))
    points = [point for segment in segments for point in segment]
    if len(points) < 2:
        return None
    slope = is_slope(result)
    limit = result.threshold if _finite(result.threshold) and not slope else None
    times = _time_axis(result, slope)
    trend = _regression(result, points) if slope else []
    values = Axis.around([v for _, v in (*points, *trend)] + [limit or 0.0] * (limit is not None))

    def place(point: Point) -> tuple[int, int]:
        return times.position(point[0], SIZE), SIZE - values.position(point[1], SIZE)

    at = None if limit is None else place((times.high, limit))[1]
    return Chart(
        line="".join(_path([place(point) for point in one]) for one in _thinned(segments)),
        trend=_path([place(point) for point in trend]),
        newest=place(points[-1]),
        limit=at,
        limit_text="" if limit is None else value_text(limit, result.unit),
        beyond=None if at is None else _beyond(result, after=(0, at), before=(at, SIZE - at)),
        x_ticks=times.clock(),
        y_ticks=values.ticks(result.unit),
        caption=_caption(result, points, times, slope=slope),
        deployed=_deployed(times, deployed_at),
    )


def _of_sides(result: Result, sides: Sides, deployed_at: float | None) -> Chart | None:
    """Both lines of a comparison, and what the limit allows from the deployment on.

    The axis is as long as there is data of both: a canary of four minutes fills it.
    """
    points = [point for point in result.history if _drawable(point[1])]
    if len(points) < 2:
        return None
    times = Axis(points[0][0], points[-1][0])
    since = deployed_at or times.low
    limit = result.threshold or 1.0
    bound = [(time, value * limit) for time, value in sides.history if time >= since]
    lines = (result.history, sides.history, bound)
    values = Axis.around([v for line in lines for _, v in line if _drawable(v)])

    def placed(segment: Sequence[Point]) -> list[tuple[int, int]]:
        return [
            (times.position(time, SIZE), SIZE - values.position(value, SIZE))
            for time, value in segment
        ]

    new, old, allowed = (list(map(placed, _segments(line))) for line in lines)
    upper = result.comparison in (Comparison.BELOW.symbol, Comparison.AT_MOST.symbol)
    edge = SIZE if upper else 0
    return Chart(
        line="".join(map(_path, new)),
        trend="",
        newest=new[-1][-1],
        limit=None,
        limit_text="",
        beyond=None,
        x_ticks=times.clock(),
        y_ticks=values.ticks(sides.unit),
        caption=_caption_of_sides(result, sides, times),
        deployed=_deployed(times, deployed_at),
        other="".join(map(_path, old)),
        allowed="".join(f"{_path(one)}V{edge}H{one[0][0]}Z" for one in allowed if len(one) > 1),
    )


def _caption_of_sides(result: Result, sides: Sides, times: Axis) -> str:
    new, old = (value_text(value, sides.unit) for value in (sides.new, sides.old))
    length = lasting(times.high - times.low)
    lines = f"new {new}, old {old} (dashed line)"
    return f"{length}: {lines}; the area is what {result.threshold or 1.0:g}x allows"


def _deployed(times: Axis, deployed_at: float | None) -> int | None:
    if deployed_at is None or not times.low <= deployed_at <= times.high:
        return None
    return times.position(deployed_at, SIZE)


def why_no_chart(result: Result) -> str:
    """Why a check that was asked has no chart, in a sentence."""
    if not result.query or result.status is Status.SKIPPED:
        return ""
    if result.reason is Reason.ERROR:
        return "No chart: the query could not be answered."
    if not result.history:
        return f"No chart: no data of this series in the last {spoken(_WINDOW)}, or none was asked."
    return "No chart: it needs two points at least."


def _finite(value: float | None) -> bool:
    return value is not None and _drawable(value)


def _drawable(value: float) -> bool:
    """A number that can be put on an axis; false for NaN, too."""
    return abs(value) < _LARGEST


def _beyond(
    result: Result, *, after: tuple[int, int], before: tuple[int, int]
) -> tuple[int, int] | None:
    """The start and the length of the side that is not allowed: above the limit, or below."""
    if result.comparison in (Comparison.BELOW.symbol, Comparison.AT_MOST.symbol):
        return after
    if result.comparison in (Comparison.ABOVE.symbol, Comparison.AT_LEAST.symbol):
        return before
    return None


def _time_axis(result: Result, slope: bool) -> Axis:
    """The last two hours; a shorter axis where the data is of less than half of that.

    What was judged has its own window where that is longer, or where a slope was judged.
    """
    first, last = result.history[0][0], max(result.history[-1][0], result.timestamp)
    is_short = 0 < last - first < _WINDOW / 2
    return Axis(first if slope or is_short else min(first, last - _WINDOW), last)


def _step(points: Sequence[Point]) -> float:
    return min((b[0] - a[0] for a, b in pairwise(points) if b[0] > a[0]), default=math.inf)


def _segments(points: Sequence[Point]) -> Iterator[list[Point]]:
    """The runs of points without a gap between them."""
    longest = 1.5 * _step(points)
    segment: list[Point] = []
    for time, value in points:
        if segment and (not _drawable(value) or time - segment[-1][0] > longest):
            yield segment
            segment = []
        if _drawable(value):
            segment.append((time, value))
    if segment:
        yield segment


def _thinned(segments: Sequence[list[Point]]) -> Iterator[list[Point]]:
    """Few enough points for a page; of each stretch the lowest and the highest stay."""
    total = sum(len(segment) for segment in segments)
    size = math.ceil(2 * total / _MOST_POINTS)
    for segment in segments:
        if total <= _MOST_POINTS:
            yield segment
            continue
        stretches = [segment[at : at + size] for at in range(0, len(segment), size)]
        extremes = ({min(s, key=_value), max(s, key=_value)} for s in stretches)
        yield [point for both in extremes for point in sorted(both)]


def _value(point: Point) -> float:
    return point[1]


def _path(places: Sequence[tuple[int, int]]) -> str:
    """A path; a single point is a line of no length, which round ends make a dot."""
    if not places:
        return ""
    return "M" + " ".join(f"{x} {y}" for x, y in places) + ("h0" if len(places) == 1 else "")


def _regression(result: Result, points: Sequence[Point]) -> list[Point]:
    """The line that the slope, per hour, belongs to: least squares go through the mean."""
    slope = (result.value or 0.0) / 3600
    time = math.fsum(t for t, _ in points) / len(points)
    value = math.fsum(v / len(points) for _, v in points)
    return [(t, value + slope * (t - time)) for t in (points[0][0], points[-1][0])]


def _caption(result: Result, points: Sequence[Point], times: Axis, *, slope: bool) -> str:
    """What the chart shows, in words."""
    low, high = min(v for _, v in points), max(v for _, v in points)
    shown = [value_text(v, result.unit) for v in (low, high)]
    longest = 1.5 * _step(result.history)
    period = _period(points[0][0], times, longest, slope=slope)
    caption = f"{period}: {' to '.join(dict.fromkeys(shown))}"
    silence = times.high - points[-1][0]
    if silence > longest:
        return f"{caption}; nothing since {_clock(points[-1][0])} ({lasting(silence)})"
    if slope:
        return f"{caption}; the dashed line is the trend that was judged"
    return caption + _how_long(result, times.high)


def _period(first: float, times: Axis, longest: float, *, slope: bool) -> str:
    """The time that the words are about: the whole axis, or what of it has data."""
    whole = slope or times.high - times.low >= _WINDOW / 2
    if whole and first - times.low <= longest:
        return f"Last {spoken(times.high - times.low)}"
    return f"Data since {_clock(first)} ({lasting(times.high - first)})"


def _how_long(result: Result, now: float) -> str:
    """Since when the limit is not kept, or when that was last so."""
    measured = [(t, v) for t, v in result.history if not math.isnan(v)]
    kept = [_keeps(result, value) for _, value in measured]
    if all(kept):
        return ""
    if not any(kept):
        return "; beyond the limit all this time"
    if kept[-1]:
        last = max(time for (time, _), ok in zip(measured, kept, strict=True) if not ok)
        return f"; beyond the limit until {_clock(last)}"
    since = next(measured[i + 1][0] for i in reversed(range(len(kept) - 1)) if kept[i])
    return f"; beyond the limit since {_clock(since)} ({lasting(now - since)})"


def _keeps(result: Result, value: float) -> bool:
    comparison = _COMPARISONS.get(result.comparison)
    if comparison is None or result.threshold is None:
        return True
    return comparison.passes(value, result.threshold)


def _clock(time: float) -> str:
    return f"{datetime.fromtimestamp(time, UTC):%H:%M} UTC"
