"""What holds for every measurement: worse is never better, missing is never good."""

from __future__ import annotations

import json
import math
import os
import unicodedata
from typing import Any

import execnet
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.core.errors import SourceError
from pytest_deploygate.core.report import Change
from pytest_deploygate.core.result import Reason, Result, Status
from pytest_deploygate.core.series import InstantQuery, Measurement, Query, RangeQuery, Series
from pytest_deploygate.core.severity import Severity
from pytest_deploygate.core.text import printable, printable_block, same, value_and_limit
from pytest_deploygate.core.verdict import blindness, decide
from pytest_deploygate.engine.findings import ProcessNotes, SettingsUse
from pytest_deploygate.engine.ledger import CheckNote
from pytest_deploygate.kinds.base import Kind
from pytest_deploygate.kinds.runaway import Runaway
from pytest_deploygate.kinds.sustained import Sustained
from pytest_deploygate.kinds.trend import Trend
from pytest_deploygate.sources.recording import answers_from_builtins, answers_to_builtins
from tests.unit.judging import AT, criterion, judge, one, over

quickly = settings(
    max_examples=60,
    database=None,
    derandomize="CI" in os.environ,
)

RANKS = {Status.GO: 0, Status.SKIPPED: 0, Status.WARNING: 1, Status.NO_GO: 2}
KEYWORDS = ("below", "at_most", "above", "at_least", "equals")
SUSTAINED, TREND, RUNAWAY = Sustained("5m"), Trend("2h"), Runaway("2h")

numbers = st.floats(-1e6, 1e6)
increases = st.floats(0, 1e6)
anything = st.floats()
policies = st.sampled_from(["go", "skip", "warning", "no-go"])
closing = st.sampled_from(["warning", "no-go"])


def rank(result: Result) -> int:
    """How bad a result is for the verdict."""
    return RANKS[result.status]


def podded(values: list[float]) -> list[Series]:
    """Each value on a pod of its own."""
    return [one(value, pod=str(number)) for number, value in enumerate(values)]


def along(kind: Kind, values: list[float]) -> Series:
    """The newest values of a window, the oldest first."""
    step = 15.0 if kind == SUSTAINED else 60.0
    begin = AT - step * (len(values) - 1)
    return Series({}, tuple((begin + n * step, value) for n, value in enumerate(values)))


def held(runs: list[tuple[float, int]]) -> list[float]:
    """Each value for so many points."""
    return [value for value, count in runs for _ in range(count)]


histories = st.lists(st.floats(-10, 10), min_size=11, max_size=11).map(
    lambda values: held([(value, 11) for value in values])
)
runs = st.lists(
    st.tuples(st.sampled_from([1.0, 5.0, 5.1, 9.0]), st.integers(1, 30)), min_size=1, max_size=4
).map(held)


def sustained(**details: Any) -> Criterion:
    return criterion(at_most=5.0, kind=SUSTAINED, **details)


def trend(**details: Any) -> Criterion:
    return criterion(at_least=0.0, kind=TREND, nan_is_breach=True, **details)


def runaway(**details: Any) -> Criterion:
    return criterion(at_most=5.0, kind=RUNAWAY, nan_is_breach=True, **details)


class TestWorseIsNeverBetter:
    @quickly
    @given(st.sampled_from(KEYWORDS), st.sampled_from(Severity), numbers, increases, numbers)
    def test_for_one_value(
        self, keyword: str, severity: str, value: float, more: float, limit: float
    ) -> None:
        worse = value - more if keyword in ("above", "at_least") else value + more
        if keyword == "equals":
            worse = value + math.copysign(more, value - limit)
        check = criterion(**{keyword: limit}, severity=severity)
        assert rank(judge(check, one(worse))) >= rank(judge(check, one(value)))

    @quickly
    @given(policies, st.lists(anything, min_size=1, max_size=6), st.data())
    def test_for_one_of_several(
        self, policy: str, values: list[float], data: st.DataObject
    ) -> None:
        worst = data.draw(st.integers(0, len(values) - 1))
        assume(not math.isnan(values[worst]))
        check = criterion(no_data=policy)
        before = judge(check, *podded(values))
        values[worst] += data.draw(st.floats(0))
        assert rank(judge(check, *podded(values))) >= rank(before)

    @quickly
    @given(runs, runs)
    def test_for_a_sustained_breach(self, values: list[float], more: list[float]) -> None:
        before = judge(sustained(), along(SUSTAINED, values))
        worse = [value + extra for value, extra in zip(values, more + more, strict=False)]
        worse += values[len(worse) :]
        assert rank(judge(sustained(), along(SUSTAINED, worse))) >= rank(before)

    @quickly
    @given(histories, st.floats(0, 5))
    def test_for_a_trend(self, values: list[float], decline: float) -> None:
        before = judge(trend(), along(TREND, values))
        steeper = [value - decline * n for n, value in enumerate(values)]
        assert rank(judge(trend(), along(TREND, steeper))) >= rank(before)

    @quickly
    @given(histories, increases)
    def test_for_a_loss(self, values: list[float], more: float) -> None:
        before = judge(runaway(), along(RUNAWAY, values))
        worse = [*values[:-1], values[-1] + more]
        assert rank(judge(runaway(), along(RUNAWAY, worse))) >= rank(before)


@quickly
@given(st.lists(numbers, min_size=61, max_size=121))
def test_a_trend_is_the_slope_that_numpy_fits(values: list[float]) -> None:
    series = along(TREND, values)
    hours, heights = np.array(series.points).T
    fitted = np.polynomial.Polynomial.fit((hours - AT) / 3600, heights, 1).convert().coef
    dust = 1e-6 * max(map(abs, values))
    measured = judge(trend(), series).value
    assert measured == pytest.approx([*fitted, 0.0][1], rel=1e-6, abs=dust)


class TestMissingIsNeverGood:
    @quickly
    @given(closing, st.lists(anything, max_size=6))
    def test_without_any_data_nothing_that_was_not_go_is(
        self, policy: str, values: list[float]
    ) -> None:
        check = criterion(no_data=policy)
        assume(judge(check, *podded(values)).status is not Status.GO)
        assert judge(check).status is not Status.GO

    @quickly
    @given(closing, st.lists(anything, min_size=1, max_size=6), st.data())
    def test_with_one_series_that_is_nan_nothing_is_go(
        self, policy: str, values: list[float], data: st.DataObject
    ) -> None:
        check = criterion(no_data=policy)
        values[data.draw(st.integers(0, len(values) - 1))] = math.nan
        after = judge(check, *podded(values))
        assert after.status is not Status.GO

    @quickly
    @given(runs, st.integers(0, 120))
    def test_a_shorter_history_is_no_way_out_of_a_breach(
        self, before: list[float], left_out: int
    ) -> None:
        values = before + [9.0] * 21
        assert judge(sustained(), along(SUSTAINED, values)).status is Status.NO_GO
        rest = values[left_out:]
        series = [along(SUSTAINED, rest)] if rest else []
        assert judge(sustained(), *series).status is not Status.GO

    @quickly
    @given(st.lists(st.floats(-10, 10), max_size=60))
    def test_less_than_half_of_a_history_is_never_go(self, values: list[float]) -> None:
        series = [along(TREND, values)] if values else []
        assert judge(trend(), *series).status is not Status.GO
        assert judge(runaway(), *series).status is not Status.GO

    @quickly
    @given(histories, st.integers(1, 120))
    def test_what_has_stopped_is_never_go(self, values: list[float], ago: int) -> None:
        for check, kind in ((trend(), TREND), (runaway(), RUNAWAY)):
            stopped = along(kind, values)
            stopped = Series({}, stopped.points[:-ago])
            assert judge(check, stopped).reason is Reason.NO_DATA

    @quickly
    @given(st.integers(1, 3), st.integers(0, 3), closing, st.booleans())
    def test_a_gate_that_measured_nothing_critical_is_blind(
        self, critical: int, passing: int, policy: str, optional: bool
    ) -> None:
        unmeasured = judge(criterion(no_data=policy, optional=optional))
        measured = judge(criterion(severity="warning"), one(1))
        assert blindness([unmeasured] * critical + [measured] * passing)


class TestNanIsNeverAPass:
    @quickly
    @given(st.sampled_from(KEYWORDS), policies, st.booleans(), st.integers(1, 4))
    def test_for_instant_values(self, keyword: str, policy: str, breach: bool, count: int) -> None:
        check = criterion(**{keyword: 5.0}, no_data=policy, nan_is_breach=breach)
        result = judge(check, *podded([math.nan] * count))
        assert result.reason is (Reason.BREACH if breach else Reason.NO_DATA)

    @quickly
    @given(histories, st.booleans())
    def test_for_the_newest_value_of_a_history(self, values: list[float], breach: bool) -> None:
        values[-1] = math.nan
        for kind, limit in ((TREND, {"at_least": 0.0}), (RUNAWAY, {"at_most": 5.0})):
            check = criterion(kind=kind, nan_is_breach=breach, **limit)
            assert judge(check, along(kind, values)).reason is not Reason.OK

    @pytest.mark.parametrize("kind", [SUSTAINED, TREND, RUNAWAY])
    @pytest.mark.parametrize("breach", [True, False])
    def test_for_a_whole_history(self, kind: Kind, breach: bool) -> None:
        check = criterion(kind=kind, nan_is_breach=breach)
        assert judge(check, over(kind, lambda age: math.nan)).reason is not Reason.OK


class TestSeveralSeries:
    @quickly
    @given(policies, st.lists(anything, min_size=1, max_size=6), st.floats(-1e6, 4.9))
    def test_one_that_passes_hides_none_that_fails(
        self, policy: str, values: list[float], good: float
    ) -> None:
        check = criterion(no_data=policy)
        before = judge(check, *podded(values))
        assume(before.reason is Reason.BREACH)
        after = judge(check, *podded(values), one(good, pod="good"))
        assert (after.status, after.reason, after.labels, after.failing) == (
            before.status,
            before.reason,
            before.labels,
            before.failing,
        )

    @quickly
    @given(policies, st.lists(anything, max_size=6), st.randoms(use_true_random=False))
    def test_their_order_is_irrelevant(self, policy: str, values: list[float], random: Any) -> None:
        check = criterion(no_data=policy, severity="warning")
        series = podded(values)
        shuffled = random.sample(series, len(series))
        assert repr(judge(check, *shuffled)) == repr(judge(check, *series))

    @quickly
    @given(st.lists(runs, min_size=2, max_size=4))
    def test_their_order_is_irrelevant_over_time(self, several: list[list[float]]) -> None:
        series = [
            Series({"pod": str(n)}, along(SUSTAINED, values).points)
            for n, values in enumerate(several)
        ]
        assert judge(sustained(), *series) == judge(sustained(), *reversed(series))


texts = st.text(max_size=20)
points = st.lists(st.tuples(numbers, anything), min_size=1, max_size=4).map(tuple)
results = st.builds(
    Result,
    id=texts,
    name=texts,
    severity=st.sampled_from(Severity),
    status=st.sampled_from(Status),
    reason=st.sampled_from(Reason),
    message=texts,
    value=st.none() | anything,
    threshold=st.none() | anything,
    comparison=texts,
    unit=texts,
    labels=st.dictionaries(texts, texts, max_size=3),
    query=texts,
    timestamp=numbers,
    failing=st.integers(0, 99),
    total=st.integers(0, 99),
    nodeid=texts,
    duration=numbers,
    marked=st.booleans(),
    warnings=st.lists(texts, max_size=2).map(tuple),
    history=points,
    rounds=st.none(),
)
queries: st.SearchStrategy[Query] = st.builds(InstantQuery, texts, numbers) | st.builds(
    RangeQuery, texts, numbers, numbers, numbers
)
series_ = st.builds(Series, st.dictionaries(texts, texts, max_size=3), points, st.just(()))
notes = st.builds(
    CheckNote,
    st.none() | st.sampled_from(Severity),
    *(texts, texts, texts),
    st.floats(allow_nan=False),
    st.lists(results, max_size=2).map(tuple),
    st.lists(st.tuples(st.sampled_from(Reason), texts), max_size=2).map(tuple),
    st.booleans(),
)
answers = st.builds(
    Measurement,
    st.lists(series_, max_size=3).map(tuple),
    st.lists(texts, max_size=2).map(tuple),
) | st.builds(SourceError, texts)


names = st.lists(texts, max_size=2, unique=True).map(tuple)
uses = st.builds(
    SettingsUse,
    names,
    st.dictionaries(texts, st.tuples(texts, st.booleans()), max_size=2),
    st.lists(st.builds(Change, texts, texts, texts, texts), max_size=2).map(tuple),
)
process_notes = st.builds(
    ProcessNotes,
    problems=names,
    notices=names,
    left_out=names,
    deselected=st.integers(0, 9),
    settings=st.lists(uses, max_size=2).map(tuple),
    answers=st.dictionaries(queries, answers, max_size=2),
)


class TestWhatTravels:
    @quickly
    @given(process_notes)
    def test_what_a_worker_noted_comes_back(self, notes: ProcessNotes) -> None:
        sent = execnet.loads(execnet.dumps(notes.to_builtins()))
        read = ProcessNotes.from_builtins(sent)
        assert read._replace(answers={}) == notes._replace(answers={})
        assert {query: repr(answer) for query, answer in read.answers.items()} == {
            query: repr(answer) for query, answer in notes.answers.items()
        }

    @quickly
    @given(notes)
    def test_what_is_known_of_a_test_comes_back(self, note: CheckNote) -> None:
        sent = execnet.loads(execnet.dumps(note.to_builtins()))
        assert repr(CheckNote.from_builtins(sent)) == repr(note)

    @quickly
    @given(st.dictionaries(queries, answers, max_size=4))
    def test_evidence_comes_back(self, asked: dict[Query, Measurement | SourceError]) -> None:
        written = json.dumps(answers_to_builtins(asked), allow_nan=False)
        read = answers_from_builtins(json.loads(written))
        assert {query: repr(answer) for query, answer in read.items()} == {
            query: repr(answer) for query, answer in asked.items()
        }


UNSEEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


class TestText:
    @quickly
    @given(st.text(st.characters(exclude_categories=())))
    def test_foreign_text_is_visible_and_on_one_line(self, text: str) -> None:
        shown = printable(text)
        assert not {unicodedata.category(character) for character in shown} & set(UNSEEN)
        assert len(shown.splitlines()) <= 1
        shown.encode()

    @quickly
    @given(st.text(st.characters(exclude_categories=("C", "Z")), max_size=500))
    def test_what_can_be_seen_is_left_as_it_is(self, text: str) -> None:
        assert printable(text) == text

    @quickly
    @given(st.text(st.characters(exclude_categories=())))
    def test_a_block_keeps_nothing_but_its_line_ends(self, text: str) -> None:
        lines = printable_block(text).split("\n")
        assert all(line == printable(line) for line in lines)

    @quickly
    @given(
        st.floats(0.01, 1000),
        st.floats(0.01, 1000),
        st.sampled_from(["ratio", "seconds", "bytes", ""]),
    )
    def test_different_numbers_look_different(self, value: float, limit: float, unit: str) -> None:
        assume(not same(value, limit))
        shown, bound = value_and_limit(value, limit, unit)
        assert shown != bound


@quickly
@given(st.lists(results, max_size=5), results)
def test_another_result_never_makes_a_verdict_better(others: list[Result], result: Result) -> None:
    assert decide([*others, result]).exit_code >= decide(others).exit_code
