"""The statistics of comparisons: what must hold for all numbers, and how often they are wrong."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.extras import needs

needs("scipy")

from pytest_deploygate.kinds.compare_statistics import (  # noqa: E402
    Counts,
    Floats,
    Mean,
    ShareRatio,
    times_more,
)

ERRORS = st.sampled_from([0.2, 0.01, 1e-4, 1e-7])


@st.composite
def counts(draw: st.DrawFn) -> tuple[Floats, ...]:
    """New and all of it, old and all of it, for some slices."""
    slices = draw(st.integers(2, 12))

    def column(least: int, most: int) -> Floats:
        found = st.lists(st.integers(least, most), min_size=slices, max_size=slices)
        return np.array(draw(found), dtype=float)

    most = draw(st.sampled_from([3, 40, 2000]))
    new_total, old_total = column(1, most), column(1, most)
    new, old = np.minimum(column(0, most), new_total), np.minimum(column(0, most), old_total)
    assume(new.any() and old.any())
    return new, new_total, old, old_total


def ratio(*columns: Floats) -> ShareRatio:
    return ShareRatio(Counts.of(*columns))


@given(counts(), st.floats(1.01, 20), ERRORS)
def test_more_bad_events_on_the_new_side_never_look_better(
    given_: tuple[Floats, ...], factor: float, error: float
) -> None:
    new, *rest = given_
    fine, worse = ratio(new, *rest), ratio(new * factor, *rest)
    assert worse.value == pytest.approx(fine.value * factor)
    assert worse.lower(error) >= fine.lower(error) * (1 - 1e-9)
    assert worse.upper(error) >= fine.upper(error) * (1 - 1e-9)


@given(counts(), ERRORS)
def test_swapped_sides_have_the_inverse_ratio(given_: tuple[Floats, ...], error: float) -> None:
    new, new_total, old, old_total = given_
    there, back = ratio(*given_), ratio(old, old_total, new, new_total)
    assert back.value == pytest.approx(1 / there.value)
    assert back.lower(error) == pytest.approx(1 / there.upper(error))


@given(counts(), ERRORS)
def test_equal_sides_are_the_same_when_they_are_swapped(
    given_: tuple[Floats, ...], error: float
) -> None:
    new, new_total, _, _ = given_
    same = ratio(new, new_total, new, new_total)
    assert same.value == 1
    assert same.lower(error) <= 1 <= same.upper(error)
    assert same.lower(error) == pytest.approx(1 / same.upper(error))


@given(counts(), st.floats(1.01, 50), ERRORS)
def test_more_of_the_same_traffic_narrows_the_interval(
    given_: tuple[Floats, ...], factor: float, error: float
) -> None:
    some, more = ratio(*given_), ratio(*(column * factor for column in given_))
    assert more.value == pytest.approx(some.value)
    assert some.lower(error) * (1 - 1e-9) <= more.lower(error) <= some.value * (1 + 1e-9)
    assert some.upper(error) * (1 + 1e-9) >= more.upper(error) >= some.value * (1 - 1e-9)
    assert more.lower(error) >= some.lower(error, 1.0) * (1 - 1e-9)


def test_equal_slices_have_the_interval_of_clopper_and_pearson() -> None:
    """15 and 5 events of equal traffic: the odds of 15 of 20, of R's binom.test(15, 20)."""
    found = ratio(*(np.full(5, n) for n in (3.0, 100.0, 1.0, 100.0)))
    assert found.value == 3
    assert found.lower(0.025) == pytest.approx(0.5089541 / (1 - 0.5089541), rel=1e-6)
    assert found.upper(0.025) == pytest.approx(0.9134285 / (1 - 0.9134285), rel=1e-6)


def test_trouble_that_both_sides_share_changes_nothing() -> None:
    calm = np.full(20, 2.0), np.full(20, 100.0), np.full(20, 20.0), np.full(20, 1000.0)
    trouble = [column.copy() for column in calm]
    trouble[0][5:8], trouble[2][5:8] = 40.0, 400.0
    assert ratio(*trouble).value == pytest.approx(ratio(*calm).value)
    assert ratio(*trouble).lower(0.01) > ratio(*calm).lower(0.01)  # there are more events


def test_a_burst_on_one_side_is_one_event() -> None:
    quiet = np.full(30, 600.0)
    new = np.full(30, 1.0)
    new[10:13] = 200.0
    assert ratio(new, quiet, np.full(30, 1.0), quiet).value > 20
    assert ratio(new, quiet, np.full(30, 1.0), quiet).lower(0.01) < 1


@pytest.mark.parametrize("shape", [0, 1, 2])
def test_the_traffic_may_move_from_one_side_to_the_other(shape: int) -> None:
    """Both have the same share in every slice, though more on one side while it is high."""
    share = np.array([0.01] * 10 + [0.2] * 10)
    new = np.array([[100.0] * 20, [50.0] * 10 + [900.0] * 10, [900.0] * 10 + [50.0] * 10][shape])
    found = ratio(share * new, new, share * 1000, np.full(20, 1000.0))
    assert found.value == pytest.approx(1)


@given(
    st.lists(st.integers(-50, 50), min_size=5, max_size=30),
    st.integers(0, 10),
    ERRORS,
    st.floats(-5, 5),
)
@settings(max_examples=30)
def test_the_interval_of_a_mean_moves_with_it(
    values: list[int], gap: int, error: float, moved: float
) -> None:
    places = [n + gap * (n > 2) for n in range(len(values))]
    one = Mean(places, [float(value) for value in values])
    other = Mean(places, [value + moved for value in values])
    scale = 1e-6 * (1 + abs(one.lower(error)))
    assert other.lower(error) == pytest.approx(one.lower(error) + moved, abs=scale)
    assert one.lower(error) <= one.upper(error)
    assert Mean(places, [-value for value in values]).upper(error) == pytest.approx(
        -one.lower(error), abs=scale
    )


def test_constant_differences_have_no_width() -> None:
    found = Mean(range(10), [0.5] * 10)
    assert (found.lower(0.01), found.value, found.upper(0.01)) == (0.5, 0.5, 0.5)


def test_more_points_are_needed_until_it_is_decided() -> None:
    assert times_more(lambda times: times >= 3.7) == pytest.approx(3.7, rel=1e-3)
    assert times_more(lambda times: False) is None


def draws(make: Callable[[np.random.Generator], float], number: int) -> float:
    random = np.random.default_rng(1)
    return float(np.mean([make(random) > 0 for _ in range(number)]))


def test_false_alarms_about_shares_are_rare() -> None:
    """The tables of benchmarks/compare.md have many more; 400 draws of 1 % are up to 10."""

    def lower(random: np.random.Generator) -> float:
        total = random.poisson(600, (2, 40)).astype(float)
        share = np.full((2, 40), 0.01)
        share[random.random((2, 40)) < 0.05] = 0.2
        bad = random.binomial(total.astype(int), share).astype(float)
        return ratio(bad[0], total[0], bad[1], total[1]).lower(0.01) - 1

    assert draws(lower, 400) <= 0.025


@pytest.mark.parametrize(("correlation", "most"), [(0.0, 0.02), (0.95, 0.045)])
def test_false_alarms_about_values_are_rare(correlation: float, most: float) -> None:
    def lower(random: np.random.Generator) -> float:
        noise = random.standard_normal(61)
        for n in range(1, 61):
            noise[n] = correlation * noise[n - 1] + np.sqrt(1 - correlation**2) * noise[n]
        return Mean(range(61), noise).lower(0.01)

    assert draws(lower, 200) <= most


def test_a_tripled_error_rate_is_found_with_little_traffic() -> None:
    """A gate that finds nothing is not a gate: 60 minutes of 30 requests a minute."""

    def lower(random: np.random.Generator) -> float:
        total = random.poisson(30, (2, 60)).astype(float)
        bad = random.binomial(total.astype(int), [[0.015], [0.005]]).astype(float)
        return ratio(bad[0], total[0], bad[1], total[1]).lower(0.01) - 1

    assert draws(lower, 300) >= 0.5
