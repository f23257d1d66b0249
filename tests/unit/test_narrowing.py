"""Matchers are added to every selector and to nothing else, or the expression is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_deploygate.core.errors import ConfigurationError
from pytest_deploygate.promql.narrowing import Matcher, NotNarrowable, matchers, narrowed
from pytest_deploygate.promql.selectors import selectors

PROD = matchers('ns="prod"', "--gate-select")


@pytest.mark.parametrize(
    ("given_", "found"),
    [
        ("", ()),
        (" \n", ()),
        ('a="b"', (Matcher("a", "=", "b"),)),
        ("{a!='b',}", (Matcher("a", "!=", "b"),)),
        ('a=~`b|c` , d!~"e" # f', (Matcher("a", "=~", "b|c"), Matcher("d", "!~", "e"))),
        ('"my.app"="}"', (Matcher("my.app", "=", "}"),)),
    ],
)
def test_matchers_are_read(given_: str, found: tuple[Matcher, ...]) -> None:
    assert matchers(given_, "--gate-select") == found


@pytest.mark.parametrize(
    "text",
    [
        *("a", "a=", "a=b", 'a="b" or c="d"', 'a="b"} or x{c="d"', 'a="b"}', 'a=~"("', ","),
        *('__name__="x"', '__name__=~"x.*"', '"x"', 'x{a="b"}', 'a=="b"', 'a="b"[5m]'),
    ],
)
def test_what_is_not_a_list_of_matchers_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^--gate-select: .*; write them as"):
        matchers(text, "--gate-select")


# What a real server answers is tested in tests/real/test_narrowing.py; this is what newer servers
# and VictoriaMetrics know, or what is hard to read.
@pytest.mark.parametrize(
    ("expr", "result"),
    [
        ('{"a.b",c="d"}', '{"a.b",c="d",ns="prod"}'),
        ('x{"my.label"="1"}', 'x{"my.label"="1",ns="prod"}'),
        ('sum by ("a.b") (x)', 'sum by ("a.b") (x{ns="prod"})'),
        ('x{or="1" or b="2"}', 'x{or="1",ns="prod" or b="2",ns="prod"}'),
        ("x{}", 'x{ns="prod"}'),
        ("x{a='1',}", "x{a='1',ns=\"prod\"}"),
        ('x{ # "c"\n}', 'x{ns="prod" # "c"\n}'),
        ("sum", 'sum{ns="prod"}'),
        ("start + end", 'start{ns="prod"} + end{ns="prod"}'),
        ("nan + Inf", "nan + Inf"),
        ("histogram_fraction(0, .2, h)", 'histogram_fraction(0, .2, h{ns="prod"})'),
        ("a + on () group_left b", 'a{ns="prod"} + on () group_left b{ns="prod"}'),
        ("a:b / a:c", 'a:b{ns="prod"} / a:c{ns="prod"}'),
        ('x{ns="prod"} / y', 'x{ns="prod"} / y{ns="prod"}'),
        ("x{ns='prod'}", "x{ns='prod'}"),
        ('x{ns="other"}', 'x{ns="other",ns="prod"}'),
        ("'x{y' == 1 or z", None),
        ("x{", None),
        ("x default 0", None),
        ("rate(x[$__rate_interval])", None),
        ("on", None),
        ("info(x)", None),
        ("", None),
    ],
)
def test_the_text_gets_the_matchers_or_is_refused(expr: str, result: str | None) -> None:
    if result is not None:
        assert narrowed(expr, PROD) == result
        assert narrowed(result, PROD) == result
        return
    with pytest.raises(NotNarrowable):
        narrowed(expr, PROD)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_value_stays_a_value(value: str) -> None:
    own = (Matcher("ns", "=", value),)
    text = narrowed('x{a="b"} or rate(y[5m])', own)
    found = selectors(text)
    assert found is not None
    assert [dict(one.labels).get("ns") for one in found] == [value, value]


@pytest.mark.parametrize(
    ("matcher", "takes_missing", "or_missing"),
    [
        ('a="b.c"', False, 'a=~"(?:b\\\\.c)?"'),
        ('a=~"b|c"', False, 'a=~"(?:b|c)?"'),
        ('a=~"b?"', True, 'a=~"b?"'),
        ('a!="b"', True, 'a!="b"'),
        ('a!=""', False, 'a=~".*"'),
        ('a!~"b"', True, 'a!~"b"'),
        ('a!~".*"', False, 'a=~".*"'),
        ('a=""', True, 'a=""'),
    ],
)
def test_a_matcher_can_take_what_lacks_the_label(
    matcher: str, takes_missing: bool, or_missing: str
) -> None:
    (one,) = matchers(matcher, "")
    assert (one.takes_missing, one.or_missing.expr) == (takes_missing, or_missing)
