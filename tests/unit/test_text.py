"""Values and names as people read them."""

from __future__ import annotations

import pytest

from pytest_deploygate.core.criterion import humanised
from pytest_deploygate.core.text import counted, value_and_limit, value_text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (300.0, "bytes", "300 B"),
        (0.0, "bytes", "0 B"),
        (0.25, "bytes", "0.25 B"),
        (1536.0, "bytes", "1.50 KiB"),
        (100_000.0, "", "100000"),
        (999_999.0, "requests", "999999 requests"),
        (-12_345.6, "", "-12346"),
        (1234.5, "", "1234"),
        (9999.7, "", "10000"),
        (1_000_000.0, "", "1e+06"),
        (0.00001234, "", "1.234e-05"),
        (12.345, "orders", "12.35 orders"),
    ],
)
def test_a_value_is_written_as_a_person_would(value: float, unit: str, text: str) -> None:
    assert value_text(value, unit) == text


@pytest.mark.parametrize(
    ("value", "limit", "unit", "text"),
    [
        (300.4, 300.0, "bytes", ("300.4 B", "300.0 B")),
        (100_000.4, 100_000.0, "", ("100000.4", "100000.0")),
        (100_001.0, 100_000.0, "", ("100001", "100000")),
    ],
)
def test_two_different_numbers_are_told_apart(
    value: float, limit: float, unit: str, text: tuple[str, str]
) -> None:
    assert value_and_limit(value, limit, unit) == text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("test_orders_flow", "Orders flow"),
        ("error_rate[checkout]", "Error rate [checkout]"),
        ("error_rate[order_api]", "Error rate [order_api]"),
        ("test_queue[a-b[c]]", "Queue [a-b[c]]"),
        ("[x]", "[x]"),
    ],
)
def test_a_name_in_words_keeps_its_parameter_as_it_is(name: str, text: str) -> None:
    assert humanised(name) == text


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 checks"), (1, "1 check"), (6440, "6,440 checks")]
)
def test_one_is_no_plural(number: int, text: str) -> None:
    assert counted(number, "check") == text
