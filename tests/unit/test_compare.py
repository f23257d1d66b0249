"""Comparisons without a server: what is asked, decided and said."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_deploygate import Compare, ConfigurationError, Criterion, Times
from pytest_deploygate.core.result import Reason, Result, Status
from pytest_deploygate.core.series import InstantQuery, Measurement, Query, RangeQuery, Series
from pytest_deploygate.core.severity import Severity
from pytest_deploygate.core.verdict import blindness
from pytest_deploygate.core.waivers import Waiver
from pytest_deploygate.engine import judging
from pytest_deploygate.promql.expressions import NotExpressible
from tests.extras import needs
from tests.unit import comparing
from tests.unit.comparing import counted, in_run, increase, judge, scraped, shares, values
from tests.unit.judging import AT

needs("scipy")

SLICES = 40
FLAT = [100.0] * SLICES
CALM = [1.0] * SLICES


def numbers(size: int = 61, spread: float = 0.03) -> list[float]:
    random = np.random.default_rng(4)
    return [float(one) for one in 4e8 * np.exp(spread * random.standard_normal(size))]


def shares_of(*columns: list[float], **details: Any) -> Result:
    return judge(in_run(shares(**details)), counted(*columns))


def values_of(new: list[float], old: list[float], /, **details: Any) -> Result:
    given = values({"quantity": "memory", "unit": "bytes", **details})
    return judge(in_run(given), comparing.measured_values(new, old))


def test_a_share_that_is_worse_is_a_breach_with_both_values() -> None:
    given = in_run(shares({"quantity": "error share"}))
    found = judge(given, counted([3.0] * SLICES, FLAT, CALM, FLAT))
    assert found.reason is Reason.BREACH
    assert found.message == (
        "error share 3 % (new, 120 of 4,000) against 1 % (old): 3x, at least 2x, limit 1.25x"
    )
    assert (found.value, found.threshold, found.unit) == (3.0, 1.25, "x")
    assert found.sides is not None
    assert (found.sides.new, found.sides.old, found.sides.unit) == (0.03, 0.01, "ratio")
    assert (len(found.history), len(found.sides.history)) == (SLICES, SLICES)


@pytest.mark.parametrize(
    ("columns", "reason", "words"),
    [
        ((CALM * 1, FLAT, CALM, FLAT), Reason.OK, "1x, at most"),
        (([0.0] * SLICES, FLAT, [0.0] * SLICES, FLAT), Reason.OK, "no event on either side"),
        (([5.0] * SLICES, FLAT, [0.0] * SLICES, FLAT), Reason.BREACH, "none on the old side"),
        (([0.0] * SLICES, FLAT, CALM, FLAT), Reason.OK, "0x, at most"),
        ((CALM[:3], FLAT[:3], CALM[:3], FLAT[:3]), Reason.NO_DATA, "too little to tell"),
        ((CALM[:9], CALM[:9], CALM, FLAT), Reason.NO_DATA, "9 events on the new side"),
        (([0.0] * 9, [0.0] * 9, CALM, FLAT), Reason.NO_DATA, "the new side has no traffic"),
        ((CALM, FLAT, [0.0] * 9, [0.0] * 9), Reason.NO_DATA, "the old side has no traffic"),
        (([1.0], [200.0], [1.0], [200.0]), Reason.NO_DATA, "1 slice with both sides"),
        (([0.0], [200.0], [0.0], [200.0]), Reason.NO_DATA, "1 slice with both sides"),
        (([-2.0] * SLICES, FLAT, CALM, FLAT), Reason.ERROR, "a count is negative"),
    ],
)
def test_what_shares_come_to(columns: tuple[list[float], ...], reason: Reason, words: str) -> None:
    found = shares_of(*columns)
    assert (found.reason, words in found.message) == (reason, True), found.message


def test_no_event_on_the_old_side_gives_the_lower_end_for_a_value() -> None:
    found = shares_of([5.0] * SLICES, FLAT, [0.0] * SLICES, FLAT)
    assert found.sides is not None
    assert found.value == found.sides.lower
    assert found.sides.upper is None


def test_an_absent_series_of_bad_events_is_no_event() -> None:
    def answer(which: str, what: str, query: RangeQuery) -> list[Series]:
        return [] if (which, what) == ("new", "bad") else increase(FLAT, query)

    assert judge(in_run(shares()), answer).reason is Reason.OK


@pytest.mark.parametrize("lost", ["new", "old"])
def test_a_pair_without_one_side_has_no_data_and_is_named(lost: str) -> None:
    def answer(which: str, what: str, query: RangeQuery) -> list[Series]:
        (eu,) = increase(CALM if what == "bad" else FLAT, query)
        regions = ["eu"] if which == lost else ["eu", "us"]
        return [eu._replace(labels={"region": region, "version": which}) for region in regions]

    found = judge(in_run(shares()), answer)
    assert (found.reason, found.value, found.total) == (Reason.NO_DATA, 1.0, 2)
    assert f"(region=us): the {lost} side has no such series" in found.message


def test_a_side_that_matches_nothing_is_named_with_what_exists() -> None:
    def answer(which: str, what: str, query: RangeQuery) -> list[Series]:
        return [] if which == "new" else increase(FLAT, query)

    found = judge(in_run(shares()), answer, measured=scraped(versions=("1", "0.9")))
    assert found.message == (
        "no data: new (version=2) matches nothing; there is version=0.9; version=1"
    )


NONE: list[float] = []
ZERO = [0.0] * 9


@pytest.mark.parametrize(
    ("columns", "known", "evaluated", "pending"),
    [
        ((CALM[:3], FLAT[:3], CALM[:3], FLAT[:3]), (0.01, 0.01), True, True),
        ((CALM[:9], CALM[:9], CALM, FLAT), (1.0, 0.01), False, True),
        (([1.0], [200.0], [1.0], [200.0]), (0.005, 0.005), False, True),
        ((ZERO, ZERO, CALM, FLAT), (None, 0.01), False, False),
        ((CALM, FLAT, ZERO, ZERO), (0.01, None), False, False),
        ((NONE, NONE, CALM, FLAT), (None, 0.01), False, False),
        ((CALM, FLAT, NONE, NONE), (0.01, None), False, False),
        ((NONE, NONE, NONE, NONE), (None, None), False, False),
        # both have traffic, and never at the same time
        (([*CALM[:3], *ZERO[:3]], [*FLAT[:3], *ZERO[:3]], CALM[:3], FLAT[:3]), (0.01, 0.01), 0, 0),
    ],
)
def test_what_is_known_of_shares_without_data(
    columns: tuple[list[float], ...],
    known: tuple[float | None, float | None],
    evaluated: bool,
    pending: bool,
) -> None:
    given = counted(*columns)

    def answer(which: str, what: str, query: RangeQuery) -> list[Series]:
        return [one for one in given(which, what, query) if one.points]

    found = judge(in_run(shares()), answer)
    assert (found.status, found.reason) == (Status.WARNING, Reason.NO_DATA)
    assert (found.evaluated, found.pending) == (evaluated, pending), found.message
    assert (found.value is not None) == evaluated
    assert found.sides is not None
    assert [*found.sides[:2]] == pytest.approx(
        [math.nan if x is None else x for x in known], nan_ok=True
    )
    assert found.sides.unit == "ratio"
    assert bool(blindness([found])) is not evaluated


@pytest.mark.parametrize(
    ("new", "old", "known", "evaluated", "pending"),
    [
        (numbers(7, 0.5), numbers(7, 0.5)[::-1], True, True, True),
        ([0.0, 1.0, 9.0, 2.0, 3.0], [1.0, 0.0, 2.0, 5.0, 4.0], True, True, True),
        (numbers(4), numbers(4), True, False, True),
        ([math.nan] * 9, numbers(9), False, False, False),
    ],
)
def test_what_is_known_of_values_without_data(
    new: list[float], old: list[float], known: bool, evaluated: bool, pending: bool
) -> None:
    found = values_of(new, old)
    assert (found.status, found.reason) == (Status.WARNING, Reason.NO_DATA), found.message
    assert (found.evaluated, found.pending) == (evaluated, pending), found.message
    assert found.sides is not None
    assert math.isfinite(found.sides.new) is known
    assert math.isfinite(found.sides.old)
    assert found.sides.unit == "bytes"


@pytest.mark.parametrize("policy", [{"no_data": "go"}, {"no_data": "skip"}, {"optional": True}])
def test_what_may_lack_data_gives_no_sight_while_it_is_undecided(policy: dict[str, Any]) -> None:
    few = counted(CALM[:3], FLAT[:3], CALM[:3], FLAT[:3])
    found = judge(in_run(shares(policy)), few)
    assert found.ok
    assert (found.evaluated, found.pending) == (False, True)


def test_a_waiver_of_an_undecided_comparison_makes_nothing_worse() -> None:
    few = counted(CALM[:3], FLAT[:3], CALM[:3], FLAT[:3])
    waiver = Waiver("x", by="Dana Kim", reason="new", until=AT + 60, no_data=True)
    found = judge(in_run(shares()), few, waivers=[waiver])
    assert (found.status, found.evaluated, found.pending) == (Status.WAIVED, True, True)
    found = judge(in_run(shares()), counted([1.0], [9.0], [1.0], [9.0]), waivers=[waiver])
    assert (found.status, found.evaluated, found.pending) == (Status.WAIVED, False, True)


@pytest.mark.parametrize(("age", "pending"), [(0.0, True), (59.0, True), (61.0, False)])
def test_a_side_that_has_just_begun_is_waited_for(age: float, pending: bool) -> None:
    measured = scraped(versions=("1",))
    measured.append(Series({"version": "2", "deploygate": "samples"}, ((AT, 1.0),)))
    if age:  # a sample that is younger than the question's newest point has none
        measured.append(Series({"version": "2", "deploygate": "age"}, ((AT, age),)))

    def answer(which: str, what: str, query: RangeQuery) -> list[Series]:
        return [] if which == "new" else increase(FLAT, query)

    found = judge(in_run(shares()), answer, measured=measured)
    assert (found.evaluated, found.pending) == (False, pending)
    assert ("has begun less than 1m ago" in found.message) is pending


def test_of_several_pairs_one_that_is_judged_in_vain_is_named() -> None:
    def answer(which: str, what: str, query: RangeQuery) -> list[Series]:
        (eu,) = increase(CALM[:3] if what == "bad" else FLAT[:3], query)
        regions = ["eu", "us"] if which == "old" else ["us"]
        return [eu._replace(labels={"region": region, "version": which}) for region in regions]

    found = judge(in_run(shares()), answer)
    assert (found.reason, found.evaluated, found.labels) == (
        Reason.NO_DATA,
        True,
        {"region": "us"},
    )
    assert (found.failing, found.total) == (2, 2)
    assert "(region=us)" in found.message


QUIET = [0.0] * 10


@pytest.mark.parametrize(
    ("new", "old", "said"),
    [
        ([*FLAT, *QUIET], FLAT + FLAT[:10], "the new side has had no traffic for 7m30s"),
        (FLAT + FLAT[:10], [*FLAT, *QUIET], "the old side has had no traffic for 7m30s"),
        ([*FLAT, *QUIET], [*FLAT, *QUIET], ""),  # nobody asks for anything any more
        ([*FLAT, *QUIET, *FLAT, *QUIET], FLAT * 2 + FLAT[:20], ""),  # it was silent before, too
        ([*CALM * 3, *QUIET], FLAT * 3 + FLAT[:10], ""),  # seldom enough to be chance
        ([*FLAT, 0.0, 0.0], FLAT + FLAT[:2], ""),
    ],
)
def test_what_was_measured_long_ago_says_nothing_of_a_side_without_traffic(
    new: list[float], old: list[float], said: str
) -> None:
    bad = [[min(one, 1.0) for one in side] for side in (new, old)]
    found = judge(in_run(shares(window="2h")), counted(bad[0], new, bad[1], old))
    assert (found.reason is Reason.NO_DATA) is bool(said), found.message
    assert said in found.message
    assert not found.pending


def test_values_of_long_ago_say_nothing_of_a_side_without_values() -> None:
    gap, nan = numbers()[1:], math.nan
    silent = values_of([*gap[:-5], *[nan] * 5], numbers()[1:])
    assert (silent.reason, silent.message) == (
        Reason.NO_DATA,
        "no data: the new side has had no value for 5m",
    )
    assert values_of([nan if n % 9 < 5 else one for n, one in enumerate(gap)][::-1], gap).evaluated


def test_series_on_both_sides_are_an_error() -> None:
    given = in_run(shares(new='version=~"2.*"', old='version!="2"'))
    found = judge(given, counted(CALM, FLAT, CALM, FLAT), measured=scraped(versions=("1", "2.1")))
    assert (found.reason, "version=2.1 is on both sides" in found.message) == (Reason.ERROR, True)


def test_a_gauge_is_no_counter() -> None:
    measured = [
        *(one for one in scraped() if one.labels["deploygate"] != "falls"),
        Series({"version": "1", "deploygate": "falls"}, ((AT, 100.0),)),
    ]
    found = judge(in_run(shares()), counted(CALM, FLAT, CALM, FLAT), measured=measured)
    assert found.reason is Reason.ERROR
    assert "fell 100 times in 1h" in found.message


@pytest.mark.parametrize(
    ("interval", "window", "apart"), [(15, 60, 45), (30, 120, 90), (5, 60, 55)]
)
def test_every_event_is_in_one_slice(interval: float, window: float, apart: float) -> None:
    given = in_run(shares())
    asked: list[RangeQuery] = []

    def answer(which: str, what: str, query: RangeQuery) -> list[Series]:
        asked.append(query)
        return []

    judge(given, answer, measured=scraped(interval))
    assert len(asked) == 4
    for query in asked:
        assert f"[{int(window / 60)}m]" in query.expr
        assert query.step == apart  # the increase over a range lacks one scrape interval
        assert query.start - window >= AT - 3600 - 0.1


def test_a_step_that_is_too_short_says_what_to_set() -> None:
    found = judge(in_run(shares(step="1m")), counted(CALM, FLAT, CALM, FLAT), measured=scraped(30))
    assert found.message == (
        'no data: step 1m is shorter than four scrape intervals of 30s: set step="2m"'
    )


def test_values_are_sampled_no_more_often_than_their_range() -> None:
    query = "sum(rate(x_total{$side}[5m]))"
    given = in_run(values({"query": query}))
    (new, old, _) = judging.queries_of(given, Times(AT))
    assert (new.step, old.step) == (300.0, 300.0)  # type: ignore[union-attr]
    found = judge(
        in_run(values({"query": query}, step="1m")), comparing.measured_values([1.0], [1.0])
    )
    assert 'the range of its query, 5m: set step="5m"' in found.message


def test_a_value_that_is_worse_is_a_breach_with_both_values() -> None:
    old = numbers()
    found = values_of([1.3 * one for one in reversed(old)], old)
    assert found.reason is Reason.BREACH
    assert found.message == (
        "memory 494.86 MiB (new) against 380.67 MiB (old): 1.3x, at least 1.3x, limit 1.1x"
    )
    assert found.value == pytest.approx(1.3)


@pytest.mark.parametrize(
    ("factor", "details", "reason"),
    [
        (1.0, {}, Reason.OK),
        (1.05, {}, Reason.OK),
        (0.5, {}, Reason.OK),
        (0.8, {"at_most": None, "at_least": 0.9}, Reason.BREACH),
        (0.95, {"at_most": None, "at_least": 0.9}, Reason.OK),
        (3.0, {"at_most": None, "above": 0.9}, Reason.OK),
    ],
)
def test_what_values_come_to(factor: float, details: dict[str, Any], reason: Reason) -> None:
    old = numbers()
    assert values_of([factor * one for one in reversed(old)], old, **details).reason is reason


def test_values_of_zero_are_held_against_the_limit_by_their_difference() -> None:
    old = [0.0, *numbers()[1:]]
    worse, same = values_of([2.6 * one for one in old], old), values_of(old[::-1], old)
    assert (worse.reason, same.reason) == (Reason.BREACH, Reason.OK)
    assert worse.value != worse.value
    assert "above 1.1x of the old" in worse.message


@pytest.mark.parametrize("limit", [{}, {"at_most": None, "at_least": 0.9}])
def test_zero_on_both_sides_is_no_difference(limit: dict[str, Any]) -> None:
    zeros = [0.0] * 30
    found = values_of(zeros, zeros, **limit)
    assert (found.reason, found.value) == (Reason.OK, 1.0)
    assert found.message == "memory 0 B (new) against 0 B (old): all of both sides is zero"
    assert found.sides is not None
    assert found.sides[:4] == (0.0, 0.0, None, None)
    one = [*zeros[:-1], 1.0]
    assert values_of(one, zeros, **limit).reason is not Reason.OK or limit


@pytest.mark.parametrize("ended", ["new", "old"])
def test_a_side_that_has_ended_has_no_data(ended: str) -> None:
    def answer(which: str, what: str, query: RangeQuery) -> list[Series]:
        times = [query.start + 60 * n for n in range(61)]
        points = tuple((time, 5.0 + n % 3) for n, time in enumerate(times))
        return [Series({}, points[:40] if which == ended else points)]

    found = judge(in_run(values()), answer)
    assert (found.reason, f"the {ended} side has ended" in found.message) == (Reason.NO_DATA, True)


def test_the_side_that_is_scraped_less_often_decides_the_step() -> None:
    measured = [
        *(one for one in scraped(15.0, ("1", "1.1"))),
        *(one for one in scraped(30.0, ("2",))),
        # a version that has ended was scraped for a part of the time
        *(one for one in scraped(90.0, ("0.9",))),
    ]
    steps: list[float] = []

    def answer(which: str, what: str, query: RangeQuery) -> list[Series]:
        steps.append(query.step)
        return []

    judge(in_run(shares(old='version!="2"')), answer, measured=measured)
    assert set(steps) == {90.0}


@pytest.mark.parametrize(("beyond", "reason"), [(2, Reason.OK), (20, Reason.ERROR)])
def test_a_quantile_beyond_the_buckets_is_not_compared(beyond: int, reason: Reason) -> None:
    query = "histogram_quantile(0.95, sum by (le) (rate(x_bucket{$side}[1m])))"
    given = in_run(values({"query": query, "quantity": "p95", "unit": "seconds"}))
    old = [one / 2e8 for one in numbers()]
    new = [2.5 if n % 3 == 1 and n < 3 * beyond else one for n, one in enumerate(old[::-1])]
    buckets = [
        Series({"le": bound, "version": version}, ((AT, 1.0),))
        for bound in ("1", "2.5", "+Inf")
        for version in ("1", "2")
    ]

    def ask(query: Query) -> Measurement:
        if isinstance(query, InstantQuery):
            return Measurement(tuple(scraped() if "resets" in query.expr else buckets))
        column = new if 'version="2"' in query.expr else old
        return Measurement((Series({}, comparing.points_of(column, query)),))

    found = judging.judge(given, AT, ask)
    assert (found.reason, "the largest bucket" in found.message) == (
        reason,
        reason is Reason.ERROR,
    ), found.message


def test_the_newest_value_counts_where_nan_is_a_breach() -> None:
    new = [*numbers()[1:], float("nan")]
    assert values_of(new, numbers()).reason is Reason.OK
    assert values_of(new, numbers(), nan_is_breach=True).reason is Reason.BREACH
    assert values_of([*new[:-1], float("inf")], numbers()).reason is Reason.BREACH


@pytest.mark.parametrize(
    ("at", "deployed", "new", "old"),
    [
        (AT, None, (AT - 1800, AT), (AT - 86400 - 1800, AT - 86400)),
        (AT, AT - 600, (AT - 600, AT), (AT - 86400 - 600, AT - 86400)),
        (AT, AT - 2 * 86400, (AT - 1800, AT), (AT - 2 * 86400 - 1800, AT - 2 * 86400)),
    ],
)
def test_before_and_after_the_deployment(
    at: float, deployed: float | None, new: tuple[float, float], old: tuple[float, float]
) -> None:
    kind = Compare(before="1d", window="30m")
    given = in_run(values({"kind": kind, "query": "sum(x)"}), deployed_at=deployed)
    asked = judging.queries_of(given, Times(at))
    assert [(one.start, one.end) for one in asked[:2]] == [new, old]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("query", "total", "reach"),
    [
        ("sum(increase(x[$window]))", "sum(increase(y[$window]))", 60.0),
        ("sum(rate(x[5m]))", "", 300.0),
        ("sum(x)", "", 0.0),
    ],
)
@pytest.mark.parametrize("age", [0.0, 45.0, 400.0, 720.0, 3600.0])
def test_no_point_reaches_beyond_the_deployment(
    query: str, total: str, reach: float, age: float
) -> None:
    kind = Compare(before="1d", window="30m")
    given = values({"kind": kind.shares(total=total) if total else kind, "query": query})
    asked = judging.queries_of(in_run(given, deployed_at=AT - age), Times(AT))
    ranges = [one for one in asked if isinstance(one, RangeQuery)]
    assert bool(ranges) is (age >= reach)
    for new, old in zip(ranges[: len(ranges) // 2], ranges[len(ranges) // 2 :], strict=True):
        assert new.start - reach >= AT - age - 0.001
        assert old.end - old.start == new.end - new.start


@pytest.mark.parametrize(
    ("age", "said"),
    [
        (-60.0, "is not before the evaluation time"),
        (0.0, "is not before the evaluation time"),
        (45.0, "the deployment was 45s ago, at least 1m needed"),
        (70.0, "1 slice with both sides, at least 2 needed"),
    ],
)
def test_a_deployment_of_a_moment_ago_is_waited_for(age: float, said: str) -> None:
    calm = counted([0.0], [500.0], [0.0], [500.0])
    kind = Compare(before="1d", window="30m", blocks=True).shares(total="sum(increase(y[$window]))")
    given = in_run(
        shares({"kind": kind, "query": 'sum(increase(y{code=~"5.."}[$window]))'}),
        deployed_at=AT - age,
    )
    found = judge(given, calm)
    assert (found.reason, found.evaluated, found.pending) == (Reason.NO_DATA, False, True)
    assert said in found.message


def test_a_comparison_with_the_past_is_at_worst_a_warning() -> None:
    kind = Compare(before="1d")
    given = values({"kind": kind, "query": "sum(x)", "severity": "critical", "no_data": "no-go"})
    assert in_run(given).level is Severity.WARNING
    assert in_run(given).policy.value == "warning"
    kind = Compare(before="1d", blocks=True)
    assert in_run(values({"kind": kind, "query": "sum(x)"})).level is Severity.CRITICAL


@pytest.mark.parametrize(
    ("details", "words"),
    [
        ({"new": "", "old": ""}, "both sides"),
        ({"new": ""}, "both sides"),
        ({"before": "1d"}, "not both"),
        ({"new": "", "old": "", "before": "5m", "window": "30m"}, "shorter than window"),
        ({"confidence": 0.4}, "from 0.5 to below 1"),
        ({"confidence": 1.0}, "from 0.5 to below 1"),
        ({"confidence": float("nan")}, "from 0.5 to below 1"),
        ({"minimum": 0}, "not a number above 0"),
        ({"window": "soon"}, "not a duration"),
        ({"step": "1h"}, "more than half"),
    ],
)
def test_what_is_no_comparison_is_refused(details: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as error:
        comparing.compare(**details)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (values({"query": "up"}), r"query has no \$side"),
        (shares({"query": "x{$side}"}), r"query has no \$window"),
        (values({"at_most": None, "equals": 1.0}), "not equals"),
        (values({"at_most": 0.0}), "ratios above 0"),
        (values({"at_most": 2.0}, tolerable=1.5), "worse than the limit"),
        (values(new='version="1"'), "version=1 is on both sides"),
        (values(old='version=~".*"'), "version=2 is on both sides"),
        (values(new="version=2"), "new"),
        (values({"kind": Compare(before="1d")}), r"has \$side"),
    ],
)
def test_what_cannot_be_compared_is_refused_before_the_run(given: Criterion, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as error:
        in_run(given)
    assert "\n" not in str(error.value)
    assert str(error.value).startswith("criterion 'x'")


def test_the_variables_of_the_run_are_in_both_sides() -> None:
    given = shares(new='version="$version"')
    resolved = in_run(given, in_query=lambda expr, owner: expr.replace("$version", "7"))
    assert resolved.query == 'sum(increase(http_requests_total{version="7",status=~"5.."}[1m]))'


def test_promql_draws_the_ratio_and_does_not_judge() -> None:
    given = in_run(shares())
    form = judging.kind_of(given).promql(given)
    assert isinstance(form, NotExpressible)
    assert "only the ratio is drawn" in form.why
    assert form.value.count("[1h]") == 4


def test_more_pairs_and_more_rounds_take_more_to_be_a_breach() -> None:
    columns = [1.5] * SLICES, FLAT, [0.5] * SLICES, FLAT

    def lower(**run: Any) -> float:
        found = judge(in_run(shares(), **run), counted(*([round(c) for c in o] for o in columns)))
        assert found.sides is not None
        assert found.sides.lower is not None
        return found.sides.lower

    columns = [3.0] * SLICES, FLAT, CALM, FLAT
    assert lower() > lower(pairs=lambda at: 500) > lower(pairs=lambda at: 500, rounds=60)


COUNTS = st.integers(0, 30)


@given(st.lists(st.tuples(COUNTS, COUNTS), min_size=2, max_size=20), st.integers(2, 9))
@settings(max_examples=40)
def test_worse_is_never_a_better_result(slices: list[tuple[int, int]], factor: int) -> None:
    order = [Reason.OK, Reason.NO_DATA, Reason.BREACH]
    total = [300.0] * len(slices)
    new, old = ([float(one[side]) for one in slices] for side in (0, 1))
    fine = shares_of(new, total, old, total)
    worse = shares_of([factor * one for one in new], total, old, total)
    assert order.index(worse.reason) >= order.index(fine.reason)


@given(st.lists(st.tuples(COUNTS, COUNTS), min_size=2, max_size=20), st.integers(2, 9))
@settings(max_examples=40)
def test_more_traffic_keeps_what_is_decided(slices: list[tuple[int, int]], factor: int) -> None:
    total = [300.0] * len(slices)
    columns = [float(one[0]) for one in slices], total, [float(one[1]) for one in slices], total
    some = shares_of(*columns)
    more = shares_of(*([factor * one for one in column] for column in columns))
    if some.reason is Reason.BREACH:
        assert more.reason is Reason.BREACH
    new, old = sum(columns[0]), sum(columns[2])
    if new <= 1.25 * old:
        assert more.reason is not Reason.BREACH
