"""Which configuration file a run reads: where it is looked for, and which others there are."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pytest_deploygate.config.settings import FILE_NAME
from pytest_deploygate.core.errors import ConfigurationError

PROJECT = "pyproject.toml"
_REPOSITORIES = (".git", ".hg", ".svn", ".jj", ".bzr")


class Found(NamedTuple):
    """The configuration file of a run, if there is one, and others that are not read."""

    file: Path | None
    others: tuple[Path, ...] = ()


def find(start: Path, given: Path | None, *, root: Path, named: Iterable[Path]) -> Found:
    """The file that was given, or the nearest from a directory upwards.

    pytest's root directory is not where it is looked for: it moves with ``-c``, ``--rootdir``, a
    ``pytest.ini`` further up, and every argument that is an existing path.

    Args:
        start: the directory in which the command was started.
        given: ``--gate-config``.
        root: pytest's root directory.
        named: the paths on the command line.

    Raises:
        ConfigurationError: there is no file from ``start`` upwards, but one elsewhere.
    """
    own = list(_nearest(start))
    file = given or next(iter(own), None)
    elsewhere = [*own, *_in(root), *(other for path in named for other in _nearest(path))]
    others = tuple(dict.fromkeys(one for one in elsewhere if not _same(one, file)))
    if file is None and others:
        raise ConfigurationError(
            f"{others[0]}: is not read, as {start} and the directories above it have no "
            f"configuration; give --gate-config {others[0]}"
        )
    return Found(file, others)


def _same(one: Path, other: Path | None) -> bool:
    return other is not None and os.path.realpath(one) == os.path.realpath(other)


def _nearest(start: Path) -> Iterator[Path]:
    """The files in the nearest directory that has any, the one that counts first."""
    for directory in _upwards(Path(os.path.abspath(start))):
        found = list(_in(directory))
        if found:
            yield from found
            return


def _upwards(start: Path) -> Iterator[Path]:
    """A directory and those above it: to the root of its repository, else of the file system."""
    for directory in (start, *start.parents):
        yield directory
        if any(os.path.lexists(directory / name) for name in _REPOSITORIES):
            return


def project_of(directory: Path) -> str:
    """A directory's place in its repository, such as ``shop/checkout``, whoever has cloned it.

    Outside a repository it is the directory's name.
    """
    directory = Path(os.path.abspath(directory))
    *_, root = _upwards(directory)
    top = directory if root == root.parent else root
    return (Path(top.name) / directory.relative_to(top)).as_posix()


def _in(directory: Path) -> Iterator[Path]:
    own, project = directory / FILE_NAME, directory / PROJECT
    if os.path.lexists(own):  # a broken link must not be passed over
        yield own
    if project.is_file() and section_of(project) is not None:
        yield project


def section_of(project: Path) -> dict[str, Any] | None:
    """``[tool.deploygate]`` of a ``pyproject.toml``; None if it has none.

    Raises:
        ConfigurationError: it cannot be read.
    """
    try:
        # Most projects have a pyproject.toml that is not about the gate: it is not worth parsing.
        if b"deploygate" not in project.read_bytes():
            return None
    except OSError as error:
        raise ConfigurationError(f"{project}: cannot be read: {error.strerror}") from None
    tool = read(project).get("tool", {})
    section: dict[str, Any] | None = tool.get("deploygate") if isinstance(tool, dict) else None
    return section


def read(path: Path) -> dict[str, Any]:
    """The content of a TOML file.

    Raises:
        ConfigurationError: it cannot be read, or is not TOML.
    """
    import tomllib

    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: is not valid TOML: {error}") from None
