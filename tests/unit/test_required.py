"""Required checks must be there and measured."""

from __future__ import annotations

import pytest

from pytest_deploygate.core.required import Measured, unmet

CHECKS = [
    Measured("up[app]", True, "passed"),
    Measured("up[node]", False, "no data"),
    Measured("orders", True, "passed"),
]


@pytest.mark.parametrize(
    ("pattern", "absent", "unmeasured"),
    [
        ("orders", 0, 0),
        ("ord*", 0, 0),
        ("order?", 0, 0),
        ("up[app]", 0, 0),
        ("up[*", 0, 1),
        ("*", 0, 1),
        ("order", 1, 0),
        ("up[ap]", 1, 0),
        ("Orders", 1, 0),
    ],
)
def test_a_pattern_matches_whole_ids(pattern: str, absent: int, unmeasured: int) -> None:
    assert tuple(map(len, unmet([pattern], CHECKS))) == (absent, unmeasured)


def test_a_check_is_named_once() -> None:
    absent, unmeasured = unmet(["*", "up*", "no", "no"], CHECKS)
    known = "known: orders, up[app], up[node]"
    assert absent == [f"the required check 'no' is not among the checks, {known}"]
    assert unmeasured == ["the required check 'up[node]' was not measured: no data"]
