"""Production states as OpenMetrics text: a healthy service, and one line for what goes wrong.

Values are numbers, functions of the age, or counters; the age is the seconds before the end, the
moment that is judged. A function returns None where the scrape found no sample. Labels that name
no instance mean every instance.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import chain, pairwise

Labels = Mapping[str, str]
LabelPairs = tuple[tuple[str, str], ...]
Rate = float | Callable[[float], float]

HOUR = 3600.0
RECENT = 35 * 60.0
OLDER_INTERVAL = 120.0
LATENCY = "llm_brief_latency_seconds"
BOUNDS = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.0, 10.0)
PORTS = {"app": 8000, "node": 9100, "cadvisor": 8080, "gpu": 9400}
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


@dataclass(frozen=True)
class Production:
    """The state of production up to `end`; every method returns a changed copy."""

    end: float
    interval: float
    length: float
    recent: float
    instances: int
    series: tuple[Series, ...] = ()

    def with_series(self, name: str, labels: Labels, values: Values) -> Production:
        """Add a series, or replace it where it exists."""
        new = [Series(name, full, values) for full in self._placed(name, labels)]
        taken = {series.labels for series in new}
        kept = (old for old in self.series if old.name != name or old.labels not in taken)
        return replace(self, series=(*kept, *new))

    def with_values(self, name: str, values: Values, **labels: str) -> Production:
        """Give the existing series of this name and these labels other values."""
        return self._changed(name, labels, lambda series: replace(series, values=values))

    def without(self, name: str | None = None, **labels: str) -> Production:
        """Remove the series of this name, or of these labels, or of both."""
        return self._changed(name, labels, lambda series: None)

    def missing(
        self, when: Callable[[float], bool], name: str | None = None, **labels: str
    ) -> Production:
        """Drop the samples of these series (or of all) at the ages for which `when` holds."""
        return self._changed(
            name, labels, lambda series: replace(series, missing=(*series.missing, when))
        )

    def with_latency(
        self, mode: str, p95: Rate, *, rate: float = 50.0, **labels: str
    ) -> Production:
        """Make the p95 of a mode about so many seconds, at `rate` requests a second."""
        state = self
        for name, extra, values in latency(p95, rate):
            state = state.with_series(name, {"mode": mode, **labels, **extra}, values)
        return state

    def with_error_rate(self, share: Rate, *, rate: float = 200.0) -> Production:
        """Answer this share of `rate` requests a second with status 500, the others with 200."""
        good = applied(lambda part: rate * (1 - part), share)
        bad = applied(lambda part: rate * part, share)
        state = self.with_series("http_requests_total", {"status": "200"}, Counter(good))
        return state.with_series("http_requests_total", {"status": "500"}, Counter(bad))

    def metrics(self) -> Iterator[tuple[tuple[str, str], LabelPairs, str]]:
        """Yield family, labels and text of each metric; a histogram's series make one metric."""
        even = scrape_ages(self.interval, self.length, self.interval, self.recent)
        thin = scrape_ages(self.interval, self.length, OLDER_INTERVAL, self.recent)
        columns: dict[tuple[tuple[str, str], LabelPairs], list[list[str]]] = {}
        for series in self.series:
            shared = tuple(label for label in series.labels if label[0] != "le")
            lines = series.lines(self.end, thin if series.thinned() else even)
            columns.setdefault((series.family(), shared), []).append(lines)
        for (family, labels), lists in columns.items():
            yield family, labels, "".join(chain.from_iterable(zip(*lists, strict=True)))

    def _changed(
        self, name: str | None, labels: Labels, change: Callable[[Series], Series | None]
    ) -> Production:
        if not any(series.matches(name, labels) for series in self.series):
            raise ValueError(f"production has no series {name or ''}{dict(labels)}")
        changed = (change(s) if s.matches(name, labels) else s for s in self.series)
        return replace(self, series=tuple(filter(None, changed)))

    def _placed(self, name: str, labels: Labels) -> Iterator[LabelPairs]:
        exporters = (job for prefix, job in EXPORTERS.items() if name.startswith(prefix))
        job = labels.get("job") or next(exporters, "app")
        everywhere = [f"{job}-{n + 1}:{PORTS.get(job, 80)}" for n in range(self.instances)]
        for instance in [labels["instance"]] if "instance" in labels else everywhere:
            yield tuple(sorted({**labels, "job": job, "instance": instance}.items()))


def production(
    end: float,
    *,
    interval: float = 15.0,
    length: float = 3 * HOUR,
    recent: float = RECENT,
    instances: int = 2,
) -> Production:
    """Return a healthy production.

    It is scraped every `interval` seconds for `length` seconds. Counters, histograms and machine
    metrics keep fewer samples from before the last `recent` seconds, to keep the text small.
    """
    return Production(end, interval, length, recent, instances, healthy_series(instances))


def openmetrics(*productions: Production) -> str:
    """Return the productions, which must not overlap in time, as one text."""
    states = sorted(productions, key=lambda state: state.end)
    for earlier, later in pairwise(states):
        if later.end - later.length <= earlier.end:
            raise ValueError(f"the productions ending at {earlier.end} and {later.end} overlap")
    families: dict[tuple[str, str], dict[LabelPairs, list[str]]] = {}
    for family, labels, text in chain.from_iterable(state.metrics() for state in states):
        families.setdefault(family, {}).setdefault(labels, []).append(text)
    parts: list[str] = []
    for (name, kind), metrics in families.items():
        parts += [f"# TYPE {name} {kind}\n", *chain.from_iterable(metrics.values())]
    return "".join([*parts, "# EOF\n"])


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


def applied(change: Callable[[float], float], value: Rate) -> Rate:
    """Change a number, or every value of a function of the age."""
    return (lambda age: change(value(age))) if callable(value) else change(value)


def latency(p95: Rate, rate: float) -> Iterator[tuple[str, Labels, Counter]]:
    """Yield name, labels and values of the series of one latency histogram."""
    for bound in (*BOUNDS, math.inf):
        labels = {"le": "+Inf" if bound == math.inf else repr(bound)}
        within = applied(requests_within(bound, rate), p95)
        yield f"{LATENCY}_bucket", labels, Counter(within, start=0, decimals=0)
    yield f"{LATENCY}_count", {}, Counter(rate, start=0, decimals=0)
    yield f"{LATENCY}_sum", {}, Counter(applied(lambda s: 0.6 * rate * min(s, 30), p95), start=0)


def requests_within(bound: float, rate: float) -> Callable[[float], float]:
    """Return how many of `rate` requests take up to `bound` seconds, as a function of the p95."""
    return lambda p95: rate * share_within(bound, p95)


def share_within(bound: float, p95: float) -> float:
    """Return the share of requests up to `bound`, such that the interpolated p95 is as wanted.

    A twentieth of the requests falls into the bucket of the p95, the slower ones into the next,
    and the faster ones are spread evenly.
    """
    if p95 <= BOUNDS[0]:
        raise ValueError(f"the p95 must be above the first bucket's {BOUNDS[0]} s, not {p95}")
    if bound == math.inf:
        return 1.0
    if p95 > BOUNDS[-1]:
        return 0.9 * bound / BOUNDS[-1]
    at = bisect_left(BOUNDS, p95)
    lower, upper = BOUNDS[at - 1], BOUNDS[at]
    faster = 0.95 - 0.05 * (p95 - lower) / (upper - lower)
    if bound <= lower:
        return faster * bound / lower
    return faster + 0.05 if bound == upper else 1.0


def mode_metrics(mode: str, p95: float, hit_rate: float) -> Iterator[tuple[str, Labels, Values]]:
    """Yield what the service measures for one mode."""
    yield "llm_brief_total", {"mode": mode, "status": "success"}, Counter(50)
    yield "cache_hit_rate", {"mode": mode, "cache_type": "prompt"}, hit_rate
    for name, labels, values in latency(p95, 50):
        yield name, {"mode": mode, **labels}, values


def device_metrics(device: str) -> Iterator[tuple[str, Labels, Values]]:
    """Yield what is measured for each of the CPUs and GPUs."""
    for mode, share in [("idle", 0.377), ("user", 0.5), ("system", 0.123)]:
        yield "node_cpu_seconds_total", {"cpu": device, "mode": mode}, Counter(share)
    yield "nvidia_gpu_memory_free_bytes", {"gpu": device}, 10e9
    yield "nvidia_gpu_memory_total_bytes", {"gpu": device}, 24e9
    yield "DCGM_FI_DEV_FB_FREE", {"gpu": device}, 10000
    yield "DCGM_FI_DEV_FB_USED", {"gpu": device}, 14000


HEALTHY: list[tuple[str, Labels, Values]] = [
    *(("up", {"job": job}, 1) for job in PORTS),
    ("http_requests_total", {"status": "200"}, Counter(200)),
    *mode_metrics("fast", 2.1, 0.672),
    *mode_metrics("balanced", 2.9, 0.645),
    *mode_metrics("creative", 4.2, 0.41),
    ("rl_reward_ma", {"algorithm": "ppo", "window": "100"}, lambda age: 12.45 - age / 14400),
    ("rl_loss", {"algorithm": "ppo", "loss_type": "total_loss"}, 0.4523),
    # Not limited, and beyond the limit: what judges these has left the label out of its query.
    ("rl_reward_ma", {"algorithm": "ppo", "window": "10"}, lambda age: 11 + age / 14400),
    ("rl_loss", {"algorithm": "ppo", "loss_type": "value_loss"}, 2.4),
    *device_metrics("0"),
    *device_metrics("1"),
    ("node_memory_MemAvailable_bytes", {}, 24e9),
    ("node_memory_MemTotal_bytes", {}, 64e9),
    ("container_cpu_usage_seconds_total", {"id": "/"}, Counter(1.246)),
    ("container_memory_working_set_bytes", {"id": "/"}, 40e9),
    ("machine_cpu_cores", {}, 2),
    ("machine_memory_bytes", {}, 64e9),
]


@lru_cache
def healthy_series(instances: int) -> tuple[Series, ...]:
    """Return the series of a healthy service."""
    state = Production(0, 1, 0, 0, instances)
    for name, labels, values in HEALTHY:
        state = state.with_series(name, labels, values)
    return state.series
