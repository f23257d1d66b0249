"""What a gate made of incidents, at the resolution of its steps.

A step stands for the time from its own until the next one. An incident has the steps of which a
part lies in it. One that begins and ends between two steps has the step after it too: the gate
sees nothing before it has happened.

- The gate *saw* an incident if its verdict was NO-GO at one of the incident's steps.
- The *delay* is the time from the start to the first of these; none if that step is earlier.
- A period of NO-GO *was* an incident if one of its steps is a step of an incident.
- *Outside of incidents* are the steps that no incident has.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pytest_deploygate.core.backtest import Incident, Incidents, Period
from pytest_deploygate.kinds.times import Times

Flags = NDArray[np.bool_]

_DUST = 1e-6  # steps; times are exact to the millisecond


def steps_of(incident: Incident, times: Times) -> range:
    """The places of an incident's steps; empty if it lies outside of all."""
    first = math.floor((incident.start - times.start) / times.step + _DUST)
    behind = math.ceil((incident.end - times.start) / times.step - _DUST)
    next_ = math.ceil((incident.start - times.start) / times.step - _DUST)
    if first >= times.count or behind <= 0:
        return range(0)
    return range(max(first, 0), min(max(behind, next_ + 1), times.count))


def within(incidents: Sequence[Incident], times: Times) -> Flags:
    """The steps of any of these incidents."""
    flags = np.zeros(times.count, dtype=bool)
    for one in incidents:
        flags[steps_of(one, times)] = True
    return flags


def compared(
    incidents: Sequence[Incident], blocked: Flags, periods: Sequence[Period], times: Times
) -> tuple[Incidents, tuple[Period, ...]]:
    """The incidents with what the gate saw of them, and the periods with their incidents.

    Args:
        incidents: all that are known.
        blocked: the steps that are NO-GO.
        periods: of NO-GO.
        times: of the steps.
    """
    inside = [one for one in incidents if steps_of(one, times)]
    during = within(inside, times)
    named = tuple(replace(one, incidents=_during(one, inside, times)) for one in periods)
    found = Incidents(
        incidents=tuple(_seen(one, blocked, times) for one in inside),
        outside=tuple(one.name for one in incidents if not steps_of(one, times)),
        periods=len(periods),
        false_periods=sum(not one.incidents for one in named),
        during=float(during.sum()) * times.step,
        blocked=float((during & blocked).sum()) * times.step,
        false_alarm=float((blocked & ~during).sum()) * times.step,
    )
    return found, named


def _seen(incident: Incident, blocked: Flags, times: Times) -> Incident:
    steps = steps_of(incident, times)
    seen = np.flatnonzero(blocked[steps.start : steps.stop])
    if not len(seen):
        return replace(incident, delay=None)
    first = times.part(steps.start + int(seen[0]), 1).start
    return replace(incident, delay=max(0.0, round(first - incident.start, 3)))


def _during(period: Period, incidents: Sequence[Incident], times: Times) -> tuple[str, ...]:
    first, behind = (round((t - times.start) / times.step) for t in (period.begin, period.end))
    return tuple(
        one.name
        for one in incidents
        if (steps := steps_of(one, times)).start < behind and first < steps.stop
    )
