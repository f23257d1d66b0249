"""Services in the conventions of the usual clients, healthy and with one thing wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.production import Counter, Production
from tests.samples import Labels, Values

OUTAGE = 600.0
"""Seconds for which something has been wrong."""

_RATE = 20.0  # requests per second of an instance
_BOUNDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_SHARES = {"well": (0.5, 0.97, 0.99, 1, 1, 1), "slow": (0, 0, 0.1, 0.2, 0.6, 0.98)}
_MEAN = {"well": 0.12, "slow": 2.4}

Entry = tuple[str, Labels, Values]


@dataclass(frozen=True)
class Convention:
    """How a service is instrumented.

    Args:
        counter: the metric that counts by status.
        label: its label of the status.
        times: the metric of the latency, without its suffix.
        more: labels that the counter has besides.
        by_status: whether the metric of the latency has the status, too.
        buckets: whether it has buckets.
        per_second: its units in a second.
        failing: the value of the label for a failure, and for success.
    """

    counter: str
    label: str
    times: str
    more: Labels
    by_status: bool = False
    buckets: bool = True
    per_second: float = 1.0
    failing: str = "500"
    success: str = "200"

    def entries(self, *, failing: float = 0.0, shape: str = "well") -> Iterator[Entry]:
        """The series of a service, of which something has been wrong since the outage.

        Args:
            failing: share of the requests that fail then.
            shape: how the latency is then.
        """
        statuses = {self.success: 1 - failing}
        if failing:
            statuses[self.failing] = failing
        for status, share in statuses.items():
            labels = {**self.more, self.label: status}
            before = 1.0 if status == self.success else 0.0
            if before == 0:
                yield self.counter, labels, Counter(_RATE * share, start=0, born=OUTAGE)
            else:
                yield self.counter, labels, Counter(_since(_RATE, _RATE * share))
        of = {self.label: self.success} if self.by_status else {}
        yield from self._times({**self.more, **of}, shape)

    def _times(self, labels: Labels, shape: str) -> Iterator[Entry]:
        if self.buckets:
            shares = zip(_BOUNDS, _SHARES["well"], _SHARES[shape], strict=True)
            for bound, usual, then in shares:
                values = Counter(_since(_RATE * usual, _RATE * then))
                le = {"le": f"{bound * self.per_second:g}"}
                yield f"{self.times}_bucket", {**labels, **le}, values
            yield f"{self.times}_bucket", {**labels, "le": "+Inf"}, Counter(_RATE)
        factor = _RATE * self.per_second
        spent = _since(factor * _MEAN["well"], factor * _MEAN[shape])
        yield f"{self.times}_sum", labels, Counter(spent)
        if f"{self.times}_count" != self.counter:
            yield f"{self.times}_count", labels, Counter(_RATE)


def _since(before: float, then: float) -> Callable[[float], float]:
    return lambda age: then if age < OUTAGE else before


ROUTE = {"method": "GET"}
CONVENTIONS = {
    "python": Convention(
        "http_requests_total", "status", "http_request_duration_seconds", {"handler": "/"}
    ),
    "classes": Convention(
        *("http_requests_total", "status", "http_request_duration_highr_seconds", ROUTE),
        **{"failing": "5xx", "success": "2xx"},  # type: ignore[arg-type]
    ),
    "starlette": Convention(
        "starlette_requests_total", "status_code", "starlette_request_duration_seconds", ROUTE
    ),
    "flask": Convention(
        *("flask_http_request_total", "status", "flask_http_request_duration_seconds", ROUTE),
        by_status=True,
    ),
    "go": Convention("http_requests_total", "code", "http_request_duration_seconds", ROUTE),
    "micrometer": Convention(
        "http_server_requests_seconds_count",
        "status",
        "http_server_requests_seconds",
        {"uri": "/", "outcome": "SUCCESS"},
        by_status=True,
    ),
    "micrometer without buckets": Convention(
        "http_server_requests_seconds_count",
        "status",
        "http_server_requests_seconds",
        {"uri": "/", "outcome": "SUCCESS"},
        by_status=True,
        buckets=False,
    ),
    "opentelemetry": Convention(
        "http_server_request_duration_seconds_count",
        "http_response_status_code",
        "http_server_request_duration_seconds",
        {"http_route": "/"},
        by_status=True,
    ),
    "older opentelemetry": Convention(
        "http_server_duration_milliseconds_count",
        "http_status_code",
        "http_server_duration_milliseconds",
        {"http_route": "/"},
        by_status=True,
        per_second=1000,
    ),
    "a label of its own": Convention(
        "http_requests_total", "answered_with", "http_request_duration_seconds", ROUTE
    ),
}


def service(end: float, entries: Iterator[Entry], *, job: str = "shop") -> Production:
    """Two instances of a service and its targets, up to ``end`` (Unix seconds)."""
    state = Production(end, 15.0, 2 * 3600.0, 3600.0, 2)
    state = state.with_series("up", {"job": job}, 1)
    for name, labels, values in entries:
        state = state.with_series(name, {**labels, "job": job}, values)
    return state


def machine(*, disk_free: float = 0.4) -> Iterator[Entry]:
    """The series of the node exporter of a machine with two CPUs and some file systems."""
    for cpu in ("0", "1"):
        for mode, share in (("idle", 0.8), ("user", 0.2)):
            yield "node_cpu_seconds_total", {"cpu": cpu, "mode": mode}, Counter(share)
    yield "node_memory_MemAvailable_bytes", {}, 24e9
    yield "node_memory_MemTotal_bytes", {}, 64e9
    full = [("/", "ext4", disk_free), ("/snap", "squashfs", 0.0), ("/run", "tmpfs", 0.0)]
    for place, kind, free in full:
        labels = {"mountpoint": place, "fstype": kind, "device": "/dev/x"}
        yield "node_filesystem_avail_bytes", labels, 1e12 * free
        yield "node_filesystem_size_bytes", labels, 1e12
