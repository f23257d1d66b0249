"""The geometry of bars and charts."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_deploygate.core.criterion import Comparison
from pytest_deploygate.core.result import Reason, Sides, Status
from pytest_deploygate.reports.axis import Axis
from pytest_deploygate.reports.charts import SIZE, Chart, bar, chart, is_slope, why_no_chart
from tests.made import END, measured, result

NAN, INF = math.nan, math.inf
ANY = st.floats(allow_nan=True, allow_infinity=True)
BELOW = [c.symbol for c in (Comparison.BELOW, Comparison.AT_MOST)]
ABOVE = [c.symbol for c in (Comparison.ABOVE, Comparison.AT_LEAST)]


def drawn(path: str) -> list[list[tuple[int, int]]]:
    """The lines of a path, each as its places."""
    lines = []
    for part in path.split("M")[1:]:
        numbers = [int(number) for number in re.findall(r"-?\d+", part.removesuffix("h0"))]
        lines.append(list(zip(numbers[::2], numbers[1::2], strict=True)))
    return lines


def of(*values: float, **changes: Any) -> Chart:
    found = chart(measured(*values, **changes))
    assert found is not None
    return found


def test_a_rising_value_rises_on_the_page_and_ends_at_the_right_edge() -> None:
    ((first, second, third),) = drawn(of(1.0, 2.0, 3.0).line)
    assert first[0] < second[0] < third[0] == SIZE
    assert first[1] > second[1] > third[1]


def test_charts_share_the_axis_of_the_last_two_hours() -> None:
    found = of(1.0, 2.0, 3.0, step=1800.0)
    assert [x for x, _ in drawn(found.line)[0]] == [500, 750, 1000]
    assert [tick.text for tick in found.x_ticks] == [
        "12:13",
        "12:43",
        "13:13",
        "13:43",
        "14:13 UTC",
    ]


def of_sides(comparison: str = "≤", deployed_at: float | None = None) -> Chart:
    """Four minutes of a canary at 30 s: twice as bad as the old side."""
    times = [END - 240 + 30 * n for n in range(9)]
    old = tuple((time, 0.01) for time in times)
    new = tuple((time, 0.02 + 0.001 * (n % 2)) for n, time in enumerate(times))
    found = chart(
        result(
            value=2.0,
            threshold=1.5,
            comparison=comparison,
            unit="x",
            history=new,
            sides=Sides(0.02, 0.01, 1.8, 2.2, "ratio", old),
        ),
        deployed_at,
    )
    assert found is not None
    return found


def test_a_comparison_has_both_lines_on_an_axis_of_its_data() -> None:
    found = of_sides()
    (new,), (old,) = drawn(found.line), drawn(found.other)
    assert [new[0][0], new[-1][0]] == [old[0][0], old[-1][0]] == [0, SIZE]
    assert all(above < below for (_, above), (_, below) in zip(new, old, strict=True))
    assert (found.limit, found.beyond) == (None, None)
    assert found.x_ticks[0].text == "14:09:20"
    assert found.caption == "4m: new 2 %, old 1 % (dashed line); the area is what 1.5x allows"


def test_what_a_comparison_allows_begins_at_the_limit_and_with_the_deployment() -> None:
    found = of_sides()
    (old,) = drawn(found.other)
    start = re.match(r"M(\d+) (\d+)", found.allowed)
    assert start is not None
    assert int(start[1]) == 0
    assert int(start[2]) < old[0][1]  # above the old line
    assert f"V{SIZE}" in found.allowed  # down to the edge
    assert "V0H" in of_sides("≥").allowed
    late = of_sides(deployed_at=END - 120)
    assert late.deployed == SIZE // 2
    assert late.allowed.startswith(f"M{SIZE // 2} ")
    assert of_sides(deployed_at=END - 9999).deployed is None


def test_the_deployment_is_marked_in_every_chart() -> None:
    found = chart(measured(1.0, 2.0, 3.0), END - 60)
    assert found is not None
    assert found.deployed is not None
    assert 0 < found.deployed < SIZE


def test_the_axis_of_little_data_is_not_two_hours_long() -> None:
    found = of(1.0, 2.0, 3.0, 2.0, 3.0)
    assert [x for x, _ in drawn(found.line)[0]] == [0, 250, 500, 750, 1000]
    texts = [tick.text for tick in found.x_ticks]
    assert texts == ["14:09:20", "14:10:20", "14:11:20", "14:12:20", "14:13:20 UTC"]
    assert found.caption.startswith("Data since 14:09 UTC (4m): ")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"history": ()}, "No chart: no data of this series in the last 2h, or none was asked."),
        ({"history": ((END, 1.0),)}, "No chart: it needs two points at least."),
        ({"reason": Reason.ERROR}, "No chart: the query could not be answered."),
        ({"query": ""}, ""),
        ({"status": Status.SKIPPED}, ""),
    ],
)
def test_what_has_no_chart_says_why(changes: dict[str, Any], why: str) -> None:
    assert why_no_chart(result(**changes)) == why


def test_a_longer_window_is_shown_as_a_whole() -> None:
    found = of(1.0, 2.0, 3.0, step=86_400.0 * 3)
    assert drawn(found.line)[0][0][0] == 0
    assert found.x_ticks[0].text == "09-15 14:13"


@pytest.mark.parametrize("hole", [NAN, INF, -INF, 1e305])
def test_what_is_no_number_is_a_gap(hole: float) -> None:
    lines = drawn(of(1.0, 1.0, hole, 1.0, hole, 1.0, 1.0).line)
    assert [len(line) for line in lines] == [2, 1, 2]


def test_a_time_without_samples_is_a_gap() -> None:
    points = [(END - 60.0 * n, 1.0) for n in (9, 8, 7, 3, 2, 1, 0)]
    found = chart(result(history=tuple(points), value=1.0))
    assert found is not None
    assert [len(line) for line in drawn(found.line)] == [3, 4]


def test_a_single_point_between_gaps_is_a_dot() -> None:
    assert "h0" in of(1.0, 1.0, NAN, 1.0, NAN, 1.0, 1.0).line


@pytest.mark.parametrize("values", [(NAN,), (1.0,), (NAN, NAN, INF), (1.0, NAN)])
def test_fewer_than_two_numbers_make_no_chart(values: tuple[float, ...]) -> None:
    assert chart(measured(*values)) is None


def test_without_a_history_there_is_no_chart() -> None:
    assert chart(result()) is None


@pytest.mark.parametrize("symbol", BELOW)
def test_what_is_above_an_upper_limit_is_marked(symbol: str) -> None:
    found = of(1.0, 3.0, threshold=2.0, comparison=symbol)
    assert found.limit is not None
    assert found.beyond == (0, found.limit)
    assert found.newest[1] < found.limit


@pytest.mark.parametrize("symbol", ABOVE)
def test_what_is_below_a_lower_limit_is_marked(symbol: str) -> None:
    found = of(1.0, 3.0, threshold=2.0, comparison=symbol)
    assert found.limit is not None
    assert found.beyond == (found.limit, SIZE - found.limit)
    assert found.newest[1] < found.limit


def test_a_far_limit_is_on_the_chart() -> None:
    found = of(1.0, 1.1, threshold=500.0)
    assert found.limit is not None
    assert 0 < found.limit < SIZE


def test_a_trend_shows_the_line_that_was_judged_and_no_limit() -> None:
    values = [10.0 - 0.01 * n for n in range(121)]
    trend = measured(*values, value=-0.6, threshold=0.0, comparison="≥")
    found = chart(trend)
    assert is_slope(trend)
    assert found is not None
    assert found.limit is None
    assert found.trend.removeprefix("M").split() == [
        str(n) for place in (drawn(found.line)[0][0], drawn(found.line)[0][-1]) for n in place
    ]


def test_a_value_where_its_curve_ends_is_no_slope() -> None:
    assert not is_slope(measured(1.0, 2.0))
    assert not is_slope(measured(1.0, 2.0, NAN, value=2.0))
    assert not is_slope(measured(1.0, NAN))
    assert not is_slope(result())


def test_the_extremes_survive_the_thinning() -> None:
    values = [1.0] * 5000
    values[1234], values[4321] = 9.0, 0.5
    found = of(*values, step=1.0)
    line = drawn(found.line)[0]
    assert len(line) < 600
    rest = line[-1][1]
    assert min(y for _, y in line) < rest < max(y for _, y in line)
    assert [x for x, _ in line] == sorted(x for x, _ in line)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ((1.0, 2.0, 1.0), "1.00 s to 2.00 s"),
        ((1.0, 1.0), "1.00 s"),
        ((1.0, 3.0, 3.0), "1.00 s to 3.00 s; beyond the limit since 13:13 UTC (1h)"),
        ((3.0, 3.0), "3.00 s; beyond the limit all this time"),
        ((1.0, 3.0, 1.0), "1.00 s to 3.00 s; beyond the limit until 13:13 UTC"),
        ((1.0, 1.0, 3.0, NAN, INF), "1.00 s to 3.00 s; nothing since 12:13 UTC (2h)"),
    ],
)
def test_the_caption_says_what_the_chart_shows(values: tuple[float, ...], text: str) -> None:
    length = 2 if len(values) < 4 else 4
    step = 3600.0 * length / (len(values) - 1)
    assert of(*values, step=step).caption == f"Last {length}h: {text}"


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ((3.0,) * 15, "Data since 13:59 UTC (14m): 3.00 s; beyond the limit all this time"),
        ((1.0,) * 118, "Data since 12:16 UTC (1h57m): 1.00 s"),
        ((NAN, NAN, *(1.0,) * 119), "Data since 12:15 UTC (1h58m): 1.00 s"),
        ((1.0,) * 120, "Last 2h: 1.00 s"),
        ((1.0,) * 121, "Last 2h: 1.00 s"),
    ],
)
def test_a_caption_speaks_for_no_time_without_data(values: tuple[float, ...], text: str) -> None:
    assert of(*values).caption == text


def test_a_series_that_ended_is_said_to_have_ended() -> None:
    points = tuple((END - 3000 + 60.0 * n, 1.0) for n in range(20))
    found = chart(result(history=points, value=None))
    assert found is not None
    assert found.caption.endswith("nothing since 13:42 UTC (31m)")


@given(st.lists(ANY, max_size=20), ANY, st.sampled_from([c.symbol for c in Comparison]))
def test_no_number_breaks_a_drawing(values: list[float], limit: float, symbol: str) -> None:
    made = measured(*values, 1.0, threshold=limit, comparison=symbol)
    for unit in ("seconds", "ratio", "bytes", "requests"):
        found = chart(result(history=made.history, threshold=limit, comparison=symbol, unit=unit))
        if found is None:
            continue
        places = [place for line in drawn(found.line + found.trend) for place in line]
        assert all(-SIZE <= number <= 2 * SIZE for place in places for number in place)
        assert all(0 <= tick.percent <= 100 for tick in found.y_ticks)


@given(ANY, ANY, st.sampled_from([c.symbol for c in Comparison]))
def test_no_number_breaks_a_bar(value: float, limit: float, symbol: str) -> None:
    found = bar(result(value=value, threshold=limit, comparison=symbol))
    if found is not None:
        assert all(0 <= n <= SIZE for n in (found.zero, found.value, found.limit))
        assert found.beyond is None or 0 <= sum(found.beyond) <= SIZE


@pytest.mark.parametrize("value", [None, NAN, INF])
def test_without_a_number_there_is_no_bar(value: float | None) -> None:
    assert bar(result(value=value)) is None


def test_a_bar_tells_on_which_side_of_the_limit_the_value_lies() -> None:
    good, bad = bar(result(value=2.0)), bar(result(value=3.0))
    assert good is not None
    assert bad is not None
    assert good.zero == 0
    assert good.value < good.limit
    assert bad.value > bad.limit
    assert bad.beyond == (bad.limit, SIZE - bad.limit)


def test_zero_tolerance_leaves_no_allowed_side() -> None:
    found = bar(result(value=0.0, threshold=0.0, comparison="≤"))
    assert found is not None
    assert (found.value, found.limit, found.beyond) == (0, 0, (0, SIZE))


@pytest.mark.parametrize(
    ("low", "high", "unit", "texts"),
    [
        (0.0, 5.5, "seconds", ["0 s", "2 s", "4 s"]),
        (0.04, 0.09, "seconds", ["40 ms", "60 ms", "80 ms"]),
        (0.4, 1.0, "ratio", ["40 %", "60 %", "80 %", "100 %"]),
        (0.0, 0.006, "ratio", ["0.0 %", "0.2 %", "0.4 %", "0.6 %"]),
        (0.0, 3 * 2.0**30, "bytes", ["0 GiB", "1 GiB", "2 GiB", "3 GiB"]),
        (11.9, 12.6, "", ["12.0", "12.5"]),
        (0.0, 2e9, "requests", ["0", "1e+09", "2e+09"]),
        (-1.0, 1.0, "GBq", ["-1 GBq", "0 GBq", "1 GBq"]),
    ],
)
def test_ticks_are_round_numbers_with_their_unit(
    low: float, high: float, unit: str, texts: list[str]
) -> None:
    assert [tick.text for tick in Axis(low, high).ticks(unit)] == texts
