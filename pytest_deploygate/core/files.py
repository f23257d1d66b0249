"""Files that are whole or not there at all."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from pytest_deploygate.core.errors import ConfigurationError

_ESCAPED = "backslashreplace"  # a lone surrogate must not cost the whole report


def write_atomically(path: Path, text: str) -> None:
    """Write beside the target and rename, so that a reader never sees half a file.

    Parent directories are made; a link is followed, a device or a pipe is written to directly.
    Raises OSError when the file cannot be written.
    """
    if is_stream(path):
        with path.open("a", encoding="utf-8", errors=_ESCAPED) as device:
            device.write(text)
        return
    path = Path(os.path.realpath(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = _mode(path)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors=_ESCAPED, newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, mode)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def discard(path: Path) -> None:
    """Remove what an earlier run wrote, as it is not true any more; a link stays."""
    with suppress(OSError):
        if path.is_file() and not is_stream(path):
            os.unlink(os.path.realpath(path))


def is_stream(path: Path) -> bool:
    """A device, a pipe, or what the shell opened: it cannot be replaced, only written to."""
    opened = str(path).startswith(("/dev/std", "/dev/fd/", "/proc/"))
    return opened or (path.exists() and not path.is_file())


def _mode(path: Path) -> int:
    """The mode that a plain open() would have given: a report is read by other users too."""
    try:
        return path.stat().st_mode & 0o777
    except OSError:
        umask = os.umask(0)
        os.umask(umask)
        return 0o666 & ~umask


def refuse_unwritable(origin: str, path: Path) -> None:
    """Find out before the run whether a report can be written; ``origin`` is what asks for it.

    Raises:
        ConfigurationError: it cannot.
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
