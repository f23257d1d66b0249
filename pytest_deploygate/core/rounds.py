"""What the rounds of a watch or of a wait were, for reports."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from pytest_deploygate.core.verdict import Verdict


class Mode(StrEnum):
    """Why a gate judges more than once."""

    WATCH = "watch"
    WAIT = "wait"


class Round(NamedTuple):
    """One judgement of all checks: the evaluation time in Unix seconds, and its verdict."""

    at: float
    verdict: Verdict


class Watched(NamedTuple):
    """What was planned for a watch or a wait, and what became of it.

    Attributes:
        mode: a watch or a wait.
        length: the planned time in seconds, without the rounds that a watch adds.
        outcome: how it ended, in a few words.
        dropped: how many rounds would have begun before the one before them ended.
        blind: why a watch ended although no check is NO-GO; else empty.
        unsteady: why it ended without GO although no check stands in its way; else empty.
    """

    mode: Mode
    length: float
    outcome: str = ""
    dropped: int = 0
    blind: str = ""
    unsteady: str = ""
