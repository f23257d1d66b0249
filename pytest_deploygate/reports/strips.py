"""The rounds of a watch or a wait on the page: a strip of cells for the verdict and each check.

A cell's height says the same as its colour, for those who cannot see colours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pytest_deploygate.core.report import WORST_FIRST, GateReport, worst_first, worst_status
from pytest_deploygate.core.result import Result, Status
from pytest_deploygate.core.text import counted

HEIGHT = 20
"""Of a strip, in its own units; a cell is 10 wide."""
MOST_CELLS = 120
_MOST_STRIPS = 100
_HEIGHTS = {
    Status.GO: 6,
    Status.WAIVED: 6,
    Status.WARNING: 12,
    Status.NO_GO: HEIGHT,
    Status.SKIPPED: 2,
}


class Strip(NamedTuple):
    """One row: ``paths`` draw the cells of each status, ``counts`` says them in words."""

    name: str
    status: Status
    counts: str
    paths: tuple[tuple[Status, str], ...]
    width: int


class Strips(NamedTuple):
    """All rows, the verdict's first; ``omitted`` checks have none. Times are Unix seconds."""

    rows: tuple[Strip, ...]
    begin: float
    end: float
    rounds_in_a_cell: int
    omitted: int


def strips(report: GateReport) -> Strips | None:
    """The rows of a report, those of failed checks first; None for an ordinary run."""
    if report.watched is None or len(report.rounds) < 2:
        return None
    verdicts = [Status(one.verdict) for one in report.rounds]
    rows = [strip("Verdict of each round", Status(report.verdict), verdicts)]
    seen = [one for one in _in_order(report.results) if one.rounds is not None]
    shown = seen[:_MOST_STRIPS]
    rows += [strip(one.name, one.status, one.rounds.statuses) for one in shown if one.rounds]
    return Strips(
        tuple(rows),
        report.rounds[0].at,
        report.rounds[-1].at,
        _in_a_cell(len(report.rounds)),
        len(seen) - len(shown),
    )


def _in_order(results: Sequence[Result]) -> list[Result]:
    failed = [one for one in results if not one.ok]
    return [*worst_first(failed), *(one for one in results if one.ok)]


def strip(name: str, status: Status, statuses: Sequence[Status | None]) -> Strip:
    """One row for what has these statuses, one after the other."""
    cells = in_cells(statuses)
    counts = {one: statuses.count(one) for one in WORST_FIRST}
    said = [f"{count:,} {_label(one)}" for one, count in counts.items() if count]
    paths = tuple((one, _path(cells, one)) for one in WORST_FIRST if one in cells)
    text = f"{counted(len(statuses), 'round')}: {', '.join(said)}"
    return Strip(name, status, text, paths, len(cells) * 10)


def in_cells(statuses: Sequence[Status | None]) -> list[Status | None]:
    """The worst status of the rounds of each cell: one round, or several where there are many."""
    size = _in_a_cell(len(statuses))
    parts = (statuses[first : first + size] for first in range(0, len(statuses), size))
    return [worst_status(part) for part in parts]


def _in_a_cell(rounds: int) -> int:
    return -(-rounds // MOST_CELLS)


def _path(cells: Sequence[Status | None], status: Status) -> str:
    height = _HEIGHTS[status]
    places = (place for place, one in enumerate(cells) if one is status)
    return "".join(f"M{place * 10 + 1} {HEIGHT - height}h8v{height}h-8z" for place in places)


def _label(status: Status) -> str:
    return status.value.replace("_", "-")
