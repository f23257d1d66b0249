"""Why a phase of a test failed, in the gate's words: a breach, no data, or an error."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Iterator

import pytest

from pytest_deploygate.core.errors import CheckFailed, GateError, NoDataError
from pytest_deploygate.core.result import Reason, Result
from pytest_deploygate.core.text import printable
from pytest_deploygate.engine.ledger import Failure

_BREACHES = (AssertionError, pytest.fail.Exception, CheckFailed)
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_TIMED_OUT = re.compile(r"\btime[ -]?out\b|\btimed out\b", re.IGNORECASE)
# pytest-check collects failures, and raises one AssertionError with all of them at the end.
_COLLECTED = re.compile(r"^FAILURE: ", re.MULTILINE)
_NUMPY = re.compile(r"\bnp\.(?:float|int|uint)\d+\(([^()]*)\)|\bnp\.(True|False)_")
_SHORT = 200  # characters; more of an assertion's explanation is in the traceback


def without_colour(text: str) -> str:
    """The text without the terminal's codes for colours."""
    return _COLOUR.sub("", text)


def failures_of(
    error: BaseException | None, when: str, redacted: Callable[[str], str]
) -> tuple[Failure, ...]:
    """Why a phase failed: one failure for each exception of a group, and for each failed check.

    Args:
        error: what the phase raised, None if nothing.
        when: the phase; only the call of a test measures something.
        redacted: takes secrets out of a text.
    """
    if error is None or isinstance(error, pytest.skip.Exception):
        return ()
    found = [failure for leaf in leaves(error) for failure in _failures(leaf, when, redacted)]
    return tuple(dict.fromkeys(found))


def leaves(error: BaseException) -> Iterator[BaseException]:
    """The exceptions that a group holds, at any depth; of another exception only itself."""
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from leaves(one)
    else:
        yield error


def unrecorded(error: BaseException, results: list[Result]) -> BaseException | None:
    """What of an exception none of these results says: they are recorded before it is raised."""

    def is_recorded(leaf: BaseException) -> bool:
        judged = leaf.result if isinstance(leaf, CheckFailed) else None
        return judged is not None and any(one is judged for one in results)

    left = [leaf for leaf in leaves(error) if not is_recorded(leaf)]
    if not left:
        return None
    return left[0] if len(left) == 1 else BaseExceptionGroup("failures", left)


def is_timeout(error: BaseException) -> bool:
    """Whether a plugin such as pytest-timeout ended the test: nothing was measured then."""
    if isinstance(error, TimeoutError):
        return True
    return isinstance(error, pytest.fail.Exception) and bool(_TIMED_OUT.search(str(error)))


def _failures(error: BaseException, when: str, redacted: Callable[[str], str]) -> Iterator[Failure]:
    reason = _reason(error, when)
    text = without_colour(_text(error))
    _, *checks = _COLLECTED.split(text) if isinstance(error, AssertionError) else [text]
    for message in map(_collected, checks) if checks else [text]:
        yield reason, printable(redacted(message))


def _reason(error: BaseException, when: str) -> Reason:
    if isinstance(error, NoDataError):
        return Reason.NO_DATA
    if isinstance(error, _BREACHES) and when == "call" and not is_timeout(error):
        return Reason.BREACH
    return Reason.ERROR


def _text(error: BaseException) -> str:
    if isinstance(error, GateError):
        return str(error)
    bare = "".join(traceback.format_exception_only(error)).rstrip()
    if isinstance(error, AssertionError):
        plain = _NUMPY.sub(lambda found: found[1] or found[2], bare)
        return _first_lines(plain.removeprefix("AssertionError: "))
    return bare.removeprefix("Failed: ")


def _first_lines(text: str) -> str:
    """The lines that a person reads; pytest explains arrays and lists on the ones after them."""
    if _COLLECTED.search(text):
        return text
    first, *others = text.strip().splitlines() or [""]
    for line in others:
        if len(first) + len(line) > _SHORT:
            break
        first += f"\n{line}"
    return first


def _collected(text: str) -> str:
    """One failure of pytest-check: its message, without where it was."""
    first, *others = text.strip().splitlines() or [""]
    return f"{first} {others[0]}" if others and others[0].startswith("assert ") else first
