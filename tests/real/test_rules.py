"""The rule file that is generated: Prometheus accepts it, and it says what the gate says."""

from __future__ import annotations

import math
import re
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from pytest_deploygate.exports import promql
from pytest_deploygate.exports.criteria import Gate
from pytest_deploygate.exports.rules import GATE, STATUS, rule_file
from pytest_deploygate.model import Criterion, Result, Verdict, threshold
from tests import servers
from tests.production import openmetrics, production
from tests.real.asking import gate_run, instant, judged, verdict
from tests.real.scenario import Scenario
from tests.real.scenarios import SCENARIOS
from tests.real.test_scenarios import CRITERIA

pytestmark = pytest.mark.xdist_group("rules")

TWO_DAYS = 2 * 86_400
# The gate looks back from its evaluation time in whole steps, Prometheus' subqueries look at times
# that are whole steps themselves. At a whole minute both look at the same times.
WHOLE_MINUTE = 1_700_000_040
ENDS = {row.name: WHOLE_MINUTE + number * TWO_DAYS for number, row in enumerate(SCENARIOS)}
# A state that lies on the edge to within a step may be judged differently at any other time.
EDGES = {
    "creative is slow for exactly five minutes": "creative_p95_sustained",
    "the reward has been measured for half of the window": "rl_reward_trend",
    "the loss is just below three times its average": "rl_loss_runaway",
}
LIGHTS = {Verdict.GO: 1.0, Verdict.WARNING: 0.5, Verdict.NO_GO: 0.0}


def gate(criteria: Sequence[Criterion], environment: str = "") -> Gate:
    """A gate of these criteria, with the thresholds' defaults."""
    resolved = tuple(criterion.resolved({}) for criterion in criteria)
    return Gate(criteria=resolved, command="deploygate rules", environment=environment)


def file_of(criteria: Sequence[Criterion], environment: str = "") -> str:
    """The rule file of these criteria."""
    return rule_file(gate(criteria, environment), interval=60, max_age=90_000)


def rules(text: str) -> list[dict[str, Any]]:
    """Every rule of a rule file."""
    return [rule for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """A run of promtool."""
    command = [servers.executable("promtool", "prometheus"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One Prometheus that holds every state of the table, two days apart."""
    states = (row.production(ENDS[row.name]) for row in SCENARIOS)
    with servers.prometheus(openmetrics(*states), tmp_path_factory.mktemp("rules")) as server:
        yield server.url


def recorded(url: str, text: str, at: float) -> dict[str, float]:
    """What the rules of a file record at a time: the status of each criterion, and the gate's.

    The past cannot be recorded, so the recorded samples are written into the last expression.
    """
    found, samples = {}, []
    for rule in rules(text):
        if rule.get("record") == STATUS:
            [(_, value)] = instant(url, rule["expr"], at)
            found[rule["labels"]["criterion"]] = value
            samples.append((rule["labels"], value))
    [last] = [rule["expr"] for rule in rules(text) if rule.get("record") == GATE]
    expr = re.sub(rf"{STATUS}({{[^}}]*}})?", lambda m: series(samples, m[1] or ""), last)
    [(_, found[GATE])] = instant(url, expr, at)
    return found


def series(samples: list[tuple[dict[str, str], float]], selector: str) -> str:
    """The samples that a selector selects, as an expression."""
    wanted = set(re.findall(r'(\w+)="([^"]*)"', selector))
    exprs = []
    for labels, value in samples:
        if wanted <= labels.items():
            expr = f"vector({value})"
            for name, text in labels.items():
                expr = f'label_replace({expr}, "{name}", "{text}", "", "")'
            exprs.append(expr)
    return f"({' or '.join(exprs)})"


def states(results: dict[str, Result]) -> dict[str, float]:
    """What the gate says, in the numbers of the rules."""
    found = {id: promql.STATES[result.status] for id, result in results.items()}
    return {**found, GATE: LIGHTS[verdict(results)]}


def comparable(found: dict[str, float]) -> dict[str, float | str]:
    """NaN equals nothing."""
    return {id: "NaN" if math.isnan(value) else value for id, value in found.items()}


@pytest.mark.parametrize("row", SCENARIOS, ids=lambda row: row.name)
def test_rules_dashboard_and_gate_agree_on_every_state(row: Scenario, url: str) -> None:
    at = math.ceil((ENDS[row.name] + row.later) / 60) * 60
    run = gate_run(url, at, row.settings)
    expected = states(judged(run, CRITERIA))
    resolved = [run.settings.resolve(criterion) for criterion in CRITERIA]
    assert comparable(recorded(url, file_of(resolved), at)) == comparable(expected)
    [(_, sighted)] = instant(url, promql.sighted(resolved), at)
    worst = min((value for value in expected.values() if not math.isnan(value)), default=1.0)
    assert worst * sighted == expected[GATE]


@pytest.mark.parametrize("row", SCENARIOS[::9], ids=lambda row: row.name)
def test_the_light_of_the_dashboard_agrees_too(row: Scenario, url: str) -> None:
    at = math.ceil((ENDS[row.name] + row.later) / 60) * 60
    run = gate_run(url, at, row.settings)
    resolved = [run.settings.resolve(criterion) for criterion in CRITERIA]
    expected = LIGHTS[verdict(judged(run, CRITERIA))]
    assert instant(url, promql.gate_state(resolved), at) == [({}, expected)]


@pytest.mark.parametrize("name", EDGES)
def test_only_what_lies_on_an_edge_depends_on_the_second(name: str, tmp_path: Path) -> None:
    row = next(row for row in SCENARIOS if row.name == name)
    at = WHOLE_MINUTE - 40.0
    with servers.prometheus(openmetrics(row.production(at)), tmp_path) as server:
        expected = states(judged(gate_run(server.url, at), CRITERIA))
        found = recorded(server.url, file_of(CRITERIA), at)
    differing = {id for id in expected if comparable(found)[id] != comparable(expected)[id]}
    assert differing == {EDGES[name], *({GATE} & differing)}
