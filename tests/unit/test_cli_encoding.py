"""What a command writes to a file or a pipe is UTF-8, whatever the machine's encoding."""

from __future__ import annotations

import io
import json
import time
from pathlib import Path

import pytest

from pytest_deploygate.cli import main
from pytest_deploygate.core.result import Status
from tests.made import document, report, result


class Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


def written(
    stream: type[io.TextIOWrapper], encoding: str, arguments: list[str], patch: pytest.MonkeyPatch
) -> tuple[int, bytes]:
    buffer = io.BytesIO()
    patch.setattr("sys.stdout", stream(buffer, encoding=encoding, errors="strict"))
    code = main(arguments)
    return code, buffer.getvalue()


@pytest.fixture
def warning(tmp_path: Path) -> str:
    made = result(Status.WARNING, name="주문 ≥", message="값 🟡")
    path = tmp_path / "gate.json"
    now = time.time()
    path.write_text(json.dumps(document(report(made, evaluated_at=now), created=now)))
    return str(path)


@pytest.mark.parametrize("encoding", ["utf-8", "cp949", "cp1252", "ascii", "latin-1", "utf-16"])
def test_the_same_bytes_whatever_the_encoding(
    warning: str, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    verify = ["verify", warning, "--allow-warning"]
    code, text = written(io.TextIOWrapper, encoding, verify, monkeypatch)
    assert (code, text.decode().partition(" (")[0]) == (0, "WARNING: 주문 ≥: 값 🟡")
    pipeline = ["ci", "github", "--env", "프로드"]
    code, text = written(io.TextIOWrapper, encoding, pipeline, monkeypatch)
    assert code == 0
    assert "프로드" in text.decode()


def test_a_terminal_shows_what_it_can(warning: str, monkeypatch: pytest.MonkeyPatch) -> None:
    code, text = written(Terminal, "cp1252", ["verify", warning, "--allow-warning"], monkeypatch)
    assert code == 0
    assert text.startswith(rb"WARNING: \uc8fc\ubb38")
