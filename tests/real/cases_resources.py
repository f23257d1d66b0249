"""Caches, GPUs, CPUs and memory."""

from __future__ import annotations

import math

from tests.production import Counter, Production
from tests.real.scenario import GO, NO_GO, WARNING, breach, go, no_data, scenario, skipped
from tests.real.states import APP_2

GIB = 2.0**30
MACHINES = ("cpu_usage", "memory_usage")
NO_MACHINE = dict.fromkeys(MACHINES, skipped("no data"))


def without_gpus(p: Production) -> Production:
    """No exporter knows of a GPU."""
    return without_nvidia(without_dcgm(p))


def without_nvidia(p: Production) -> Production:
    """Only DCGM tells of the GPUs."""
    return p.without("nvidia_gpu_memory_free_bytes").without("nvidia_gpu_memory_total_bytes")


def without_dcgm(p: Production) -> Production:
    """Only the exporter of nvidia's names tells of the GPUs."""
    return p.without("DCGM_FI_DEV_FB_FREE").without("DCGM_FI_DEV_FB_USED")


def nvidia(p: Production, free: dict[str, float]) -> Production:
    """One machine with these GPUs of 24 GiB, so many of them free."""
    for gpu, gib in free.items():
        labels = {"gpu": gpu, "instance": "gpu-1:9445"}
        p = p.with_series("nvidia_gpu_memory_free_bytes", labels, gib * GIB)
        p = p.with_series("nvidia_gpu_memory_total_bytes", labels, 24 * GIB)
    return p


def dcgm(p: Production, free: dict[str, float]) -> Production:
    """One machine with these GPUs of 24 GiB, so many of them free, as DCGM tells it: in MiB."""
    for gpu, gib in free.items():
        labels = {"gpu": gpu, "instance": "gpu-1:9400", "modelName": "L4"}
        p = p.with_series("DCGM_FI_DEV_FB_FREE", labels, gib * 1024)
        p = p.with_series("DCGM_FI_DEV_FB_USED", labels, (24 - gib) * 1024)
    return p


def eight(**other: float) -> dict[str, float]:
    """Eight GPUs with 10 GiB free, but for ``gpu5=1``."""
    return {str(n): other.get(f"gpu{n}", 10.0) for n in range(8)}


def hit_rate(p: Production, share: float, mode: str = "fast", **labels: str) -> Production:
    """The hit rate of a mode's caches."""
    return p.with_values("cache_hit_rate", share, mode=mode, **labels)


def cpu(p: Production, usage: float, **labels: str) -> Production:
    """The machines' CPUs are used so much."""
    p = p.with_values("node_cpu_seconds_total", Counter(1 - usage), mode="idle", **labels)
    p = p.with_values("node_cpu_seconds_total", Counter(usage), mode="user", **labels)
    return p.with_values("node_cpu_seconds_total", Counter(0), mode="system", **labels)


def memory(p: Production, usage: float, **labels: str) -> Production:
    """The machines' memory is used so much."""
    return p.with_values("node_memory_MemAvailable_bytes", 64e9 * (1 - usage), **labels)


def without_node_exporter(p: Production) -> Production:
    """Only cAdvisor tells of the machines."""
    for name in ("node_cpu_seconds_total", "node_memory_MemAvailable_bytes"):
        p = p.without(name)
    return p.without("node_memory_MemTotal_bytes")


def without_machines(p: Production) -> Production:
    """Nothing tells of the machines."""
    for name in ("container_cpu_usage_seconds_total", "container_memory_working_set_bytes"):
        p = p.without(name)
    return without_node_exporter(p)


CACHE = [
    scenario(
        "hit rate exactly at the limit",
        lambda p: hit_rate(p, 0.6),
        fast_cache_hit_rate=go("hit rate 60 % (≥ 60 %)"),
    ),
    scenario(
        "hit rate just below the limit",
        lambda p: hit_rate(p, 0.5999),
        WARNING,
        fast_cache_hit_rate=breach("hit rate 59.99 %, limit 60", "mode=fast"),
    ),
    scenario("hit rate just above the limit", lambda p: hit_rate(p, 0.6001)),
    scenario(
        "a hit rate below zero is a number too",
        lambda p: hit_rate(p, -0.1),
        WARNING,
        fast_cache_hit_rate=breach("hit rate -10 %, limit 60 %", "mode=fast"),
    ),
    scenario(
        "the balanced caches are cold",
        lambda p: hit_rate(p, 0.1, "balanced"),
        WARNING,
        balanced_cache_hit_rate=breach("hit rate 10 %, limit 60 %", "mode=balanced"),
    ),
    scenario(
        "a cache of one type is cold",
        lambda p: p.with_series("cache_hit_rate", {"mode": "fast", "cache_type": "semantic"}, 0.05),
        WARNING,
        fast_cache_hit_rate=breach("hit rate 5 %", "cache_type=semantic", "and 1 more of 4"),
    ),
    scenario(
        "a cache that nobody asked on one instance",
        lambda p: hit_rate(p, math.nan, instance=APP_2),
        fast_cache_hit_rate=go("hit rate 67.2 % (≥ 60 %)"),
    ),
    scenario(
        "caches that nobody asked",
        lambda p: hit_rate(p, math.nan),
        WARNING,
        fast_cache_hit_rate=no_data("no data"),
    ),
    scenario(
        "hit rates were last measured ten minutes ago",
        lambda p: p.missing(lambda age: age < 600, "cache_hit_rate"),
        WARNING,
        fast_cache_hit_rate=no_data("the query matches nothing"),
        balanced_cache_hit_rate=no_data("the query matches nothing"),
    ),
]

VRAM = [
    scenario(
        "VRAM exactly at the limit",
        lambda p: nvidia(without_gpus(p), {"0": 4.8}),
        vram_headroom=go("VRAM free 20 % (≥ 20 %)"),
    ),
    scenario(
        "VRAM just below the limit",
        lambda p: nvidia(without_gpus(p), {"0": 4.79}),
        NO_GO,
        vram_headroom=breach("VRAM free 19.96 %, limit 20.00 %", "gpu=0"),
    ),
    scenario("VRAM just above the limit", lambda p: nvidia(without_gpus(p), {"0": 4.81})),
    scenario(
        "one GPU of eight nearly full",
        lambda p: nvidia(without_gpus(p), eight(gpu5=1)),
        NO_GO,
        vram_headroom=breach("VRAM free 4.17 %, limit 20 %", "gpu=5", "the other 7 pass"),
    ),
    scenario(
        "two GPUs of eight nearly full, the fuller is named",
        lambda p: nvidia(without_gpus(p), eight(gpu2=0.5, gpu5=1)),
        NO_GO,
        vram_headroom=breach("VRAM free 2.08 %", "gpu=2", "and 1 more of 8"),
    ),
    scenario(
        "one GPU of eight nearly full, measured by DCGM",
        lambda p: dcgm(without_gpus(p), eight(gpu5=1)),
        NO_GO,
        vram_headroom=breach("VRAM free 4.17 %", "gpu=5", "modelName=L4", "the other 7 pass"),
    ),
    scenario("DCGM alone, enough is free", lambda p: without_nvidia(p)),
    scenario("nvidia's names alone, enough is free", lambda p: without_dcgm(p)),
    scenario(
        "two exporters, one of them knows of a GPU that is nearly full",
        lambda p: nvidia(dcgm(without_gpus(p), eight(gpu5=1)), eight()),
        NO_GO,
        vram_headroom=breach("VRAM free 4.17 %", "gpu=5", "modelName=L4", "the other 15 pass"),
    ),
    scenario(
        "two exporters, the other one knows",
        lambda p: nvidia(dcgm(without_gpus(p), eight()), eight(gpu3=1)),
        NO_GO,
        vram_headroom=breach("gpu=3", "instance=gpu-1:9445", "the other 15 pass"),
    ),
    scenario(
        "a GPU without memory",
        lambda p: p.with_series("DCGM_FI_DEV_FB_FREE", {"gpu": "9"}, 0).with_series(
            "DCGM_FI_DEV_FB_USED", {"gpu": "9"}, 0
        ),
        WARNING,
        vram_headroom=no_data("no data for 2 of 6 series", "gpu=9"),
    ),
    scenario("no GPU", without_gpus, vram_headroom=skipped("the query matches nothing")),
    scenario(
        "GPUs were last measured ten minutes ago",
        lambda p: p.missing(lambda age: age < 600, job="gpu"),
        vram_headroom=skipped("the query matches nothing"),
    ),
]

CPU_AND_MEMORY = [
    scenario(
        "CPU exactly at the limit",
        lambda p: cpu(p, 0.85),
        WARNING,
        cpu_usage=breach("CPU 85 %, must be < 85 %"),
    ),
    scenario("CPU just below the limit", lambda p: cpu(p, 0.8499)),
    scenario(
        "CPU just above the limit",
        lambda p: cpu(p, 0.8501),
        WARNING,
        cpu_usage=breach("CPU 85.01 %, limit 85.00 %", "and 1 more of 2"),
    ),
    scenario(
        "one machine is busy",
        lambda p: cpu(p, 0.95, instance="node-2:9100"),
        WARNING,
        cpu_usage=breach("CPU 95 %", "instance=node-2:9100", "the other passes"),
    ),
    scenario(
        "a machine that started a minute ago",
        lambda p: p.missing(lambda age: age > 60, job="node", instance="node-2:9100"),
    ),
    scenario(
        "memory exactly at the limit",
        lambda p: memory(p, 0.85),
        WARNING,
        memory_usage=breach("memory 85 %, must be < 85 %"),
    ),
    scenario("memory just below the limit", lambda p: memory(p, 0.8499)),
    scenario(
        "memory just above the limit",
        lambda p: memory(p, 0.8501),
        WARNING,
        memory_usage=breach("memory 85.01 %, limit 85.00 %"),
    ),
    scenario("no node exporter, cAdvisor is fine", without_node_exporter),
    scenario(
        "no node exporter, cAdvisor tells of a busy machine",
        lambda p: (
            without_node_exporter(p)
            .with_values(
                "container_cpu_usage_seconds_total", Counter(1.9), instance="cadvisor-1:8080"
            )
            .with_values("container_memory_working_set_bytes", 60e9, instance="cadvisor-2:8080")
        ),
        WARNING,
        cpu_usage=breach("CPU 95 %", "instance=cadvisor-1:8080", "the other passes"),
        memory_usage=breach("memory 93.8 %", "instance=cadvisor-2:8080", "the other passes"),
    ),
    scenario(
        "the node exporter counts where cAdvisor disagrees",
        lambda p: p.with_values("container_cpu_usage_seconds_total", Counter(1.9)).with_values(
            "container_memory_working_set_bytes", 60e9
        ),
    ),
    scenario("neither node exporter nor cAdvisor", without_machines, GO, **NO_MACHINE),
    scenario(
        "machines were last measured ten minutes ago",
        lambda p: p.missing(lambda age: age < 600, job="node").missing(
            lambda age: age < 600, job="cadvisor"
        ),
        GO,
        **NO_MACHINE,
    ),
]
