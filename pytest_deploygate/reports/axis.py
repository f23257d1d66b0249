"""One axis of a chart: where a number lies on it, and which numbers to write beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

_DAY = 86400.0
_MINUTES = 600.0  # seconds; a quarter of a shorter axis is not a round number of minutes
_MOST_TICKS = 6
_SMALLEST = 1e-290


class Tick(NamedTuple):
    """A text and its place on the axis, in percent from its low end."""

    percent: float
    text: str


class Axis(NamedTuple):
    """From ``low`` to ``high``, which is larger."""

    low: float
    high: float

    @classmethod
    def around(cls, values: Sequence[float]) -> Axis:
        """An axis with a margin around these numbers, which does not cross zero for it."""
        low, high = min(values), max(values)
        largest = max(abs(low), abs(high))
        flat = high - low <= 1e-9 * largest
        margin = max(0.1 * largest if flat else 0.08 * (high - low), _SMALLEST) if largest else 1.0
        return cls(max(0.0, low - margin) if low >= 0 else low - margin, high + margin)

    def position(self, value: float, size: int) -> int:
        """The place of a number on an axis of so many units; never far outside it."""
        share = (value - self.low) / (self.high - self.low)
        return round(size * min(max(share, -1.0), 2.0))

    def ticks(self, unit: str) -> tuple[Tick, ...]:
        """A few round numbers."""
        step = _round_step((self.high - self.low) / 3, unit)
        factor, suffix = _scale(unit, max(abs(self.low), abs(self.high)))
        first = math.ceil(self.low / step)
        numbers = [(first + n) * step for n in range(_MOST_TICKS)]
        return tuple(
            Tick(self._percent(number), _written(number * factor, step * factor) + suffix)
            for number in numbers
            if number <= self.high
        )

    def clock(self) -> tuple[Tick, ...]:
        """Times for an axis of Unix seconds."""
        length = self.high - self.low
        pattern = "%H:%M:%S" if length < _MINUTES else "%H:%M"
        if length > 2 * _DAY:
            pattern = "%m-%d %H:%M"
        quarters = [self.low + (self.high - self.low) * n / 4 for n in range(5)]
        texts = [f"{datetime.fromtimestamp(time, UTC):{pattern}}" for time in quarters]
        texts[-1] += " UTC"
        return tuple(Tick(25.0 * n, text) for n, text in enumerate(texts))

    def _percent(self, value: float) -> float:
        return self.position(value, 1000) / 10


def _round_step(least: float, unit: str) -> float:
    """The next 1, 2 or 5 times a power of ten; of two for bytes."""
    if unit == "bytes":
        return 2.0 ** math.ceil(math.log2(least))
    power = 10.0 ** math.floor(math.log10(least))
    return next((power * n for n in (1, 2, 5) if power * n >= least), power * 10)


def _scale(unit: str, largest: float) -> tuple[float, str]:
    """What to multiply numbers with, and the unit behind them; long words stay away."""
    if unit == "ratio":
        return 100.0, " %"
    if unit == "seconds":
        return (1000.0, " ms") if largest < 0.1 else (1.0, " s")
    if unit == "bytes":
        power = min(4, max(0, math.floor(math.log(largest, 1024)))) if largest > 0 else 0
        return 1024.0**-power, " " + ("B", "KiB", "MiB", "GiB", "TiB")[power]
    return 1.0, f" {unit}" if 0 < len(unit) <= 3 else ""


def _written(number: float, step: float) -> str:
    """With as many digits as the step has."""
    if abs(number) >= 1e6 or step < 1e-6:
        return f"{number:.4g}"
    digits = next((d for d in range(7) if math.isclose(round(step, d), step, rel_tol=1e-6)), 6)
    return f"{number + 0.0:.{digits}f}"
