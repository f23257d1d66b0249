"""The public API as users call it. Nothing runs this file: mypy checks it with the package."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, assert_type

import pytest

from pytest_deploygate import (
    Action,
    ActionError,
    ActionKind,
    ActionResult,
    ActionStatus,
    Answers,
    Change,
    CheckFailed,
    ConfigurationError,
    Context,
    Criterion,
    Deadline,
    Decision,
    Duration,
    Enough,
    Gate,
    GateError,
    GateReport,
    Instant,
    InstantQuery,
    Kind,
    Limit,
    Measurement,
    NoData,
    NoDataError,
    Query,
    RangeQuery,
    Reason,
    Result,
    Runaway,
    Series,
    Settings,
    Severity,
    Source,
    SourceError,
    SourceInfo,
    Status,
    Sustained,
    Threshold,
    Times,
    TransientError,
    Trend,
    Verdict,
    gate_criteria,
    no_alerts,
    openslo,
    slo,
    threshold,
)
from pytest_deploygate.testing import Judgement, Production

# Checks: every form of a criterion, and what the fixture returns.

CRITERIA = [
    Criterion(id="p95", query="p95", below=threshold("p95_max", 2.5), unit="s"),
    Criterion(id="errors", query="errors", at_most=0.01, unit="ratio", severity="warning"),
    Criterion(id="cpu", query="cpu", kind=Sustained("5m"), below=0.8, severity=Severity.CRITICAL),
    Criterion(id="reward", query="reward", kind=Trend("2h"), at_least=0, no_data=NoData.SKIP),
    Criterion(id="loss", query="loss", kind=Runaway("2h"), below=Threshold("loss_max", 2)),
    Criterion(id="few", query="x", below=1, enough=Enough("sum(increase(x[5m]))", at_least=100)),
    no_alerts('severity="critical"', ignore=["Noise"], id="alerts", rules_checked=False),
    *slo("shop", objective=0.999, bad="bad[$window]", total="total[$window]", period="28d"),
    *openslo(Path("slo.yaml")),
    Criterion(id="exact", query="version", kind=Instant(), equals=3, match={"job": "api"}),
]
DURATIONS: Sequence[Duration] = ("5m", 300, timedelta(minutes=5))


@gate_criteria(CRITERIA)
def test_criteria(criterion: Criterion, gate: Gate) -> None:
    assert_type(gate.check(criterion), Result)


@pytest.mark.critical
def test_inline(gate: Gate) -> None:
    result = gate.check("orders_per_second", at_least=100.0, title="Orders")
    assert_type(result.status, Status)
    assert_type(result.reason, Reason)
    gate.check("orders_per_second", at_leest=100.0)  # type: ignore[call-arg]


def test_queries(gate: Gate) -> None:
    assert_type(gate.at, float)
    [one] = gate.query("up")
    assert_type(one, Series)
    assert_type(one.value, float)
    for history in gate.query_range("up", last="1h", step=15, allow_empty=True):
        assert_type(history.points, tuple[tuple[float, float], ...])


def errors(gate: Gate) -> GateError | None:
    try:
        gate.query("up")
    except (ConfigurationError, NoDataError, SourceError) as error:
        return error
    except CheckFailed as failed:
        assert_type(failed.result, Result | None)
        return failed
    return None


# Settings: mypy sees an attribute that does not exist.


def settings_of_a_run(settings: Settings) -> None:
    assert_type(settings.prometheus_url, str)
    assert_type(settings.gate_html, Path | None)
    assert_type(settings.gate_timeout, float)
    assert_type(settings.gate_concurrency, int)
    assert_type(settings.gate_act, bool)
    assert_type(settings.gate_at, float | None)
    assert_type(settings.gate_set, Mapping[str, float])
    assert_type(settings.replays, bool)
    settings.gate_htlm  # type: ignore[attr-defined] # noqa: B018
    settings.gate_env = "production"  # type: ignore[misc]


# A plugin: a source, a kind of criterion, a kind of action, a report, and the hooks for them.


class MySource:
    @property
    def info(self) -> SourceInfo:
        return SourceInfo(kind="mine", location="here")

    def ask(self, query: Query, deadline: float) -> Measurement:
        if isinstance(query, RangeQuery):
            raise SourceError(f"{query.start}: no history")
        if query.at > deadline:
            raise TransientError("too early", retry_after=1.0)
        return Measurement((Series({"job": "api"}, ((query.at, 1.0),)),), warnings=("slow",))

    def notices(self) -> list[str]:
        return []


@dataclass(frozen=True)
class AtLeastTwice(Kind):
    factor: Limit = 2.0

    def queries(self, criterion: Criterion, times: Times) -> Sequence[Query]:
        return [InstantQuery(criterion.query, times.start)]

    def decide(self, criterion: Criterion, answers: Answers, at: float) -> list[Decision]:
        [series] = answers
        return [
            Decision(one, Reason.OK, one.value, criterion.comparison, criterion.limit)
            for one in series
        ]

    def explain(self, criterion: Criterion, decision: Decision) -> str:
        return f"{decision.value} against {decision.limit}"

    def limits(self) -> Mapping[str, Limit]:
        return {"factor": self.factor}


OWN_KIND = Criterion(id="own", query="up", kind=AtLeastTwice(), below=1)


class MyAction:
    def __init__(self, options: Mapping[str, Any], context: Context) -> None:
        assert_type(context.directory, Path)
        self._file = context.directory / options["file"]

    def describe(self) -> str:
        return f"write {self._file}"

    def check(self) -> None:
        if not self._file.parent.is_dir():
            raise ConfigurationError("no directory")

    def run(self, report: GateReport, deadline: Deadline) -> str:
        if deadline.left < 1:
            raise ActionError("no time left")
        return "done"


def my_action(options: Mapping[str, Any], context: Context) -> Action:
    return MyAction(options, context)


def my_report(report: GateReport) -> str:
    assert_type(report.verdict, Verdict)
    for action in report.actions:
        assert_type(action, ActionResult)
        assert_type(action.status, ActionStatus)
    for change in report.changes:
        assert_type(change, Change)
    return "".join(f"{result.id}: {result.status}\n" for result in report.results)


def pytest_deploygate_source(config: pytest.Config, settings: Settings) -> Source | None:
    return None if settings.gate_env == "production" else MySource()


def pytest_deploygate_actions(config: pytest.Config) -> Mapping[str, ActionKind]:
    file = {"file": {"type": "string"}}
    return {
        "class": ActionKind(MyAction, properties=file, required=("file",)),
        "function": ActionKind(my_action, properties=file),
    }


def pytest_deploygate_reports(
    config: pytest.Config,
) -> Mapping[Path, Callable[[GateReport], str]]:
    return {Path("mine.txt"): my_report}


def test_an_outage_blocks(production: Production) -> None:
    production.series('load{instance="a"}', "0.5x4", interval=timedelta(minutes=1))
    verdict = production.judge("gate_checks", Path("more_checks"), "--gate-set=load_max=1")
    assert_type(verdict, Judgement)
    assert_type(verdict["load"], Result)
    assert verdict == Verdict.NO_GO
