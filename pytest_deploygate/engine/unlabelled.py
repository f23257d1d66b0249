"""Metrics that exist, but not with the matchers that narrow a query.

A GPU's exporter knows no application. Without these questions its check would have no data in
silence, or count zero failures where the counter of failures has no such label.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.core.result import Reason, Result, Status
from pytest_deploygate.core.series import InstantQuery, Measurement
from pytest_deploygate.core.text import printable
from pytest_deploygate.engine.outcome import (
    WITHOUT_DATA,
    counts_missing,
    failed_status,
    incomplete_status,
)
from pytest_deploygate.engine.waiving import better
from pytest_deploygate.promql.expressions import string
from pytest_deploygate.promql.narrowing import Matcher, Matchers, escaped
from pytest_deploygate.promql.selectors import selectors

Ask = Callable[[InstantQuery], Measurement]

_NAME = "__name__"


def question(criterion: Criterion, own: Matchers, at: float) -> InstantQuery | None:
    """What to ask besides a criterion's own queries: which of its metrics have the labels.

    None if its query is not narrowed, or names no metric.
    """
    metrics = _metrics(criterion)
    if not metrics or not _wanted(own):
        return None
    labels = ", ".join(_label(name) for name in dict.fromkeys([_NAME, *_wanted(own)]))
    chosen = ",".join(one.expr for one in (_any_of(metrics), *(one.or_missing for one in own)))
    return InstantQuery(f"count by ({labels}) ({{{chosen}}})", at)


def checked(result: Result, criterion: Criterion, own: Matchers, ask: Ask) -> Result:
    """The result; no data, by name, where a metric exists but not with these matchers.

    Args:
        result: of the criterion, without these questions.
        criterion: resolved and narrowed.
        own: what narrows it.
        ask: the source's answer to a query.
    """
    if result.reason not in (Reason.OK, Reason.NO_DATA, Reason.WAIVED):
        return result
    asked = question(criterion, own, result.timestamp)
    if asked is None:
        return result
    found = ask(asked).series
    names = {one.labels.get(_NAME, "") for one in found}
    labelled = {
        one.labels.get(_NAME, "")
        for one in found
        if all(one.labels.get(label) for label in _wanted(own))
    }
    lost = sorted(names - labelled)
    if result.reason is Reason.NO_DATA and result.value is None:
        lost = lost or _elsewhere(criterion, labelled, result.timestamp, ask)
        return _without_data(result, criterion, lost, own) if lost else result
    return _incomplete(result, criterion, lost, own) if lost else result


def _elsewhere(criterion: Criterion, labelled: set[str], at: float, ask: Ask) -> list[str]:
    """The metrics that exist only for other applications."""
    absent = [name for name in _metrics(criterion) if name not in labelled]
    if not absent:
        return []
    expr = f"count by ({_NAME}) ({{{_any_of(absent).expr}}})"
    return sorted(one.labels.get(_NAME, "") for one in ask(InstantQuery(expr, at)).series)


def why_nothing(own: Matchers, origin: str, at: float, ask: Ask) -> str:
    """Which of the matchers no series has, or that none has all of them; empty if one has."""
    for one in own:
        # A selector that would match everything is not valid PromQL.
        if not one.takes_missing and not _exists((one,), at, ask):
            return f"no series has {printable(one.wording)}: check {origin}"
    if _exists(own, at, ask):
        return ""
    return f"no series has {_wording(own)} together: check {origin}"


def _exists(own: Iterable[Matcher], at: float, ask: Ask) -> bool:
    return bool(ask(InstantQuery(exist_together(own), at)).series)


def exist_together(own: Iterable[Matcher]) -> str:
    """PromQL that has an answer while any series has all of these matchers."""
    some = Matcher(_NAME, "!=", "")
    chosen = ",".join(one.expr for one in (some, *own))
    return f"count({{{chosen}}})"


def _metrics(criterion: Criterion) -> list[str]:
    return list(dict.fromkeys(one.metric for one in selectors(criterion.query) or ()))


def _any_of(metrics: Sequence[str]) -> Matcher:
    return Matcher(_NAME, "=~", "|".join(escaped(name) for name in metrics))


def _wanted(own: Matchers) -> list[str]:
    """The labels that a series must have to be selected."""
    return [one.name for one in own if not one.takes_missing]


def _label(name: str) -> str:
    plain = name.isascii() and name.isidentifier()
    return name if plain else string(name)


def _wording(own: Matchers) -> str:
    return printable(", ".join(one.wording for one in own))


def _lost(names: Sequence[str], own: Matchers) -> str:
    exist = "exists" if len(names) == 1 else "exist"
    named = printable(" and ".join(names))
    return f"no data: {named} {exist}, but not with {_wording(own)}"


def _without_data(
    result: Result, criterion: Criterion, lost: Sequence[str], own: Matchers
) -> Result:
    message = f"{_lost(lost, own)}; give this check a select of its own"
    return result._replace(status=WITHOUT_DATA[criterion.policy], message=message)


def _incomplete(result: Result, criterion: Criterion, lost: Sequence[str], own: Matchers) -> Result:
    if not counts_missing(criterion):
        return result
    message = f"{_lost(lost, own)}; the rest: {result.message}"
    status = incomplete_status(criterion)
    if result.status is Status.WAIVED:  # what is waived would have been this bad, and not worse
        status = better(status, failed_status(criterion.level))
    return result._replace(status=status, reason=Reason.NO_DATA, message=message)
