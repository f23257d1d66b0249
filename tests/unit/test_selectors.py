"""Which metrics and labels an expression asks for."""

from __future__ import annotations

import pytest

from gate_checks import criteria
from pytest_deploygate.promql.selectors import Selector, needed_labels, selecting, selectors


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ('rate(a{b="c",d!="e",f=~"g",h=""}[5m] offset 1m)', [Selector("a", (("b", "c"),))]),
        ("sum by (x) (a) / on () max_over_time(timestamp(b)[1d:5m])", ["a", "b"]),
        ("-a or (a unless topk(2, b))", ["a", "b"]),
        ('{__name__="a.b",c="d"} + {"e f"}', [Selector("a.b", (("c", "d"),)), "e f"]),
        ('{__name__=~"a.*"} + vector(1) + time()', []),
        ("a{", None),
        ("a default 0", None),
    ],
)
def test_selectors_are_found(query: str, found: list[str | Selector] | None) -> None:
    wanted = found and tuple(Selector(one) if isinstance(one, str) else one for one in found)
    assert selectors(query) == (() if found == [] else wanted)


def test_every_criterion_that_ships_can_be_taken_apart() -> None:
    groups = ("SCHEMA", "API", "LATENCY", "RL", "CACHE", "RESOURCES")
    for criterion in (one for group in groups for one in getattr(criteria, group)):
        assert selectors(criterion.query), criterion.id


@pytest.mark.parametrize("name", ["a", 'a"b', "a\\b", "a\nb\t\x1b", "ü🔴"])
def test_any_name_can_be_selected(name: str) -> None:
    assert selectors(f"count({selecting(name)})") == (Selector(name),)


def test_labels_that_a_query_requires() -> None:
    query = 'sum(a{x="1",y=~"2.*",z="",v!="3",w!="",u=~".*"}) / {__name__="b",x="1"} + a{x="2"}'
    assert needed_labels(query) == (("a", "x"), ("a", "y"), ("a", "w"), ("b", "x"))
    assert needed_labels("a{") == ()
