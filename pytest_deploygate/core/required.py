"""Checks that must be there and measured, by patterns of their ids."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pytest_deploygate.core.errors import did_you_mean
from pytest_deploygate.core.patterns import matches

_MOST_IDS = 30  # more would bury the complaint


class Measured(NamedTuple):
    """A check as far as it matters here: its id, whether it was measured, and its message."""

    id: str
    measured: bool
    message: str


def unmet(patterns: Iterable[str], checks: Sequence[Measured]) -> tuple[list[str], list[str]]:
    """What is wrong with the required checks.

    Args:
        patterns: ids, in which ``*`` and ``?`` stand for anything.
        checks: all checks of a run.

    Returns:
        A complaint for each pattern that matches none, and one for each check without a value.
    """
    absent, unmeasured = [], []
    ids = [check.id for check in checks]
    for pattern in dict.fromkeys(patterns):
        found = [check for check in checks if matches(check.id, pattern)]
        if not found:
            few = len(ids) <= _MOST_IDS
            hint = did_you_mean(pattern, ids) if few else f"none of {len(ids)} matches"
            absent.append(f"the required check {pattern!r} is not among the checks, {hint}")
        unmeasured += [
            f"the required check {check.id!r} was not measured: {check.message}"
            for check in found
            if not check.measured
        ]
    return absent, list(dict.fromkeys(unmeasured))
