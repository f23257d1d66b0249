"""Incidents, deployments and periods, at the resolution of the steps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_deploygate.core.backtest import Incident, Period
from pytest_deploygate.core.errors import ConfigurationError
from pytest_deploygate.core.series import Measurement, Query, Series
from pytest_deploygate.engine.backtest.events import (
    deployments_during,
    deployments_in,
    incidents_during,
    incidents_in,
)
from pytest_deploygate.engine.backtest.incidents import compared, steps_of, within
from pytest_deploygate.engine.over_time import OverTime, runs
from pytest_deploygate.kinds.times import Times

START, STEP, COUNT = 1_790_000_000.0, 300.0, 12
TIMES = Times(START, STEP, COUNT)
END = START + STEP * COUNT


def incident(first: float, behind: float, name: str = "") -> Incident:
    """One whose start and end are given in steps."""
    return Incident(name=name, start=START + first * STEP, end=START + behind * STEP)


def flags(text: str) -> np.ndarray:
    """``..xx........``: the steps that are NO-GO."""
    return np.array([letter == "x" for letter in text])


def periods(text: str) -> list[Period]:
    return [
        Period(begin=START + first * STEP, end=START + end * STEP, failed=("a",), culprits={})
        for first, end in runs(flags(text))
    ]


@pytest.mark.parametrize(
    ("first", "behind", "expected"),
    [
        (2, 4, range(2, 4)),
        (2.5, 3.5, range(2, 4)),
        (2.2, 2.4, range(2, 4)),  # the gate can only see it at the step after it
        (2, 2.4, range(2, 3)),
        (-5, 1, range(0, 1)),
        (-5, -1, range(0)),
        (-5, 0, range(0)),
        (11, 30, range(11, 12)),
        (11.5, 11.6, range(11, 12)),
        (12, 13, range(0)),
    ],
)
def test_an_incident_has_the_steps_that_stand_for_a_part_of_it(
    first: float, behind: float, expected: range
) -> None:
    assert list(steps_of(incident(first, behind), TIMES)) == list(expected)


def test_what_the_gate_saw_and_when() -> None:
    blocked = "..xxx...x..."
    known = [
        incident(1.4, 4, "late"),
        incident(6, 7, "missed"),
        incident(8.9, 9.2, "just before"),
        incident(40, 41, "after"),
    ]
    found, named = compared(known, flags(blocked), periods(blocked), TIMES)
    assert [one.delay for one in found.incidents] == [180.0, None, 0.0]
    assert found.outside == ("after",)
    assert found.recall == pytest.approx(2 / 3)
    assert (found.seen, found.precision) == (2, 1.0)
    assert [one.incidents for one in named] == [("late",), ("just before",)]
    assert (found.during, found.blocked, found.false_alarm) == (1800.0, 900.0, 300.0)


def test_nothing_known_is_not_nothing_seen() -> None:
    found, _ = compared([], flags("....xx......"), periods("....xx......"), TIMES)
    assert (found.recall, found.precision, found.false_alarm) == (None, 0.0, 600.0)
    found, _ = compared([incident(1, 2)], flags("." * COUNT), [], TIMES)
    assert (found.recall, found.precision) == (0.0, None)


EDGES = st.floats(-3, COUNT + 3).map(lambda value: round(value, 2))
KNOWN = st.lists(st.tuples(EDGES, EDGES).filter(lambda two: two[0] < two[1]), max_size=5)


@settings(max_examples=100, deadline=None)
@given(KNOWN, st.text("x.", min_size=COUNT, max_size=COUNT))
def test_the_numbers_agree_with_each_other(known: list[tuple[float, float]], text: str) -> None:
    incidents = [incident(*one) for one in known]
    found, named = compared(incidents, flags(text), periods(text), TIMES)
    assert found.blocked + found.false_alarm == flags(text).sum() * STEP
    assert found.during == within(incidents, TIMES).sum() * STEP
    assert len(found.incidents) + len(found.outside) == len(incidents)
    assert found.false_periods == sum(not one.incidents for one in named)
    for one in found.incidents:
        steps = steps_of(one, TIMES)
        assert one.seen == any(text[place] == "x" for place in steps)
        if one.delay is not None:
            seen = START + STEP * next(place for place in steps if text[place] == "x")
            assert one.delay == pytest.approx(max(0.0, seen - one.start), abs=0.001)


def test_incidents_and_deployments_are_read_from_csv() -> None:
    text = (
        "start,end,name\n\n"
        '2026-01-31T12:00:00Z, 2026-01-31T13:00:00+00:00,"db, again"\n1700000000,1700000060\n'
    )
    first, second = incidents_in(text)
    assert (first.name, first.end - first.start) == ("db, again", 3600)
    assert (second.start, second.end, second.name) == (1_700_000_000, 1_700_000_060, "")
    assert incidents_in("") == []
    assert deployments_in("TIME,name\n1700000000,v1\n") == [(1_700_000_000.0, "v1")]
    assert deployments_in("1700000000\n") == [(1_700_000_000.0, "")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("start,end\n1700000060,1700000000\n", "line 2: the end 1700000000 is not after the start"),
        ("1700000000,1700000000\n", "line 1: the end 1700000000 is not after the start"),
        ("1700000000,\n", "line 1: '' is not a time; write RFC 3339"),
        ("soon,later,x\n", "line 1: 'soon' is not a time"),
        ("2026-01-31T12:00:00,1700000000\n", "line 1: '2026-01-31T12:00:00' has no offset"),
        ("1700000000\n", "line 1: 1 columns; write start,end,name"),
        ("1,2,a,b\n", "line 1: 4 columns; write start,end,name, and a name with a comma in quotes"),
        ('1,2,"a\n', "line 1: unexpected end of data"),
    ],
)
def test_a_line_that_cannot_be_used_is_named(text: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{said[:8]}") as caught:
        incidents_in(text)
    assert said in str(caught.value)


def answer(*rows: Sequence[float | None]) -> OverTime:
    """Series by their values at the steps."""

    def ask(query: Query) -> Measurement:
        return Measurement(
            tuple(
                Series({"version": f"v{number}"}, points)
                for number, row in enumerate(rows)
                if (
                    points := tuple(
                        (time, value)
                        for time, value in zip(TIMES.all, row, strict=False)
                        if value is not None
                    )
                )
            )
        )

    return OverTime.of("x", TIMES, ask)


def test_an_incident_is_a_time_in_which_there_is_a_series() -> None:
    found = incidents_during(answer([None, 1, 1, None, None, 0], [None, None, 1, 1]), "x")
    assert [(one.start, one.end, one.name) for one in found] == [
        (START + STEP, START + 4 * STEP, "version=v0"),
        (START + 5 * STEP, START + 6 * STEP, "version=v0"),
    ]
    assert incidents_during(answer([1.0] * COUNT), "x")[0].end == END
    assert incidents_during(answer(), "x") == []


def test_a_deployment_is_a_change() -> None:
    nan = float("nan")
    rows = [1, 1, 2, 2, nan, nan, None, None, 2, 2, 2, 2], [None] * 10 + [1, 1]
    found = deployments_during(answer(*rows), "x")
    assert [(time - START) / STEP for time, _ in found] == [2, 4, 6, 8, 10]
    assert [name for _, name in found] == [*["version=v0"] * 2, "x", "version=v0", "version=v1"]
    assert deployments_during(answer([1.0] * COUNT), "x") == []
