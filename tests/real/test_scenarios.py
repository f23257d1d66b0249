"""The verdict is right in every state of the table, each judged in one real Prometheus."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence

import pytest

from gate_checks import criteria
from pytest_deploygate.config.layers import command_line, merge
from pytest_deploygate.config.settings import Settings
from pytest_deploygate.core.result import Result
from pytest_deploygate.core.series import Measurement, Query
from pytest_deploygate.core.verdict import Verdict, blindness, decide
from pytest_deploygate.engine.run import GateRun
from pytest_deploygate.kinds.times import Times
from pytest_deploygate.sources.base import Source
from tests import servers
from tests.alike import assert_alike
from tests.conftest import Gate
from tests.production import openmetrics
from tests.real.scenario import GO, SEVERITIES, Scenario
from tests.real.scenarios import SCENARIOS, blocks

CRITERIA = [
    *criteria.TARGETS,
    *criteria.SCHEMA,
    *criteria.API,
    *criteria.LATENCY,
    *criteria.RL,
    *criteria.CACHE,
    *criteria.RESOURCES,
]
TWO_DAYS = 2 * 86_400.0
LONG = 60.0  # seconds for one query
ENDS = {row.name: 1_750_000_000.0 + number * TWO_DAYS for number, row in enumerate(SCENARIOS)}
EXIT_CODES = {"GO": 0, "WARNING": 1, "NO_GO": 2}
END_TO_END = [
    "a healthy service",
    "everything is broken at once",
    "an empty Prometheus",
    "the first failure ever creates its series at 1",
    "creative is slow for less than five minutes",
    "creative is slow for 20 minutes on one instance",
    "one GPU of eight nearly full",
    "neither node exporter nor cAdvisor",
]


# VictoriaMetrics keeps no NaN: there, a loss that is NaN for minutes is no data.
ON_VICTORIA_METRICS = [
    "a healthy service",
    "an empty Prometheus",
    "new pods since 70 minutes",
    "a restart takes the counter away",
    "a restart an hour ago, and now as many failures as before",
    "errors exactly at the limit",
    "creative is slow for exactly five minutes",
    "the worst of three algorithms is named",
    "the loss is infinite",
    "one GPU of eight nearly full",
    "no node exporter, cAdvisor tells of a busy machine",
]


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Server]:
    """One Prometheus that holds every state, two days apart."""
    with servers.prometheus(blocks(ENDS), tmp_path_factory.mktemp("scenarios")) as server:
        yield server


class Remembered:
    """A source that is asked each query once: the past does not change."""

    def __init__(self, source: Source) -> None:
        self.info = source.info
        self.notices = source.notices
        self._asked = source.ask
        self._known: dict[Query, Measurement] = {}

    def ask(self, query: Query, deadline: float) -> Measurement:
        """The answer, which criteria of one histogram and judgements of one time share."""
        if query not in self._known:
            self._known[query] = self._asked(query, deadline)
        return self._known[query]


@pytest.fixture(scope="module")
def source(prometheus: servers.Server) -> Source:
    """It, asked over one pool of connections."""
    return Remembered(GateRun(settings(prometheus.url, SCENARIOS[0]), {}).source)


@pytest.fixture(scope="module")
def victoria_metrics(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Source]:
    """One VictoriaMetrics that holds some of the states."""
    states = (named(name).production(ENDS[name]) for name in ON_VICTORIA_METRICS)
    directory = tmp_path_factory.mktemp("victoria-metrics")
    with servers.victoria_metrics(openmetrics(*states), directory) as server:
        yield GateRun(settings(server.url, SCENARIOS[0]), {}).source


def named(name: str) -> Scenario:
    """The row of this name."""
    return next(row for row in SCENARIOS if row.name == name)


def settings(url: str, row: Scenario) -> Settings:
    """The settings of a gate that judges a row."""
    given = {"prometheus-url": url, "gate-at": str(at(row)), "gate-set": row.settings}
    return merge(command_line(given))


def at(row: Scenario) -> float:
    """When a row is judged, in Unix seconds."""
    return ENDS[row.name] + row.later


def judged(row: Scenario, source: Source) -> list[Result]:
    """Every check of a row."""
    run = GateRun(settings("http://127.0.0.1", row), {}, source)
    run.prefetch(CRITERIA, run.at)
    return [run.judge(criterion, run.at) for criterion in CRITERIA]


def verdict(results: Sequence[Result]) -> str:
    """What these results make together."""
    return Verdict.NO_GO if blindness(results) else decide(results)


def picture(results: Sequence[Result]) -> dict[str, tuple[str, str]]:
    """Status and reason of the checks that are not GO."""
    return {r.id: (str(r.status), str(r.reason)) for r in results if r.status != GO}


def expected(row: Scenario) -> dict[str, tuple[str, str]]:
    """The same, as the row says it."""
    return {
        id: (check.status or SEVERITIES[id], check.reason)
        for id, check in row.checks.items()
        if check.status != GO
    }


@pytest.mark.parametrize("row", SCENARIOS, ids=lambda row: row.name)
def test_a_state_of_production_gets_the_right_verdict(row: Scenario, source: Source) -> None:
    results = judged(row, source)
    assert picture(results) == expected(row), [result.message for result in results]
    assert verdict(results) == row.verdict
    messages = {result.id: result.message for result in results}
    for id, check in row.checks.items():
        for words in check.words:
            assert words in messages[id]


@pytest.mark.parametrize("row", SCENARIOS, ids=lambda row: row.name)
def test_many_times_of_a_state_are_judged_as_each_of_them_alone(
    row: Scenario, source: Source
) -> None:
    run = GateRun(settings("http://127.0.0.1", row), {}, source)

    def ask(query: Query) -> Measurement:
        return source.ask(query, time.monotonic() + LONG)

    for criterion in CRITERIA:
        assert_alike(run.resolved(criterion), Times(at(row) - 60, 60.0, 2), ask)


@pytest.mark.parametrize("name", ON_VICTORIA_METRICS)
def test_victoria_metrics_gets_the_same_verdict(name: str, victoria_metrics: Source) -> None:
    row = named(name)
    results = judged(row, victoria_metrics)
    assert picture(results) == expected(row), [result.message for result in results]
    assert verdict(results) == row.verdict


@pytest.mark.parametrize("name", END_TO_END)
def test_the_command_ends_as_the_table_says(
    name: str, prometheus: servers.Server, run_gate: Gate, pytester: pytest.Pytester
) -> None:
    row = named(name)
    done = run_gate(
        *("--pyargs", "gate_checks", f"--prometheus-url={prometheus.url}"),
        *(f"--gate-at={at(row)}", "--gate-json=gate.json"),
    )
    report = json.loads((pytester.path / "gate.json").read_text(encoding="utf-8"))
    assert (done.ret, report["overall_status"]) == (EXIT_CODES[row.verdict], row.verdict)
    not_go = {c["id"]: (c["status"], c["reason"]) for c in report["checks"] if c["status"] != GO}
    assert not_go == expected(row)


def test_every_check_is_broken_somewhere_and_nothing_else_is() -> None:
    alone = {
        id
        for row in SCENARIOS
        for id, check in row.checks.items()
        if check.reason == "breach" and len(expected(row)) == 1
    }
    # Creative latency that is above its limit for long is above its limit now.
    assert SEVERITIES.keys() - alone == {"creative_p95_sustained"}


def test_the_table_is_about_the_criteria_that_ship() -> None:
    assert [criterion.id for criterion in CRITERIA] == list(SEVERITIES)
    assert len({row.name for row in SCENARIOS}) == len(SCENARIOS)
