"""The history of a gate: whole lines, whoever writes at the same time."""

from __future__ import annotations

import json
import multiprocessing
from pathlib import Path

from pytest_deploygate.core.result import Status
from pytest_deploygate.reports.history.file import HistoryFile, append, entry
from tests.made import FAILED, report, result


def test_an_entry_says_what_failed_and_why() -> None:
    made = report(result(), result(id="slow", message="p95 3 s", **FAILED), environment="prod")
    line = entry(made)
    assert (line["verdict"], line["environment"], line["checks"]) == ("NO_GO", "prod", 2)
    (failed,) = line["failed"]
    assert (failed["id"], failed["status"], failed["reason"]) == ("slow", "NO_GO", "breach")
    assert failed["message"] == "p95 3 s"


def test_lines_are_appended_and_a_torn_one_is_ended(tmp_path: Path) -> None:
    path = tmp_path / "new" / "history.jsonl"
    file = HistoryFile(path)
    assert file.write(report(result())) == ""
    with path.open("a") as torn:
        torn.write('{"time": "20')
    assert file.write(report(result(Status.NO_GO))) == ""
    first, second, third = path.read_text().splitlines()
    assert json.loads(first)["verdict"] == "GO"
    assert second == '{"time": "20'
    assert json.loads(third)["verdict"] == "NO_GO"


def test_a_file_that_cannot_be_written_is_a_notice(tmp_path: Path) -> None:
    assert "could not be written" in HistoryFile(tmp_path).write(report(result()))


def _write(path: Path, name: str) -> None:
    for _ in range(50):
        append(path, json.dumps([name] * 2_000).encode() + b"\n")


def test_several_processes_append_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_write, args=(path, name)) for name in "abc"]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(lines) == 150
    assert all(len(set(line)) == 1 and len(line) == 2_000 for line in lines)
