"""Every production state that the gate is held to, and the verdict that is right for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice

from tests.production import openmetrics
from tests.real import (
    cases_appearing,
    cases_latency,
    cases_monitoring,
    cases_namesakes,
    cases_resources,
    cases_service,
    cases_targets,
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
    *cases_targets.TARGETS,
    *cases_appearing.FIRST,
    *cases_appearing.LABELS,
    *cases_appearing.AGAIN,
    *cases_service.SERVICE,
    *cases_service.LAYOUTS,
    *cases_service.NOW,
    *cases_namesakes.MACHINES,
]

_STATES_OF_A_BLOCK = 20


def blocks(ends: Mapping[str, float]) -> Iterator[str]:
    """The samples of these states, each ending at a time in Unix seconds, a text for each block."""
    states = (row.production(ends[row.name]) for row in SCENARIOS)
    while some := list(islice(states, _STATES_OF_A_BLOCK)):
        yield openmetrics(*some)
