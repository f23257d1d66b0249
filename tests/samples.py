"""Series with values over time, as OpenMetrics text.

Values are numbers, functions of the age, or counters; the age is the seconds before the end, the
moment that is judged. A function returns None where the scrape found no sample.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise

Labels = Mapping[str, str]
LabelPairs = tuple[tuple[str, str], ...]
Rate = float | Callable[[float], float]

OLDER_INTERVAL = 120.0
LATENCY = "llm_brief_latency_seconds"
EXPORTERS = {
    "node_": "node",
    "container_": "cadvisor",
    "machine_": "cadvisor",
    "nvidia_": "gpu",
    "DCGM_": "gpu",
}


@dataclass(frozen=True, eq=False)
class Counter:
    """A counter: `rate` increments a second, plus `increments` and `resets` at ages.

    Its first sample, at the age `born` or where the scrapes begin, has the value `start`.
    """

    rate: Rate = 0.0
    start: float = 1000.0
    born: float = math.inf
    increments: Mapping[float, float] = field(default_factory=dict)
    resets: Sequence[float] = ()
    decimals: int = 6

    def samples(self, ages: Sequence[float]) -> Iterator[float | None]:
        """Yield the counter's value at each of the falling ages."""
        alive = [age for age in ages if age <= self.born]
        yield from [None] * (len(ages) - len(alive))
        total = self.start
        if alive:
            yield total
        for before, age in pairwise(alive):
            since = before
            for reset in self.resets:
                if age <= reset < since:
                    since, total = reset, 0.0
            total += self._growth(since, age)
            yield round(total, self.decimals)

    def _growth(self, since: float, age: float) -> float:
        rate = self.rate(age) if callable(self.rate) else self.rate
        jumps = [count for at, count in self.increments.items() if age <= at < since]
        return rate * (since - age) + sum(jumps)


Values = float | Callable[[float], float | None] | Counter


@dataclass(frozen=True)
class Series:
    """One series: what it is called, its values, and the ages at which it has no sample."""

    name: str
    labels: LabelPairs
    values: Values
    missing: tuple[Callable[[float], bool], ...] = ()

    def matches(self, name: str | None, labels: Labels) -> bool:
        """Tell whether the series has the name, if one is given, and all the labels."""
        return name in (None, self.name) and labels.items() <= set(self.labels)

    def family(self) -> tuple[str, str]:
        """Return the name and the type of the metric family."""
        if self.name.endswith("_total"):
            return self.name.removesuffix("_total"), "counter"
        return (LATENCY, "histogram") if self.name.startswith(LATENCY) else (self.name, "gauge")

    def thinned(self) -> bool:
        """Tell whether few old samples are enough."""
        # A rate is the same from few samples; an average of a gauge over hours is not.
        return self.family()[1] != "gauge" or dict(self.labels)["job"] in EXPORTERS.values()

    def lines(self, end: float, ages: tuple[float, ...]) -> list[str]:
        """Return the text of each scrape's sample, empty where there is none."""
        head = f"{self.name}{{{','.join(f'{key}={quoted(text)}' for key, text in self.labels)}}}"
        texts: Iterable[str] = value_texts(self.values, ages)
        for gone in self.missing:
            texts = ["" if gone(age) else text for age, text in zip(ages, texts, strict=True)]
        times = time_texts(end, ages)
        return [f"{head} {v} {t}\n" if v else "" for v, t in zip(texts, times, strict=True)]


@lru_cache
def scrape_ages(interval: float, length: float, older: float, recent: float) -> tuple[float, ...]:
    """Return the falling ages of the scrapes, with `older` seconds between those not recent."""
    every = max(1, round(older / interval))
    steps = range(int(length // interval), -1, -1)
    return tuple(n * interval for n in steps if n * interval <= recent or n % every == 0)


@lru_cache
def time_texts(end: float, ages: tuple[float, ...]) -> list[str]:
    """Return the times of these ages as text."""
    return [number(round(end - age, 3)) for age in ages]


@lru_cache(maxsize=1024)
def value_texts(values: Values, ages: tuple[float, ...]) -> list[str]:
    """Return the values at these ages as text, empty where there is no sample."""
    samples: Iterable[float | None]
    if isinstance(values, Counter):
        samples = values.samples(ages)
    else:
        samples = map(values, ages) if callable(values) else [values] * len(ages)
    return ["" if value is None else number(value) for value in samples]


def number(value: float) -> str:
    """Return a number as OpenMetrics writes it."""
    text = repr(float(value)).removesuffix(".0")
    return {"nan": "NaN", "inf": "+Inf", "-inf": "-Inf"}.get(text, text)


def quoted(text: str) -> str:
    """Return a label's value in quotes."""
    escaped = text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
    return f'"{escaped}"'
