"""``$NAME`` and ``${NAME}`` are replaced, and a value stays one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_deploygate.core.errors import ConfigurationError
from pytest_deploygate.promql.selectors import selectors
from pytest_deploygate.promql.variables import Variables, has_reserved

GIVEN = {"app": "shop", "range": "5m", "q": "a'b\"c\\d\ne", "tick": "`"}


def replaced(expr: str, **more: str) -> str:
    return Variables({**GIVEN, **more}, {}).in_query(expr, "criterion 'c'")


@pytest.mark.parametrize(
    ("expr", "result"),
    [
        ('x{a="$app",b="${app}s"}', 'x{a="shop",b="shops"}'),
        ("rate($app[$range])", "rate(shop[5m])"),
        ("x{a=`$app`}", "x{a=`shop`}"),
        ('x{a="$q"}', 'x{a="a\'b\\"c\\\\d\\ne"}'),
        ("x{a='$q'}", "x{a='a\\'b\"c\\\\d\\ne'}"),
        ('label_replace(x, "a", "$1 ${1}", "b", "(.*)$")',) * 2,
        ('x{a="$$app$$"}', 'x{a="$app$"}'),
        ("x # of $nobody's \"$app\n+ $app", "x # of $nobody's \"$app\n+ shop"),
        ("x{$side}[$window] + $__rate",) * 2,
        ('x{a="\\"$app"}', 'x{a="\\"shop"}'),
    ],
)
def test_variables_are_replaced(expr: str, result: str) -> None:
    assert replaced(expr) == result


@pytest.mark.parametrize(
    ("expr", "message"),
    [
        ('x{a="$ap"}', r"^criterion 'c': \$ap is not defined, did you mean 'app'\?; define it"),
        ("x{a=`$tick`}", "^criterion 'c': .*backticks"),
        ("$q", r"^criterion 'c': \$q does not stand in a string, and .* is not a name"),
        ("x{a=$nobody}", r"\$nobody is not defined, known: app, q, range, tick"),
    ],
)
def test_what_cannot_be_replaced_is_refused(expr: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        replaced(expr)


@pytest.mark.parametrize("name", ["side", "window", "__x", "1a", "a-b", "", "ä"])
def test_a_name_that_cannot_be_used_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^deploygate\.toml: .*(reserved|not the name)"):
        Variables({name: "x"}, {name: "deploygate.toml"})


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), st.sampled_from("\"'"))
def test_any_value_in_a_string_stays_a_value(value: str, quote: str) -> None:
    found = selectors(replaced(f"x{{a={quote}$v{quote}}}", v=value))
    assert found is not None
    assert [(one.metric, dict(one.labels)) for one in found] == [("x", {"a": value})]


def test_the_names_that_were_used_are_known() -> None:
    variables = Variables(GIVEN, {})
    variables.in_text("$app of $$q, $10", "")
    assert variables.used == {"app"}


def test_what_the_kind_replaces_is_known() -> None:
    assert all(map(has_reserved, ["x{$side}", "x[${window}]", "$__x"]))
    assert not has_reserved("$app $$ $1")
