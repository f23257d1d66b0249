"""``deploygate history``: the verdicts of a file, its page and its document."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from importlib import resources
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from pytest_deploygate.cli import main
from pytest_deploygate.core.context import Context
from pytest_deploygate.core.report import GateReport
from pytest_deploygate.core.result import Status
from pytest_deploygate.reports.history.file import HistoryFile
from tests.made import report, result

HOUR = 3600.0
SLOW = report(
    result(Status.NO_GO, id="slow", name="Slow", message="p95 3 s"),
    result(Status.WARNING, id="cold", name="Cold", message="40 %"),
)
COLD = report(result(), result(Status.WARNING, id="cold", name="Cold", message="40 %"))


def at(hours: float, made: GateReport, **changes: object) -> GateReport:
    """The report, of a run so many hours ago."""
    return replace(made, evaluated_at=time.time() - hours * HOUR, **changes)  # type: ignore[arg-type]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A GO, a NO-GO and two WARNINGs; the newest is of another environment."""
    path = tmp_path / "history.jsonl"
    writer = HistoryFile(path)
    version = Context(version="1.4.2")
    for one in (
        at(900, report(result())),
        at(5, report(result()), environment="prod", context=version),
        at(4, SLOW, environment="prod"),
        at(3, COLD, environment="prod"),
        at(2, report(problems=("interrupted",)), environment="test"),
    ):
        assert writer.write(one) == ""
    return path


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    assert main(["history", *arguments]) == 0
    return capsys.readouterr().out.splitlines()


def test_the_summary_says_how_often_since_when_and_what(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = shown(capsys, str(file))
    assert lines[0].endswith("history.jsonl: 4 verdicts") or len(lines[0]) == 80
    assert [line[21:28].strip() for line in lines[2:6]] == ["GO", "NO-GO", "WARNING", "NO-GO"]
    assert "prod 1.4.2" in lines[2]
    assert lines[3].endswith("Slow: p95 3 s (and 1 more)")
    assert lines[5].endswith("interrupted")
    assert lines[7] == "GO 25.0% (1)   WARNING 25.0% (1)   NO-GO 50.0% (2)"
    assert lines[8].startswith("Last GO: 5h ago, ")
    assert lines[9:11] == ["Failed 2 x: cold", "Failed 1 x: slow"]
    assert all(len(line) <= 80 for line in lines)


def test_a_span_and_an_environment_choose(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys, str(file), "--last", "60d", "--env", "prod")
    assert "GO 33.3% (1)   WARNING 33.3% (1)   NO-GO 33.3% (1)" in lines
    assert "GO 40.0% (2)   WARNING 20.0% (1)   NO-GO 40.0% (2)" in shown(
        capsys, str(file), "--last", "60d"
    )


def test_a_torn_line_is_left_out_with_a_notice(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    endless = file.read_text().splitlines()[0].replace('"checks": 1', '"checks": Infinity')
    assert "Infinity" in endless
    for torn in ('{"time": "2026', '{"time": 1}', "[]", endless):
        with file.open("a") as end:
            end.write(torn + "\n")
    assert shown(capsys, str(file))[-1] == "Notice: 4 lines could not be read, and left out"


def test_the_document_keeps_to_its_schema(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "new" / "history.json"
    shown(capsys, str(file), "--json", str(path))
    document = json.loads(path.read_text())
    text = resources.files("pytest_deploygate").joinpath("schemas/history.schema.json").read_text()
    assert list(Draft202012Validator(json.loads(text)).iter_errors(document)) == []
    assert document["shares"] == {"GO": 0.25, "WARNING": 0.25, "NO_GO": 0.5}
    assert document["most_failed"][0] == {"id": "cold", "count": 2}
    assert [one["verdict"] for one in document["entries"]] == ["GO", "NO_GO", "WARNING", "NO_GO"]


def test_a_span_may_begin_before_there_were_dates(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "history.json"
    shown(capsys, str(file), "--json", str(path), "--last", "999999d")
    assert json.loads(path.read_text())["from"] == "1970-01-01T00:00:00.000Z"


def test_the_page_escapes_what_the_file_holds(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hostile = result(Status.NO_GO, id="<b>", name="<script>alert(1)</script>", message="\u202e")
    HistoryFile(file).write(at(1, report(hostile)))
    path = tmp_path / "history.html"
    shown(capsys, str(file), "--html", str(path))
    page = path.read_text()
    assert "<script>" not in page
    assert "\u202e" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert 'aria-label="5 rounds: 3 NO-GO' in page


@pytest.mark.parametrize(
    ("content", "arguments", "complaint"),
    [
        (None, (), "No such file or directory; give a file of --gate-history"),
        ("not JSON\n", (), "is not a history; give a file of --gate-history"),
        ("", (), "has no verdict of the last 30d; give a longer --last"),
        ("", ("--last", "soon"), "'soon' is not a duration"),
    ],
)
def test_what_cannot_be_shown_is_said_in_one_line(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    content: str | None,
    arguments: tuple[str, ...],
    complaint: str,
) -> None:
    path = tmp_path / "history.jsonl"
    if content is not None:
        path.write_text(content)
    assert main(["history", str(path), *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert complaint in line
