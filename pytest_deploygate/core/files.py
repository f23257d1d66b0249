"""Files that are complete or do not exist."""

from __future__ import annotations

import os
import signal
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from pytest_deploygate.core.errors import ConfigurationError

_ESCAPED = "backslashreplace"  # UTF-8 has no lone surrogates: one must not lose the whole report
_INTERRUPTING = [
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGALRM")  # the last one ends tests in time
    if hasattr(signal, name)
]


def write_atomically(path: Path, text: str | Iterable[str]) -> None:
    """Write a temporary file beside the target and rename it: no reader sees half a file.

    The text may come in parts. Missing parent directories are made. A link is followed. A device or
    a pipe is written to directly. A signal that arrives meanwhile takes effect when the file is
    complete.

    Raises:
        OSError: the file could not be written; the target is as it was.
    """
    parts = [text] if isinstance(text, str) else text
    if is_stream(path):
        with path.open("a", encoding="utf-8", errors=_ESCAPED) as device:
            device.writelines(parts)
        return
    path = Path(os.path.realpath(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    with _signals_deferred():
        _replace(path, parts)


def _replace(path: Path, parts: Iterable[str]) -> None:
    mode = _mode(path)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors=_ESCAPED, newline="\n") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, mode)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


@contextmanager
def _signals_deferred() -> Iterator[None]:
    """Run the block without an interruption; handle the signals that arrived when it ends.

    ``except`` and ``finally`` are not enough to remove a temporary file: a signal's handler can
    raise between any two instructions, also inside of them. Blocking the signal in this thread is
    not enough either: another thread receives it, and Python calls the handler in the main thread.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # Python calls signal handlers in the main thread only
        return
    found = {number: signal.getsignal(number) for number in _INTERRUPTING}
    handlers = {number: handler for number, handler in found.items() if callable(handler)}
    arrived: list[int] = []

    def defer(number: int, frame: FrameType | None) -> None:
        # Before and after the block some handlers are not replaced, and may raise: then the
        # others stay replaced, and must work as before.
        if all(signal.getsignal(other) is defer for other in handlers):
            arrived.append(number)
        else:
            handlers[number](number, frame)

    try:
        for number in handlers:
            signal.signal(number, defer)
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for number in arrived:
            signal.raise_signal(number)


def discard(path: Path) -> None:
    """Remove the file of an earlier run, which is outdated; a link stays."""
    with suppress(OSError):
        if path.is_file() and not is_stream(path):
            os.unlink(os.path.realpath(path))


def is_stream(path: Path) -> bool:
    """Whether it is a device, a pipe or a stream of the shell: written to, never replaced."""
    opened = str(path).startswith(("/dev/std", "/dev/fd/", "/proc/"))
    return opened or (path.exists() and not path.is_file())


def _mode(path: Path) -> int:
    """The mode that a plain open() would give: mkstemp's 0600 hides a report from other users."""
    try:
        return path.stat().st_mode & 0o777
    except OSError:
        umask = os.umask(0)
        os.umask(umask)
        return 0o666 & ~umask


def refuse_unwritable(origin: str, path: Path) -> None:
    """Check before the run that a report can be written; ``origin`` is the option that wants it.

    Raises:
        ConfigurationError: the file cannot be written.
    """
    try:
        if path.is_dir():
            raise IsADirectoryError(21, "is a directory")
        if not is_stream(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=path.parent):
                pass
        if path.exists() and not os.access(path, os.W_OK):
            raise PermissionError(13, "the file is not writable")
    except OSError as error:
        raise ConfigurationError(
            f"{origin} {path}: cannot be written ({error.strerror}); "
            "give a file in a directory that you may write to"
        ) from None
