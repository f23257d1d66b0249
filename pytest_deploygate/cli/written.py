"""The file that an option of a command names."""

from __future__ import annotations

from pathlib import Path

from pytest_deploygate.core.errors import ConfigurationError
from pytest_deploygate.core.files import write_atomically


def write_file(option: str, path: Path, text: str) -> None:
    """Write the file whole, or not at all.

    Raises:
        ConfigurationError: it cannot be written.
    """
    try:
        write_atomically(path, text)
    except OSError as error:
        raise ConfigurationError(f"{option} {path}: cannot be written: {error.strerror}") from None
