"""The buckets that a histogram has, what they leave unknown, and the culprit of a failure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.core.errors import SourceError
from pytest_deploygate.core.result import Result
from pytest_deploygate.core.series import Measurement, Query, Series
from pytest_deploygate.engine import judging
from pytest_deploygate.kinds.times import Times
from pytest_deploygate.promql.histograms import histogram
from tests.unit.judging import AT, light

P95 = 'histogram_quantile(0.95, sum by (le, mode) (rate(x_bucket{mode="fast"}[5m])))'
BUCKETS = (
    'count without (host, instance, node, pod) (last_over_time({__name__="x_bucket", le!=""}[5m]))'
)


def criterion(**details: Any) -> Criterion:
    """A criterion about a quantile."""
    given = {"id": "p95", "query": P95, "below": 2.5, "unit": "seconds", "quantity": "p95"}
    return Criterion(**{**given, **details})


def sample(value: float, **labels: str) -> Series:
    """One value, now."""
    return Series(labels, ((AT, value),))


def bounds(*of: str, mode: str = "fast", count: float = 1) -> list[Series]:
    """The buckets of some instances."""
    return [sample(count, le=le, mode=mode) for le in (*of, "+Inf")]


def judge(given: Criterion, answers: Mapping[str, list[Series]]) -> tuple[Result, list[str]]:
    """The result, and what was asked."""
    asked: list[str] = []

    def ask(query: Query) -> Measurement:
        asked.append(query.expr)
        if query.expr not in answers:
            raise SourceError("unknown")
        return Measurement(tuple(answers[query.expr]))

    return judging.judge(given, AT, ask), asked


DIFFERENT = [*bounds("1", count=2), sample(1, le="2", mode="fast")]


@pytest.mark.parametrize(
    ("found", "value", "expected", "words"),
    [
        (bounds("1", "2", "5"), 1.5, ("GO", "ok"), "p95 1.50 s (< 2.50 s)"),
        (bounds("1", "2"), 2.0, ("NO_GO", "error"), "cannot tell whether 2.50 s is kept"),
        (bounds("1", "4"), 4.0, ("NO_GO", "breach"), "above 4.00 s, the largest bucket"),
        (bounds(), 1.0, ("NO_GO", "error"), "no finite bucket"),
        (bounds("1", "2", mode="slow"), 2.0, ("GO", "ok"), "p95 2.00 s"),
        (
            [*bounds("1", count=2), sample(1, le="2", mode="fast")],
            0.5,
            ("NO_GO", "error"),
            "differe",
        ),
        ([], 2.0, ("GO", "ok"), "p95 2.00 s"),
    ],
)
def test_what_the_buckets_leave_unknown(
    found: list[Series], value: float, expected: tuple[str, str], words: str
) -> None:
    result, asked = judge(criterion(), {P95: [sample(value, mode="fast")], BUCKETS: found})
    assert light(result) == expected
    assert words in result.message
    assert asked == [P95, BUCKETS]


SERVICES = "histogram_quantile(0.95, sum by (le, service) (rate(x_bucket[5m])))"
ADDED = (
    "label_replace(histogram_quantile(0.95, sum by (le) (rate(x_bucket[5m]))), "
    '"service", "b", "", "")'
)


@pytest.mark.parametrize(
    ("query", "service", "expected"),
    [
        (SERVICES, "a", ("GO", "ok")),
        (SERVICES, "b", ("NO_GO", "error")),
        # The buckets do not have a label that the query adds.
        (ADDED, "b", ("NO_GO", "error")),
    ],
)
def test_each_service_of_a_fleet_has_its_own_buckets(
    query: str, service: str, expected: tuple[str, str]
) -> None:
    other = "c" if query == ADDED else "b"
    found = [sample(1, le=le, service=other) for le in ("1", "2", "+Inf")]
    if query == SERVICES:
        found += [sample(1, le=le, service="a") for le in ("1", "5", "+Inf")]
    answers = {query: [sample(2.0, service=one) for one in ("a", "b")], BUCKETS: found}
    result, _ = judge(criterion(query=query, match={"service": service}), answers)
    assert light(result) == expected


def test_a_source_that_does_not_tell_the_buckets_is_an_error() -> None:
    result, _ = judge(criterion(), {P95: [sample(1, mode="fast")]})
    assert light(result) == ("NO_GO", "error")


def test_criteria_about_one_histogram_ask_for_its_buckets_once() -> None:
    queries = {
        query
        for mode in ("fast", "slow")
        for query in judging.queries_of(criterion(query=P95.replace("fast", mode)), Times(AT))
    }
    assert len(queries) == 3


@pytest.mark.parametrize(
    "query",
    [
        "up",
        "1000 * histogram_quantile(0.9, x_bucket)",
        "histogram_quantile(0.9, x) > bool 1",
    ],
)
def test_other_values_have_no_buckets(query: str) -> None:
    assert histogram(query) is None


CULPRIT = "finer"
FAILED = {"up": [sample(9, mode="fast"), sample(1, mode="slow")]}


@pytest.mark.parametrize(
    ("finer", "words"),
    [
        (
            [sample(9.5, mode="fast", instance="a"), sample(12, mode="slow", instance="b")],
            "9, limit 5 (mode=fast), the other passes; worst: 9.5, instance=a",
        ),
        ([], "9, limit 5 (mode=fast), the other passes"),
        ([sample(float("nan"), instance="a")], "9, limit 5 (mode=fast), the other passes"),
        ([sample(9.5)], "9, limit 5 (mode=fast), the other passes; worst: 9.5"),
    ],
)
def test_a_failure_names_its_culprit(finer: list[Series], words: str) -> None:
    given = Criterion(id="x", query="up", below=5, culprit=CULPRIT)
    result, asked = judge(given, {**FAILED, CULPRIT: finer})
    assert result.message == words
    assert asked == ["up", CULPRIT]


def test_a_culprit_that_cannot_be_had_leaves_the_verdict() -> None:
    result, _ = judge(Criterion(id="x", query="up", below=5, culprit=CULPRIT), FAILED)
    assert light(result) == ("NO_GO", "breach")
    assert result.message.endswith("; worst: unknown: unknown")


def test_what_passes_has_no_culprit() -> None:
    _, asked = judge(Criterion(id="x", query="up", below=5, culprit=CULPRIT), {"up": [sample(1)]})
    assert asked == ["up"]
