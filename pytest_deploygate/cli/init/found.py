"""Which metrics of a server count requests and measure their latency, read off names and labels.

The conventions are those of the Python client and its exporters (``http_requests_total{status}``,
``starlette_requests_total{status_code}``, ``flask_http_request_total{status}``,
``django_http_responses_total_by_status_total{status}``), of Go (``http_requests_total{code}``), of
Micrometer (``http_server_requests_seconds_count{status}``) and of OpenTelemetry's semantic
conventions for HTTP (``http_server_request_duration_seconds_count{http_response_status_code}``,
formerly ``http_server_duration_milliseconds_count{http_status_code}``). No name is required of a
counter: a label whose values are statuses of HTTP is enough.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal, NamedTuple, TypeVar

STATUS_LABELS = (
    *("status", "code", "status_code", "http_response_status_code", "http_status_code"),
    *("http_status", "response_code", "statusCode", "status_class", "http_code"),
)
"""The usual names of the label, the more usual one first."""

STATUS = "[1-5]([0-9][0-9]|[xX][xX])"
"""Values of the label: ``200``, ``5xx``."""

_SUCCESS = re.compile("2([0-9][0-9]|[xX][xX])")
_NAME = re.compile(r"[A-Za-z_:][A-Za-z0-9_:]*")
_HTTP = re.compile(r"http|request|response")
_TIME = re.compile(r"seconds|duration|latency|time|_ms(_|$)")
# Not what the service answered, or not a time.
_OTHER = re.compile(r"client|outgoing|upstream|error|exception|fail|retries|webhook|size|bytes")
_SCRAPES = re.compile(r"promhttp_")
_MONITORING = re.compile(
    r"(prometheus|alertmanager|grafana|node|pushgateway|blackbox|kubelet|apiserver|etcd|coredns|"
    r"cortex|loki|thanos|otelcol|net_conntrack)_"
)


class Counted(NamedTuple):
    """That a job has series of a metric with this value of a label."""

    metric: str
    job: str
    label: str
    status: str


class Requests(NamedTuple):
    """A metric that counts the requests of some jobs by status.

    ``jobs`` are in order; an empty name stands for series without the label ``job``.
    """

    metric: str
    label: str
    jobs: tuple[str, ...]


Form = Literal["histogram", "mean"]


class Measured(NamedTuple):
    """That a job has a metric of times, as a histogram or as a sum and a count."""

    metric: str
    job: str
    form: Form


class Latency(NamedTuple):
    """A metric of the times that the requests of some jobs take, without its suffix."""

    metric: str
    form: Form
    jobs: tuple[str, ...]

    @property
    def unit(self) -> str:
        """``seconds`` or ``ms``; empty if its name does not say."""
        if re.search(r"milliseconds|_ms(_|$)|^http_server_duration$", self.metric):
            return "ms"
        return "" if "microseconds" in self.metric or "seconds" not in self.metric else "seconds"


Item = TypeVar("Item", Counted, Measured)
Key = TypeVar("Key")


def requests_of(counted: Iterable[Counted]) -> tuple[Requests, ...]:
    """The metric that counts the requests of each job; those of most jobs first."""
    best = _best(
        (one.job, (one.metric, one.label))
        for one in _without_monitoring(counted)
        if _NAME.fullmatch(one.metric) and not _OTHER.search(one.metric)
    )
    return tuple(Requests(*key, jobs) for key, jobs in _joined(best, _rank_of_requests).items())


def _rank_of_requests(job: str, candidate: tuple[str, str]) -> tuple[object, ...]:
    metric, label = candidate
    known = STATUS_LABELS.index(label) if label in STATUS_LABELS else len(STATUS_LABELS)
    return (not _HTTP.search(metric), metric.endswith("_count"), len(metric), known, candidate)


def latencies_of(measured: Iterable[Measured], requests: Sequence[Requests]) -> tuple[Latency, ...]:
    """The metric of the latency of each job; those of most jobs first.

    Args:
        measured: everything that has the form of a metric of times.
        requests: what was found of them; a metric of times with a name of its own counts only
            beside them, and if it begins like them.
    """
    counts = {job: one.metric for one in requests for job in one.jobs}
    best = _best(
        (one.job, (one.metric, one.form))
        for one in _without_monitoring(measured)
        if _NAME.fullmatch(one.metric)
        and _TIME.search(one.metric)
        and not _OTHER.search(one.metric)
        and _likeness(one.metric, counts.get(one.job, "")) is not None
    )

    def rank(job: str, candidate: tuple[str, Form]) -> tuple[object, ...]:
        metric, form = candidate
        # Instrumentators for FastAPI have one with fine buckets, beside one with three.
        coarse = "highr" not in metric
        alike = _likeness(metric, counts.get(job, ""))
        return (alike, form != "histogram", coarse, len(metric), metric)

    return tuple(Latency(*key, jobs) for key, jobs in _joined(best, rank).items())


def _likeness(metric: str, count: str) -> int | None:
    """How likely it is the latency of what a metric counts, 0 the most; None if it is not."""
    if count.removesuffix("_count") == metric:
        return 0
    if "http" in metric:
        return 1
    if "request" in metric:
        return 2
    first = metric.partition("_")[0]
    return 3 if count and count.partition("_")[0] == first else None


def is_status(values: Sequence[str]) -> bool:
    """Whether the values of a label are statuses of HTTP, some of them of success."""
    return all(re.fullmatch(STATUS, one) for one in values) and any(map(_SUCCESS.match, values))


def counts_http(metric: str) -> bool:
    """Whether a metric has the name of a counter of requests, whatever its labels are."""
    named = re.search(r"http.*(request|response)|request.*http", metric)
    counter = metric.endswith(("_total", "_count", "_requests"))
    return bool(named and counter and _NAME.fullmatch(metric) and not _OTHER.search(metric))


def _without_monitoring(found: Iterable[Item]) -> list[Item]:
    """Leave out what the monitoring says of itself, unless there is nothing else."""
    every = [one for one in found if not _SCRAPES.match(one.metric)]
    return [one for one in every if not _MONITORING.match(one.metric)] or every


def _best(found: Iterable[tuple[str, Key]]) -> dict[str, dict[Key, None]]:
    by_job: dict[str, dict[Key, None]] = {}
    for job, key in found:
        by_job.setdefault(job, {})[key] = None
    return by_job


def _joined(
    by_job: Mapping[str, Iterable[Key]], rank: Callable[[str, Key], tuple[object, ...]]
) -> dict[Key, tuple[str, ...]]:
    """The jobs that have the same best candidate, by the candidate."""
    jobs: dict[Key, list[str]] = {}
    for job in sorted(by_job):
        jobs.setdefault(min(by_job[job], key=lambda one: rank(job, one)), []).append(job)
    most_first = sorted(jobs.items(), key=lambda item: (-len(item[1]), item[1]))
    return {key: tuple(names) for key, names in most_first}
