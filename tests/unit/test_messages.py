"""Every text that a person reads, as it is: `__snapshots__/test_messages.ambr`.

Other tests assert codes: a status, a reason, an exit code. After a change of wording, look at the
difference that ``pytest tests/unit/test_messages.py --snapshot-update`` makes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from pytest_deploygate.cli.verify import Expectation, objections
from pytest_deploygate.core.backtest import BacktestReport
from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.core.errors import ConfigurationError
from pytest_deploygate.core.files import refuse_unwritable
from pytest_deploygate.core.report import GateReport
from pytest_deploygate.core.result import Reason, Result, Status
from pytest_deploygate.core.series import Series
from pytest_deploygate.kinds.runaway import Runaway
from pytest_deploygate.kinds.sustained import Sustained
from pytest_deploygate.kinds.trend import Trend
from pytest_deploygate.reports.backtest.summary import lines as backtest_lines
from pytest_deploygate.reports.github import annotated, summary
from pytest_deploygate.reports.junit import render
from pytest_deploygate.reports.terminal import Style, lines
from tests.made import END, ERROR, document, report, result
from tests.made_backtest import everything, outcome
from tests.made_backtest import report as backtested
from tests.unit.judging import HOUR, criterion, judge, over
from tests.unit.judging import one as value

NO_DATA: dict[str, Any] = {"reason": Reason.NO_DATA, "value": None}
ONE_OF_EACH = (
    result(id="fine", name="Fine"),
    result(Status.NO_GO, id="slow", name="Slow", value=4.92, message="p95 4.92 s, limit 2.50 s"),
    result(id="down", name="Down", **ERROR),
    result(Status.WARNING, id="cpu", name="CPU", value=0.91, threshold=0.85, unit="ratio"),
    result(Status.WARNING, id="orders", name="Orders", message="no data: nothing", **NO_DATA),
    result(Status.SKIPPED, id="vram", name="VRAM", value=None, message="not there"),
    result(Status.WAIVED, id="known", name="Known", message="p95 3.00 s, limit 2.50 s"),
)
REPORTS = {
    "all passed": report(result(), result(id="other", name="Other")),
    "a warning": report(result(), ONE_OF_EACH[3]),
    "one of each": report(*ONE_OF_EACH, notices=("the clock is 2m ahead",), environment="prod"),
    "partial": report(result(), partial="9 checks were deselected"),
    "blind": report(*ONE_OF_EACH[2:3], blind="the gate is blind: Down could not be evaluated"),
    "without a verdict": report(result(), problems=("a worker crashed", "interrupted")),
    "advisory": report(ONE_OF_EACH[1], advisory=True),
    "of nothing": report(problems=("nothing was collected",)),
}
named = pytest.mark.parametrize("made", REPORTS.values(), ids=list(REPORTS))


@named
@pytest.mark.parametrize("verbosity", [-2, -1, 0, 1, 2])
def test_the_terminal(made: GateReport, verbosity: int, snapshot: SnapshotAssertion) -> None:
    shown = lines(made, {"gate.json": "--gate-json"}, Style(80, emoji=True, verbosity=verbosity))
    assert "\n".join(line.text for line in shown) == snapshot


@named
def test_the_terminal_without_emoji(made: GateReport, snapshot: SnapshotAssertion) -> None:
    shown = lines(made, {}, Style(80, emoji=False))
    assert "\n".join(line.text for line in shown) == snapshot


@named
def test_the_summary_of_github(made: GateReport, snapshot: SnapshotAssertion) -> None:
    assert summary(made) == snapshot


@named
def test_the_annotations_of_github(made: GateReport, snapshot: SnapshotAssertion) -> None:
    assert annotated(made) == snapshot


@named
def test_junit(made: GateReport, snapshot: SnapshotAssertion) -> None:
    assert render(made) == snapshot


@named
def test_what_verify_objects_to(made: GateReport, snapshot: SnapshotAssertion) -> None:
    expected = Expectation(max_age=900.0, environment="staging")
    assert list(objections(document(made), expected, END + 3600)) == snapshot


STILL = {"mode": "creative", "instance": "app-1"}
SUSTAINED, TREND, RUNAWAY = Sustained("5m"), Trend("1h"), Runaway("1h", factor=3.0)


def answered(given: Criterion, *series: Series) -> Callable[[], Result]:
    return lambda: judge(given, *series)


def p95(**details: Any) -> Criterion:
    return criterion(**{"below": 2.5, "unit": "seconds", "quantity": "p95", **details})


def rising(age: float) -> float:
    return 5.0 + (HOUR - age) / HOUR


def falling(age: float) -> float:
    return 5.0 - (HOUR - age) / HOUR


ANSWERS = {
    "instant, passed": answered(p95(), value(2.12, **STILL)),
    "instant, at the limit": answered(p95(), value(2.5, **STILL)),
    "instant, breach": answered(p95(), value(4.92, **STILL)),
    "instant, several fail": answered(p95(), value(4.9, mode="a"), value(3.0, mode="b"), value(1)),
    "instant, above zero": answered(criterion(at_most=0.0, unit="ratio"), value(1e-6)),
    "instant, equals": answered(criterion(equals=1.0), value(0.0, job="app")),
    "instant, nothing": answered(p95()),
    "instant, no match": answered(p95(match={"mode": "fast"}), value(1.0, mode="slow")),
    "instant, NaN": answered(p95(), value(math.nan)),
    "instant, NaN is a breach": answered(p95(nan_is_breach=True), value(math.nan)),
    "instant, infinite": answered(p95(), value(math.inf)),
    "instant, optional": answered(p95(optional=True)),
    "sustained, passed": answered(p95(kind=SUSTAINED), over(SUSTAINED, lambda age: 1)),
    "sustained, for now": answered(
        p95(kind=SUSTAINED), over(SUSTAINED, lambda age: 9 if age <= 60 else 1)
    ),
    "sustained, breach": answered(
        p95(kind=SUSTAINED), over(SUSTAINED, lambda age: 9 if age <= 900 else 1, **STILL)
    ),
    "sustained, always": answered(p95(kind=SUSTAINED), over(SUSTAINED, lambda age: 9)),
    "sustained, nothing": answered(p95(kind=SUSTAINED)),
    "trend, passed": answered(criterion(at_least=0.0, kind=TREND), over(TREND, rising)),
    "trend, breach": answered(criterion(at_least=0.0, kind=TREND), over(TREND, falling, algo="a")),
    "trend, too little": answered(
        criterion(at_least=0.0, kind=TREND), over(TREND, lambda age: 1 if age < 300 else None)
    ),
    "trend, nothing": answered(criterion(at_least=0.0, kind=TREND)),
    "runaway, passed": answered(criterion(kind=RUNAWAY), over(RUNAWAY, lambda age: 1)),
    "runaway, breach": answered(
        criterion(below=100.0, kind=RUNAWAY),
        over(RUNAWAY, lambda age: 90 if age <= 60 else 1, algo="a"),
    ),
    "runaway, limit": answered(
        criterion(kind=RUNAWAY), over(RUNAWAY, lambda age: 90 if age <= 60 else 1, algo="a")
    ),
    "runaway, nothing": answered(criterion(kind=RUNAWAY)),
}


@pytest.mark.parametrize("judged", ANSWERS.values(), ids=list(ANSWERS))
def test_the_result_of_a_check(judged: Callable[[], Result], snapshot: SnapshotAssertion) -> None:
    found = judged()
    assert f"{found.status} {found.reason}: {found.message}" == snapshot


def test_a_report_that_cannot_be_written(tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    with pytest.raises(ConfigurationError) as refused:
        refuse_unwritable("--gate-json", tmp_path)
    assert str(refused.value).replace(str(tmp_path), "/reports") == snapshot


@pytest.mark.parametrize(
    "made",
    [everything(), backtested(outcome("...."))],
    ids=["with everything", "that was always GO"],
)
def test_the_summary_of_a_backtest(made: BacktestReport, snapshot: SnapshotAssertion) -> None:
    assert "\n".join(backtest_lines(made, {"backtest.json": "--json"})) == snapshot
