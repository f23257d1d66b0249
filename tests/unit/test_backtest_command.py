"""What ``deploygate backtest`` is given: the steps, the files, and one line for what is wrong."""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import pytest

from pytest_deploygate import cli
from pytest_deploygate.cli.backtest import progress
from pytest_deploygate.cli.backtest.known import file_or_expression
from pytest_deploygate.cli.backtest.steps import steps
from pytest_deploygate.config.layers import command_line, merge
from pytest_deploygate.core.errors import ConfigurationError
from pytest_deploygate.engine.scope import Scope

AT = 1_790_000_000.0


def given(**changes: str) -> argparse.Namespace:
    return argparse.Namespace(**{**dict.fromkeys(("last", "from_", "to", "step")), **changes})


def scope(*variables: str) -> Scope:
    return Scope(merge(command_line({"gate-select": 'app="a"', "gate-var": variables or None})))


def test_a_week_of_five_minutes_is_2016_steps() -> None:
    times, end = steps(given(), AT)
    assert (times.start, times.step, times.count, end) == (AT - 604_800, 300.0, 2016, AT)
    assert times.end == AT - 300
    assert steps(given(step="1m"), AT)[0].count == 10_080


def test_the_first_step_is_from_and_the_last_comes_before_to() -> None:
    times, end = steps(given(from_="2026-01-31T12:00:00Z", to="1769861400", step="5m"), None)
    assert times.all == (1769860800.0, 1769861100.0)
    assert end == 1769861400
    times, end = steps(given(from_="1000", to="1650", step="5m"), None)
    assert (times.all, end) == ((1000.0, 1300.0, 1600.0), 1650.0)


def test_without_an_end_the_steps_are_round() -> None:
    times, end = steps(given(last="1h", step="5m"), None)
    assert end % 300 == times.start % 300 == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"last": "7 days"}, "--last: '7 days' is not a duration; write it as '30s', '5m'"),
        ({"last": "0s"}, "--last: duration '0s' must be above zero"),
        ({"step": "often"}, "--step: 'often' is not a duration"),
        ({"step": "0.5s"}, "--step 0.5s: must be at least 1s, in whole milliseconds"),
        ({"step": "1.0005s"}, "--step 1.0005s: must be at least 1s, in whole milliseconds"),
        ({"last": "1m"}, "--step 5m: is longer than the 1m that are judged; give a shorter step"),
        ({"step": "1s"}, "--step 1s: makes 604,800 steps of 7d, at most 100,000 are allowed"),
        ({"from_": "1000"}, "--from without --to: give both, or --last"),
        ({"to": "1000"}, "--to without --from: give both, or --last"),
        ({"from_": "1000", "to": "2000", "last": "1d"}, "--last and --from: give --last, or"),
        ({"from_": "2000", "to": "1000"}, "--to 1000: must be later than --from 2000"),
        ({"from_": "2000", "to": "2000"}, "--to 2000: must be later than --from 2000"),
        ({"from_": "yesterday", "to": "2000"}, "--from: 'yesterday' is not a time; write RFC"),
        ({"from_": "2026-01-31T12:00:00", "to": "2000"}, "--from: '2026-01-31T12:00:00' has no"),
    ],
)
def test_what_is_wrong_with_the_times_is_said(arguments: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        steps(given(**arguments), None)
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("--last -1d", "--last"),
        ("--last= --step 5m", "--last: is empty; give a value, or leave it out"),
        ("--against fast_p95_max", "--against: 'fast_p95_max': write it as KEY=VALUE"),
        ("--against fast_p95_max=nan", "--against: 'fast_p95_max=nan': 'nan' is not a finite"),
        ("--json .", "--json .: cannot be written (is a directory)"),
        ("--html a.txt/b.html", "--html a.txt/b.html: cannot be written"),
        ("--step 1h --last 5m", "--step 1h: is longer than the 5m that are judged"),
    ],
)
def test_bad_input_is_one_line_and_ends_in_4(
    arguments: str,
    said: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").touch()
    if arguments.startswith("--last -1d"):
        arguments = "--last=-1d"
    assert cli.main(["backtest", *arguments.split(" ")]) == 4
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"deploygate backtest: {said}")
    assert err.count("\n") == 1


def test_a_file_is_read_and_anything_else_is_an_expression(tmp_path: Path) -> None:
    file = tmp_path / "known.csv"
    file.write_text("\ufeffstart,end\n", encoding="utf-8")
    found = file_or_expression("--incidents", str(file), scope())
    assert found is not None
    assert (found.text, found.expr) == ("start,end\n", "")
    found = file_or_expression("--incidents", 'ALERTS{app="$it"}', scope("it=shop"))
    assert found is not None
    assert found.expr == 'ALERTS{app="$it"}'
    assert file_or_expression("--incidents", None, scope()) is None


@pytest.mark.parametrize("text", ["known.csv", "a b", 'up{a="$nothing"}', "info(up)", "/"])
def test_what_is_neither_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        file_or_expression("--incidents", text, scope())
    assert "is not a file here, and not PromQL" in str(caught.value)
    assert "give a CSV file or an expression" in str(caught.value)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "known.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match="cannot be read: is not UTF-8"):
        file_or_expression("--incidents", str(tmp_path / "known.csv"), scope())


def test_a_bar_is_shown_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for stream, expected in [(Terminal(), True), (io.StringIO(), False)]:
        monkeypatch.setattr("sys.stderr", stream)
        progress.shown(iter([(0, 2), (1, 2)]))
        assert ("1 of 2 queries answered" in stream.getvalue()) is expected
        assert stream.getvalue().endswith("\r\x1b[K") is expected
    assert progress.bar(1, 2) == f"[{'#' * 15}{'.' * 15}] 1 of 2 queries answered"
    assert progress.bar(0, 0).startswith("[.....")
