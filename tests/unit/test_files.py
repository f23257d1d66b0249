"""Files are complete or do not exist."""

from __future__ import annotations

import os
import signal
import stat
import sys
import tempfile
import threading
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import pytest

from pytest_deploygate.core import files
from pytest_deploygate.core.errors import ConfigurationError
from pytest_deploygate.core.files import discard, refuse_unwritable, write_atomically


def test_a_file_and_its_directories_are_made(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "gate.json"
    write_atomically(path, "텍스트\n")
    assert path.read_bytes() == "텍스트\n".encode()
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_cannot_be_replaced_stays_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "gate.json"
    path.write_text("old")

    def fail(source: str, target: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_mode_is_that_of_any_file(tmp_path: Path) -> None:
    plain, kept = tmp_path / "plain", tmp_path / "kept"
    (tmp_path / "any").touch()
    kept.touch(0o600)
    for path in (plain, kept):
        write_atomically(path, "x")
    assert plain.stat().st_mode == (tmp_path / "any").stat().st_mode
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_a_link_is_followed(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    link.symlink_to(target)
    write_atomically(link, "x")
    assert link.is_symlink()
    assert target.read_text() == "x"


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=write_atomically, args=(pipe, "x"))
    writer.start()
    assert pipe.read_text() == "x"
    writer.join()
    assert pipe.is_fifo()


def test_a_file_in_shared_memory_is_a_file() -> None:
    path = Path("/dev/shm") / f"deploygate-{os.getpid()}"
    try:
        write_atomically(path, "long")
        write_atomically(path, "x")
        assert path.read_text() == "x"
    finally:
        discard(path)


def test_a_lone_surrogate_does_not_cost_the_file(tmp_path: Path) -> None:
    write_atomically(tmp_path / "x", "a\ud800b")
    assert (tmp_path / "x").read_text() == r"a\ud800b"


def test_only_files_are_discarded(tmp_path: Path) -> None:
    file, directory = tmp_path / "file", tmp_path / "directory"
    file.touch()
    directory.mkdir()
    for path in (file, directory, tmp_path / "nothing", Path("/dev/null")):
        discard(path)
    assert list(tmp_path.iterdir()) == [directory]
    assert Path("/dev/null").exists()


def test_what_cannot_be_written_is_refused_before_the_run(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path, text in [
        (tmp_path, "is a directory"),
        (tmp_path / "file" / "x", "Not a directory|File exists"),
        (tmp_path / ("x" * 300) / "x", "File name too long"),
    ]:
        with pytest.raises(ConfigurationError, match=rf"--gate-json .*\(({text})\); give a file"):
            refuse_unwritable("--gate-json", path)
    for path in (tmp_path / "file", tmp_path / "new" / "x", Path("/dev/stdout"), Path("/dev/null")):
        refuse_unwritable("--gate-json", path)


class Interrupted(NamedTuple):
    """How a write went that was interrupted, and after how many steps it ended."""

    raised: bool
    steps: int


def interrupted(path: Path, first: int, last: int) -> Interrupted:
    """Write with SIGINT at each of these steps, counted from 1.

    A step is an instruction of files.py, or a line of the standard library's temporary files.
    """
    steps, before = 0, sys.gettrace()

    def step(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal steps
        if frame.f_code.co_filename not in (files.__file__, tempfile.__file__):
            return None
        frame.f_trace_opcodes = frame.f_code.co_filename == files.__file__
        if event == ("opcode" if frame.f_trace_opcodes else "line"):
            steps += 1
            if first <= steps <= last:
                signal.raise_signal(signal.SIGINT)
        return step

    sys.settrace(step)
    try:
        write_atomically(path, "new")
    except KeyboardInterrupt:
        return Interrupted(True, steps)
    finally:
        sys.settrace(before)
    return Interrupted(False, steps)


@pytest.mark.parametrize("more", [0, 1_000_000], ids=["once", "again and again"])
def test_an_interrupt_at_any_step_leaves_the_old_file_or_the_new_one(
    more: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "gate.json"
    handler = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(os, "fsync", lambda number: None)  # hundreds of writes
    left = []
    for first in count(1):
        path.write_text("old")
        how = interrupted(path, first, first + more)
        assert list(tmp_path.iterdir()) == [path]
        assert signal.getsignal(signal.SIGINT) is handler
        if how.steps < first:
            break
        assert how.raised
        left.append(path.read_text())
    assert left == sorted(left, reverse=True)
    assert left.count("old") > 50
    assert left.count("new") > 50
    assert (how.raised, path.read_text()) == (False, "new")


def test_a_file_that_cannot_be_replaced_is_removed_in_spite_of_an_interrupt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(source: str, target: str) -> None:
        signal.raise_signal(signal.SIGINT)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "gate.json", "new")
    assert list(tmp_path.iterdir()) == []


def test_a_handler_that_another_one_kept_from_being_put_back_still_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    received = []
    first, second = signal.SIGINT, signal.SIGALRM

    def put_back(number: int, handler: Any) -> Any:
        done = original(number, handler)
        if number == first and handler is before:
            signal.raise_signal(first)
        return done

    original, before = signal.signal, signal.getsignal(first)
    restored = signal.signal(second, lambda number, _: received.append(number))
    try:
        monkeypatch.setattr(signal, "signal", put_back)
        with pytest.raises(KeyboardInterrupt):
            write_atomically(tmp_path / "gate.json", "new")
        signal.raise_signal(second)
    finally:
        original(second, restored)
    assert received == [second]
