"""Latency of the whole service, its culprit, and the buckets that it is measured in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import product

from tests.healthy import BOUNDS
from tests.production import Production
from tests.real.cases_targets import TRAINING
from tests.real.scenario import NO_GO, WARNING, Scenario, breach, go, no_data, scenario, unclear
from tests.real.states import APP_1, APP_2, copied, relabelled
from tests.samples import LATENCY

BUCKET = f"{LATENCY}_bucket"
NONE_IN_COMMON = "no finite bucket that all instances have"
ALL_MODES = ("fast_p95_latency", "balanced_p95_latency")
CREATIVE = ("creative_p95_latency", "creative_p95_sustained")


def five(row: Scenario) -> Scenario:
    """The same with five instances."""
    return replace(row, instances=5)


def part(p: Production, **change: str) -> Production:
    """The second instance belongs to another version, region or such."""
    return relabelled(p, change, BUCKET, instance=APP_2)


def buckets(p: Production, bounds: Iterable[float], **labels: str) -> Production:
    """The latencies of these labels are measured in these buckets only."""
    wanted = set(bounds)
    for bound in BOUNDS:
        if bound not in wanted:
            p = p.without(BUCKET, le=repr(bound), **labels)
    return p


def in_two_buckets(p: Production) -> Production:
    """The fast latency of the second instance is measured in two buckets."""
    return buckets(p, (1.0, 2.0), instance=APP_2, mode="fast")


def quick(p: Production) -> Production:
    """Every mode is quick."""
    for mode in ("fast", "balanced", "creative"):
        p = p.with_latency(mode, 1.4)
    return p


def slow(p: Production, instances: Iterable[str] = (APP_1, APP_2)) -> Production:
    """Every mode takes six seconds."""
    for mode, instance in product(("fast", "balanced", "creative"), instances):
        p = p.with_latency(mode, 6, instance=instance)
    return p


def apart(name: str, text: str) -> Scenario:
    """A part of the service is slow, and is judged by itself."""
    return scenario(
        f"a {name} is slow",
        lambda p: part(p.with_latency("fast", 6, instance=APP_2), **{name: text}),
        NO_GO,
        fast_p95_latency=breach(
            "p95 6.00 s, limit 2.50 s", f"{name}={text}", "the other passes", "instance=app-2:8000"
        ),
    )


SERVICE = [
    five(
        scenario(
            "one of five pods is a little slow",
            lambda p: p.with_latency("fast", 2.9, rate=20, instance=APP_1),
            fast_p95_latency=go("p95 2.", "(< 2.50 s)"),
        )
    ),
    five(
        scenario(
            "one of five pods is slow, and the service is",
            lambda p: p.with_latency("fast", 9, instance=APP_2),
            NO_GO,
            fast_p95_latency=breach(
                "limit 2.50 s", "(job=app, mode=fast)", "; worst: 9.00 s, instance=app-2:8000"
            ),
        )
    ),
    scenario(
        "a few slow requests to a quiet pod",
        lambda p: p.with_latency("fast", 9, rate=0.05, instance=APP_2),
        fast_p95_latency=go("p95 2.1"),
    ),
    scenario(
        "a quiet pod is slow in the creative mode for hours",
        lambda p: p.with_latency("creative", 9, rate=0.05, instance=APP_2),
        creative_p95_sustained=go("p95 4.2"),
    ),
    apart("version", "v2"),
    apart("region", "eu"),
    apart("cluster", "west"),
    apart("namespace", "blue"),
    apart("job", "canary"),
    scenario(
        "two versions are slow, the worse is named with its culprit",
        lambda p: part(
            p.with_latency("fast", 4, instance=APP_1).with_latency("fast", 6, instance=APP_2),
            version="v2",
        ),
        NO_GO,
        fast_p95_latency=breach(
            "p95 6.00 s", "version=v2", "and 1 more of 2; worst: 6.00 s, instance=app-2:8000"
        ),
    ),
    scenario(
        "a slow version in the creative mode, for 20 minutes",
        lambda p: part(
            p.with_latency("creative", lambda age: 6 if age < 1335 else 4.2, instance=APP_2),
            version="v2",
        ),
        NO_GO,
        creative_p95_latency=breach("p95 6.00 s", "version=v2", "instance=app-2:8000"),
        creative_p95_sustained=breach("for 2", "version=v2", "; worst: 6.00 s"),
    ),
    scenario(
        "a pair of Prometheus servers measures one latency",
        lambda p: copied(p, {"prometheus_replica": "b"}, name=BUCKET),
        fast_p95_latency=go("p95 2.10 s (< 2.50 s), worst of 2"),
    ),
]

LAYOUTS = [
    scenario(
        "every request takes longer than the largest bucket, which is below the limits",
        lambda p: buckets(slow(p), (0.5, 1.0, 2.0)),
        NO_GO,
        **dict.fromkeys(
            (*ALL_MODES, *CREATIVE), unclear("above 2.00 s, the largest bucket: the histogram")
        ),
    ),
    scenario(
        "every request takes longer than the largest bucket, which is above a limit",
        lambda p: buckets(slow(p), (1.0, 2.0, 3.0, 4.0)),
        NO_GO,
        fast_p95_latency=breach("p95 above 4.00 s, the largest bucket, limit 2.50 s"),
        balanced_p95_latency=breach("p95 above 4.00 s, the largest bucket, limit 3.20 s"),
        creative_p95_latency=unclear("cannot tell whether 4.50 s is kept"),
        creative_p95_sustained=unclear("cannot tell whether 4.50 s is kept"),
    ),
    scenario(
        "other buckets, and every request is quick",
        lambda p: buckets(quick(p), (0.5, 1.0, 2.0)),
        fast_p95_latency=go("p95 1.", "(< 2.50 s)"),
    ),
    scenario(
        "a few buckets, and the limit is between two of them",
        lambda p: buckets(p.with_latency("fast", 2.1), (1.0, 2.0, 5.0), mode="fast"),
        NO_GO,
        fast_p95_latency=breach("interpolated in the bucket from 2.00 s to 5.00 s"),
    ),
    scenario(
        "instances with other buckets, and every request is quick",
        lambda p: buckets(quick(p), (0.5, 1.0, 2.0), instance=APP_2),
        fast_p95_latency=go("p95 1.", "(< 2.50 s)"),
    ),
    scenario(
        "an instance with other buckets is slow",
        lambda p: buckets(slow(quick(p), [APP_2]), (0.5, 1.0, 2.0), instance=APP_2),
        NO_GO,
        **dict.fromkeys(
            (*ALL_MODES, *CREATIVE), unclear("above 2.00 s, the largest bucket: the histogram")
        ),
    ),
    scenario(
        "instances with no finite bucket in common",
        lambda p: buckets(
            buckets(quick(p), (0.5, 1.5), instance=APP_1), (1.0, 2.0), instance=APP_2
        ),
        NO_GO,
        **dict.fromkeys((*ALL_MODES, *CREATIVE), unclear(NONE_IN_COMMON)),
    ),
    scenario(
        "a histogram without a finite bucket",
        lambda p: buckets(p, (), mode="fast"),
        NO_GO,
        fast_p95_latency=unclear(NONE_IN_COMMON, "mode=fast"),
    ),
    scenario(
        "a version with other buckets is slow",
        lambda p: part(
            in_two_buckets(p.with_latency("fast", 6, instance=APP_2)),
            version="v2",
        ),
        NO_GO,
        fast_p95_latency=unclear("above 2.00 s, the largest bucket", "version=v2"),
    ),
    scenario(
        "a version with other buckets is quick",
        lambda p: part(
            in_two_buckets(p.with_latency("fast", 1.4, instance=APP_2)),
            version="v2",
        ),
        fast_p95_latency=go("p95 2.10 s (< 2.50 s), worst of 2"),
    ),
]


def replaced(p: Production, at: float, **labels: str) -> Production:
    """Other instances, with these labels, are in the place of both since the age ``at``."""
    for instance, other in ((APP_1, "app-8:8000"), (APP_2, "app-9:8000")):
        p = copied(p, {"instance": other, **labels}, since=at, instance=instance, job="app")
    for instance in (APP_1, APP_2):
        p = p.missing(lambda age: age < at, instance=instance, job="app")
    return p


NOW = [
    replace(
        scenario(
            "slow pods were replaced nine minutes ago",
            lambda p: replaced(p.with_latency("creative", lambda age: 7 if age > 560 else 2), 560),
            WARNING,
            creative_p95_latency=go("p95 "),
            creative_p95_sustained=go("p95 "),
            **dict.fromkeys(TRAINING, no_data("2h")),
        ),
        scraped=15.0,
    ),
    replace(
        scenario(
            "a slow version was replaced seven minutes ago",
            lambda p: replaced(
                p.with_latency("creative", lambda age: 7 if age > 420 else 2), 420, version="v2"
            ),
            WARNING,
            creative_p95_sustained=go("p95 "),
            **dict.fromkeys(TRAINING, no_data("2h")),
        ),
        scraped=15.0,
    ),
    replace(
        scenario(
            "a slow job ended seven minutes ago, and no other took its place",
            lambda p: copied(
                p.with_latency("creative", 2),
                {"job": "batch"},
                name=BUCKET,
                mode="creative",
                until=420,
            ),
            WARNING,
            creative_p95_sustained=no_data(
                "no data for 1 of 2 series", "job=batch", "no value for"
            ),
        ),
        scraped=15.0,
    ),
    scenario(
        "pods of a new version go on with the training",
        lambda p: relabelled(
            copied(
                p, {"version": "v2", "instance": "app-9:8000"}, instance=APP_1, name="rl_loss"
            ).missing(lambda age: age < 900, "rl_loss", instance=APP_1),
            {"version": "v1"},
            "rl_loss",
            instance=APP_1,
        ),
        rl_loss_runaway=go("loss 0.4523"),
    ),
    scenario(
        "a training of another version ended, and none goes on with it",
        lambda p: copied(
            p, {"algorithm": "sac", "version": "v1"}, name="rl_loss", until=900, instance=APP_1
        ),
        WARNING,
        rl_loss_runaway=no_data("algorithm=sac", "no value for at least 10m"),
    ),
]
