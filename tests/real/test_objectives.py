"""Service level objectives on a real Prometheus."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from pytest_deploygate import Criterion, Enough, openslo, slo
from pytest_deploygate.cli.grafana import dashboard
from pytest_deploygate.cli.rules import VALUE
from tests.conftest import Gate
from tests.real.asking import gate_run, instant, judged
from tests.real.backtests import backtest
from tests.real.objectives import GONE, MINUTES, SILENT, START, US, series, three_days
from tests.real.test_rules import (
    comparable,
    file_of,
    gate,
    promtool,
    recorded,
    samples_of,
    states,
)

# Written by hand after The Site Reliability Workbook, for an objective of 99 %.
INDEPENDENT = """
groups:
  - name: independent
    interval: 1m
    rules:
      - alert: Fast
        expr: |
          (
            sum by (region) (rate(answers_total{code="500"}[1h]))
              / sum by (region) (rate(answers_total[1h])) > (14.4 * 0.01)
            and
            sum by (region) (rate(answers_total{code="500"}[5m]))
              / sum by (region) (rate(answers_total[5m])) > (14.4 * 0.01)
          )
          or
          (
            sum by (region) (rate(answers_total{code="500"}[6h]))
              / sum by (region) (rate(answers_total[6h])) > (6 * 0.01)
            and
            sum by (region) (rate(answers_total{code="500"}[30m]))
              / sum by (region) (rate(answers_total[30m])) > (6 * 0.01)
          )
      - alert: Slow
        expr: |
          (
            sum by (region) (rate(answers_total{code="500"}[1d]))
              / sum by (region) (rate(answers_total[1d])) > (3 * 0.01)
            and
            sum by (region) (rate(answers_total{code="500"}[2h]))
              / sum by (region) (rate(answers_total[2h])) > (3 * 0.01)
          )
          or
          (
            sum by (region) (rate(answers_total{code="500"}[3d]))
              / sum by (region) (rate(answers_total[3d])) > (1 * 0.01)
            and
            sum by (region) (rate(answers_total{code="500"}[6h]))
              / sum by (region) (rate(answers_total[6h])) > (1 * 0.01)
          )
"""

GATE = """
from pytest_deploygate import gate_criteria, slo

ANSWERS = [
    one
    for region in ("eu", "us")
    for one in slo(
        region,
        objective=0.99,
        bad='sum by (region) (rate(answers_total{code="500",region="%s"}[$window]))' % region,
        total='sum by (region) (rate(answers_total{region="%s"}[$window]))' % region,
    )
]

@gate_criteria(ANSWERS)
def test_answers(criterion, gate):
    gate.check(criterion)
"""
ALERTS = {"fast_burn": "Fast", "slow_burn": "Slow"}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Prometheus that holds the three days."""
    with three_days(tmp_path_factory.mktemp("objectives")) as server:
        yield server.url


def test_every_minute_is_judged_as_by_rules_written_independently(
    pytester: pytest.Pytester, url: str
) -> None:
    """Promtool runs the rules over the same samples, and expects what the gate says."""
    pytester.makepyfile(test_slo=GATE)
    span = ("--from", START, "--to", START + MINUTES * 60, "--step=1m")
    _, found = backtest(*span, f"--prometheus-url={url}", "test_slo.py")
    firing: dict[str, list[list[str]]] = {
        name: [[] for _ in range(MINUTES + 1)] for name in ALERTS.values()
    }
    for check in found["checks"]:
        region, _, what = check["id"].partition("_")
        if what in ALERTS:
            assert set(check["reason"]) <= {"ok", "breach", "no-data"}
            for minute, reason in enumerate(check["reason"]):
                firing[ALERTS[what]][minute] += [region] * (reason == "breach")
    for regions in firing.values():
        assert sum(1 for _ in groupby(regions)) > 8, "the state has to change now and then"
    tests = [
        {
            "eval_time": f"{minute}m",
            "alertname": name,
            "exp_alerts": [{"exp_labels": {"region": region}} for region in regions],
        }
        for name, every in firing.items()
        for minute, regions in enumerate(every)
    ]
    ran = promtool_test(pytester.path, tests)
    assert ran.returncode == 0, ran.stderr[-3000:] + ran.stdout[-3000:]


def promtool_test(directory: Path, tests: list[dict[str, Any]]) -> Any:
    (directory / "independent.yml").write_text(INDEPENDENT, encoding="utf-8")
    document = {
        "rule_files": ["independent.yml"],
        "evaluation_interval": "1m",
        "tests": [{"interval": "1m", "input_series": series(), "alert_rule_test": tests}],
    }
    file = directory / "test.yml"
    file.write_text(json.dumps(document))  # every JSON document is YAML, and far faster to write
    return promtool("test", "rules", file)


# The states: before and in the incidents of each region, silent, back, gone.
STATES = (3, 200, 320, 330, 490, 702, 1000, 1530, 1570, 1990, 2630, 3210, 3270, 3700, 4300)


def every_region(**details: Any) -> list[Criterion]:
    """The criteria of all regions together."""
    given = {
        "objective": 0.99,
        "bad": 'sum by (region) (rate(answers_total{code="500"}[$window]))',
        "total": "sum by (region) (rate(answers_total[$window]))",
        **details,
    }
    return slo("answers", **given)


USUAL = every_region()
# With a label more, and of a region less.
ODD = [
    every_region(bad='sum by (region, code) (rate(answers_total{code="500"}[$window]))'),
    every_region(total='sum by (region) (rate(answers_total{region="eu"}[$window]))'),
    every_region(no_data="no-go", budget_severity="critical"),
    every_region(enough=Enough("sum by (region) (increase(answers_total[5m]))", at_least=100)),
]


@pytest.mark.parametrize("given", [USUAL, *ODD], ids=["usual", *"abcd"])
def test_rules_and_gate_agree_on_every_state(given: list[Criterion], url: str) -> None:
    seen = set()
    for minute in STATES if given == USUAL else STATES[::2]:
        at = START + 60 * minute
        run = gate_run(url, at)
        criteria = [run.resolved(one) for one in given]
        found = judged(run, given)
        text = file_of(criteria)
        assert comparable(recorded(url, text, at)) == comparable(states(found)), minute
        values = {one["criterion"]: value for one, value in samples_of(url, text, VALUE, at)}
        for name, one in found.items():
            seen.add((name, one.reason))
            # Traffic that is not enough has a value, too.
            if one.reason in ("ok", "breach") and given[0].enough is None:
                assert values[name] == pytest.approx(one.value), (minute, name)
    wanted = {"error"} if given in ODD[:2] else {"ok", "breach", "no-data"}
    assert {("answers_fast_burn", reason) for reason in wanted} <= seen


@pytest.mark.parametrize(
    ("minute", "period", "reason", "words"),
    [
        # Requests have failed, and none have come for eight minutes.
        (SILENT.start + 8, "30d", "ok", ""),
        # The region is gone for eight minutes.
        (GONE + 8, "30d", "no-data", "total has no series over 5m, a window of the period of 30"),
        # The incident goes on, and a window of 70 seconds has one scrape a minute.
        (US[0][0] + 5.5, "7d", "no-data", "total has no series over 1m10s, a window of the period"),
    ],
)
def test_a_region_without_a_series_is_not_taken_for_a_quiet_one(
    minute: float, period: str, reason: str, words: str, url: str
) -> None:
    one = every_region(period=period)[0]
    found = judged(gate_run(url, START + 60 * minute), [replace(one, match={"region": "us"})])
    assert (found[one.id].reason, words in found[one.id].message) == (reason, True)


def test_more_good_events_than_events_are_no_data(tmp_path: Path, url: str) -> None:
    """The successes of both regions, held against one of them, would be no failures."""
    query = "{{metricSource: {{type: Prometheus, spec: {{query: 'sum(answers_total{})'}}}}}}"
    good, total = query.format('{code="200"}'), query.format('{region="eu"}')
    (tmp_path / "slo.yaml").write_text(
        "apiVersion: openslo/v1\nkind: SLO\nmetadata: {name: mixed}\nspec:\n"
        f"  indicator: {{spec: {{ratioMetric: {{counter: true, good: {good}, total: {total}}}}}}}\n"
        "  budgetingMethod: Occurrences\n  objectives: [{target: 0.99}]\n"
    )
    given = openslo(tmp_path / "slo.yaml")
    run = gate_run(url, START + 60 * 200)
    found = judged(run, given)
    assert {(one.reason, "negative" in one.message) for one in found.values()} == {
        ("no-data", True)
    }
    text = file_of([run.resolved(one) for one in given])
    assert comparable(recorded(url, text, run.at)) == comparable(states(found))


def test_the_chart_ends_in_the_value_that_was_judged(url: str) -> None:
    for minute in (320, 1000, 3210):
        run = gate_run(url, START + 60 * minute)
        for one in judged(run, every_region()).values():
            if one.value is not None:
                samples = instant(url, one.query, run.at)
                [value] = [value for found, value in samples if found == one.labels]
                assert value == pytest.approx(one.value), one.id


REGIONS = """
from pytest_deploygate import gate_criteria, slo, threshold

@gate_criteria(slo(
    "answers",
    objective=threshold("answers_objective", 0.99),
    bad='sum by (region) (rate(answers_total{code="$code"}[$window]))',
    total="sum by (region) (rate(answers_total[$window]))",
))
def test_answers(criterion, gate):
    gate.check(criterion)
"""


def checks(path: Path) -> dict[str, Any]:
    """The checks of a report by their ids."""
    document = json.loads(path.read_text("utf-8"))
    return {check["id"]: check for check in document["checks"]}


def test_a_run_is_recorded_replayed_and_reported(
    pytester: pytest.Pytester, run_gate: Gate, url: str, workers: tuple[str, ...]
) -> None:
    pytester.makepyfile(test_slo=REGIONS)
    at = START + 320 * 60
    given = ("--gate-var=code=500", "--gate-json=gate.json", "test_slo.py")
    where = (f"--prometheus-url={url}", f"--gate-at={at}")
    outputs = ("--gate-record=evidence.json", "--gate-html=gate.html", "--gate-metrics=gate.prom")
    assert run_gate(*where, *outputs, *given, *workers).ret == 2
    found = checks(pytester.path / "gate.json")
    burn = found["answers_fast_burn"]
    assert (burn["status"], burn["reason"], burn["threshold"]) == ("NO_GO", "breach", 14.4)
    assert burn["labels"] == {"region": "eu"}
    assert 'code="500"' in burn["query"]
    assert "$" not in burn["query"]
    page = (pytester.path / "gate.html").read_text("utf-8")
    assert page.count("<svg") >= 3
    metrics = (pytester.path / "gate.prom").read_text("utf-8")
    assert "answers_budget" in metrics
    (pytester.path / "gate.json").unlink()
    assert run_gate("--gate-replay=evidence.json", *given, *workers).ret == 2
    replayed = checks(pytester.path / "gate.json")
    for id_, check in found.items():
        for key in ("status", "reason", "value", "message", "labels", "query"):
            assert replayed[id_][key] == check[key], id_


def test_a_watch_judges_every_round(pytester: pytest.Pytester, run_gate: Gate, url: str) -> None:
    pytester.makepyfile(test_slo=REGIONS)
    given = ("--gate-var=code=500", "--gate-json=gate.json", "test_slo.py")
    at = START + 312 * 60
    watch = ("--gate-watch=10m", "--gate-interval=1m", f"--gate-at={at}")
    assert run_gate(f"--prometheus-url={url}", *watch, *given).ret == 2
    burn = checks(pytester.path / "gate.json")["answers_fast_burn"]
    assert burn["status"] == "NO_GO"
    assert burn["rounds"]["GO"] >= 2


def test_thresholds_and_selection_reach_bad_and_total(
    pytester: pytest.Pytester, run_gate: Gate, url: str
) -> None:
    pytester.makepyfile(test_slo=REGIONS)
    where = (f"--prometheus-url={url}", f"--gate-at={START + 320 * 60}", "--gate-json=gate.json")
    given = ("--gate-var=code=500", "test_slo.py")
    run_gate(*where, "--gate-set=answers_objective=0.94", *given)
    lenient = checks(pytester.path / "gate.json")["answers_fast_burn"]
    run_gate(*where, *given)
    strict = checks(pytester.path / "gate.json")["answers_fast_burn"]
    assert strict["value"] == pytest.approx(6 * lenient["value"])
    run_gate(*where, '--gate-select=region="us"', *given)
    us = checks(pytester.path / "gate.json")["answers_fast_burn"]
    assert us["labels"] == {"region": "us"}
    assert us["query"].count('region="us"') == us["query"].count("answers_total{")
    refused = run_gate(*where, "--gate-set=answers_objective=0.5", *given)
    assert refused.ret == pytest.ExitCode.USAGE_ERROR
    assert "objective is 0.5" in refused.stdout.str() + refused.stderr.str()


def test_the_dashboard_draws_every_criterion(
    pytester: pytest.Pytester, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = gate_run(url, START + 320 * 60)
    criteria = [run.resolved(one) for one in every_region()]
    written = json.loads(dashboard(gate(criteria), "Deployment gate"))
    drawn = [
        target["expr"]
        for panel in written["panels"]
        if panel["type"] == "timeseries"
        for target in panel["targets"]
    ]
    assert len(drawn) == 3
    for expr in drawn:
        assert {one["region"] for one, _ in instant(url, expr, run.at)} == {"eu", "us"}
