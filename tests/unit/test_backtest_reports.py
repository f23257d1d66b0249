"""What is made of a backtest: cells, the page, the JSON and the summary."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from pytest_deploygate.cli.verify import schema as report_schema
from pytest_deploygate.core.report import WORST_FIRST
from pytest_deploygate.core.result import Status
from pytest_deploygate.core.secrets import Redactor
from pytest_deploygate.reports.backtest import document, summary
from pytest_deploygate.reports.backtest.cells import cells, marks, steps_in_a_cell
from pytest_deploygate.reports.backtest.page import render
from tests.made_backtest import at, everything, history, outcome, report
from tests.unit.pages import HOSTILE


def schema() -> dict[str, object]:
    from importlib.resources import files

    text = (files("pytest_deploygate") / "schemas" / "backtest.schema.json").read_text("utf-8")
    found: dict[str, object] = json.loads(text)
    return found


@pytest.mark.parametrize(
    ("steps", "step", "expected"),
    [(2016, 300, 24), (10_080, 60, 120), (288, 300, 3), (100, 300, 1), (2016, 77, 17), (5, 60, 1)],
)
def test_a_cell_is_a_round_time(steps: int, step: float, expected: int) -> None:
    assert steps_in_a_cell(steps, step) == expected
    assert math.ceil(steps / expected) <= 120


@given(st.text(".wx-", min_size=1, max_size=700))
def test_a_cell_shows_the_worst_of_its_steps_and_how_many(steps: str) -> None:
    made = outcome(steps)
    found = cells(made.checks[0].statuses, report(made))
    size = steps_in_a_cell(len(steps), 300)
    assert [one.place for one in found] == list(range(math.ceil(len(steps) / size)))
    for one in found:
        inside = made.checks[0].statuses[one.place * size : (one.place + 1) * size]
        assert one.status is min(inside, key=WORST_FIRST.index)
        if len(inside) > 1:
            assert f"at {inside.count(one.status)} of {len(inside)} steps" in one.title


def test_a_lost_step_is_seen_in_a_week_of_cells() -> None:
    made = outcome("." * 1000 + "x" + "." * 1015)
    found = cells(made.verdicts, report(made))
    assert [one.status for one in found].count(Status.NO_GO) == 1
    assert found[41].title == "2026-09-24 10:00 UTC: NO-GO at 1 of 24 steps"


@pytest.mark.parametrize(("steps", "least"), [(3, 2), (288, 6), (2016, 6), (20_000, 5)])
def test_the_axis_has_a_few_round_times(steps: int, least: int) -> None:
    found = marks(report(outcome("." * steps)))
    assert least <= len(found) <= 11
    assert all(0 <= one.percent < 99 for one in found)


def test_the_json_matches_its_schema_and_is_strict() -> None:
    Draft202012Validator.check_schema(schema())
    odd = history("odd", "...", values=(math.nan, math.inf, None), limit=2.0)
    for made in (everything(), report(outcome("...", odd)), report(outcome("x"))):
        text = document.render(made, Redactor())
        found = json.loads(text, parse_constant=pytest.fail)
        Draft202012Validator(schema()).validate(found)
        count = len(found["times"])
        for check in found["checks"]:
            assert {len(check[key]) for key in ("status", "reason", "value", "labels")} == {count}
    assert document.document(report(outcome("...", odd)))["checks"][0]["value"] == [None] * 3
    assert schema()["$id"] != report_schema()["$id"]


def test_no_secret_is_in_the_json() -> None:
    redactor = Redactor()
    redactor.add("hush-hush")
    made = report(outcome("..", history("x", "..", labels=({"a": "hush-hush"},) * 2)))
    text = document.render(made, redactor)
    assert "hush" not in text
    assert json.loads(text)["checks"][0]["labels"] == [{"a": "***"}] * 2


def test_hostile_names_are_shown_and_do_nothing() -> None:
    text = render(everything(HOSTILE))
    assert HOSTILE not in text
    assert "<script" not in text
    assert "\u202e" not in text


@pytest.mark.parametrize(("step", "marked"), [(-1, False), (1, True), (3, False)])
def test_the_deployment_is_a_mark_if_the_backtest_reaches_it(step: int, marked: bool) -> None:
    text = render(report(outcome("..", history("x", "..")), deployed_at=at(step)))
    assert ("UTC: --gate-deployed-at</title>" in text) is marked


def test_the_summary_stays_within_80_columns() -> None:
    found = list(summary.lines(everything("a_name_of_" * 12), {"b.json": "--json"}))
    assert max(map(len, found)) <= 80


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0.0 %"), (1, "100.0 %"), (0.0004, "<0.1 %"), (0.9996, ">99.9 %"), (0.5, "50.0 %")],
)
def test_a_share_is_never_nothing_or_all_by_rounding(share: float, text: str) -> None:
    assert summary.percent(share) == text
