"""Production states: a healthy service, and one line for what goes wrong.

Labels that name no instance mean every instance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain, pairwise

from tests.healthy import HEALTHY, PORTS, applied, latency
from tests.samples import (
    EXPORTERS,
    OLDER_INTERVAL,
    Counter,
    LabelPairs,
    Labels,
    Rate,
    Series,
    Values,
    scrape_ages,
)

__all__ = ["Counter", "Production", "openmetrics", "production"]

HOUR = 3600.0
RECENT = 35 * 60.0


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
def healthy_series(instances: int) -> tuple[Series, ...]:
    """Return the series of a healthy service."""
    state = Production(0, 1, 0, 0, instances)
    for name, labels, values in HEALTHY:
        state = state.with_series(name, labels, values)
    return state.series
