"""The directory of a project: files that are not there yet, all of them or none."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from pytest_deploygate.config.finding import find
from pytest_deploygate.core.errors import ConfigurationError

CHECKS = "gate_checks"


def refuse_existing(directory: Path) -> None:
    """Check that a project has no checks and no configuration.

    Raises:
        ConfigurationError: it has, or there is no such directory; the message names the file.
    """
    if not directory.is_dir():
        raise ConfigurationError(f"--directory {directory}: is not a directory; make it first")
    checks = directory / CHECKS
    if os.path.lexists(checks):
        raise ConfigurationError(f"{checks}: exists; nothing was written")
    configuration = find(directory, None, root=directory, named=()).file
    if configuration is not None:
        # Further up too: a nearer file would hide its freezes, waivers and required checks.
        raise ConfigurationError(
            f"{configuration}: is the configuration here already; nothing was written"
        )


def write_all(directory: Path, texts: Mapping[str, str]) -> None:
    """Write new files, by their paths in the directory.

    Raises:
        ConfigurationError: one exists or cannot be written; none is left then.
    """
    written: list[Path] = []
    path = directory
    try:
        for name, text in texts.items():
            path = directory / name
            path.parent.mkdir(exist_ok=True)
            with path.open("x", encoding="utf-8", newline="\n") as file:
                written.append(path)
                file.write(text)
    except BaseException as error:
        _remove(written)
        if isinstance(error, OSError):
            raise ConfigurationError(f"{path}: cannot be written: {error.strerror}") from None
        raise


def _remove(written: list[Path]) -> None:
    for path in written:
        path.unlink(missing_ok=True)
    for directory in {path.parent for path in written if path.parent.name == CHECKS}:
        with suppress(OSError):  # somebody else has put something there
            directory.rmdir()
