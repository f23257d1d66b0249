"""Settings that are wrong for the criteria of a run, and what settings change of them."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from pytest_deploygate.config.changes import changes
from pytest_deploygate.config.layers import Layer, command_line, merge
from pytest_deploygate.config.mistakes import Unknown, unknown_names, wrong_units
from pytest_deploygate.core.criterion import Criterion, threshold
from pytest_deploygate.core.report import Change

P95 = Criterion(id="fast_p95", query="p95", below=threshold("fast_p95_max", 2.5), unit="seconds")
CPU = Criterion(id="cpu", query="cpu", below=threshold("cpu_max", 0.85), unit="ratio")
TREND = Criterion(id="trend", query="trend", at_least=threshold("trend_min", 50.0), unit="ratio")
CRITERIA = (P95, CPU, TREND)


def in_file(**table: object) -> Layer:
    """A layer of the configuration file."""
    return Layer("deploygate.toml", table)


def on_command_line(*pairs: str) -> Layer:
    """A layer of ``--gate-set``."""
    return command_line({"gate-set": list(pairs)})


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (
            on_command_line("fast_p95_mx=3"),
            {
                "threshold fast_p95_mx of command line": Unknown(
                    "command line: unknown threshold 'fast_p95_mx', did you mean 'fast_p95_max'?",
                    for_this_run=True,
                    name="fast_p95_mx",
                )
            },
        ),
        (
            in_file(thresholds={"fast_p95_mx": 3}),
            {
                "threshold fast_p95_mx of deploygate.toml": Unknown(
                    "deploygate.toml: unknown threshold 'fast_p95_mx', did you mean "
                    "'fast_p95_max'?",
                    for_this_run=False,
                    name="fast_p95_mx",
                )
            },
        ),
        (
            in_file(criteria={"fast_p59": {"optional": True}}),
            {
                "criterion fast_p59 of deploygate.toml": Unknown(
                    "deploygate.toml: unknown criterion 'fast_p59', did you mean 'fast_p95'?",
                    for_this_run=False,
                    name="fast_p59",
                )
            },
        ),
        (
            in_file(thresholds={"cpu_max": 1}, criteria={"cpu": {"severity": "warning"}}),
            {},
        ),
    ],
)
def test_a_name_that_no_criterion_has_is_found(layer: Layer, expected: dict[str, Unknown]) -> None:
    assert unknown_names(merge(layer), CRITERIA) == expected


def test_every_unknown_name_is_found_in_the_order_of_names() -> None:
    found = unknown_names(merge(on_command_line("z=1", "a=1", "cpu_max=1")), CRITERIA)
    assert [one.name for one in found.values()] == ["a", "z"]


@pytest.mark.parametrize(
    ("pair", "criteria", "expected"),
    [
        (
            "cpu_max=5",
            CRITERIA,
            [
                "command line: cpu_max = 5 would be 500 %; ratios are shares of one, such as "
                "0.005 for 0.5 %"
            ],
        ),
        (
            "cpu_max=-0.1",
            CRITERIA,
            [
                "command line: cpu_max = -0.1 would be -10 %; ratios are shares of one, such as "
                "0.005 for 0.5 %"
            ],
        ),
        ("cpu_max=1", CRITERIA, []),
        ("fast_p95_max=5", CRITERIA, []),
        ("trend_min=60", CRITERIA, []),
        ("cpu_max=5", (P95,), []),
    ],
)
def test_a_ratio_in_percent_is_found(
    pair: str, criteria: Collection[Criterion], expected: list[str]
) -> None:
    assert wrong_units(merge(on_command_line(pair)), criteria) == expected


def test_the_changes_are_what_differs_from_the_defaults() -> None:
    settings = merge(
        on_command_line("fast_p95_max=3", "other=1"),
        in_file(
            thresholds={"cpu_max": 0.85},
            criteria={"cpu": {"severity": "warning", "query": "cpu"}, "other": {"query": "x"}},
        ),
    )
    assert changes(settings, CRITERIA) == (
        Change(name="fast_p95_max", value="3", default="2.5", origin="command line"),
        Change(name="cpu.severity", value="warning", default="none", origin="deploygate.toml"),
    )


def test_a_variable_that_no_check_uses_is_unknown() -> None:
    layers = command_line({"gate-var": ["regoin=a"]}), in_file(vars={"app": "b", "version": "1"})
    assert unknown_names(merge(*layers), CRITERIA, used={"region", "app"}) == {
        "variable regoin of command line": Unknown(
            "command line: no check uses the variable 'regoin', did you mean 'region'?",
            for_this_run=True,
            name="regoin",
        )
    }
    assert unknown_names(merge(layers[1]), CRITERIA, used={"ap"}) == {
        "variable app of deploygate.toml": Unknown(
            "deploygate.toml: no check uses the variable 'app', did you mean 'ap'?",
            for_this_run=False,
            name="app",
        )
    }
