"""A suggested limit, pasted in, really blocks no more than it says, and a stricter one more."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_deploygate.core.backtest import SHARES, Suggestion
from pytest_deploygate.core.criterion import Criterion, threshold
from pytest_deploygate.core.result import Reason
from pytest_deploygate.engine.backtest.suggestions import suggestion, toml_lines
from pytest_deploygate.engine.judgements import Judgements
from pytest_deploygate.engine.judging_many import judge_many
from pytest_deploygate.kinds.base import Kind
from pytest_deploygate.kinds.decision import REASONS
from pytest_deploygate.kinds.runaway import Runaway
from pytest_deploygate.kinds.sustained import Sustained
from pytest_deploygate.kinds.times import Times
from pytest_deploygate.kinds.trend import Trend
from tests.unit.test_judging_many import AT, Production

STEPS = 60
TIMES = Times(AT - 15.0 * (STEPS - 1), 15.0, STEPS)
KINDS: list[Kind | None] = [None, Sustained("1m"), Trend("10m", min_points=2, coverage=0.1)]
KINDS.append(Runaway("10m", factor=2.0, min_points=2, coverage=0.1))
SAMPLES = st.lists(
    st.one_of(st.floats(-50, 50), st.sampled_from([0.0, 1.0, 1e-6, 12.45e9, -3.0])),
    min_size=80,
    max_size=80,
)
FAILED = {REASONS.index(Reason.BREACH), REASONS.index(Reason.ERROR)}


def criterion(keyword: str, kind: Kind | None, **more: Any) -> Criterion:
    fields: dict[str, Any] = {keyword: threshold("x_limit", 2.0), **more}
    return Criterion(id="x", query="up", kind=kind, **fields)


def suggested(given_: Criterion, source: Production, outside: np.ndarray) -> Suggestion:
    resolved = given_.resolved({})
    keyword = resolved.comparison.keyword

    def judge(limit: float) -> Judgements:
        changed: dict[str, Any] = {keyword: limit}
        return judge_many(replace(resolved, **changed), TIMES, source.ask)

    return suggestion(given_, resolved, judge(resolved.limit), judge, outside)


def blocked(given_: Criterion, limit: float, source: Production, outside: np.ndarray) -> int:
    """How many steps outside of incidents fail with a threshold of the configuration."""
    found = judge_many(given_.resolved({"x_limit": limit}), TIMES, source.ask)
    return int((np.isin(found.reasons, list(FAILED)) & outside).sum())


@settings(max_examples=40, deadline=None)
@given(
    keyword=st.sampled_from(["below", "at_most", "above", "at_least"]),
    kind=st.sampled_from(KINDS),
    samples=st.dictionaries(st.sampled_from(["a", "b"]), SAMPLES, min_size=1),
    incident=st.integers(0, 40),
    buckets=st.sampled_from([(), (1.0, 5.0, 20.0)]),
)
def test_a_limit_that_is_pasted_in_blocks_at_most_its_share(
    keyword: str,
    kind: Kind | None,
    samples: Mapping[str, Sequence[float]],
    incident: int,
    buckets: tuple[float, ...],
) -> None:
    outside = np.arange(STEPS) >= incident
    given_, source = criterion(keyword, kind, buckets=buckets), Production(samples)
    found = suggested(given_, source, outside)
    text = toml_lines([found], [1.0 if keyword in ("below", "at_most") else -1.0])
    for name, share in SHARES.items():
        limit = found.limits[name]
        pasted = tomllib.loads(f"[thresholds]\n{text[name]}")["thresholds"]
        assert pasted == ({} if limit is None else {"x_limit": limit})
        if limit is not None:
            assert blocked(given_, limit, source, outside) <= share * outside.sum() + 1e-9
    assert all(limit is not None for limit in found.limits.values()) or buckets or kind == KINDS[3]


@pytest.mark.parametrize("keyword", ["below", "at_most", "above", "at_least"])
@pytest.mark.parametrize("kind", KINDS[:3])
def test_a_stricter_limit_would_block_more(keyword: str, kind: Kind | None) -> None:
    side = 1.0 if keyword in ("below", "at_most") else -1.0
    rising = [10 + 3 * math.sin(n / 7) + n / 40 for n in range(80)]
    source, outside = Production({"a": rising}), np.ones(STEPS, dtype=bool)
    given_ = criterion(keyword, kind)
    limits = suggested(given_, source, outside).limits
    assert limits["0%"] is not None
    for limit in filter(None, limits.values()):
        stricter = limit - side * abs(limit) * 2e-3
        assert blocked(given_, stricter, source, outside) > 0
    assert blocked(given_, limits["0%"], source, outside) == 0


def test_it_says_what_the_values_were() -> None:
    values = [float(n) for n in range(1, 81)]
    source, outside = Production({"a": values}), np.ones(STEPS, dtype=bool)
    low = suggested(criterion("below", None), source, outside)
    assert (low.median, low.p95, low.p99, low.worst) == (41.0, 68.0, 71.0, 71.0)
    high = suggested(criterion("above", None), source, outside)
    assert (high.median, high.p95, high.worst) == (42.0, 15.0, 12.0)
    assert low.limits == {"1%": 71.01, "0.1%": 71.01, "0%": 71.01}
    assert high.limits["0%"] == 11.99


def test_nothing_is_suggested_where_no_limit_helps() -> None:
    outside = np.ones(STEPS, dtype=bool)
    infinite = Production({"a": [math.inf] * 40 + [1.0] * 40})
    assert set(suggested(criterion("below", None), infinite, outside).limits.values()) == {None}
    equal = suggested(criterion("equals", None), Production({"a": [3.0] * 80}), outside)
    assert set(equal.limits.values()) == {None}
    without = suggested(criterion("below", None), Production({}), outside)
    assert (without.median, set(without.limits.values())) == (None, {None})


def test_a_value_that_is_always_zero_has_a_limit_near_zero() -> None:
    outside, zero = np.ones(STEPS, dtype=bool), Production({"a": [0.0] * 80})
    assert suggested(criterion("at_most", None), zero, outside).limits["0%"] == 0.0
    limit = suggested(criterion("below", None), zero, outside).limits["0%"]
    assert limit is not None
    assert 0 < limit <= 0.002


@pytest.mark.parametrize("keyword", ["at_least", "above", "at_most", "below"])
def test_no_limit_is_suggested_that_every_share_keeps(keyword: str) -> None:
    """Targets that were not there for a day suggest no ``at_least`` of 0 %."""
    outside = np.ones(STEPS, dtype=bool)
    worst, usual = (0.0, 0.9) if keyword in ("at_least", "above") else (1.0, 0.1)
    source = Production({"a": [usual] * 60 + [worst] * 20})
    found = suggested(criterion(keyword, None, unit="ratio"), source, outside).limits
    assert set(found.values()) == {None}
    numbers = suggested(criterion(keyword, None), source, outside).limits
    assert None not in numbers.values()
    better = Production({"a": [usual] * 80})
    assert (
        None
        not in suggested(criterion(keyword, None, unit="ratio"), better, outside).limits.values()
    )


def test_of_two_criteria_with_one_threshold_the_looser_limit_counts() -> None:
    def one(limit: float | None, key: str = "shared_max") -> Suggestion:
        numbers = dict.fromkeys(("median", "p95", "p99", "worst"), 1.0)
        return Suggestion(
            id="x",
            name="X",
            key=key,
            unit="",
            comparison="<",
            limit=1.0,
            limits=dict.fromkeys(SHARES, limit),
            **numbers,
        )

    assert toml_lines([one(2.0), one(3.0)], [1.0, 1.0])["0%"] == "shared_max = 3.0"
    assert toml_lines([one(2.0), one(3.0)], [-1.0, -1.0])["0%"] == "shared_max = 2.0"
    assert toml_lines([one(2.0), one(None)], [1.0, 1.0])["0%"] == ""
    assert toml_lines([one(2.0, "")], [1.0])["0%"] == ""


def test_what_the_source_could_not_answer_is_no_reason_for_a_looser_limit() -> None:
    source = Production({"a": [1.0] * 80})
    given_, outside = criterion("below", None), np.ones(STEPS, dtype=bool)
    resolved = given_.resolved({})
    found = judge_many(resolved, TIMES, source.ask)
    found.reasons[:30] = REASONS.index(Reason.ERROR)
    found.worst[:30] = -1

    def judge(limit: float) -> Judgements:
        again = judge_many(replace(resolved, below=limit), TIMES, source.ask)
        again.reasons[:30] = REASONS.index(Reason.ERROR)
        return again

    assert suggestion(given_, resolved, found, judge, outside).limits["0%"] == 1.001
