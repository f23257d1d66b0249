"""Durations: what is read, what is refused, and what is written."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_deploygate.core.durations import Duration, seconds, spoken
from pytest_deploygate.core.errors import ConfigurationError


@pytest.mark.parametrize(
    ("duration", "expected"),
    [
        ("500ms", 0.5),
        ("30s", 30),
        ("0.5s", 0.5),
        ("5m", 300),
        ("2h", 7200),
        ("1h30m", 5400),
        ("1d", 86400),
        ("1w", 604800),
        ("1d12h", 129600),
        (90, 90),
        (0.25, 0.25),
        (timedelta(minutes=5), 300),
    ],
)
def test_a_duration_is_seconds(duration: Duration, expected: float) -> None:
    assert seconds(duration) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["", "soon", "5", "5 m", "m5", "-5m", "5M", "5m!", "1e3s", "٥x"])
def test_another_text_is_not_a_duration(text: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        seconds(text)
    allowed = "write it as '30s', '5m', '2h' or '1h30m'"
    assert str(refusal.value) == f"{text!r} is not a duration; {allowed}"


@pytest.mark.parametrize("value", [None, [], object(), 10**400])
def test_another_value_is_not_a_duration(value: Any) -> None:
    with pytest.raises(ConfigurationError, match="is not a duration; write it as"):
        seconds(value)


@pytest.mark.parametrize(
    "duration",
    ["0s", "0m0s", 0, -1, float("nan"), float("inf"), timedelta(0), timedelta(-1), "9" * 400 + "s"],
)
def test_a_duration_is_above_zero_and_finite(duration: Duration) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        seconds(duration)
    assert str(refusal.value) == f"duration {duration!r} must be above zero, such as '5m' or '2h'"


@pytest.mark.parametrize(
    ("duration", "expected"),
    [
        (0, "0s"),
        (0.4, "0s"),
        (45, "45s"),
        (59.6, "1m"),
        (1200, "20m"),
        (5400, "1h30m"),
        (90061, "1d1h"),
        (86400 * 14, "14d"),
    ],
)
def test_a_duration_is_written_in_its_largest_two_units(duration: float, expected: str) -> None:
    assert spoken(duration) == expected


@given(st.integers(1, 10**8))
def test_what_is_written_can_be_read_and_loses_less_than_its_second_unit(duration: int) -> None:
    assert 0 <= duration - seconds(spoken(duration)) < max(duration / 24, 1)
