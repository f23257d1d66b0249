"""Three days of two regions that answer well, badly, rarely and not at all, minute by minute."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from tests.conftest import END
from tests.servers import Server, prometheus

MINUTES = 3 * 1440
START = END - MINUTES * 60.0

# From one minute to another, so many of a hundred answers are bad.
EU = ((300, 325, 60.0), (700, 703, 100.0), (900, 1330, 8.0), (1800, 3300, 2.2), (3900, 3960, 16.0))
US = ((480, 500, 60.0), (1460, 1500, 50.0), (2600, 2640, 20.0))
SILENT, GONE, RESTARTS = range(1500, 1980), 3200, (310, 905, 2000, 3000)

Sample = float | None


def _share(region: tuple[tuple[int, int, float], ...], minute: int) -> float:
    return next((bad for start, end, bad in region if start <= minute < end), 0.0) / 100


@cache
def samples() -> dict[str, tuple[Sample, ...]]:
    """Every counter by its labels, with a sample a minute."""
    drawn = random.Random(11)
    found: dict[str, list[Sample]] = {}
    for name, region in (("eu", EU), ("us", US)):
        good = bad = 0.0
        columns: list[tuple[Sample, Sample]] = []
        for minute in range(MINUTES + 1):
            if minute in RESTARTS:
                good = bad = 0.0
            gone = name == "us" and minute >= GONE
            if not (name == "us" and minute in SILENT):
                requests = drawn.randrange(900, 1100)
                failed = round(requests * (_share(region, minute) + 0.002 * drawn.random()))
                good, bad = good + requests - failed, bad + failed
            # No answer of the second region has ever failed until the first incident.
            seen = not gone and (name == "eu" or minute >= US[0][0])
            columns.append((None if gone else good, bad if seen else None))
        for place, code in enumerate(("200", "500")):
            found[f'region="{name}",code="{code}"'] = [one[place] for one in columns]
    return {labels: tuple(values) for labels, values in found.items()}


def openmetrics() -> str:
    """The text that promtool reads."""
    lines = ["# TYPE answers counter"]
    for labels, values in samples().items():
        lines += [
            f"answers_total{{{labels}}} {value!r} {START + 60 * minute}"
            for minute, value in enumerate(values)
            if value is not None
        ]
    return "\n".join([*lines, "# EOF\n"])


def series() -> list[dict[str, str]]:
    """The same in promtool's notation, from its time zero on."""
    return [
        {
            "series": f"answers_total{{{labels}}}",
            "values": " ".join("_" if one is None else f"{one:g}" for one in values),
        }
        for labels, values in samples().items()
    ]


@contextmanager
def three_days(directory: Path) -> Iterator[Server]:
    """A Prometheus that holds them."""
    with prometheus(openmetrics(), directory) as server:
        yield server
