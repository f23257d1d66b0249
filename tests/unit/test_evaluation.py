"""From what was measured to a result: every comparison, every policy, every message."""

from __future__ import annotations

import math
from typing import Any

import pytest

from pytest_deploygate.core.criterion import threshold
from pytest_deploygate.core.errors import SourceError
from pytest_deploygate.core.result import Reason, Status
from pytest_deploygate.core.series import InstantQuery, Measurement, Query, Series
from pytest_deploygate.engine.judging import judge as judged_at
from pytest_deploygate.kinds.trend import Trend
from tests.unit.judging import AT, criterion, judge, light, one, over, query_of


class TestInstant:
    @pytest.mark.parametrize(
        ("limit", "passing", "failing"),
        [
            ({"below": 5.0}, [4.99, 0.0, -7.0], [5.0, 5.01]),
            ({"at_most": 5.0}, [5.0, -7.0], [5.01]),
            ({"above": 5.0}, [5.01, 7.0], [5.0, 4.99, -7.0]),
            ({"at_least": 5.0}, [5.0, 7.0], [4.99]),
            ({"equals": 5.0}, [5.0], [4.99, 5.01]),
            ({"at_most": 0.0}, [0.0, -0.0], [5e-324, 1e-12]),
            ({"equals": 0.0}, [0.0], [5e-324]),
        ],
    )
    def test_every_comparison_is_exact(
        self, limit: dict[str, float], passing: list[float], failing: list[float]
    ) -> None:
        given = criterion(**limit)
        assert {light(judge(given, one(value))) for value in passing} == {("GO", "ok")}
        assert {light(judge(given, one(value))) for value in failing} == {("NO_GO", "breach")}

    @pytest.mark.parametrize("keyword", ["below", "at_most", "above", "at_least", "equals"])
    @pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
    def test_nothing_that_is_no_number_passes(self, keyword: str, value: float) -> None:
        assert judge(criterion(**{keyword: 5.0}), one(value)).status is not Status.GO

    def test_rounding_does_not_decide(self) -> None:
        almost = math.nextafter(0.15, 0)
        assert light(judge(criterion(below=0.15), one(almost))) == ("NO_GO", "breach")
        assert light(judge(criterion(at_least=0.15), one(almost))) == ("GO", "ok")

    def test_a_threshold_is_its_default_until_it_is_set(self) -> None:
        given = criterion(below=threshold("x_max", 5))
        assert judge(given, one(5)).status is Status.NO_GO
        assert judge(given.resolved({"x_max": 6}), one(5)).status is Status.GO

    def test_severity_decides_what_a_breach_means(self) -> None:
        assert judge(criterion(severity="warning"), one(9)).status is Status.WARNING
        assert judge(criterion(severity="critical"), one(9)).status is Status.NO_GO

    def test_only_matching_series_are_judged(self) -> None:
        given = criterion(match={"mode": "fast"})
        series = one(1, mode="fast", pod="a"), one(9, mode="slow", pod="a"), one(9)
        assert judge(given, *series).total == 1
        assert light(judge(given, *series[1:])) == ("WARNING", "no-data")

    def test_a_label_that_is_not_there_is_empty(self) -> None:
        given = criterion(match={"mode": "", "pod": "a"})
        series = one(1, pod="a"), one(9, mode="fast", pod="a"), one(1, mode="", pod="a")
        assert judge(given, *series).total == 2
        assert light(judge(given, *series)) == ("GO", "ok")

    def test_nan_is_a_breach_where_it_means_that_something_diverged(self) -> None:
        assert light(judge(criterion(nan_is_breach=True), one(math.nan))) == ("NO_GO", "breach")
        assert light(judge(criterion(), one(math.nan))) == ("WARNING", "no-data")


P95: dict[str, Any] = {"unit": "seconds", "quantity": "p95", "buckets": (1.0, 10.0, 2.0, 5.0)}


class TestBuckets:
    @pytest.mark.parametrize("limit", [{"below": 10.0}, {"below": 5.0}, {"at_most": 9.0}])
    def test_the_largest_bucket_is_a_breach_of_a_smaller_limit(
        self, limit: dict[str, float]
    ) -> None:
        result = judge(criterion(**P95, **limit), one(10))
        assert light(result) == ("NO_GO", "breach")
        assert "p95 above 10.00 s, the largest bucket, limit" in result.message

    @pytest.mark.parametrize("limit", [{"at_most": 10.0}, {"below": 12.0}])
    def test_the_largest_bucket_tells_nothing_about_a_larger_limit(
        self, limit: dict[str, float]
    ) -> None:
        result = judge(criterion(**P95, **limit), one(10))
        assert light(result) == ("NO_GO", "error")
        assert "the histogram cannot tell whether" in result.message

    def test_a_value_that_has_to_be_large_may_be_larger(self) -> None:
        assert judge(criterion(**P95, at_least=4.0), one(10)).status is Status.GO

    def test_values_inside_the_buckets_are_known(self) -> None:
        assert judge(criterion(**P95, below=12.0), one(9.9)).status is Status.GO

    def test_a_limit_inside_a_bucket_is_interpolated(self) -> None:
        given = criterion(**P95, below=3.0)
        text = "interpolated in the bucket from 2.00 s to 5.00 s"
        assert text in judge(given, one(2.5)).message
        assert text in judge(given, one(3.5)).message

    @pytest.mark.parametrize("value", [1.5, 2.0, 5.0, 7.0])
    def test_a_value_in_another_bucket_is_not(self, value: float) -> None:
        given = criterion(**P95, below=3.0)
        assert "interpolated" not in judge(given, one(value)).message

    def test_a_limit_at_a_bound_is_not(self) -> None:
        assert "interpolated" not in judge(criterion(**P95, below=2.0), one(1.5)).message


class TestPolicies:
    @pytest.mark.parametrize(
        ("policy", "status"),
        [("go", "GO"), ("skip", "SKIPPED"), ("warning", "WARNING"), ("no-go", "NO_GO")],
    )
    @pytest.mark.parametrize("series", [(), (one(math.nan),)])
    def test_no_data_is_what_the_policy_says(
        self, policy: str, status: str, series: tuple[Series, ...]
    ) -> None:
        assert light(judge(criterion(no_data=policy), *series)) == (status, "no-data")

    @pytest.mark.parametrize("severity", ["critical", "warning"])
    def test_no_data_is_a_warning_whatever_the_severity(self, severity: str) -> None:
        assert judge(criterion(severity=severity)).status is Status.WARNING

    @pytest.mark.parametrize("policy", ["go", "warning", "no-go"])
    def test_an_optional_criterion_without_data_is_skipped(self, policy: str) -> None:
        given = criterion(optional=True, no_data=policy)
        assert light(judge(given)) == ("SKIPPED", "no-data")

    @pytest.mark.parametrize(
        ("policy", "status"),
        [("go", "GO"), ("skip", "GO"), ("warning", "WARNING"), ("no-go", "NO_GO")],
    )
    def test_one_series_without_data_is_what_the_policy_says(
        self, policy: str, status: str
    ) -> None:
        result = judge(criterion(no_data=policy), one(1, pod="a"), one(math.nan, pod="b"))
        assert result.status.value == status

    def test_one_series_without_data_is_a_warning_for_an_optional_criterion_too(self) -> None:
        result = judge(criterion(optional=True), one(1, pod="a"), one(math.nan, pod="b"))
        assert result.status is Status.WARNING

    @pytest.mark.parametrize("policy", ["go", "skip", "warning", "no-go"])
    def test_a_breach_is_one_whatever_else_is_missing(self, policy: str) -> None:
        result = judge(criterion(no_data=policy), one(9, pod="a"), one(math.nan, pod="b"))
        assert light(result) == ("NO_GO", "breach")

    @pytest.mark.parametrize("policy", ["go", "skip", "warning", "no-go"])
    @pytest.mark.parametrize("optional", [True, False])
    @pytest.mark.parametrize("values", [[], [1.0], [1.0, math.nan], [math.nan]])
    def test_what_the_source_warns_of_is_never_go(
        self, policy: str, optional: bool, values: list[float]
    ) -> None:
        given = criterion(no_data=policy, optional=optional)
        series = [one(value, pod=str(number)) for number, value in enumerate(values)]
        result = judge(given, *series, warnings=["a store is missing"])
        assert result.status in (Status.WARNING, Status.NO_GO)
        assert result.reason is Reason.NO_DATA
        assert "the source warns: a store is missing" in result.message
        assert result.warnings == ("a store is missing",)

    def test_a_breach_stays_one_when_the_source_warns(self) -> None:
        assert light(judge(criterion(), one(9), warnings=["x"])) == ("NO_GO", "breach")

    @pytest.mark.parametrize(
        ("severity", "status"), [("critical", "NO_GO"), ("warning", "WARNING")]
    )
    @pytest.mark.parametrize("policy", ["go", "skip"])
    def test_a_source_without_an_answer_counts_like_a_breach(
        self, severity: str, status: str, policy: str
    ) -> None:
        def refuse(query: Query) -> Measurement:
            raise SourceError("connection refused\x1b[31m")

        given = criterion(severity=severity, no_data=policy, optional=True)
        result = judged_at(given, AT, refuse)
        assert light(result) == (status, "error")
        assert result.message == "connection refused\\x1b[31m"


class TestMessages:
    @pytest.mark.parametrize(
        ("details", "value", "text"),
        [
            (
                {"below": 4.5, "unit": "seconds", "quantity": "p95"},
                4.92,
                "p95 4.92 s, limit 4.50 s",
            ),
            ({"below": 4.5, "unit": "seconds"}, 2.1234, "2.12 s (< 4.50 s)"),
            ({"below": 2.5, "unit": "seconds"}, 2.5, "2.50 s, must be < 2.50 s"),
            ({"below": 2.5, "unit": "seconds"}, 2.5001, "2.5001 s, limit 2.5000 s"),
            ({"below": 0.2, "unit": "seconds"}, 0.0021, "2.1 ms (< 0.20 s)"),
            ({"below": 0.005, "unit": "ratio"}, 0.00234, "0.234 % (< 0.5 %)"),
            ({"at_least": 0.6, "unit": "ratio"}, 0.5999, "59.99 %, limit 60.00 %"),
            ({"at_least": 0.6, "unit": "ratio"}, 0.672, "67.2 % (≥ 60 %)"),
            ({"at_most": 0.0, "unit": "ratio"}, 0.0, "0 % (≤ 0 %)"),
            ({"at_most": 0.0, "unit": "ratio"}, 1.85e-6, "0.000185 %, limit 0 %"),
            ({"at_least": 2**30, "unit": "bytes"}, 3 * 2**29, "1.50 GiB (≥ 1.00 GiB)"),
            ({"above": 10, "unit": "orders"}, 10, "10 orders, must be > 10 orders"),
            ({"at_most": 2, "quantity": "loss"}, math.inf, "loss infinity, limit 2"),
            ({"at_most": 2, "nan_is_breach": True}, math.nan, "NaN, limit 2"),
            ({"equals": 3}, 4, "4, limit 3"),
        ],
    )
    def test_value_and_limit_are_told_with_their_unit(
        self, details: dict[str, Any], value: float, text: str
    ) -> None:
        assert judge(criterion(**details), one(value)).message == text

    @pytest.mark.parametrize(
        ("values", "text"),
        [
            ([9, 1], "9, limit 5 (pod=0), the other passes"),
            ([1, 9, 1, 2], "9, limit 5 (pod=1), the other 3 pass"),
            ([7, 9, 1, 2], "9, limit 5 (pod=1) and 1 more of 4"),
            ([1, math.nan, 9], "9, limit 5 (pod=2), one of 3"),
            ([1, 3, 2], "3 (< 5), worst of 3"),
            (
                [4, math.nan, math.nan],
                "no data for 2 of 3 series (pod=1): 0/0, nothing was counted; the rest: 4 (< 5)",
            ),
            ([math.nan, math.nan], "no data: 0/0, nothing was counted"),
            ([], "no data: the query matches nothing"),
        ],
    )
    def test_the_worst_series_is_named_and_the_others_are_counted(
        self, values: list[float], text: str
    ) -> None:
        series = [one(value, pod=str(number)) for number, value in enumerate(values)]
        assert judge(criterion(), *series).message == text

    @pytest.mark.parametrize(
        ("count", "text"),
        [
            (0, "no data: the query matches nothing"),
            (1, "no data: the only series does not have service=c"),
            (495, "no data: none of 495 series has service=c"),
        ],
    )
    def test_an_answer_about_others_differs_from_no_answer(self, count: int, text: str) -> None:
        series = [one(1, service=f"s{number}") for number in range(count)]
        assert judge(criterion(match={"service": "c"}), *series).message == text

    def test_the_worst_is_the_farthest_from_the_limit(self) -> None:
        low = judge(criterion(at_least=5.0), one(4, pod="a"), one(-3, pod="b"), one(2, pod="c"))
        assert (low.value, low.labels, low.failing, low.total) == (-3, {"pod": "b"}, 3, 3)
        off = judge(criterion(equals=5.0), one(8, pod="a"), one(1, pod="b"))
        assert off.value == 1

    def test_nan_is_worse_than_any_number(self) -> None:
        result = judge(criterion(nan_is_breach=True), one(1e300, pod="a"), one(math.nan, pod="b"))
        assert result.labels == {"pod": "b"}

    def test_labels_cannot_hide_anything(self) -> None:
        result = judge(criterion(), one(9, pod="a\x1b[2K\u202e\nb"))
        assert result.message == "9, limit 5 (pod=a\\x1b[2K\\u202e b)"
        assert result.labels == {"pod": "a\\x1b[2K\\u202e b"}

    def test_the_name_of_the_metric_is_no_label(self) -> None:
        result = judge(criterion(), one(9, __name__="rl_loss", algorithm="ppo"))
        assert result.message == "9, limit 5 (algorithm=ppo)"

    def test_a_result_tells_what_was_asked(self) -> None:
        result = judge(criterion("a / b", below=0.5, unit="ratio", title="Share"), one(0.7))
        assert (result.id, result.name, result.query, result.timestamp) == (
            "x",
            "Share",
            "a / b",
            AT,
        )
        assert (result.value, result.threshold, result.comparison, result.unit) == (
            0.7,
            0.5,
            "<",
            "ratio",
        )

    def test_a_range_comes_with_its_history(self) -> None:
        assert judge(criterion(), one(1)).history == ()
        series = over(Trend("2h"), lambda age: 1.0)
        assert judge(criterion(kind=Trend("2h"), at_least=0), series).history == series.points


def test_an_instant_criterion_is_asked_at_the_evaluation_time() -> None:
    assert query_of(criterion("up")) == InstantQuery("up", AT)
