"""The notation of series, against promtool's own parser where it is installed."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from pytest_deploygate.core.errors import ConfigurationError
from pytest_deploygate.testing.notation import Sample, labels, values
from tests.servers import executable

SERIES = (
    *("1 2.5 -3", "+4 .5 5.", "1e3 2.5E-1 1e+2", "0+10x5", "-2+4x3", "-2-4x3", "1-0.1x12"),
    *(
        "0.1+0.1x20",
        "4x3",
        "-4.5x2",
        "0x3",
        "_ 1 _ _ 2",
        "1 _x3 2 _x0 3",
        "1 stale",
        "1 stale _ 4x2",
    ),
    *("stale 1 stale", "Inf +inf -INF", "  1\t2  3 ", "1e1+1e1x2", "0+0x3 stale"),
)
REFUSED = (
    *(
        "1y2",
        "stalex3",
        "infx3",
        "NaNx2",
        "x3",
        "1 x3",
        "1x",
        "1+x2",
        "1+2",
        "1+Inf",
        "_x",
        "__",
        "1e",
        ".",
    ),
    *("0x1.5", "1x-2", "1,2", "_1", "stales", "1+stalex2", "+", "1x2x3", "0+Infx2"),
)


def seen(found: list[Sample], at: int) -> list[float]:
    """What an instant query sees at a step: the newest sample of five steps, unless it is stale."""
    recent = [one for one in found[max(0, at - 4) : at + 1] if one is not None]
    return [one for one in recent[-1:] if not isinstance(one, str)]


def promtool(tmp_path: Path, tests: list[dict[str, object]]) -> subprocess.CompletedProcess[str]:
    path = tmp_path / "test.json"  # JSON is YAML
    text = json.dumps({"rule_files": [], "tests": tests})
    path.write_text(text.replace("Infinity", ".inf"))
    command = [executable("promtool", "prometheus"), "test", "rules", str(path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def unit(number: int, text: str, *, off: float = 0.0) -> dict[str, object]:
    """A unit test of promtool that the series has what is read here at every step."""
    name, found = f"s{number}", values(text)
    asked = [
        {
            "expr": name,
            "eval_time": f"{at}m",
            "exp_samples": [{"labels": name, "value": one + off} for one in seen(found, at)],
        }
        for at in range(len(found))
    ]
    series = [{"series": name, "values": text}]
    return {"interval": "1m", "input_series": series, "promql_expr_test": asked}


def test_what_is_read_is_what_promtool_reads(tmp_path: Path) -> None:
    done = promtool(tmp_path, [unit(number, text) for number, text in enumerate(SERIES)])
    assert done.returncode == 0, done.stdout
    assert promtool(tmp_path, [unit(0, "0+10x5", off=1)]).returncode == 1


@pytest.mark.parametrize("text", REFUSED)
def test_what_promtool_refuses_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigurationError, match="is not a value of a series; write numbers, _"):
        values(text)
    series = [{"series": "s", "values": text}]
    assert promtool(tmp_path, [{"interval": "1m", "input_series": series}]).returncode == 1


def test_nan_and_what_follows_a_stale_marker() -> None:
    nan, *more = values("NaN 1 NaN+1x1")
    assert [nan != nan, more[0], *(one != one for one in more[1:])] == [True, 1, True, True]
    stale, after = values("stale+1x1")
    assert (stale, after != after) == ("stale", True)
    assert values("") == []


def test_native_histograms_are_refused_by_name() -> None:
    with pytest.raises(ConfigurationError, match="native histograms are not supported"):
        values("1 {{schema:1 sum:2 count:3}}x2")


def test_a_series_has_an_end() -> None:
    with pytest.raises(ConfigurationError, match="at most 1,000,000 points"):
        values("1x99999999999")


@pytest.mark.parametrize(
    ("selector", "found"),
    [
        ("up", {"__name__": "up"}),
        ("up{}", {"__name__": "up"}),
        ("a:b{x=\"1\",y='2',}", {"__name__": "a:b", "x": "1", "y": "2"}),
        (r'{__name__="up", x="\"a\\b\"", z=""}', {"__name__": "up", "x": r'"a\b"'}),
    ],
)
def test_a_selector_names_one_series(selector: str, found: dict[str, str]) -> None:
    assert labels(selector) == found


@pytest.mark.parametrize(
    ("selector", "why"),
    [
        ('up{job!="a"}', "job has another operator than ="),
        ('{job="a"}', "it has no name"),
        ("up[5m]", "it is another expression"),
        ("sum(up)", "it is another expression"),
        ("up offset 5m", "it has an offset or a time"),
        ('up{a="1",a="2"}', "it has a label twice"),
        ('up{a="1"', "unexpected end of input inside braces"),
        ("", "no expression found in input"),
    ],
)
def test_anything_else_is_refused(selector: str, why: str) -> None:
    with pytest.raises(ConfigurationError, match="is not one series") as refused:
        labels(selector)
    assert f"{why}; write it as" in str(refused.value)
