"""The terminal's block as lines, of few checks and of thousands."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from _pytest._io import TerminalWriter

from pytest_deploygate.core.report import GateReport
from pytest_deploygate.core.result import Result
from pytest_deploygate.reports.terminal import Style, lines, write
from tests.made import ERROR, FAILED, report, result

RULE = "-" * 80


def block(given: GateReport, verbosity: int = 0) -> list[str]:
    return [line.text for line in lines(given, {}, Style(80, emoji=True, verbosity=verbosity))]


def fleet(failing: int, passing: int) -> GateReport:
    """Signals of many services, whose first ones fail."""
    checks = [
        result(
            id=f"signal_{n % 2}[service-{n}]",
            name=f"Signal {n}",
            **(FAILED if n < failing else {}),
        )
        for n in range(failing + passing)
    ]
    return report(*checks)


def bullets(shown: list[str]) -> list[str]:
    return [line for line in shown if line.startswith("  • ")]


def test_of_thousands_what_passed_is_only_counted_where_something_failed() -> None:
    shown = block(fleet(60, 6440))
    at = shown.index("🟢 GO (6440 checks)")
    assert shown[at + 1] == ""
    assert RULE not in shown[at:]
    assert len(bullets(shown)) == 50
    assert "  ... and 10 more; -v and the reports list all" in shown


@pytest.mark.parametrize(
    ("given", "verbosity", "listed"),
    [
        (fleet(3, 30), 0, 33),
        (fleet(3, 31), 0, 3),
        (fleet(51, 1), 0, 50),
        (fleet(60, 100), 1, 160),
        (fleet(0, 100), 0, 30),
        (fleet(3, 10), -1, 3),
    ],
    ids=["all fit", "too many pass", "too many fail", "-v lists all", "all pass", "-q"],
)
def test_how_many_checks_are_listed(given: GateReport, verbosity: int, listed: int) -> None:
    assert len(bullets(block(given, verbosity))) == listed


def test_a_heading_without_checks_has_no_rule() -> None:
    shown = block(report(*(result(id=f"c{n}") for n in range(13))), -1)
    at = shown.index("🟢 GO (13 checks)")
    assert shown[at + 1] == ""
    assert RULE not in shown


@pytest.mark.parametrize("changes", [ERROR, {"value": None, "message": "passed"}])
def test_a_reason_that_checks_share_stands_before_their_names(changes: dict[str, Any]) -> None:
    shared = [result(id=f"c{n}", name=f"Check {n}", **changes) for n in range(3)]
    shown = block(report(shared[0], result(id="other", name="Other"), *shared[1:]))
    reason = "error: refused" if changes is ERROR else "passed"
    at = shown.index(f"  {reason} - 3 checks:")
    assert [line.split(" [")[0] for line in shown[at + 1 : at + 5]] == [
        *("  • Check 0", "  • Check 1", "  • Check 2"),
        "",
    ]


def test_a_shared_reason_counts_those_too_that_are_not_listed() -> None:
    down = [result(id=f"c{n}", name=f"Check {n}", **ERROR) for n in range(6499)]
    shown = block(report(*down))
    assert "  error: refused - 6499 checks:" in shown
    assert len(bullets(shown)) == 50
    assert "  ... and 6449 more; -v and the reports list all" in shown


def test_each_of_many_checks_that_share_a_reason_shows_its_own_query() -> None:
    down = [result(id=f"c{n}", query=f"q{n}", **ERROR) for n in range(3)]
    shown = block(report(*down), 1)
    assert [line for line in shown if "Query" in line] == [f"    Query: q{n}" for n in range(3)]


def test_of_many_failures_the_families_are_counted() -> None:
    assert "  signal_0: 30 of 3,250; signal_1: 30 of 3,250" in block(fleet(60, 6440))
    assert not [line for line in block(fleet(50, 6440)) if "signal_0" in line]


def test_the_families_that_fail_most_are_named_and_the_others_counted() -> None:
    def family(number: int) -> list[Result]:
        return [result(id=f"f{number}[{n}]", **(FAILED if n <= number else {})) for n in range(20)]

    shown = block(report(*(check for number in range(13) for check in family(number))))
    (line,) = [one for one in shown if one.startswith("  f12: ")]
    assert line.startswith("  f12: 13 of 20; f11: 12 of 20; ")
    assert line.endswith("f3: 4 of 20; and 3 more")


def test_families_of_one_are_not_counted() -> None:
    shown = block(report(*(result(id=f"c{n}", **FAILED) for n in range(60))))
    assert not [line for line in shown if "1 of 1" in line]


class Screen(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("stream", "whole"), [(Screen, False), (io.StringIO, True)])
def test_long_lines_are_cut_between_words_on_a_terminal_and_not_in_a_log(
    stream: type[io.StringIO], whole: bool
) -> None:
    long = "loss 1.9, limit 1.71 (" + ", ".join(f"label_{n}=value" for n in range(20)) + ")"
    written = stream()
    writer = TerminalWriter(written)
    writer.fullwidth, writer.hasmarkup = 80, stream is Screen
    write(writer, report(result(**FAILED, message=long)), {})
    shown = [
        re.sub(r"\x1b\[[\d;]*m|\x1b\]8;;.*?\x1b\\", "", line)
        for line in written.getvalue().splitlines()
    ]
    assert (max(map(len, shown)) <= 80) is not whole
    assert (f"    {long}" in shown) is whole
    assert long in " ".join(line.strip() for line in shown)
    assert any(line.startswith("    label_") for line in shown) is not whole
