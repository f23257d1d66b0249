"""Steps put together to cells, as many as fit beside each other: the worst of each is shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pytest_deploygate.core.backtest import BacktestReport
from pytest_deploygate.core.report import worst_status
from pytest_deploygate.core.result import Status
from pytest_deploygate.core.verdict import Verdict

_MOST_CELLS = 120
_HOUR, _DAY = 3600, 86_400
_ROUND = (
    *(60, 120, 300, 600, 900, 1800),
    *(_HOUR, 2 * _HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR),
    *(_DAY, 2 * _DAY, 7 * _DAY),
)
_MOST_DAYS = 10


@dataclass(frozen=True, slots=True)
class Cell:
    """Some steps that follow each other.

    Attributes:
        place: its number, from 0.
        status: the worst of its steps.
        title: when it is, and how many of its steps have that status.
    """

    place: int
    status: Status
    title: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A time on the axis below the cells: its place in percent, and its text."""

    percent: float
    text: str


def steps_in_a_cell(steps: int, step: float) -> int:
    """How many steps a cell has: a round time if possible."""
    for length in _ROUND:
        count = length / step
        if count == int(count) and count >= 1 and steps / count <= _MOST_CELLS:
            return int(count)
    return -(-steps // _MOST_CELLS)


def cells(
    statuses: Sequence[Status] | Sequence[Verdict], report: BacktestReport
) -> tuple[Cell, ...]:
    """The cells of one row."""
    size = steps_in_a_cell(len(statuses), report.step)
    return tuple(
        _cell(place, [Status(one) for one in statuses[first : first + size]], first, report)
        for place, first in enumerate(range(0, len(statuses), size))
    )


def _cell(place: int, statuses: Sequence[Status], first: int, report: BacktestReport) -> Cell:
    counts = Counter(statuses)
    worst = worst_status(statuses) or Status.SKIPPED
    begin = datetime.fromtimestamp(report.times[first], UTC)
    label = worst.value.replace("_", "-")
    number = f" at {counts[worst]} of {len(statuses)} steps" if len(statuses) > 1 else ""
    return Cell(place, worst, f"{begin:%Y-%m-%d %H:%M} UTC: {label}{number}")


def marks(report: BacktestReport) -> tuple[Mark, ...]:
    """Midnights of a backtest of days, else round hours or minutes."""
    length = report.end - report.start
    distance = next((one for one in _ROUND if length / one <= _MOST_DAYS), 7 * _DAY)
    while length / distance > _MOST_DAYS:
        distance *= 2
    pattern = "%m-%d" if distance >= _DAY else "%H:%M"
    first = -(-report.start // distance) * distance
    times = [first + n * distance for n in range(_MOST_DAYS + 1)]
    return tuple(
        Mark(
            round(100 * (time - report.start) / length, 2),
            f"{datetime.fromtimestamp(time, UTC):{pattern}}",
        )
        for time in times
        if time < report.end - 0.02 * length
    )
