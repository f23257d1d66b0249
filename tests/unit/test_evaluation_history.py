"""From what was measured over a window to a result: sustained, trend and runaway."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.core.series import RangeQuery, Series
from pytest_deploygate.kinds.base import Kind
from pytest_deploygate.kinds.runaway import Runaway
from pytest_deploygate.kinds.sustained import Sustained
from pytest_deploygate.kinds.trend import Trend
from tests.unit.judging import AT, HOUR, criterion, judge, light, one, over, query_of

SUSTAINED = Sustained("5m")


class TestSustained:
    def given(self, **details: Any) -> Criterion:
        return criterion(**{"at_most": 5.0, "kind": SUSTAINED, **details})

    @pytest.mark.parametrize(
        ("since", "light_", "text"),
        [
            (285, ("GO", "ok"), "9, limit 5, for 4m45s, allowed for less than 5m"),
            (300, ("NO_GO", "breach"), "9, limit 5, for 5m"),
            (615, ("NO_GO", "breach"), "9, limit 5, for 10m"),
            (7200, ("NO_GO", "breach"), "9, limit 5, for 2h or more"),
        ],
    )
    def test_a_breach_has_to_last(self, since: int, light_: tuple[str, str], text: str) -> None:
        result = judge(self.given(), over(SUSTAINED, lambda age: 9 if age <= since else 1))
        assert (light(result), result.message) == (light_, text)

    def test_a_breach_that_ended_is_none(self) -> None:
        result = judge(self.given(), over(SUSTAINED, lambda age: 1 if age < 15 else 9))
        assert (light(result), result.message) == (("GO", "ok"), "1 (≤ 5)")

    def test_one_good_point_in_the_window_is_a_break(self) -> None:
        result = judge(self.given(), over(SUSTAINED, lambda age: 1 if age == 150 else 9))
        assert light(result) == ("GO", "ok")

    @pytest.mark.parametrize("gap", [None, math.nan])
    def test_a_gap_is_no_break(self, gap: float | None) -> None:
        def values(age: float) -> float | None:
            return gap if 60 < age < 420 else 9

        result = judge(self.given(), over(SUSTAINED, values))
        assert light(result) == ("NO_GO", "breach")

    def test_nan_goes_on_with_a_breach_where_it_is_one(self) -> None:
        series = over(SUSTAINED, lambda age: math.nan if age < 60 else 9)
        result = judge(self.given(nan_is_breach=True), series)
        assert (light(result), result.message) == (
            ("NO_GO", "breach"),
            "NaN, limit 5, for 2h or more",
        )

    def test_a_breach_since_the_first_measurement_is_not_judged_yet(self) -> None:
        result = judge(self.given(), over(SUSTAINED, lambda age: 9 if age <= 180 else None))
        assert light(result) == ("WARNING", "no-data")
        assert result.message == "no data: only 3m of 5m measured, all of it in breach"

    def test_a_series_that_ended_is_of_the_past(self) -> None:
        gone = over(SUSTAINED, lambda age: 9 if age > 300 else None, pod="a")
        good = over(SUSTAINED, lambda age: 1, pod="b")
        assert light(judge(self.given(), gone, good)) == ("GO", "ok")
        assert light(judge(self.given(), gone)) == ("WARNING", "no-data")

    def test_series_in_turns_are_none_of_them_sustained(self) -> None:
        one_ = over(SUSTAINED, lambda age: 9 if age < 150 else 1, pod="a")
        other = over(SUSTAINED, lambda age: 1 if age < 150 else 9, pod="b")
        assert light(judge(self.given(), one_, other)) == ("GO", "ok")

    def test_a_limit_beyond_the_buckets_cannot_be_judged(self) -> None:
        given = self.given(at_most=12.0, buckets=(1.0, 10.0))
        result = judge(given, over(SUSTAINED, lambda age: 10 if age <= 600 else 1))
        assert light(result) == ("NO_GO", "error")
        assert result.message.endswith("the histogram cannot tell whether 12 is kept, for 10m")

    def test_the_window_is_asked_for_and_what_was_before(self) -> None:
        query = query_of(self.given())
        assert query == RangeQuery("up", AT - 7200, AT, 15)

    def test_a_long_window_is_asked_for_as_a_whole(self) -> None:
        query = query_of(self.given(kind=Sustained("1d")))
        assert query == RangeQuery("up", AT - 86_400, AT, 4320)


TREND = Trend("2h")


class TestTrend:
    def given(self, **details: Any) -> Criterion:
        return criterion(**{"at_least": 0.0, "kind": TREND, "quantity": "reward", **details})

    @pytest.mark.parametrize(
        ("values", "light_", "text"),
        [
            (lambda age: 12.0, ("GO", "ok"), "reward stable (now 12)"),
            (lambda age: 12 - age / HOUR, ("GO", "ok"), "reward rising by 1 per hour (now 12)"),
            (
                lambda age: 12 + age / HOUR / 4,
                ("NO_GO", "breach"),
                "reward falling by 0.25 per hour (now 12), limit ≥ 0 per hour",
            ),
        ],
    )
    def test_the_slope_is_judged(
        self, values: Callable[[float], float], light_: tuple[str, str], text: str
    ) -> None:
        result = judge(self.given(), over(TREND, values))
        assert (light(result), result.message) == (light_, text)

    def test_the_value_is_the_slope_per_hour(self) -> None:
        result = judge(self.given(), over(TREND, lambda age: 12 + age / HOUR / 4))
        assert result.value == pytest.approx(-0.25)
        assert result.threshold == 0

    def test_dust_is_no_decline(self) -> None:
        flat = over(TREND, lambda age: math.nextafter(12.45, 0) if age < HOUR else 12.45)
        assert judge(self.given(), flat).message == "reward stable (now 12.45)"

    def test_a_small_decline_is_one(self) -> None:
        result = judge(self.given(), over(TREND, lambda age: 12 + 1e-6 * age / HOUR))
        assert light(result) == ("NO_GO", "breach")

    @pytest.mark.parametrize(
        ("values", "text"),
        [
            (
                lambda age: 1.0 if age <= 480 else None,
                "9 points in 2h, at least 10 needed: enough in about 52m",
            ),
            (
                lambda age: 1.0 if age <= 3540 else None,
                "59m of 2h measured, at least 1h needed: enough in about 1m",
            ),
            (lambda age: 1.0 if age >= 60 else None, "no value for at least 1m"),
            (lambda age: 1.0 if age >= 4000 else None, "no value for at least 1h7m"),
        ],
    )
    def test_too_little_is_no_data(self, values: Callable[[float], float], text: str) -> None:
        result = judge(self.given(), over(TREND, values))
        assert (light(result), result.message) == (("WARNING", "no-data"), f"no data: {text}")

    @pytest.mark.parametrize(("limit", "light_"), [(2.0, ("GO", "ok")), (0.5, ("NO_GO", "breach"))])
    def test_a_slope_is_no_quantile(self, limit: float, light_: tuple[str, str]) -> None:
        given = self.given(at_least=None, below=limit, buckets=(0.1, 0.5))
        assert light(judge(given, over(TREND, lambda age: 12 - age / HOUR))) == light_

    def test_half_of_the_window_is_enough(self) -> None:
        series = over(TREND, lambda age: 1.0 if age <= 3600 else None)
        assert light(judge(self.given(), series)) == ("GO", "ok")

    @pytest.mark.parametrize("last", [math.nan, math.inf, -math.inf])
    def test_a_newest_value_that_is_no_number_is_a_breach(self, last: float) -> None:
        series = over(TREND, lambda age: last if age == 0 else 12.0)
        result = judge(self.given(nan_is_breach=True), series)
        assert light(result) == ("NO_GO", "breach")
        assert result.message.startswith("reward is now ")

    def test_older_values_that_are_no_numbers_are_left_out(self) -> None:
        series = over(TREND, lambda age: math.nan if age % 120 else 12.0)
        assert judge(self.given(), series).message == "reward stable (now 12)"

    def test_what_goes_on_elsewhere_has_not_ended(self) -> None:
        old = over(TREND, lambda age: 9 if age > 4000 else None, algorithm="ppo", instance="a")
        new = over(TREND, lambda age: 9 if age < 4000 else None, algorithm="ppo", instance="b")
        assert light(judge(self.given(), old, new)) == ("GO", "ok")

    def test_what_goes_on_nowhere_has(self) -> None:
        ended = over(TREND, lambda age: 9 if age > 600 else None, algorithm="sac")
        goes_on = over(TREND, lambda age: 9, algorithm="ppo")
        result = judge(self.given(), ended, goes_on)
        assert light(result) == ("WARNING", "no-data")
        assert "no data for 1 of 2 series (algorithm=sac)" in result.message

    def test_one_point_has_no_slope(self) -> None:
        given = self.given(kind=Trend("2h", min_points=1, coverage=0))
        assert light(judge(given, one(12))) == ("WARNING", "no-data")


RUNAWAY = Runaway("2h", factor=3.0)


class TestRunaway:
    def given(self, **details: Any) -> Criterion:
        return criterion(**{"at_most": 2.0, "kind": RUNAWAY, "quantity": "loss", **details})

    def loss(self, now: float, before: float, **labels: str) -> Series:
        return over(RUNAWAY, lambda age: now if age == 0 else before, **labels)

    @pytest.mark.parametrize(
        ("now", "before", "light_"),
        [
            (2.0, 2.0, ("GO", "ok")),
            (2.0001, 2.0, ("NO_GO", "breach")),
            (1.52, 0.5, ("GO", "ok")),
            (1.53, 0.5, ("NO_GO", "breach")),
            (0.0, 0.0, ("GO", "ok")),
            (-0.4, -0.5, ("GO", "ok")),
            (1.9, -0.1, ("NO_GO", "breach")),
            (1.9, -5.0, ("GO", "ok")),
        ],
    )
    def test_the_limit_and_the_average_both_hold(
        self, now: float, before: float, light_: tuple[str, str]
    ) -> None:
        assert light(judge(self.given(), self.loss(now, before))) == light_

    def test_the_message_names_the_limit_that_decided(self) -> None:
        text = judge(self.given(), self.loss(1.9, 0.5)).message
        assert text == "loss 1.9, limit 1.535 (3 x its 2h average 0.5116)"
        assert judge(self.given(), self.loss(2.5, 0.5)).message == "loss 2.5, limit 2"
        assert judge(self.given(), self.loss(1.5, 1.5)).message == "loss 1.5 (≤ 2)"

    def test_a_pass_names_the_stricter_limit(self) -> None:
        result = judge(self.given(below=2.0, at_most=None), self.loss(0.5, 0.5))
        assert result.message == "loss 0.5 (≤ 1.5, 3 x its 2h average)"
        assert (result.comparison, result.threshold) == ("≤", 1.5)
        result = judge(self.given(), self.loss(-0.25, -0.25))
        assert result.message == "loss -0.25 (≤ 0.75, 3 x its 2h average magnitude)"

    @pytest.mark.parametrize("limit", [{"below": 2.0}, {"at_most": 2.0, "below": None}])
    def test_what_is_always_zero_does_not_run_away(self, limit: dict[str, float]) -> None:
        result = judge(self.given(**{"at_most": None, **limit}), self.loss(0.0, 0.0))
        assert (light(result), result.message) == (
            ("GO", "ok"),
            "loss 0 (≤ 0, 3 x its 2h average)",
        )

    def test_a_loss_around_zero_has_a_size(self) -> None:
        series = over(RUNAWAY, lambda age: 0.05 if age % 120 else -0.05)
        assert light(judge(self.given(), series)) == ("GO", "ok")

    def test_each_series_has_its_own_average(self) -> None:
        series = self.loss(1.0, 0.1, algorithm="a"), self.loss(1.5, 1.5, algorithm="b")
        result = judge(self.given(), *series)
        assert (result.labels, result.failing) == ({"algorithm": "a"}, 1)

    @pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
    def test_a_loss_that_is_no_number_diverged(self, value: float) -> None:
        result = judge(self.given(nan_is_breach=True), self.loss(value, 0.5))
        assert light(result) == ("NO_GO", "breach")

    @pytest.mark.parametrize(
        ("value", "light_", "text"),
        [
            (0.5, ("WARNING", "no-data"), "no baseline: 9m of 2h measured"),
            (2.5, ("NO_GO", "breach"), "loss 2.5, limit 2"),
        ],
    )
    def test_without_a_baseline_the_limit_still_holds(
        self, value: float, light_: tuple[str, str], text: str
    ) -> None:
        result = judge(self.given(), over(RUNAWAY, lambda age: value if age < 600 else None))
        assert light(result) == light_
        assert text in result.message

    def test_an_old_value_is_none(self) -> None:
        stopped = over(RUNAWAY, lambda age: 0.5 if age > 300 else None)
        result = judge(self.given(), stopped)
        assert result.message == "no data: no value for at least 6m"

    def test_a_value_that_should_be_large_has_no_baseline(self) -> None:
        given = self.given(at_most=None, at_least=2.0)
        assert light(judge(given, self.loss(2.5, 2.5))) == ("GO", "ok")


def test_what_needs_a_history_is_asked_in_120_steps() -> None:
    for kind in (TREND, RUNAWAY):
        assert query_of(criterion(kind=kind)) == RangeQuery("up", AT - 7200, AT, 60)


@pytest.mark.parametrize("kind", [SUSTAINED, Trend("2h"), Runaway("2h")])
def test_a_series_that_is_too_young_is_waited_for_and_one_that_ended_is_not(kind: Kind) -> None:
    """A watch of a new version may not end because its first series are not judged yet."""
    value = 9.0 if kind is SUSTAINED else 1.0
    given = criterion(kind=kind)
    young = judge(given, over(kind, lambda age: value if age <= 180 else None))
    ended = judge(given, over(kind, lambda age: value if 120 < age <= 240 else None))
    whole = judge(given, over(kind, lambda age: 1.0))
    assert [light(one)[1] for one in (young, ended, whole)] == ["no-data", "no-data", "ok"]
    assert [one.pending for one in (young, ended, whole)] == [True, False, False]
    assert not young.evaluated
