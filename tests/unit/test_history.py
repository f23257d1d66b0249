"""The two hours before a result."""

from __future__ import annotations

import math

import pytest

from pytest_deploygate.core.result import Reason, Result, Status
from pytest_deploygate.core.series import Measurement, Query, RangeQuery, Series
from pytest_deploygate.engine import history
from tests.made import END, FAILED, measured, result

OLDER = ((END - 120, 1.0), (END - 60, 1.5))


def answer(*series: Series) -> dict[Query, Measurement]:
    return {history.queries([result()], END)[0]: Measurement(series)}


def test_two_hours_are_asked_for_every_two_minutes() -> None:
    assert history.queries([result()], END) == [
        RangeQuery(result().query, END - 7200.0, END, 120.0)
    ]


def test_checks_that_share_an_expression_ask_for_it_once() -> None:
    checks = [result(id=f"c{n}", labels={"instance": str(n)}) for n in range(6500)]
    assert len(history.queries(checks, END)) == 1


def test_of_thousands_of_checks_only_the_worst_want_one() -> None:
    good = [result(id=f"g{n}") for n in range(6500)]
    warned = [result(id=f"w{n}", status=Status.WARNING) for n in range(30)]
    bad = [result(id=f"b{n}", **FAILED) for n in range(40)]
    chosen = history.wanted([*good, *warned, *bad])
    assert chosen == [*bad, *warned]
    many = [result(id=f"w{n}", status=Status.WARNING) for n in range(6500)]
    assert history.wanted([*good, *many, *bad]) == [*bad, *many[: history.MOST - 40]]


@pytest.mark.parametrize(
    "check",
    [
        measured(1.0, 2.0),
        result(query=""),
        result(status=Status.NO_GO, reason=Reason.ERROR, value=None),
        result(status=Status.SKIPPED, reason=Reason.NO_DATA, value=None),
    ],
    ids=["has one", "no query", "source is down", "skipped"],
)
def test_what_needs_no_history_does_not_want_one(check: Result) -> None:
    assert history.wanted([check]) == []


def test_the_history_is_that_of_the_worst_series_and_ends_in_the_judged_value() -> None:
    fast = Series({"mode": "fast"}, (*OLDER, (END, 9.9)))
    other = Series({"mode": "fast", "instance": "b"}, ((END - 60, 7.0),))
    (joined,) = history.joined([result()], answer(other, fast))
    assert joined.history == (*OLDER, (END, 2.0))


def test_labels_are_compared_as_results_show_them() -> None:
    shown = result(labels={"mode": "a\\u202eb"})
    series = Series({"mode": "a\u202eb"}, OLDER)
    assert history.joined([shown], answer(series))[0].history[:2] == OLDER


@pytest.mark.parametrize("value", [None, math.nan])
def test_where_nothing_was_measured_the_history_ends_where_the_data_does(
    value: float | None,
) -> None:
    missing = result(value=value, reason=Reason.NO_DATA, status=Status.WARNING)
    (joined,) = history.joined([missing], answer(Series({"mode": "fast"}, OLDER)))
    assert joined.history == OLDER


def test_without_an_answer_or_its_series_the_result_stays_as_it_is() -> None:
    check = result()
    assert history.joined([check], {}) == (check,)
    assert history.joined([check], answer(Series({"mode": "slow"}, OLDER))) == (check,)


def test_a_history_that_was_judged_is_kept() -> None:
    check = measured(1.0, 2.0)
    assert history.joined([check], answer(Series({"mode": "fast"}, OLDER))) == (check,)
