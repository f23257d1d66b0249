"""The answer of a check must be asserted: a function that returns it would pass whatever it is."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import lru_cache, wraps
from types import FunctionType
from typing import Any

import pytest

from pytest_deploygate.core.errors import NotJudgedError

_NOT_AWAITED = (
    "nothing awaited this coroutine: install a plugin such as pytest-asyncio, or write the check "
    "without async"
)


def watched(item: pytest.Item) -> AbstractContextManager[None]:
    """Refuse what the function of this test returns, and a coroutine that nothing awaits.

    Raises:
        NotJudgedError: nothing awaited it.
    """
    if not isinstance(item, pytest.Function):
        return nullcontext()
    function = item.obj
    if isinstance(function, FunctionType) and not inspect.iscoroutinefunction(function):
        return _Replaced(item, function)
    return _watched(item)


class _Replaced:
    """A plain function is replaced by one that may return nothing, for the time of its test."""

    __slots__ = ("_function", "_item")

    def __init__(self, item: pytest.Function, function: FunctionType) -> None:
        self._item = item
        self._function = function

    def __enter__(self) -> None:
        self._item.obj = _kept_returning_nothing(self._function)

    def __exit__(self, *_: object) -> None:
        self._item.obj = self._function


@contextmanager
def _watched(item: pytest.Function) -> Iterator[None]:
    function, watch = item.obj, _Watch()
    item.obj = replacement = watch.around(function)
    # unittest looks a coroutine up on the instance; pytest gives it only other functions.
    instance = item.instance if watch.is_coroutine else None
    if instance is not None:
        setattr(instance, item.originalname, replacement)
    try:
        yield
    except (pytest.skip.Exception, pytest.fail.Exception):
        if watch.missed:  # pytest skips or fails it, as its version is
            raise NotJudgedError(_NOT_AWAITED) from None
        raise
    finally:
        item.obj = function
        if instance is not None:
            delattr(instance, item.originalname)
    if watch.missed:
        raise NotJudgedError(_NOT_AWAITED)


class _Watch:
    """Whether a function is a coroutine, and whether it ever began.

    The warning of pytest about a returned value does not help: ``-W``, ``-p no:warnings`` and the
    mark ``filterwarnings`` silence it. Hence the function itself is replaced.
    """

    def __init__(self) -> None:
        self.is_coroutine = False
        self._begun = False

    @property
    def missed(self) -> bool:
        """Whether the function is a coroutine that was not awaited."""
        return self.is_coroutine and not self._begun

    def around(self, function: Callable[..., Any]) -> Callable[..., None]:
        """The same function, which may return nothing."""
        self.is_coroutine = inspect.iscoroutinefunction(function)
        if not self.is_coroutine:
            return _returning_nothing(function)
        if getattr(function, "__unittest_skip__", False):
            self._begun = True

        @wraps(function)
        async def call_coroutine(*arguments: Any, **keywords: Any) -> None:
            __tracebackhide__ = True
            self._begun = True
            _refuse(await function(*arguments, **keywords))

        return call_coroutine  # type: ignore[return-value]


def _returning_nothing(function: Callable[..., Any]) -> Callable[..., None]:
    @wraps(function)
    def call(*arguments: Any, **keywords: Any) -> None:
        __tracebackhide__ = True
        _refuse(function(*arguments, **keywords))

    return call


# The tests of one function follow each other. A method would keep its instance alive.
_kept_returning_nothing = lru_cache(maxsize=1)(_returning_nothing)


def _refuse(returned: object) -> None:
    __tracebackhide__ = True
    if returned is None:
        return
    if inspect.iscoroutine(returned):
        returned.close()
    if inspect.isawaitable(returned) or hasattr(returned, "__aiter__"):
        raise NotJudgedError(_NOT_AWAITED)
    kind = type(returned).__name__
    raise NotJudgedError(f"the check returned a value ({kind}), which nothing looks at: assert it")
