"""The test functions that a file defines, read without importing it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatch
from typing import NamedTuple

_MARKS = ("mark.critical", "mark.warning")
_Function = ast.FunctionDef | ast.AsyncFunctionDef


class Patterns(NamedTuple):
    """pytest's settings of what is a test, by name."""

    files: tuple[str, ...]
    classes: tuple[str, ...]
    functions: tuple[str, ...]


class Definition(NamedTuple):
    """A function that is a test, or would be one under another name.

    Attributes:
        name: with its classes before it, such as ``TestOrders.test_flow``.
        line: the first line of its code object: that of its first decorator, if it has one.
        marked: whether it is marked critical or warning itself, or has criteria.
        within_marked: whether its class or module is marked, helpers of the tests included.
        uses_gate: whether ``gate`` is a parameter.
        hidden: whether something below has the same name, so that this one is gone.
        guarded: whether it stands below an ``if`` or the like, and may not be meant for this run.
        built: whether its class has an ``__init__``, for which pytest passes it over.
        unittest: whether its class is one of unittest's, whatever its name is.
    """

    name: str
    line: int
    marked: bool
    within_marked: bool
    uses_gate: bool
    hidden: bool
    guarded: bool
    built: bool
    unittest: bool

    @property
    def classes(self) -> list[str]:
        """The names of the classes around it."""
        return self.name.split(".")[:-1]

    def is_test(self, patterns: Patterns) -> bool:
        """Whether it is named as a test, and so are its classes."""
        return self.is_named(patterns.functions) and (
            self.unittest or all(matches(name, patterns.classes) for name in self.classes)
        )

    def is_named(self, functions: Iterable[str]) -> bool:
        """Whether the function itself is named as a test."""
        return matches(self.name.rpartition(".")[2], functions)


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Whether a name of a function or class matches, by pytest's rules: a prefix, or a glob."""
    return any(name.startswith(one) or (_is_glob(one) and fnmatch(name, one)) for one in patterns)


def _is_glob(pattern: str) -> bool:
    return any(character in pattern for character in "*?[")


def definitions(text: bytes) -> list[Definition]:
    """Every function of a module and its classes that is not a fixture.

    Raises:
        SyntaxError: it is not Python.
        ValueError: the same, for a text with null bytes.
    """
    tree = ast.parse(text)
    names = _aliases(tree)
    outer = _Outer(names, marked=_marks_all(tree.body, names))
    return list(_found(tree.body, outer))


class _Outer(NamedTuple):
    """What the blocks around a definition say of it."""

    names: Mapping[str, str]
    prefix: str = ""
    marked: bool = False
    hidden: bool = False
    guarded: bool = False
    built: bool = False
    unittest: bool = False


def _found(body: list[ast.stmt], outer: _Outer) -> Iterator[Definition]:
    last = {name: place for place, node in enumerate(body) for name in _bound(node)}
    for place, node in enumerate(body):
        if isinstance(node, _Function):
            if not _is_fixture(node, outer.names):
                yield _definition(node, outer, hidden=last.get(node.name, place) > place)
        elif isinstance(node, ast.ClassDef):
            hidden = last.get(node.name, place) > place
            yield from _found(node.body, _inside(node, outer, hidden=hidden))
        else:
            for block, guarded in _blocks(node):
                yield from _found(block, outer._replace(guarded=outer.guarded or guarded))


def _definition(node: _Function, outer: _Outer, *, hidden: bool) -> Definition:
    arguments = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
    return Definition(
        name=outer.prefix + node.name,
        line=min(one.lineno for one in (*node.decorator_list, node)),
        marked=_is_marked(node.decorator_list, outer.names),
        within_marked=outer.marked,
        uses_gate=any(one.arg == "gate" for one in arguments),
        hidden=hidden or outer.hidden,
        guarded=outer.guarded,
        built=outer.built,
        unittest=outer.unittest,
    )


def _inside(node: ast.ClassDef, outer: _Outer, *, hidden: bool) -> _Outer:
    own = {one.name for one in node.body if isinstance(one, _Function)}
    marked = _is_marked(node.decorator_list, outer.names) or _marks_all(node.body, outer.names)
    bases = [_dotted(one, outer.names) for one in node.bases]
    return outer._replace(
        prefix=f"{outer.prefix}{node.name}.",
        marked=outer.marked or marked,
        hidden=outer.hidden or hidden,
        built=outer.built or bool(own & {"__init__", "__new__"}),
        unittest=any(one.endswith("TestCase") for one in bases),
    )


def _blocks(node: ast.stmt) -> Iterator[tuple[list[ast.stmt], bool]]:
    """The blocks of a compound statement, and whether they may not be run."""
    guarded = not isinstance(node, ast.With)
    for name in ("body", "orelse", "finalbody"):
        yield getattr(node, name, []), guarded
    for handler in getattr(node, "handlers", ()):
        yield handler.body, guarded


def _bound(node: ast.stmt) -> Iterator[str]:
    """The names that a statement gives to something that has nothing to do with their old value."""
    if isinstance(node, _Function | ast.ClassDef):
        if not any(_mentions(one, node.name) for one in node.decorator_list):
            yield node.name
    elif isinstance(node, ast.Assign):
        names = (one.id for one in node.targets if isinstance(one, ast.Name))
        yield from (name for name in names if not _mentions(node.value, name))
    elif isinstance(node, ast.Import | ast.ImportFrom):
        yield from ((one.asname or one.name).partition(".")[0] for one in node.names)


def _mentions(node: ast.expr, name: str) -> bool:
    return any(isinstance(one, ast.Name) and one.id == name for one in ast.walk(node))


def _aliases(tree: ast.Module) -> dict[str, str]:
    """What names of the module stand for, as far as it may be a mark or gate_criteria."""
    names: dict[str, str] = {}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            names |= {one.asname or one.name: f"{node.module}.{one.name}" for one in node.names}
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            names[node.targets[0].id] = _dotted(node.value, names)
    return names


def _marks_all(body: list[ast.stmt], names: Mapping[str, str]) -> bool:
    """Whether ``pytestmark`` of a module or class marks all that is in it."""
    for node in body:
        if isinstance(node, ast.Assign) and any(_is_pytestmark(one) for one in node.targets):
            given = node.value
            marks = given.elts if isinstance(given, ast.List | ast.Tuple) else [given]
            return _is_marked(marks, names)
    return False


def _is_pytestmark(target: ast.expr) -> bool:
    return isinstance(target, ast.Name) and target.id == "pytestmark"


def _is_fixture(node: _Function, names: Mapping[str, str]) -> bool:
    return any(_dotted(one, names).endswith("fixture") for one in node.decorator_list)


def _is_marked(decorators: Iterable[ast.expr], names: Mapping[str, str]) -> bool:
    found = [_dotted(one, names) for one in decorators]
    return any(one.endswith((*_MARKS, "gate_criteria")) for one in found)


def _dotted(node: ast.expr, names: Mapping[str, str]) -> str:
    """``pytest.mark.critical`` for the expression, called or not; empty for another one."""
    if isinstance(node, ast.Call):
        return _dotted(node.func, names)
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value, names)}.{node.attr}"
    return names.get(node.id, node.id) if isinstance(node, ast.Name) else ""
