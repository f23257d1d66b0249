"""The checks that lie below the arguments of a run and that pytest did not collect."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from fnmatch import fnmatch
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pytest

from pytest_deploygate.plugin.definitions import Definition, Patterns, definitions

_NEVER_SEARCHED = (
    *("*.egg", ".*", "_darcs", "build", "CVS", "dist", "node_modules", "venv", "{arch}"),
    "__pycache__",
)
"""pytest's defaults of norecursedirs, and bytecode."""
_ENVIRONMENTS = ("pyvenv.cfg", "conda-meta")
_MOST_LISTED = 10
_EMPTY_SET = "got empty parameter set"


class Argument(NamedTuple):
    """One argument of the command line, as pytest finds it."""

    text: str
    path: Path
    by_name: bool

    @property
    def is_one_test(self) -> bool:
        """Whether it names less than a file."""
        return "::" in self.text


def _argument(config: pytest.Config, text: str) -> Argument:
    name = text.partition("::")[0]
    found = _module(name) if config.option.pyargs else None
    path = found or config.invocation_params.dir / name
    return Argument(text, _real(path), found is not None)


def _module(name: str) -> Path | None:
    try:
        spec = find_spec(name)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    where = list(spec.submodule_search_locations or ()) or [spec.origin or ""]
    return Path(where[0]) if where[0] and os.path.exists(where[0]) else None


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


class Collection:
    """What is collected, to be held against what there is.

    Make it before the collection, which may change what can be imported.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._here = config.invocation_params.dir
        self._arguments = [_argument(config, text) for text in config.args]
        self._patterns = Patterns(
            files=tuple(config.getini("python_files")),
            classes=tuple(config.getini("python_classes")),
            functions=tuple(config.getini("python_functions")),
        )
        self._ignored: set[Path] = set()
        self._reported: set[Path] = set()

    def ignored(self, path: Path) -> None:
        """Pytest passes this file or directory over."""
        self._ignored.add(_real(path))

    def reported(self, path: Path) -> None:
        """This module could not be collected, or was skipped as a whole: that is reported."""
        self._reported.add(_real(path))

    def without_checks(self, items: Sequence[pytest.Item]) -> list[str]:
        """The arguments of which nothing was collected, as they were given."""
        # Thousands of tests are in a few files.
        files = {_real(path) for path in {item.path for item in items}} | self._reported
        return [
            one.text
            for one in self._arguments
            # An ordinary run without arguments has this one.
            if one.path != _real(self._here)
            if not any(path.is_relative_to(one.path) for path in files)
        ]

    def left_out(self, items: Sequence[pytest.Item]) -> list[str]:
        """Why checks that are defined below the arguments are not among these tests."""
        collected = _Collected(items)
        found = [*_empty_sets(items), *self._shadowed(collected)]
        for path in self._files():
            found += self._missing(path, collected)
        more = len(found) - _MOST_LISTED
        return [*found[:_MOST_LISTED], *([f"and {more} more"] if more > 0 else [])]

    def _files(self) -> Iterator[Path]:
        named = [one.path for one in self._arguments if not one.is_one_test]
        return iter(dict.fromkeys(path for root in named for path in _python_files(root)))

    def _missing(self, path: Path, collected: _Collected) -> Iterator[str]:
        if path in self._reported:
            return
        found = self._checks(path, as_test=path in collected.files)
        lines = {one.line for one in found}
        missing = [one for one in found if not collected.has(path, one, lines)]
        if missing and path not in collected.files and (why := self._why_no_file(path)):
            yield f"{self._shown(path)} {why}"
            return
        for one in missing:
            yield f"{self._shown(path)}: {one.name} {self._why_not(path, one, collected)}"

    def _checks(self, path: Path, *, as_test: bool = False) -> list[Definition]:
        """What a file defines and should be collected; of another than a test file, what asks."""
        as_test = as_test or self._is_test_file(path)
        return [one for one in _definitions(path) if self._is_check(one, as_test=as_test)]

    def _is_check(self, one: Definition, *, as_test: bool) -> bool:
        named = one.is_named(("test", *self._patterns.functions))
        if one.marked or (named and one.within_marked):
            return True
        return as_test and ((named and one.uses_gate) or one.is_test(self._patterns))

    def _is_test_file(self, path: Path) -> bool:
        return any(
            fnmatch(str(path), f"*/{one}") if "/" in one else fnmatch(path.name, one)
            for one in self._patterns.files
        )

    def _why_no_file(self, path: Path) -> str:
        ignored = next((one for one in (path, *path.parents) if one in self._ignored), None)
        if ignored is not None:
            return f"is ignored by {self._what_ignores(ignored)}"
        return "" if self._is_test_file(path) else "has checks, but matches none of python_files"

    def _what_ignores(self, path: Path) -> str:
        option, here = self._config.option, self._here
        if any(_real(here / one) == path for one in option.ignore or ()):
            return "--ignore"
        if any(fnmatch(str(path), str(here / one)) for one in option.ignore_glob or ()):
            return "--ignore-glob"
        if any(fnmatch(path.name, one) for one in self._config.getini("norecursedirs")):
            return "norecursedirs"
        return "collect_ignore or a plugin"

    def _why_not(self, path: Path, one: Definition, collected: _Collected) -> str:
        if one.hidden or (path, one.name) in collected.lines:
            return "is hidden by a second definition of its name"
        if one.built:
            return "is in a class with an __init__, which pytest does not collect"
        if not one.is_named(self._patterns.functions):
            return "is a check, but matches none of python_functions"
        if not one.is_test(self._patterns):
            return "is a check in a class that matches none of python_classes"
        return "was not collected"

    def _shadowed(self, collected: _Collected) -> Iterator[str]:
        """Packages and modules that another one of their name hides from ``--pyargs``."""
        named = [one.path for one in self._arguments]
        for one in self._arguments:
            for other in self._namesakes(one) if one.by_name else ():
                covered = any(other.is_relative_to(path) for path in named)
                covered = covered or any(path.is_relative_to(other) for path in collected.files)
                if not covered and any(map(self._checks, _python_files(other))):
                    yield (
                        f"{self._shown(other)} was not run, only {self._shown(one.path)} of the "
                        f"same name: name the directory too, or give it another name"
                    )

    def _namesakes(self, argument: Argument) -> list[Path]:
        name = argument.text.partition("::")[0].replace(".", "/")
        roots = (*map(Path, sys.path), self._here, self._config.rootpath)
        places = [root / f"{name}{suffix}" for root in roots for suffix in ("", ".py")]
        found = dict.fromkeys(_real(place) for place in places if place.exists())
        return [path for path in found if path != argument.path]

    def _shown(self, path: Path) -> str:
        shown = os.path.relpath(path, self._here)
        return str(path) if shown.startswith("..") else shown


class _Collected:
    """Where the code of the collected tests stands.

    A test is found by its code, as its class or module may have inherited or imported it, or by
    its name, as a decorator may hide its code.
    """

    def __init__(self, items: Iterable[pytest.Item]) -> None:
        self.files: set[Path] = set()
        self.lines: dict[tuple[Path, str], int] = {}
        self._code: set[tuple[Path, int]] = set()
        for path, name, function in {_place(item): None for item in items}:
            self.files.add(_real(path))
            code = getattr(inspect.unwrap(function), "__code__", None) if function else None
            if code is not None:
                self._code.add((_real(Path(code.co_filename)), code.co_firstlineno))
            self.lines[_real(path), name] = code.co_firstlineno if code else 0

    def has(self, path: Path, one: Definition, lines: Container[int]) -> bool:
        """Whether a definition was collected, or was not meant for this run.

        Args:
            path: of its file.
            one: the definition.
            lines: of all definitions in the file.
        """
        if (path, one.line) in self._code:
            return True
        line = self.lines.get((path, one.name))
        if one.guarded:
            return not (one.hidden and line)
        return not one.hidden and line is not None and line not in lines


def _place(item: pytest.Item) -> tuple[Path, str, Callable[..., object] | None]:
    classes = [node.name for node in item.listchain() if isinstance(node, pytest.Class)]
    name = getattr(item, "originalname", None) or item.name
    return item.path, ".".join([*classes, name]), getattr(item, "function", None)


def _empty_sets(items: Iterable[pytest.Item]) -> Iterator[str]:
    for item in items:
        reasons = (str(mark.kwargs.get("reason", "")) for mark in item.own_markers)
        if any(reason.startswith(_EMPTY_SET) for reason in reasons):
            yield f"{item.nodeid.partition('[')[0]}: its parameter set is empty"


def _python_files(root: Path) -> Iterator[Path]:
    """Every Python file below a directory, or the file itself."""
    if root.is_file():
        yield from [root] if root.suffix == ".py" else []
        return
    seen: set[str] = set()  # pytest follows links, which may lead in a circle
    for name, directories, files in os.walk(root, followlinks=True):
        directories[:] = sorted(one for one in directories if _is_searched(name, one, seen))
        yield from (_real(Path(name, one)) for one in sorted(files) if one.endswith(".py"))


def _is_searched(parent: str, name: str, seen: set[str]) -> bool:
    path = os.path.realpath(os.path.join(parent, name))
    if path in seen or any(fnmatch(name, one) for one in _NEVER_SEARCHED):
        return False
    seen.add(path)
    return not any(os.path.exists(os.path.join(path, one)) for one in _ENVIRONMENTS)


def _definitions(path: Path) -> list[Definition]:
    try:
        return definitions(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return []  # pytest reports what it cannot import
