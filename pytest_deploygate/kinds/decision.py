"""What a kind decides: numbers and codes, no words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from pytest_deploygate.core.criterion import Comparison
from pytest_deploygate.core.result import Reason
from pytest_deploygate.core.series import Series

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

REASONS = tuple(Reason)
"""The code of a reason in :class:`Decisions` is its place here."""

ABSENT = -1
"""The code of a series that the answer does not have at a time."""


class Lack(Enum):
    """What is lacking where a decision is that there is no data."""

    DATA = "data"
    """Nothing says how the series fares now."""
    TIME = "time"
    """It is measured, and for too short a time or with too little traffic as yet to be judged."""
    CERTAINTY = "certainty"
    """It was measured and judged, and it is proved neither good nor bad."""


class Decision(NamedTuple):
    """One series judged at one time: numbers and codes, no words.

    ``value`` was held against ``limit`` with ``comparison``; ``badness`` grows as it gets worse.
    ``case`` and ``numbers`` are the kind's own, for its :meth:`Kind.explain`; a ``text`` is said
    in its place. ``other`` are points of what the series is compared with, for a chart. ``lack``
    says what a decision of no data lacks, and nothing in the others. ``query`` is the expression
    of the value where a kind chooses among several; else it is the criterion's.
    """

    series: Series
    reason: Reason
    value: float
    comparison: Comparison
    limit: float
    badness: float = 0.0
    case: str = ""
    numbers: tuple[float, ...] = ()
    text: str = ""
    other: tuple[tuple[float, float], ...] = ()
    lack: Lack = Lack.DATA
    query: str = ""


@dataclass(frozen=True, slots=True)
class Decisions:
    """Every series judged at every time, as arrays of the shape (series, times).

    ``codes`` holds the place of each reason in :data:`REASONS`, or :data:`ABSENT`. The other
    arrays mean what the fields of :class:`Decision` mean, and nothing where a series is absent.
    """

    labels: tuple[Mapping[str, str], ...]
    codes: NDArray[np.int8]
    values: NDArray[np.float64]
    limits: NDArray[np.float64]
    badness: NDArray[np.float64]
