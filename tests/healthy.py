"""What a healthy service measures, and the histogram of a latency with a wanted p95."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterator

from tests.samples import LATENCY, Counter, Labels, Rate, Values

BOUNDS = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.0, 10.0)
PORTS = {"app": 8000, "node": 9100, "cadvisor": 8080, "gpu": 9400}


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
