"""Every production state that the gate is held to, and the verdict that is right for it."""

from __future__ import annotations

from dataclasses import replace

from tests.real import (
    cases_latency,
    cases_monitoring,
    cases_resources,
    cases_traffic,
    cases_training,
)
from tests.real.scenario import Scenario

SCENARIOS: list[Scenario] = [
    *cases_monitoring.SCENARIOS,
    *cases_traffic.SCHEMA,
    *cases_traffic.API,
    *cases_latency.P95,
    *(replace(row, scraped=15.0) for row in cases_latency.SUSTAINED),
    *cases_training.REWARD,
    *cases_training.LOSS,
    *cases_resources.CACHE,
    *cases_resources.VRAM,
    *cases_resources.CPU_AND_MEMORY,
]
