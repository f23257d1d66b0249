"""Service level objectives: the arithmetic, what is missing, and what is refused."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_deploygate import ConfigurationError, slo, threshold
from pytest_deploygate.config.layers import command_line, merge
from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.core.series import Measurement, Query, RangeQuery, Series
from pytest_deploygate.engine.run import GateRun
from pytest_deploygate.kinds.bad_events import BadEvents
from pytest_deploygate.kinds.burn_rate import BurnRate
from pytest_deploygate.kinds.times import Times
from pytest_deploygate.promql import lint
from tests.alike import assert_alike
from tests.unit.judging import AT, light
from tests.unit.objectives import Values, criteria, judged, labels, of, source

FAST = ("1h", "5m", "6h", "30m")
SLOW = ("1d", "2h", "3d", "6h")
NOTHING: dict[str, Values] = {}


def everywhere(value: float, *windows: str) -> dict[str, Values]:
    """The same value in each window."""
    return {name: {"": value} for name in windows or (*FAST, *SLOW, "30d")}


def test_an_objective_is_three_criteria() -> None:
    fast, slow, budget = slo("checkout", objective=0.999, bad="b[$window]", total="t[$window]")
    assert [one.id for one in (fast, slow, budget)] == [
        "checkout_fast_burn",
        "checkout_slow_burn",
        "checkout_budget",
    ]
    assert [one.severity for one in (fast, slow, budget)] == ["critical", "warning", "warning"]
    assert [one.limit for one in (fast, slow, budget)] == [14.4, 3.0, 0.0]
    blocking = slo(
        "checkout",
        objective=0.999,
        bad="b[$window]",
        total="t[$window]",
        budget_severity="critical",
    )
    assert blocking[2].severity == "critical"


@pytest.mark.parametrize(
    ("period", "windows"),
    [
        ("30d", [(3600, 300), (21_600, 1800)]),
        ("60d", [(7200, 600), (43_200, 3600)]),
        ("7d", [(840, 70), (5040, 420)]),
        ("4w", [(3360, 280), (20_160, 1680)]),
    ],
)
def test_windows_scale_with_the_period(period: str, windows: list[tuple[float, float]]) -> None:
    fast, slow, _ = slo("x", objective=0.99, bad="b[$window]", total="t[$window]", period=period)
    assert isinstance(fast.kind, BurnRate)
    assert isinstance(slow.kind, BurnRate)
    assert [(one.long, one.short) for one in fast.kind.window_pairs] == windows
    assert [one.factor for one in (*fast.kind.window_pairs, *slow.kind.window_pairs)] == [
        14.4,
        6.0,
        3.0,
        1.0,
    ]


# Of 1,000 events in every window; the objective allows 1 % of them to be bad.
@pytest.mark.parametrize(
    ("bad", "result", "value", "limit"),
    [
        (of(), ("GO", "ok"), 0.0, 14.4),
        (of(w1h=144, w5m=144), ("GO", "ok"), 14.4, 14.4),
        (of(w1h=145, w5m=145), ("NO_GO", "breach"), 14.5, 14.4),
        (of(w1h=500, w5m=145), ("NO_GO", "breach"), 14.5, 14.4),
        (of(w1h=500, w5m=100), ("GO", "ok"), 10.0, 14.4),
        (of(w1h=100, w5m=500), ("GO", "ok"), 10.0, 14.4),
        (of(w6h=61, w30m=61), ("NO_GO", "breach"), 6.1, 6.0),
        (of(w6h=500, w30m=59), ("GO", "ok"), 5.9, 6.0),
        # Nearest to its factor, not the larger rate: 13 of 14.4 is less than 5.8 of 6.
        (of(w1h=130, w5m=130, w6h=58, w30m=58), ("GO", "ok"), 5.8, 6.0),
        (of(w1h=140, w5m=140, w6h=58, w30m=58), ("GO", "ok"), 14.0, 14.4),
        (of(w1h=200, w5m=200, w6h=61, w30m=61), ("NO_GO", "breach"), 20.0, 14.4),
        (of(w1h=150, w5m=150, w6h=90, w30m=90), ("NO_GO", "breach"), 9.0, 6.0),
    ],
)
def test_a_burn_rate_is_that_of_both_windows(
    bad: Mapping[str, Values], result: tuple[str, str], value: float, limit: float
) -> None:
    found = judged(criteria()["fast_burn"], bad, everywhere(1000))
    assert light(found) == result
    assert found.value == pytest.approx(value)
    assert found.threshold == limit
    assert found.comparison == "≤"


def test_what_the_message_says() -> None:
    every = criteria()
    burning = judged(every["fast_burn"], everywhere(200, "1h", "5m"), everywhere(1000))
    assert burning.message == (
        "burn rate 20 x, limit 14.4 x over 1h and 5m; at this rate a budget of 30 days is gone in "
        "1 day 12 hours"
    )
    slow = judged(every["slow_burn"], everywhere(15), everywhere(1000))
    assert (slow.status, slow.message) == (
        "WARNING",
        "burn rate 1.5 x, limit 1 x over 3d and 6h; at this rate a budget of 30 days is gone in "
        "20 days",
    )
    well = judged(every["fast_burn"], everywhere(1), everywhere(1000))
    assert well.message == "burn rate 0.1 x (≤ 6 x) over 6h and 30m"


@pytest.mark.parametrize(
    ("bad", "status", "value", "message"),
    [
        (0, "GO", 1.0, "budget left 100 % (≥ 0 %)"),
        (4, "GO", 0.6, "budget left 60 % (≥ 0 %)"),
        (10, "GO", 0.0, "budget left 0 % (≥ 0 %)"),
        (12, "WARNING", -0.2, "budget left -20 %, limit 0 %"),
    ],
)
@pytest.mark.parametrize(
    ("held", "over"),
    [
        (360, ""),
        (361, ""),
        (180, ", over 15 of 30 days"),
        (3, ", over 0.2 of 30 days"),
        (0.5, ", over less than 0.1 of 30 days"),
    ],
)
def test_what_is_left_of_a_budget(
    bad: float, status: str, value: float, message: str, held: float, over: str
) -> None:
    given = criteria()["budget"]
    found = judged(given, of(w30d=bad), of(w30d=1000), {"": held})
    assert found.status == status
    assert found.value == pytest.approx(value)
    assert found.message == message + over


def test_a_budget_of_a_week_is_said_in_days() -> None:
    given = criteria(period="7d")["budget"]
    assert given.kind is not None
    asked = [query.expr for query in given.kind.queries(given, Times(AT))]  # type: ignore[attr-defined]
    assert asked == ["bad[7d]", "total[7d]", "count_over_time((total[28m])[7d:28m])"]


# What is missing


@pytest.mark.parametrize("total", [NOTHING, everywhere(0)])
def test_without_traffic_there_is_no_data(total: Mapping[str, Values]) -> None:
    for one in criteria().values():
        found = judged(one, everywhere(0), total)
        assert light(found) == ("WARNING", "no-data")
        assert light(judged(one, NOTHING, total)) == ("WARNING", "no-data")


def test_the_window_without_traffic_is_named() -> None:
    total = {**everywhere(1000), "1h": {"": 0.0}, "5m": {"": 0.0}}
    found = judged(criteria()["fast_burn"], NOTHING, total)
    assert (light(found), found.message) == (
        ("WARNING", "no-data"),
        "no data: no traffic in 1h",
    )


def test_a_short_window_without_traffic_burns_nothing() -> None:
    total = {**everywhere(1000), "5m": {"": 0.0}, "30m": {"": 0.0}}
    found = judged(criteria()["fast_burn"], everywhere(900, "1h", "6h"), total)
    assert (light(found), found.value) == (("GO", "ok"), 0.0)


@pytest.mark.parametrize("bad", [0, 900])
def test_without_a_series_in_the_short_window_nobody_knows_that_it_has_stopped(bad: float) -> None:
    """The service is gone, or the window is shorter than two scrapes."""
    total = {**everywhere(1000), "5m": {}}
    found = judged(criteria()["fast_burn"], everywhere(bad, "1h"), total)
    assert (light(found), found.message) == (
        ("WARNING", "no-data"),
        "no data: total has no series over 5m, a window of the period of 30 days: its counters "
        "ended, or were scraped less than twice",
    )
    found = judged(criteria()["fast_burn"], everywhere(900, "6h", "30m"), total)
    assert (light(found), found.threshold) == (("NO_GO", "breach"), 6.0)


def test_a_breach_of_one_pair_counts_though_nothing_is_known_of_the_other() -> None:
    total = {**everywhere(1000), "1h": {}, "5m": {}}
    found = judged(criteria()["fast_burn"], everywhere(900, "6h", "30m"), total)
    assert (light(found), found.threshold) == (("NO_GO", "breach"), 6.0)
    assert found.value == pytest.approx(90.0)


@pytest.mark.parametrize(
    ("bad", "total"),
    [
        (everywhere(math.nan), everywhere(1000)),
        (everywhere(1), everywhere(math.nan)),
        (everywhere(1), everywhere(math.inf)),
        (everywhere(-1), everywhere(1000)),
    ],
)
def test_what_is_not_a_number_is_no_data(
    bad: Mapping[str, Values], total: Mapping[str, Values]
) -> None:
    for one in criteria().values():
        found = judged(one, bad, total)
        assert light(found) == ("WARNING", "no-data")
        assert "negative, or not a number" in found.message


def test_rounding_does_not_make_a_share_negative() -> None:
    """The difference of two sums of rates can be a little below 0."""
    for one in criteria().values():
        assert light(judged(one, everywhere(-1e-10), everywhere(1000))) == ("GO", "ok")


@pytest.mark.parametrize("no_share", [math.nan, -1.0])
def test_a_short_window_that_is_not_a_number_says_nothing_against_the_long_one(
    no_share: float,
) -> None:
    bad = {**everywhere(200, "1h"), "5m": {"": no_share}}
    found = judged(criteria()["fast_burn"], bad, everywhere(1000))
    assert light(found) == ("NO_GO", "breach")
    assert found.value == pytest.approx(20.0)


def test_an_infinite_number_of_bad_events_is_a_breach() -> None:
    for one in criteria().values():
        assert judged(one, everywhere(math.inf), everywhere(1000)).reason == "breach"


@pytest.mark.parametrize("window", [*FAST, *SLOW, "30d"])
@pytest.mark.parametrize("name", ["eu/500", "", "us"])
def test_bad_events_that_total_does_not_count_are_an_error(window: str, name: str) -> None:
    """Such as those of a query with a label more: they would count as none."""
    total = {one: {"eu": 1000.0} for one in (*FAST, *SLOW, "30d")}
    for one in criteria().values():
        assert isinstance(one.kind, BadEvents)
        found = judged(one, {window: {name: 1.0}}, total)
        if window in map(_spoken, one.kind.windows):
            assert (found.reason, found.value) == ("error", None)
            assert f"bad counts events in {window} that total does not" in found.message
        else:
            assert light(found) == ("GO", "ok")
        assert light(judged(one, {window: {name: 0.0}}, total)) == ("GO", "ok")


def _spoken(length: float) -> str:
    names = {300: "5m", 1800: "30m", 3600: "1h", 7200: "2h", 21_600: "6h", 86_400: "1d"}
    return {**names, 259_200: "3d", 2_592_000: "30d"}[int(length)]


def test_every_series_is_judged() -> None:
    regions = {"eu": 1000.0, "us": 1000.0, "ap": 0.0}
    total = {one: regions for one in (*FAST, *SLOW, "30d")}
    bad = {one: {"us": 200.0} for one in total}
    found = judged(criteria()["fast_burn"], bad, total)
    assert (found.reason, dict(found.labels), found.failing) == ("breach", {"region": "us"}, 1)
    assert found.total == 3
    bad = {one: {"us": 1.0} for one in total}
    found = judged(criteria()["fast_burn"], bad, total)
    assert light(found) == ("WARNING", "no-data")
    assert found.message.startswith("no data for 1 of 3 series (region=ap): no traffic in 1h")


def test_a_series_that_is_nearer_to_its_factor_is_the_worst() -> None:
    """Its rate is smaller: 9 against 6 is worse than 15 against 14.4."""
    total = {one: {"eu": 1000.0, "us": 1000.0} for one in FAST}
    bad = {"1h": {"eu": 150.0}, "5m": {"eu": 150.0}, "6h": {"us": 90.0}, "30m": {"us": 90.0}}
    found = judged(criteria()["fast_burn"], bad, total)
    assert (dict(found.labels), found.failing) == ({"region": "us"}, 2)
    assert found.value == pytest.approx(9.0)


# One semantics


EVENTS = st.dictionaries(
    st.sampled_from(["", "eu", "us", "eu/500"]),
    st.sampled_from([0.0, 1.0, 10.0, 60.0, 144.0, 500.0, math.nan, math.inf, -1.0, -1e-10]),
    max_size=3,
)
TRAFFIC = st.dictionaries(
    st.sampled_from(["", "eu", "us"]),
    st.sampled_from([0.0, 1000.0, 1000.0, 100.0, math.nan, math.inf]),
    max_size=3,
)
STEPS = 3


@settings(max_examples=100)
@given(
    what=st.sampled_from(["fast_burn", "slow_burn", "budget"]),
    draw=st.data(),
    severity=st.sampled_from(["critical", "warning"]),
    no_data=st.sampled_from(["warning", "no-go", "skip", "go"]),
)
def test_many_times_are_judged_as_each_of_them_alone(
    what: str, draw: st.DataObject, severity: str, no_data: str
) -> None:
    answers: dict[tuple[str, int], Values] = {}

    def at(query: Query, step: int) -> Values:
        """Drawn when it is asked for, and then the same."""
        kind = EVENTS if query.expr.startswith("bad") else TRAFFIC
        key = (query.expr, step)
        if key not in answers:
            answers[key] = draw.draw(kind)
        return answers[key]

    def ask(query: Query) -> Measurement:
        start, end = (
            (query.start, query.end) if isinstance(query, RangeQuery) else (query.at, query.at)
        )
        points: dict[str, list[tuple[float, float]]] = {}
        for step in range(STEPS):
            time = AT + 60 * step
            if start <= time <= end:
                for name, value in at(query, step).items():
                    points.setdefault(name, []).append((time, value))
        return Measurement(tuple(Series(labels(n), tuple(p)) for n, p in points.items()))

    given = criteria(budget_severity=severity, no_data=no_data)[what]
    assert_alike(given, Times(AT, 60.0, STEPS), ask)


# What is refused


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"objective": 0.93}, "no alert would fire; write more than 0.9306, such as 0.95"),
        ({"objective": 1 - 1 / 14.4}, "no alert would fire"),
        ({"objective": 0}, "objective is 0.0; write the share of good events, a number between"),
        ({"objective": 1}, "objective is 1.0; write"),
        ({"objective": 99.9}, "objective is 99.9; write"),
        ({"objective": -0.5}, "objective is -0.5; write"),
        ({"objective": math.nan}, "objective is nan; write"),
        ({"objective": "0.999"}, "objective is '0.999'; write"),
        ({"objective": True}, "objective is True; write"),
        ({"objective": None}, "objective is None; write"),
        ({"objective": threshold("x", 0.5)}, "objective is 0.5: even if every event were bad"),
        ({"period": "month"}, "period is 'month'; write 3 days to 366 days, such as '30d'"),
        ({"period": "1h"}, "period is '1h'; write 3 days"),
        ({"period": "400d"}, "period is '400d'; write 3 days"),
        ({"period": None}, "period is None; write 3 days"),
        ({"period": True}, "period is True; write 3 days"),
        ({"bad": "sum(rate(x[5m]))"}, "bad is 'sum(rate(x[5m]))', without $window; write PromQL"),
        ({"total": "sum(rate(x[5m]))"}, "total is 'sum(rate(x[5m]))', without $window; write"),
        ({"total": "sum(rate(x[$windows]))"}, "without $window"),
        ({"bad": ""}, "bad is ''; write PromQL with it, such as"),
        ({"total": None}, "total is None; write PromQL with it, such as"),
        ({"bad": "increase(x[$window])"}, "one of bad and total has rate(), the other increase()"),
        ({"budget_severity": "fatal"}, "budget_severity is 'fatal'; write critical or warning"),
        ({"title": 1}, "title is 1; write a text"),
        ({"no_data": "never"}, "no_data is 'never', allowed:"),
    ],
)
def test_what_is_no_objective_is_refused_in_one_line(changes: Any, words: str) -> None:
    given = {"objective": 0.99, "bad": "rate(x[$window])", "total": "rate(y[$window])"}
    with pytest.raises(ConfigurationError, match=re.escape(words)) as caught:
        slo("shop", **{**given, **changes})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["", " ", None, 3])
def test_an_objective_needs_a_name(name: Any) -> None:
    with pytest.raises(ConfigurationError, match=f"name is {name!r}; write a short text"):
        slo(name, objective=0.99, bad="b[$window]", total="t[$window]")


@pytest.mark.parametrize("objective", [0.95, 0.9306, 0.999999])
@pytest.mark.parametrize("query", ["rate(x[$window])", "rate(x[${window}])", "x_$window"])
def test_what_is_allowed(objective: float, query: str) -> None:
    assert len(slo("shop", objective=objective, bad=query, total=query, period="3d")) == 3


# In a run


BAD, TOTAL = 'rate(n_total{app="$app",code="500"}[$window])', 'rate(n_total{app="$app"}[$window])'


def scoped(*options: tuple[str, Any]) -> tuple[list[Criterion], list[str]]:
    """The criteria as a run of these options judges them, and why it cannot."""
    objective = threshold("shop_objective", 0.99)
    given = slo("shop", objective=objective, bad=BAD, total=TOTAL)
    url = {"prometheus-url": "http://127.0.0.1:1", "gate-at": str(AT)}
    run = GateRun(merge(command_line({**url, **dict(options)})), {})
    found = [run.scoped(one) for one in given]
    return [one.criterion for one in found], [one.problem for one in found]


def test_bad_and_total_have_the_variables_and_the_matchers_of_the_run() -> None:
    found, problems = scoped(("gate-var", ["app=shop"]), ("gate-select", 'env="prod"'))
    assert problems == ["", "", ""]
    for one in found:
        assert isinstance(one.kind, BadEvents)
        for query in one.kind.queries(one, Times(AT)):
            selectors = re.findall(r"n_total\{[^}]*\}", query.expr)
            assert selectors
            assert all('app="shop"' in text and 'env="prod"' in text for text in selectors)
        assert "$" not in one.query
        assert one.query.count('env="prod"') == one.query.count("n_total{")


def test_the_objective_can_be_set() -> None:
    options = ("gate-var", ["app=shop"])
    found, _ = scoped(options, ("gate-set", ["shop_objective=0.95"]))
    assert [one.kind.objective for one in found] == [0.95] * 3  # type: ignore[union-attr]
    _, problems = scoped(options, ("gate-set", ["shop_objective=0.5"]))
    assert [problem.partition(": even if every event were bad")[0] for problem in problems] == [
        f"criterion 'shop_{what}': objective is 0.5"
        for what in ("fast_burn", "slow_burn", "budget")
    ]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("sum(rate(n_total[5m]))", "bad is 'sum(rate(n_total[5m]))', without $window; write"),
        ("vector(0)", "bad is 'vector(0)', without $window; write"),
        ("increase(n_total[$window])", "one of bad and total has rate(), the other increase()"),
    ],
)
def test_a_query_of_the_configuration_needs_the_window_too(query: str, words: str) -> None:
    given = slo("shop", objective=0.99, bad=BAD, total=TOTAL)
    options = {"prometheus-url": "http://127.0.0.1:1", "gate-var": ["app=shop"]}
    run = GateRun(merge(command_line(options)), {})
    found = run.scoped(replace(given[0], query=query))
    assert found.problem.startswith(f"criterion 'shop_fast_burn': {words}")
    assert found.misfit


def test_the_doctor_finds_nothing_in_what_is_asked() -> None:
    for one in criteria(bad="sum(rate(x[$window]))", total="sum(rate(y[$window]))").values():
        assert lint.findings(one.query, lambda value: value <= 1) == []


def test_a_query_that_cannot_be_narrowed_is_not_asked() -> None:
    given = slo("shop", objective=0.99, bad="x[$window] keep(", total="y[$window]")
    url = {"prometheus-url": "http://127.0.0.1:1", "gate-at": str(AT), "gate-select": 'a="b"'}
    run = GateRun(merge(command_line(url)), {})
    found = run.scoped(given[0])
    assert "its query cannot be narrowed by --gate-select" in found.problem
    assert not found.misfit


def test_each_window_is_asked_for_once() -> None:
    given = criteria()["fast_burn"]
    assert isinstance(given.kind, BurnRate)
    assert [query.expr for query in given.kind.queries(given, Times(AT))] == [
        f"{what}[{window}]" for window in FAST for what in ("bad", "total")
    ]
    asked = source(everywhere(1), everywhere(1000), {})
    assert asked(Times(AT).instant("bad[1h]")).series[0].value == 1
