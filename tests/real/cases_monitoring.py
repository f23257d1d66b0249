"""What is scraped, when, and from which instances; and nothing, and everything at once."""

from __future__ import annotations

import math
from dataclasses import replace

from tests.production import Production
from tests.real.cases_resources import cpu, hit_rate, memory
from tests.real.cases_traffic import failures
from tests.real.cases_training import loss, reward
from tests.real.scenario import (
    NO_GO,
    SEVERITIES,
    WARNING,
    Expected,
    Scenario,
    breach,
    go,
    no_data,
    scenario,
    skipped,
)
from tests.real.states import APP_2, down, left, restarted, rolled_out, unscraped
from tests.samples import Counter

OPTIONAL = ("targets_up", "vram_headroom", "cpu_usage", "memory_usage")
NOTHING: dict[str, Expected] = {
    name: skipped("the query matches nothing") if name in OPTIONAL else no_data("no data")
    for name in SEVERITIES
}
NO_TARGET = breach("targets up 0 %, limit 50 % (job=app)")
NO_APPLICATION = {name: NOTHING[name] for name in SEVERITIES if name not in OPTIONAL}
TRAINING = ("rl_reward_trend", "rl_loss_runaway")


def everything(p: Production) -> Production:
    """Nothing is as it should be."""
    p = (
        p.with_values("up", 0, job="app")
        .with_error_rate(0.3)
        .with_latency("fast", 30)
        .with_latency("balanced", 30)
    )
    p = reward(p.with_latency("creative", 30), lambda age: 12 + age / 3600)
    p = loss(failures(p, Counter(0.1)), math.nan)
    p = hit_rate(hit_rate(p, 0.1), 0.2, "balanced")
    p = p.with_values("nvidia_gpu_memory_free_bytes", 1e9, gpu="1")
    return memory(cpu(p, 0.99), 0.97)


def shortened(p: Production, length: float) -> Production:
    """The monitoring began ``length`` seconds ago."""
    return p.missing(lambda age: age > length)


def only_up(p: Production) -> Production:
    """Targets are scraped, and measure nothing."""
    return replace(p, series=tuple(s for s in p.series if s.name == "up"))


WHOLE = [
    scenario(
        "a healthy service",
        lambda p: p,
        targets_up=go("targets up 100 % (≥ 50 %)"),
        schema_failure_rate=go("schema failures 0 % (≤ 0 %)"),
        api_error_rate=go("error rate 0 % (< 0.5 %)"),
        fast_p95_latency=go("p95 2.10 s (< 2.50 s)"),
        balanced_p95_latency=go("p95 2.90 s (< 3.20 s)"),
        creative_p95_latency=go("p95 4.20 s (< 4.50 s)"),
        creative_p95_sustained=go("p95 4.20 s (≤ 4.50 s)"),
        rl_reward_trend=go("reward rising by 0.25 per hour (now 12.45), worst of 2"),
        rl_loss_runaway=go("loss 0.4523 (≤ 1.357, 3 x its 2h average), worst of 2"),
        fast_cache_hit_rate=go("hit rate 67.2 % (≥ 60 %), worst of 2"),
        balanced_cache_hit_rate=go("hit rate 64.5 % (≥ 60 %), worst of 2"),
        vram_headroom=go("VRAM free 41.7 % (≥ 20 %), worst of 4"),
        cpu_usage=go("CPU 62.3 % (< 85 %), worst of 2"),
        memory_usage=go("memory 62.5 % (< 85 %), worst of 2"),
    ),
    replace(scenario("judged between two scrapes", lambda p: p), later=7.3),
    replace(scenario("scraped every 15 seconds", lambda p: p), scraped=15.0),
    replace(scenario("one instance of everything", lambda p: p), instances=1),
    replace(scenario("five instances of everything", lambda p: p), instances=5),
    scenario(
        "everything is broken at once",
        everything,
        NO_GO,
        **dict.fromkeys(SEVERITIES, breach("limit")),
    ),
    scenario("an empty Prometheus", lambda p: replace(p, series=()), NO_GO, **NOTHING),
    scenario("nothing but up", only_up, NO_GO, **NOTHING),
    scenario(
        "monitoring stopped ten minutes ago",
        lambda p: unscraped(p, -1, 600),
        NO_GO,
        **{**NOTHING, "targets_up": NO_TARGET},
    ),
    scenario(
        "the application is gone, its machines are there",
        lambda p: left(p, 600),
        NO_GO,
        **NO_APPLICATION,
        targets_up=NO_TARGET,
    ),
]

TIMES = [
    scenario(
        "monitoring began 20 minutes ago",
        lambda p: shortened(p, 1200),
        WARNING,
        rl_reward_trend=no_data("20m of 2h measured, at least 1h needed"),
        rl_loss_runaway=no_data("no baseline: 20m of 2h measured"),
    ),
    scenario(
        "monitoring began three minutes ago",
        lambda p: shortened(p, 180),
        WARNING,
        rl_reward_trend=no_data("4 points in 2h"),
        rl_loss_runaway=no_data("no baseline: 4 points in 2h"),
    ),
    scenario(
        "monitoring began with the last scrape",
        lambda p: shortened(p, 0),
        WARNING,
        **{name: NOTHING[name] for name in SEVERITIES if "cache" not in name}
        | {name: go() for name in ("targets_up", "memory_usage", "vram_headroom")},
    ),
    scenario(
        "monitoring began 20 minutes ago, with failures of nobody knows when",
        lambda p: shortened(failures(p, Counter(start=3)), 1200),
        NO_GO,
        schema_failure_rate=breach("mode=balanced"),
        rl_reward_trend=no_data("20m of 2h measured"),
        rl_loss_runaway=no_data("20m of 2h measured"),
    ),
    scenario(
        "an outage of the monitoring until ten minutes ago", lambda p: unscraped(p, 600, 4200)
    ),
    scenario(
        "an outage of the monitoring until two minutes ago", lambda p: unscraped(p, 120, 3600)
    ),
    scenario("an outage of the monitoring for four minutes", lambda p: unscraped(p, -1, 240)),
]

DEPLOYMENTS = [
    scenario("all instances restarted ten minutes ago", lambda p: restarted(p, 600)),
    scenario("all instances restarted two minutes ago", lambda p: restarted(p, 120)),
    scenario(
        "new pods since 15 minutes",
        lambda p: rolled_out(p, 900),
        WARNING,
        rl_reward_trend=no_data("no data: 15m of 2h measured"),
        rl_loss_runaway=no_data("no data: no baseline: 15m of 2h measured"),
    ),
    scenario("new pods since 70 minutes", lambda p: rolled_out(p, 4200)),
    scenario(
        "new pods since 70 minutes, the old ones had failures",
        lambda p: rolled_out(failures(p, Counter(start=57)), 4200),
    ),
    scenario("an instance was taken away ten minutes ago", lambda p: left(p, 600, instance=APP_2)),
    scenario(
        "an instance is down since a minute",
        lambda p: down(p, lambda age: age < 60, instance=APP_2),
    ),
    scenario(
        "new pods since 70 minutes, and a loss that runs away",
        lambda p: rolled_out(loss(p, lambda age: 1.9 if age < 300 else 0.4), 4200),
        NO_GO,
        rl_loss_runaway=breach("loss 1.9", "algorithm=ppo", "instance=app-4:8000"),
    ),
]

SCENARIOS: list[Scenario] = [*WHOLE, *TIMES, *DEPLOYMENTS]
