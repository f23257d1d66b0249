"""What a step of GitHub Actions shows, read as GitHub reads it."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from pathlib import Path

import cmarkgfm
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_deploygate.core.result import Reason, Result, Status
from pytest_deploygate.core.text import inert, printable
from pytest_deploygate.reports.github import annotated, outputs, summary
from pytest_deploygate.reports.platforms import github_files, on_github, path_in_project
from tests.made import report, result

NASTY = [
    "a | b \\| c \\",
    "`code` ``` **bold** _x_ ~~gone~~ $x$ [link](http://e) ![i](x)",
    "<b>bold</b> <!-- comment --> &amp; &#124; </td></table>",
    "one\ntwo\r\n| three | four |\n\n# heading",
    "::error::x ::set-output name=verdict::GO ##[add-mask]x",
    "\u202egpj.exe \x1b[31m red \ud800",
    "한국어 🟢",
]


def cells(markdown: str) -> list[list[str]]:
    """The table's rows as GitHub's own parser makes them: the text of every cell."""
    page = cmarkgfm.github_flavored_markdown_to_html(markdown)
    body = page.partition("<tbody>")[2].partition("</tbody>")[0]
    return [
        [html.unescape(re.sub(r"<[^>]*>", "", cell)) for cell in re.findall(r"<td.*?</td>", row)]
        for row in re.findall(r"<tr>.*?</tr>", body, re.S)
    ]


def test_the_summary_begins_with_the_verdict_and_shows_the_bad_checks_first() -> None:
    made = report(
        result(name="Fine"),
        result(Status.SKIPPED, name="Left out", value=None),
        result(Status.WARNING, name="CPU", value=0.91, threshold=0.85, unit="ratio"),
        result(Status.WAIVED, name="Known"),
        result(Status.NO_GO, name="Slow", value=4.92, message="p95 4.92 s, limit 2.50 s"),
    )
    text = summary(made)
    assert text.startswith("## 🔴 Deployment gate: NO-GO\n\n**Slow: p95 4.92 s, limit 2.50 s**\n")
    rows = cells(text)
    assert [row[1] for row in rows] == ["Slow", "CPU", "Known", "Left out", "Fine"]
    assert rows[0] == ["🔴 NO-GO", "Slow", "4.92 s", "< 2.50 s", "p95 4.92 s, limit 2.50 s"]
    assert rows[1][2:4] == ["91 %", "< 85 %"]


def test_what_kept_the_gate_from_a_verdict_stands_in_the_summary() -> None:
    made = report(problems=("a worker | crashed", "interrupted"), partial="1 was deselected")
    page = cmarkgfm.github_flavored_markdown_to_html(summary(replace(made, notices=("slow",))))
    assert "NO-GO" in page
    assert "<li>a worker | crashed</li>" in page
    assert "<li>interrupted</li>" in page
    assert "Partial: 1 was deselected" in page
    assert "Notice: slow" in page


def test_a_summary_says_once_that_a_run_is_partial() -> None:
    text = summary(report(result(), partial="9 checks were deselected"))
    assert "**partial, 1 check ran, all passed: 9 checks were deselected**" in text
    assert text.count("9 checks were deselected") == 1


def test_one_check_is_singular() -> None:
    assert "\n1 check at 2026-" in summary(report(result()))
    assert "\n2 checks at 2026-" in summary(report(result(), result(Status.NO_GO)))


def test_a_summary_says_that_a_run_is_advisory() -> None:
    made = report(result(Status.NO_GO), advisory=True)
    assert "Advisory run: exit code 0" in summary(made)
    assert outputs(made) == "verdict=NO-GO\nexit-code=0\n"


@pytest.mark.parametrize("text", NASTY)
def test_foreign_text_stays_text_in_its_cell(text: str) -> None:
    check_cells(text)


@given(st.text(max_size=200))
def test_any_text_stays_text_in_its_cell(text: str) -> None:
    check_cells(text)


def check_cells(text: str) -> None:
    made = report(result(name=text, message=text), result(Status.WARNING, name="Next"))
    rows = cells(summary(made))
    assert [row[1] for row in rows] == ["Next", shown(text)]
    assert rows[1][4] == shown(text)
    assert len(rows[1]) == 5


def shown(text: str) -> str:
    """As a browser shows a cell; text that is not valid Unicode is shown by its escape."""
    return printable(text).strip().encode("utf-8", "backslashreplace").decode()


@pytest.mark.parametrize("text", NASTY)
def test_foreign_text_in_the_sentence_adds_nothing_to_the_summary(text: str) -> None:
    made = report(result(Status.NO_GO, name="Bad", message=text), environment="p|q")
    page = cmarkgfm.github_flavored_markdown_to_html(summary(made))
    assert page.count("<table>") == page.count("<h2>") == page.count("<strong>") == 1
    assert "<h1>" not in page


def test_of_thousands_the_counts_stand_on_top_and_few_that_passed_have_a_row() -> None:
    bad = [result(Status.NO_GO, id=f"s{n % 2}[{n}]", name=f"Bad {n}") for n in range(60)]
    fine = [result(id=f"s{n % 2}[{n}]", name=f"Fine {n}") for n in range(60, 6500)]
    text = summary(report(*fine, *bad))
    assert text.splitlines()[4] == "60 NO-GO, 6,440 GO"
    assert "NO-GO by check: s0: 30 of 3,250; s1: 30 of 3,250" in html.unescape(text)
    rows = cells(text)
    assert [row[1] for row in rows[:60]] == [f"Bad {n}" for n in range(60)]
    assert [row[1] for row in rows[60:]] == [f"Fine {n}" for n in range(60, 90)]
    assert "... and 6,410 more checks (6,410 GO): the reports list all." in text


def test_checks_that_could_not_be_measured_for_one_reason_share_a_row() -> None:
    down = {"reason": Reason.ERROR, "value": None, "message": "refused"}
    checks = [result(Status.NO_GO, id=f"c{n}", name=f"Check {n}", **down) for n in range(6499)]
    text = summary(report(*checks[:10], result(Status.NO_GO, name="Slow"), *checks[10:]))
    assert [row[1:] for row in cells(text)] == [
        ["Slow", "2.00 s", "< 2.50 s", "p95 2.00 s (< 2.50 s)"],
        ["Check 0, Check 1, Check 2 and 6,496 more", "", "", "refused"],
    ]
    assert "more checks" not in text
    assert "Check 0, Check 1 |" in summary(report(*checks[:2]))


def many(count: int) -> list[Result]:
    fine = [
        result(Status.WARNING, id=f"c{n}", name=f"Check {n}", message="x" * 400)
        for n in range(count)
    ]
    bad = [result(Status.NO_GO, id=f"b{n}", name=f"Bad {n}") for n in range(3)]
    return [*fine, *bad]


def test_a_summary_keeps_within_a_mebibyte_failures_first_the_rest_counted() -> None:
    text = summary(report(*many(10_000)))
    assert 1024 * 1024 - 1000 < len(text.encode()) <= 1024 * 1024
    rows = cells(text)
    assert [row[1] for row in rows[:3]] == ["Bad 0", "Bad 1", "Bad 2"]
    left = 10_003 - len(rows)
    assert f"... and {left:,} more checks ({left:,} WARNING)" in text


@pytest.mark.parametrize("room", [0, 100, 600, 700, 1000, 2000])
def test_a_summary_never_takes_more_than_it_was_given(room: int) -> None:
    text = summary(report(*many(20)), room)
    assert len(text.encode()) <= room
    assert ("more checks" in text) is bool(text)


def test_breaches_are_annotated_the_errors_first() -> None:
    made = report(
        result(),
        result(Status.WARNING, name="CPU, all", message="91 %\nof 85 %"),
        result(Status.NO_GO, name="Slow: p95", message="4.92 s"),
        result(Status.SKIPPED),
        result(Status.WAIVED),
    )
    assert annotated(made) == [
        "::error title=NO-GO%3A Slow%3A p95::4.92 s",
        "::warning title=WARNING%3A CPU%2C all::91 %25 of 85 %25",
    ]


def test_problems_are_annotated_before_checks() -> None:
    made = report(result(Status.NO_GO, name="Slow"), problems=("interrupted",))
    assert annotated(made)[0] == "::error title=No verdict::interrupted"
    assert annotated(report(blind="the gate is blind")) == [
        "::error title=No verdict::the gate is blind"
    ]


def test_no_more_than_ten_of_a_level_and_the_tenth_counts_the_rest() -> None:
    bad = [result(Status.NO_GO, id=f"b{n}") for n in range(12)]
    warned = [result(Status.WARNING, id=f"w{n}") for n in range(10)]
    annotations = annotated(report(*bad, *warned))
    assert [line.split()[0] for line in annotations] == ["::error"] * 10 + ["::warning"] * 10
    assert annotations[9] == "::error title=Deployment gate::3 more, in the summary"
    assert "more" not in annotations[19]


@pytest.mark.parametrize("text", NASTY)
def test_foreign_text_cannot_leave_its_annotation(text: str) -> None:
    (line,) = annotated(report(result(Status.NO_GO, name=text, message=text)))
    assert "\n" not in line
    properties, _, data = line.removeprefix("::error ").partition("::")
    assert re.fullmatch(r"title=[^:,\r\n]*", properties)
    unescaped = data.replace("%0A", "\n").replace("%0D", "\r").replace("%25", "%")
    assert unescaped == printable(text)


@pytest.mark.parametrize("text", NASTY)
def test_the_outputs_are_two_lines_whatever_was_measured(text: str) -> None:
    made = report(result(Status.WARNING, name=text, message=text), environment=text, partial=text)
    assert outputs(made) == "verdict=WARNING\nexit-code=1\n"


@pytest.mark.parametrize(
    ("statuses", "last"),
    [
        ((Status.NO_GO, Status.GO), "verdict=NO-GO\nexit-code=2\n"),
        ((Status.WARNING, Status.GO), "verdict=WARNING\nexit-code=1\n"),
        ((Status.GO, Status.NO_GO), "verdict=NO-GO\nexit-code=2\n"),
        ((Status.NO_GO, Status.WARNING, Status.GO), "verdict=NO-GO\nexit-code=2\n"),
        ((Status.GO, Status.GO), "verdict=GO\nexit-code=0\n"),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_of_two_gates_in_one_step_the_worse_one_is_the_output(
    statuses: tuple[Status, ...], last: str, newline: str
) -> None:
    """The runner takes the last value that a step wrote."""
    before = f"other=1{newline}"
    for status in statuses:
        added = outputs(report(result(status)), before)
        before += added.replace("\n", newline)
    assert added == last


def test_a_refused_or_an_advisory_gate_before_is_no_better() -> None:
    assert outputs(report(result()), "verdict=NO-GO\nexit-code=4\n") == (
        "verdict=NO-GO\nexit-code=4\n"
    )
    assert outputs(report(result()), "verdict=NO-GO\nexit-code=0\n") == (
        "verdict=NO-GO\nexit-code=0\n"
    )


@pytest.mark.parametrize(
    ("line", "harmless"),
    [
        ("    ::error::x", "    : :error::x"),
        ("::stop-commands::x", ": :stop-commands::x"),
        ("\t::set-output name=verdict::GO", "\t: :set-output name=verdict::GO"),
        ("text ##[add-mask]x", "text # #[add-mask]x"),
        ("##vso[task.complete]", "# #vso[task.complete]"),
        ("##teamcity[testFailed]", "# #teamcity[testFailed]"),
        ("  ::1 refused", "  ::1 refused"),
        ("a ::error::x", "a ::error::x"),
        ("## Heading [1]", "## Heading [1]"),
    ],
)
def test_a_line_that_a_runner_would_obey_is_broken_and_no_other(line: str, harmless: str) -> None:
    assert inert(line) == harmless
    assert inert(harmless) == harmless


def written(tmp_path: Path) -> list[str]:
    """What could not be written of a step's summary and outputs."""
    names = {"GITHUB_STEP_SUMMARY": "summary.md", "GITHUB_OUTPUT": "output"}
    environ = {name: str(tmp_path / file) for name, file in names.items()}
    files = github_files({"GITHUB_ACTIONS": "true", **environ})
    return [why for file in files if (why := file.write(report(result())))]


def test_summary_and_outputs_are_added_to_what_other_commands_wrote(tmp_path: Path) -> None:
    (tmp_path / "summary.md").write_text("# Before\nno newline")
    (tmp_path / "output").write_text("other=1")
    assert written(tmp_path) == []
    assert (tmp_path / "summary.md").read_text().startswith("# Before\nno newline\n## 🟢 Depl")
    assert (tmp_path / "output").read_text() == "other=1\nverdict=GO\nexit-code=0\n"


def test_what_cannot_be_written_is_a_notice(tmp_path: Path) -> None:
    (tmp_path / "summary.md").mkdir()
    notices = written(tmp_path)
    assert notices == [
        "GitHub's summary could not be written: Is a directory ($GITHUB_STEP_SUMMARY)"
    ]
    assert (tmp_path / "output").read_text() == "verdict=GO\nexit-code=0\n"


def test_a_summary_that_is_full_is_a_notice_and_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "summary.md").write_bytes(b"x" * (1024 * 1024 - 100))
    (notice,) = written(tmp_path)
    assert "the step has used its 1048576 bytes" in notice
    assert (tmp_path / "summary.md").stat().st_size == 1024 * 1024 - 100


@pytest.mark.parametrize("value", [None, "", "false", "1"])
def test_there_is_no_step_outside_of_a_job(value: str | None) -> None:
    environ = {"GITHUB_OUTPUT": "output"}
    environ |= {} if value is None else {"GITHUB_ACTIONS": value}
    assert not on_github(environ)
    assert github_files(environ) == []
    assert len(github_files({**environ, "GITHUB_ACTIONS": "true"})) == 1


@pytest.mark.parametrize(
    ("page", "linked"),
    [
        ("gate-report/report.html", "gate-report/report.html"),
        ("a/../b/report.html", "b/report.html"),
        ("../elsewhere/report.html", ""),
        ("odd[1]/report.html", ""),
        ("odd|1/report.html", ""),
    ],
)
def test_a_page_is_linked_by_its_path_in_the_project(
    tmp_path: Path, page: str, linked: str
) -> None:
    project = tmp_path / "project"
    assert path_in_project(project / page, {"CI_PROJECT_DIR": str(project)}) == linked
    assert path_in_project(project / page, {}) == ""
    assert path_in_project(None, {"CI_PROJECT_DIR": str(project)}) == ""
