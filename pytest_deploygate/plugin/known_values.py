"""What pytest works out anew for each of thousands of tests, although it is known.

A test that has an argument already is given it by no fixture, and one that has its location is not
asked for it. Both are a quarter of the time of an empty test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache

import pytest

from pytest_deploygate.plugin.decorator import ARGUMENT

_SILENT = frozenset({"deploygate-cleaning", "fixtures", "setuponly", "setupplan"})
"""The plugins that say nothing of an argument's fixture unless ``--setup-show`` asks."""


def locate(items: Iterable[pytest.Item]) -> None:
    """Give the tests of one function the location of the first; they differ by their names."""
    found: dict[tuple[object, Callable[..., object]], tuple[str, int | None, str]] = {}
    for item in items:
        if type(item) is not pytest.Function:  # another class may say it in its own way
            continue
        key = item.parent, item.function
        if key not in found:
            path, line, name = item.location
            found[key] = path, line, name.removesuffix(item.name)
        path, line, before = found[key]
        vars(item)["location"] = path, line, before + item.name


def are_unseen(config: pytest.Config) -> bool:
    """Whether nobody hears that an argument's fixture is set up: no plugin and no option."""
    hooks = config.hook.pytest_fixture_setup, config.hook.pytest_fixture_post_finalizer
    names = {one.plugin_name for hook in hooks for one in hook.get_hookimpls()}
    return names <= _SILENT and not getattr(config.option, "setupshow", False)


class Arguments:
    """Gives tests the arguments that need no fixture.

    Args:
        gate: what tests are given as ``gate``.
        fixture: the function of the gate's own fixture; a project may have one that wraps it.
    """

    def __init__(self, gate: object, fixture: Callable[[], object]) -> None:
        self._gate = gate
        self._fixture = fixture

    def give(self, item: pytest.Function) -> None:
        """Give a test what its fixtures would; pytest makes only what is not there."""
        if _is_given_to(item.function):
            item.funcargs[ARGUMENT] = item.callspec.params[ARGUMENT]
            item.funcargs["request"] = item._request  # the parameter's fixture takes it
        definitions = item._fixtureinfo.name2fixturedefs.get("gate")
        if definitions and definitions[-1].func is self._fixture:
            item.funcargs["gate"] = self._gate


@lru_cache(maxsize=1)  # the tests of one function follow each other
def _is_given_to(function: Callable[..., object]) -> bool:
    """Whether ``gate_criteria`` names the criterion of the tests of this function.

    A parameter of another origin may be ``indirect``: a fixture makes something of it.
    """
    marks = getattr(function, "pytestmark", ())
    return any(
        one.name == "parametrize" and one.args[:1] == (ARGUMENT,) and not one.kwargs
        for one in marks
    )
