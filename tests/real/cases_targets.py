"""Which targets of the application are up, and which jobs are gone."""

from __future__ import annotations

from dataclasses import replace

from tests.production import Counter, Production
from tests.real.cases_resources import NO_MACHINE, without_machines
from tests.real.scenario import NO_GO, WARNING, breach, go, no_data, scenario, skipped
from tests.real.states import APP_1, APP_2, copied, down, left, relabelled

HOUR = 3600.0
TRAINING = ("rl_reward_trend", "rl_loss_runaway")
NO_SERVICE = dict.fromkeys(
    (
        "schema_failure_rate",
        "api_error_rate",
        "fast_p95_latency",
        "balanced_p95_latency",
        "creative_p95_latency",
        "creative_p95_sustained",
        "fast_cache_hit_rate",
        "balanced_cache_hit_rate",
    ),
    no_data("no data"),
)
"""What the checks of the service say where nothing of it is known."""
NEW = dict.fromkeys(TRAINING, no_data("no value for"))


def renamed(p: Production, at: float, job: str = "app-v2") -> Production:
    """The application's job has another name since the age ``at``."""
    return left(copied(p, {"job": job}, since=at, job="app"), at)


def served_by(p: Production, job: str, name: str = "http_requests_total") -> Production:
    """Another job exposes one of the application's metrics, and is up."""
    return copied(copied(p, {"job": job}, name=name, job="app"), {"job": job}, name="up", job="app")


def in_cluster(p: Production, cluster: str) -> Production:
    """The application runs in one more cluster, and its training does not."""
    for name in ("up", "http_requests_total", "llm_brief_total"):
        p = copied(p, {"cluster": cluster}, name=name, job="app")
    return p


TARGETS = [
    scenario(
        "half of the targets are down",
        lambda p: down(p, lambda age: age < 60, instance=APP_1),
        targets_up=go("targets up 50 % (≥ 50 %)"),
    ),
    replace(
        scenario(
            "two of three targets are down",
            lambda p: down(
                down(p, lambda age: age < 60, instance=APP_1), lambda age: age < 60, instance=APP_2
            ),
            NO_GO,
            targets_up=breach(
                "targets up 33.3 %, limit 50 % (job=app)", "; worst: 0 %, instance=app-2:8000"
            ),
        ),
        instances=3,
    ),
    scenario(
        "all targets are down since the last scrape",
        lambda p: p.with_values("up", lambda age: 0 if age == 0 else 1, job="app"),
        NO_GO,
        targets_up=breach("targets up 0 %, limit 50 % (job=app)"),
    ),
    scenario(
        "all targets were down a minute ago",
        lambda p: p.with_values("up", lambda age: 0 if age == 60 else 1, job="app"),
    ),
    replace(
        scenario(
            "one of two targets is down where nine of ten have to be up",
            lambda p: down(p, lambda age: age < 60, instance=APP_1),
            NO_GO,
            targets_up=breach("targets up 50 %, limit 90 % (job=app)", "instance=app-1:8000"),
        ),
        settings=("targets_up_min=0.9",),
    ),
    scenario(
        "the job of the application was renamed",
        lambda p: renamed(p, 900),
        WARNING,
        targets_up=go("targets up 100 %"),
        **dict.fromkeys(TRAINING, no_data("no value for")),
    ),
    scenario(
        "the job was renamed, and a metric is exposed no more",
        lambda p: renamed(p, 900).without("cache_hit_rate", job="app-v2"),
        NO_GO,
        targets_up=breach("targets up 0 %, limit 50 % (job=app), the other passes"),
        fast_cache_hit_rate=no_data("no data"),
        balanced_cache_hit_rate=no_data("no data"),
        **NEW,
    ),
    scenario(
        "the job was renamed, and the new one has not failed yet",
        lambda p: renamed(
            p.with_series(
                "llm_schema_fix_count_total", {"mode": "fast", "original_model": "m"}, Counter(0)
            ),
            900,
        ).without("llm_schema_fix_count_total", job="app-v2"),
        WARNING,
        targets_up=go("targets up 100 %"),
        **NEW,
    ),
    scenario(
        "the job was renamed, and half of the new targets are down",
        lambda p: renamed(p, 900).with_values("up", 0, job="app-v2"),
        NO_GO,
        targets_up=breach("targets up 0 %, limit 50 % (job=app-v2)"),
        **NEW,
    ),
    scenario(
        "a training on its own ended",
        lambda p: (
            left(
                copied(
                    copied(
                        p, {"job": "trainer", "algorithm": "sac"}, name="rl_reward_ma", job="app"
                    ),
                    {"job": "trainer"},
                    name="up",
                    job="app",
                ),
                600,
            )
            .missing(lambda age: age < 600, job="trainer")
            .with_values("up", 1, job="node")
        ),
        NO_GO,
        targets_up=breach("targets up 0 %, limit 50 % (job=app)"),
        **NO_SERVICE,
        **dict.fromkeys(TRAINING, no_data("no value for")),
    ),
    scenario(
        "a training in a job of its own ended, the service goes on",
        lambda p: copied(
            copied(p, {"job": "trainer"}, name="rl_reward_ma", job="app", until=600),
            {"job": "trainer"},
            name="up",
            job="app",
            until=600,
        ),
        WARNING,
        targets_up=go("targets up 100 % (≥ 50 %)"),
        rl_reward_trend=no_data("job=trainer", "no value for"),
    ),
    scenario(
        "nobody scrapes the application: its metrics are pushed",
        lambda p: p.without("up", job="app"),
        targets_up=skipped("the query matches nothing"),
    ),
    scenario(
        "a gateway that counts requests is down",
        lambda p: served_by(p, "gateway").with_values("up", 0, job="gateway"),
        NO_GO,
        targets_up=breach("targets up 0 %, limit 50 % (job=gateway)", "the other passes"),
    ),
    scenario(
        "a gateway that counts requests is gone, and others count requests too",
        lambda p: served_by(p, "gateway").missing(lambda age: age < 600, job="gateway"),
        targets_up=go("targets up 100 %"),
    ),
    scenario(
        "a gateway that alone counted requests is gone",
        lambda p: (
            served_by(p, "gateway")
            .without("http_requests_total", job="app")
            .missing(lambda age: age < 600, job="gateway")
        ),
        NO_GO,
        targets_up=breach("targets up 0 %, limit 50 % (job=gateway), the other passes"),
        api_error_rate=no_data("the query matches nothing"),
    ),
    scenario(
        "a job has been gone for more than an hour",
        lambda p: served_by(p, "gateway").missing(lambda age: age < 4000, job="gateway"),
    ),
    scenario(
        "targets of another application are down",
        lambda p: p.with_series("up", {"job": "other"}, 0),
    ),
    scenario(
        "all targets in one of two clusters are down",
        lambda p: in_cluster(p, "west").with_values("up", 0, job="app", cluster="west"),
        NO_GO,
        targets_up=breach("targets up 0 %, limit 50 % (cluster=west, job=app), the other passes"),
    ),
    scenario(
        "the application is gone in one of two clusters",
        lambda p: in_cluster(p, "west").missing(lambda age: age < 600, cluster="west"),
        NO_GO,
        targets_up=breach("targets up 0 %, limit 50 % (cluster=west, job=app), the other passes"),
    ),
    scenario(
        "all targets in one of two namespaces are down",
        lambda p: relabelled(
            in_cluster(p, "west").with_values("up", 0, job="app", cluster="west"),
            {"cluster": "", "namespace": "blue"},
            cluster="west",
        ),
        NO_GO,
        targets_up=breach("targets up 0 %, limit 50 % (job=app, namespace=blue), the other passes"),
    ),
    scenario(
        "one of a pair of Prometheus servers is gone",
        lambda p: copied(p, {"prometheus_replica": "b"}, until=600, job="app").with_values(
            "up", 1, job="node"
        ),
        targets_up=go("targets up 100 %"),
    ),
    scenario(
        "no application and no machine, and other targets are up",
        lambda p: without_machines(left(p, 5000).without("nvidia_gpu_memory_free_bytes")).without(
            "DCGM_FI_DEV_FB_FREE"
        ),
        NO_GO,
        targets_up=skipped("the query matches nothing"),
        vram_headroom=skipped("no data"),
        **NO_SERVICE,
        **dict.fromkeys(TRAINING, no_data("no value for")),
        **NO_MACHINE,
    ),
    scenario(
        "targets are up, and nothing else is known",
        lambda p: replace(
            p,
            series=tuple(
                s
                for s in p.series
                if s.name == "up"
                or (s.name == "cache_hit_rate" and s.matches(None, {"job": "app"}))
            ),
        ),
        NO_GO,
        schema_failure_rate=no_data("no data"),
        api_error_rate=no_data("no data"),
        fast_p95_latency=no_data("no data"),
        balanced_p95_latency=no_data("no data"),
        creative_p95_latency=no_data("no data"),
        creative_p95_sustained=no_data("no data"),
        vram_headroom=skipped("no data"),
        **dict.fromkeys(TRAINING, no_data("no data")),
        **NO_MACHINE,
    ),
]
