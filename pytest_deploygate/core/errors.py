"""The exceptions of the gate.

GateError                    everything below
├── ConfigurationError       what the user gave cannot be used: exit 4, if it shows before the run
├── SourceError              the source could not answer: the check's reason is ``error``
│   ├── TransientError       the same, and asking again may help
│   └── TooMuchError         the same, and asking for less at once may help
├── NoDataError              the source answered, with nothing
├── NotJudgedError           a test ended without judging its criterion
├── CheckFailed              a criterion was judged and did not pass
└── ActionError              an action could not be carried out: reported, the verdict stays
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_deploygate.core.result import Result


class GateError(Exception):
    """Base class of everything that the gate raises on purpose."""


class ConfigurationError(GateError, ValueError):
    """What was given cannot be used; the message says what is allowed and what to do."""


class SourceError(GateError):
    """The source of measurements could not answer a query."""


class TransientError(SourceError):
    """The source could not answer now; ``retry_after`` is its own word on when, in seconds."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class TooMuchError(SourceError):
    """The source could not execute the query, or its answer is too large.

    It may answer for fewer times: one time at which labels do not match fails a whole range.
    """


class NoDataError(GateError):
    """The source answered, but with no sample."""


class NotJudgedError(GateError):
    """A test ended without judging the criterion that is its parameter."""


class CheckFailed(GateError):
    """A criterion was judged and did not pass; ``result`` is recorded before this is raised."""

    def __init__(self, message: str, result: Result | None = None) -> None:
        super().__init__(message)
        self.result = result


class ActionError(GateError):
    """An action could not be carried out; the message says why, its first line in short."""


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """End a message about an unknown name: the nearest known one, or all of them."""
    names = sorted(known)
    near = difflib.get_close_matches(given, names, n=1, cutoff=0.5)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"known: {', '.join(names)}" if names else "none is known"
