"""Queries to a real Prometheus, and the gate's judgement of what it holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import requests

from pytest_deploygate.config.layers import command_line, merge
from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.core.result import Result
from pytest_deploygate.core.verdict import Verdict, blindness, decide
from pytest_deploygate.engine.run import GateRun
from tests.servers import local_session

Samples = list[tuple[Mapping[str, str], float]]


def instant(url: str, expr: str, at: float) -> Samples:
    """The labels and the value of each sample of an instant query."""
    result = _data(url, "query", {"query": expr, "time": str(at)})
    return [(item["metric"], float(item["value"][1])) for item in result]


def ranged(url: str, expr: str, at: float, last: float, step: float) -> list[list[float]]:
    """The values of each series of a range query."""
    times = {"start": str(at - last), "end": str(at), "step": str(step)}
    result = _data(url, "query_range", {"query": expr, **times})
    return [[float(value) for _, value in item["values"]] for item in result]


def _data(url: str, kind: str, form: Mapping[str, str]) -> list[Any]:
    answer = _session().post(f"{url}/api/v1/{kind}", dict(form), timeout=60)
    document = answer.json()
    assert document["status"] == "success", document
    assert not document.get("warnings"), document
    result: list[Any] = document["data"]["result"]
    return result


@cache
def _session() -> requests.Session:
    """One for all questions: its connections are kept."""
    return local_session()


def gate_run(url: str, at: float, thresholds: Sequence[str] = ()) -> GateRun:
    """A gate that judges what this Prometheus held at a time."""
    given = {"prometheus-url": url, "gate-at": str(at), "gate-set": thresholds}
    return GateRun(merge(command_line(given)), {})


def judged(run: GateRun, criteria: Sequence[Criterion]) -> dict[str, Result]:
    """The results of these criteria by their ids."""
    run.prefetch(criteria, run.at)
    return {criterion.id: run.judge(criterion, run.at) for criterion in criteria}


def verdict(results: Mapping[str, Result]) -> Verdict:
    """What these results make together."""
    found = tuple(results.values())
    return Verdict.NO_GO if blindness(found) else decide(found)
