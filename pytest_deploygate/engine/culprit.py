"""The series behind a failure: what a criterion's finer query says of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.core.errors import SourceError
from pytest_deploygate.core.result import Reason, Result
from pytest_deploygate.core.series import InstantQuery, Measurement, Query, Series
from pytest_deploygate.core.text import labels_text, printable, value_text

Ask = Callable[[Query], Measurement]


def with_culprit(result: Result, criterion: Criterion, ask: Ask) -> Result:
    """The result, with the worst series of the criterion's ``culprit`` if the criterion fails.

    The culprit is asked for at the time of the result. If it cannot be had, the verdict stands.
    """
    named = culprit_of(result, criterion, ask)
    return result._replace(message=f"{result.message}; worst: {named}") if named else result


def question(criterion: Criterion, result: Result) -> InstantQuery | None:
    """What to ask for the culprit of a result; None if there is nothing to ask."""
    if not criterion.culprit.strip() or result.reason not in (Reason.BREACH, Reason.ERROR):
        return None
    if result.value is None:  # nothing was measured
        return None
    return InstantQuery(criterion.culprit.strip(), result.timestamp)


def culprit_of(result: Result, criterion: Criterion, ask: Ask) -> str:
    """The worst series behind a failure, ``9.10 s, instance=app-2``; empty if there is none."""
    asked = question(criterion, result)
    if asked is None:
        return ""
    try:
        found = ask(asked)
    except SourceError as error:
        return f"unknown: {printable(str(error), 120)}"
    worst = _worst(criterion, [one for one in found.series if _agrees(one.labels, result.labels)])
    return _named(criterion, worst, result) if worst else ""


def _agrees(labels: Mapping[str, str], failed: Mapping[str, str]) -> bool:
    return all(labels[name] == text for name, text in failed.items() if name in labels)


def _worst(criterion: Criterion, series: Sequence[Series]) -> Series | None:
    numbers = [one for one in series if not math.isnan(one.value)]
    if not numbers:
        return None

    def badness(one: Series) -> tuple[float, list[tuple[str, str]]]:
        bad = criterion.comparison.badness(one.value, criterion.limit)
        return bad, sorted(one.labels.items())

    return max(numbers, key=badness)


def _named(criterion: Criterion, worst: Series, result: Result) -> str:
    """``9.10 s, instance=app-2``: only the labels that the failure does not have."""
    finer = {name: text for name, text in worst.labels.items() if name not in result.labels}
    value, labels = value_text(worst.value, criterion.unit), printable(labels_text(finer))
    return f"{value}, {labels}" if labels else value
