"""What a server has: the questions of ``deploygate init``, and what is found with the answers."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from pytest_deploygate.cli.init.found import (
    STATUS,
    STATUS_LABELS,
    Counted,
    Form,
    Latency,
    Measured,
    Requests,
    counts_http,
    is_status,
    latencies_of,
    requests_of,
)
from pytest_deploygate.core.errors import SourceError
from pytest_deploygate.core.series import InstantQuery, Series
from pytest_deploygate.engine.run import GateRun
from pytest_deploygate.promql.expressions import string
from pytest_deploygate.promql.narrowing import escaped
from pytest_deploygate.sources.prometheus import PrometheusSource

_HOUR = 3600.0
_PAGE_SECONDS = 10.0
_MOST = 2  # metrics of one kind that become criteria; more would be a list nobody reads
_MOST_UNKNOWN = 10
_COUNTERS = ".+_(total|count|requests)"
# They are no statuses, and have many values.
_MANY = frozenset({"le", "instance", "pod", "path", "uri", "url", "route", "handler", "job"})
_CLASSIC = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# What has an error rate of its own, a latency of its own, and what is one target.
_SERVICE = (
    *("job", "exported_job", "service", "service_name", "application", "app"),
    *("namespace", "cluster"),
)
_SLOW = (*_SERVICE, "region", "version", "prometheus", "prometheus_replica", "replica")
_TARGET = (
    *("job", "instance", "exported_job", "exported_instance", "service_instance_id", "pod"),
    *("namespace", "cluster", "prometheus", "prometheus_replica", "replica"),
)
_MACHINE = {
    "cpu": ("node_cpu_seconds_total",),
    "memory": ("node_memory_MemAvailable_bytes", "node_memory_MemTotal_bytes"),
    "disk": ("node_filesystem_avail_bytes", "node_filesystem_size_bytes"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Errors:
    """An error rate that can be judged.

    Attributes:
        requests: the metric that counts.
        window: seconds of its rates, at least four scrape intervals.
        by: the labels that have an error rate of their own.
        target: the labels of one target.
    """

    requests: Requests
    window: float
    by: tuple[str, ...]
    target: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Slowness:
    """A latency that can be judged; the attributes are those of :class:`Errors`, and two more.

    Attributes:
        now: the worst value of the last hour, in the unit of the metric; None without requests.
        largest: the largest finite bucket that all jobs have; infinite without a histogram.
    """

    latency: Latency
    window: float
    by: tuple[str, ...]
    target: tuple[str, ...]
    now: float | None
    largest: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What was found on a server.

    Attributes:
        errors: error rates.
        slowness: latencies.
        more: metrics of requests that were found and become no criteria.
        jobs: the jobs whose targets are judged; empty for those of all.
        has_targets: whether there are targets; metrics that are pushed lack them.
        up_by: the labels that group the targets of a job.
        machines: of what there is the node exporter's: ``cpu``, ``memory``, ``disk``.
        machine_window: seconds of the rates of machines.
        names: the names of all metrics, in order.
    """

    errors: tuple[Errors, ...] = ()
    slowness: tuple[Slowness, ...] = ()
    more: tuple[str, ...] = ()
    jobs: tuple[str, ...] = ()
    has_targets: bool = True
    up_by: tuple[str, ...] = ("job",)
    machines: tuple[str, ...] = ()
    machine_window: float = 300.0
    names: tuple[str, ...] = ()

    @property
    def recognised(self) -> bool:
        """Whether there is more than ``up``."""
        return bool(self.errors or self.slowness or self.machines)


def examine(run: GateRun) -> Found:
    """Find what a server has, within the matchers of the run.

    Raises:
        SourceError: the server did not answer, or has nothing with these matchers.
    """
    source = run.source
    assert isinstance(source, PrometheusSource)  # there is no option to give another one
    server = _Server(run, source)
    up = {job: count for job, count in server.jobs("up").items() if job}
    counted = server.counted()
    names = server.names()
    if not names and run.scope.matchers:
        wording = ",".join(one.wording for one in run.scope.matchers)
        raise SourceError(f"{run.settings.origins['gate-select']}: no series has {wording}")
    unknown = set(filter(counts_http, names)) - {one.metric for one in counted}
    requests = requests_of([*counted, *server.counted_by_other_labels(sorted(unknown))])
    latencies = latencies_of(server.measured(), requests)
    served = {job for one in requests[:_MOST] for job in one.jobs}
    served |= {job for one in latencies[:_MOST] for job in one.jobs}
    judged = served & up.keys() if served else up.keys()
    machines = server.machines()
    left_out = [one.metric for one in requests[_MOST:]]
    left_out += [one.metric for one in latencies[_MOST:]]
    return Found(
        errors=tuple(map(server.errors, requests[:_MOST])),
        slowness=tuple(map(server.slowness, latencies[:_MOST])),
        more=tuple(left_out),
        jobs=tuple(sorted(judged)),
        has_targets=bool(judged or not served),
        up_by=server.labels("up", ("job", "namespace", "cluster")) if up else ("job",),
        machines=machines,
        machine_window=server.window(_MACHINE["cpu"][0], ()) if "cpu" in machines else 300.0,
        names=names,
    )


class _Server:
    """Asks the source of a run; its matchers narrow every question."""

    def __init__(self, run: GateRun, source: PrometheusSource) -> None:
        self._run = run
        self._source = source

    def counted(self) -> list[Counted]:
        """Everything that has a status of HTTP in one of the usual labels."""
        counters = f'__name__=~"{_COUNTERS}"'
        asked = (
            f'count by (__name__, job, {label}) ({{{counters},{label}=~"{STATUS}"}})'
            for label in STATUS_LABELS
        )
        return [
            Counted(_name(one), one.labels.get("job", ""), label, one.labels.get(label, ""))
            for label, found in zip(STATUS_LABELS, self._series(*asked), strict=True)
            for one in found
        ]

    def counted_by_other_labels(self, metrics: Sequence[str]) -> list[Counted]:
        """The same of metrics that have the status in another label, known by its values."""
        metrics = metrics[:_MOST_UNKNOWN]
        pairs = [(one, label) for one in metrics for label in self._label_names(one) - _MANY]
        asked = [f"count by (job, {label}) ({metric})" for metric, label in pairs]
        found: list[Counted] = []
        for (metric, label), series in zip(pairs, self._series(*asked), strict=True):
            values = [one.labels.get(label, "") for one in series]
            if is_status(values):
                jobs = (one.labels.get("job", "") for one in series)
                found += map(Counted, [metric] * len(values), jobs, [label] * len(values), values)
        return found

    def measured(self) -> list[Measured]:
        """Everything that has the form of a latency."""
        histograms = 'count by (__name__, job) ({__name__=~".+_bucket",le="+Inf"})'
        sums = 'count by (__name__, job) ({__name__=~".*(http|request).*_sum"})'
        forms: Iterable[tuple[str, Form]] = (("_bucket", "histogram"), ("_sum", "mean"))
        return [
            Measured(_name(one).removesuffix(suffix), one.labels.get("job", ""), form)
            for (suffix, form), found in zip(forms, self._series(histograms, sums), strict=True)
            for one in found
        ]

    def jobs(self, metric: str) -> dict[str, float]:
        """The jobs that have a metric, and their number of series."""
        [found] = self._series(f"count by (job) ({metric})")
        return {one.labels.get("job", ""): one.value for one in found}

    def machines(self) -> tuple[str, ...]:
        """What the node exporter tells of machines."""
        names = "|".join(chain.from_iterable(_MACHINE.values()))
        [found] = self._series(f'count by (__name__) ({{__name__=~"{names}"}})')
        there = set(map(_name, found))
        return tuple(what for what, metrics in _MACHINE.items() if there.issuperset(metrics))

    def errors(self, requests: Requests) -> Errors:
        """What is needed to judge an error rate."""
        return Errors(
            requests=requests,
            window=self.window(requests.metric, requests.jobs),
            by=self.labels(requests.metric, _SERVICE),
            target=self.labels(requests.metric, _TARGET),
        )

    def slowness(self, latency: Latency) -> Slowness:
        """What is needed to judge a latency, and what it is now."""
        suffix = "_bucket" if latency.form == "histogram" else "_count"
        counter = f"{latency.metric}{suffix}"
        by = self.labels(counter, _SLOW)
        chosen = job_matcher(latency.jobs)
        if latency.form == "histogram":
            rates = f"sum by ({', '.join(('le', *by))}) (rate({counter}{chosen}[1h]))"
            value = f"max(histogram_quantile(0.95, {rates}))"
        else:
            sums, counts = (
                f"sum by ({', '.join(by)}) (rate({latency.metric}{part}{chosen}[1h]))"
                for part in ("_sum", "_count")
            )
            value = f"max({sums} / {counts})"
        now, bounds = self._series(value, f"count by (job, le) ({counter}{chosen})")
        return Slowness(
            latency=latency,
            window=self.window(counter, latency.jobs),
            by=by,
            target=self.labels(counter, _TARGET),
            now=now[0].value if now and math.isfinite(now[0].value) else None,
            largest=_largest(bounds) if latency.form == "histogram" else math.inf,
        )

    def window(self, metric: str, jobs: tuple[str, ...]) -> float:
        """Seconds that hold four scrapes of every job: five minutes, or more if they are rare."""
        counts = f"min(max by (job) (count_over_time({metric}{job_matcher(jobs)}[%s])))"
        short, long = (_number(found) for found in self._series(counts % "10m", counts % "1h"))
        if short >= 8 or long <= max(short, 1):  # often enough, or too new to tell
            return 300.0
        return max(300.0, math.ceil(4 * _HOUR / (long - 1) / 60) * 60.0)

    def labels(self, metric: str, wanted: Sequence[str]) -> tuple[str, ...]:
        """Those of these labels that a metric has."""
        there = self._label_names(metric)
        return tuple(name for name in wanted if name in there)

    def names(self) -> tuple[str, ...]:
        """The names of all metrics of the last hour."""
        return tuple(sorted(self._page("label/__name__/values", '{__name__!=""}')))

    def _label_names(self, metric: str) -> set[str]:
        return set(filter(_CLASSIC.fullmatch, self._page("labels", metric)))

    def _page(self, path: str, selector: str) -> list[str]:
        at = self._run.at
        chosen = self._run.scope.narrowed(InstantQuery(selector, at)).expr
        parameters = {"match[]": chosen, "start": f"{at - _HOUR:.0f}", "end": f"{at:.0f}"}
        where = f"api/v1/{path}"
        response = self._source.page(where, time.monotonic() + _PAGE_SECONDS, parameters)
        try:
            data = json.loads(response.body)["data"] if response.status == 200 else None
        except (ValueError, KeyError, TypeError, RecursionError):
            data = None
        if not isinstance(data, list):
            raise SourceError(
                f"{self._source.info.location} answers {response.status} to /{where}, and no list; "
                "give --no-server to start without it"
            )
        return [name for name in data if isinstance(name, str)]

    def _series(self, *exprs: str) -> list[Sequence[Series]]:
        at, narrowed = self._run.at, self._run.scope.narrowed
        queries = [narrowed(InstantQuery(expr, at)) for expr in exprs]
        self._run.measurements.prefetch(queries)
        return [self._run.ask(query).series for query in queries]


def job_matcher(jobs: Sequence[str], *more: str) -> str:
    """The matchers of a selector for these jobs, in braces; one without a name is every job."""
    if not jobs or "" in jobs:
        own = []
    elif len(jobs) == 1:
        own = [f"job={string(jobs[0])}"]
    else:
        own = [f"job=~{string('|'.join(map(escaped, jobs)))}"]
    matchers = ",".join((*own, *more))
    return f"{{{matchers}}}" if matchers else ""


def _largest(bounds: Iterable[Series]) -> float:
    """The largest finite bucket of each job, and the smallest of them."""
    finite: dict[str, float] = {}
    for one in bounds:
        bound = _bound(one.labels)
        job = one.labels.get("job", "")
        if math.isfinite(bound):
            finite[job] = max(bound, finite.get(job, -math.inf))
    return min(finite.values(), default=math.inf)


def _bound(labels: Mapping[str, str]) -> float:
    try:
        return float(labels.get("le", "inf"))
    except ValueError:
        return math.inf


def _name(series: Series) -> str:
    return series.labels.get("__name__", "")


def _number(series: Sequence[Series]) -> float:
    return series[0].value if series else 0.0
