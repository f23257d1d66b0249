"""Two machines of one name are two machines."""

from __future__ import annotations

from dataclasses import replace

from tests.production import Counter, Production
from tests.real.cases_resources import GIB, cpu, memory, without_gpus, without_node_exporter
from tests.real.scenario import NO_GO, WARNING, Scenario, breach, go, scenario
from tests.real.states import copied

NODE = "node-1:9100"


def twice(p: Production, job: str, label: str, first: str, second: str) -> Production:
    """What a job measures is there in two places, which only this label tells apart."""
    p = copied(p, {label: second}, job=job)
    series = tuple(
        replace(one, labels=tuple(sorted({label: first, **dict(one.labels)}.items())))
        if one.matches(None, {"job": job})
        else one
        for one in p.series
    )
    return replace(p, series=series)


def both(p: Production, label: str) -> Production:
    """All machines are there in two places."""
    return twice(twice(p, "cadvisor", label, "eu", "us"), "node", label, "eu", "us")


def busy_one(label: str) -> Scenario:
    """The CPU of one of two machines of one name is busy."""
    return scenario(
        f"two machines of one name are told apart by their {label}, and one is busy",
        lambda p: cpu(cpu(both(p, label), 0.2), 0.97, instance=NODE, **{label: "us"}),
        WARNING,
        cpu_usage=breach("CPU 97 %, limit 85 %", f"{label}=us", NODE, "the other 3 pass"),
    )


def cadvisor(p: Production, cores: float, **labels: str) -> Production:
    """So many cores of two are used, as cAdvisor tells it."""
    return p.with_values("container_cpu_usage_seconds_total", Counter(cores), **labels)


MACHINES = [
    *map(busy_one, ("cluster", "namespace", "prometheus", "replica", "region", "node")),
    scenario(
        "a machine is busy, as a pair of Prometheus servers sees it",
        lambda p: cpu(
            twice(p, "node", "prometheus_replica", "a", "b"), 0.97, instance="node-2:9100"
        ),
        WARNING,
        cpu_usage=breach("CPU 97 %", "prometheus_replica=b", "and 1 more of 4"),
    ),
    scenario(
        "the memory of one of two machines of one name is full",
        lambda p: memory(both(p, "cluster"), 0.95, instance=NODE, cluster="us"),
        WARNING,
        memory_usage=breach("memory 95 %", "cluster=us", NODE, "the other 3 pass"),
    ),
    scenario(
        "cAdvisor tells of two machines of one name, and one is busy",
        lambda p: cadvisor(
            twice(without_node_exporter(p), "cadvisor", "cluster", "eu", "us"),
            1.95,
            instance="cadvisor-1:8080",
            cluster="us",
        ),
        WARNING,
        cpu_usage=breach("CPU 97.5 %", "cluster=us", "instance=cadvisor-1:8080"),
    ),
    scenario(
        "one cluster has a node exporter, the other has cAdvisor and is busy",
        lambda p: cadvisor(
            twice(twice(p, "cadvisor", "cluster", "eu", "us"), "node", "cluster", "eu", "eu"),
            1.95,
            instance="cadvisor-1:8080",
            cluster="us",
        ),
        WARNING,
        cpu_usage=breach("CPU 97.5 %", "cluster=us", "instance=cadvisor-1:8080"),
    ),
    scenario(
        "two GPUs of one name, and one is nearly full",
        lambda p: (
            twice(without_gpus(p), "gpu", "cluster", "eu", "us")
            .with_series("DCGM_FI_DEV_FB_FREE", {"gpu": "0", "cluster": "us"}, 1000)
            .with_series("DCGM_FI_DEV_FB_USED", {"gpu": "0", "cluster": "us"}, 23_000)
            .with_series("nvidia_gpu_memory_free_bytes", {"gpu": "0", "cluster": "eu"}, 9 * GIB)
            .with_series("nvidia_gpu_memory_total_bytes", {"gpu": "0", "cluster": "eu"}, 24 * GIB)
        ),
        NO_GO,
        vram_headroom=breach("VRAM free 4.17 %", "cluster=us", "gpu=0"),
    ),
    scenario(
        "two machines of one name, and neither is busy",
        lambda p: both(p, "cluster"),
        cpu_usage=go("CPU 62.3 % (< 85 %), worst of 4"),
    ),
]
