"""PromQL for the value and the state of a criterion, and for the state of the whole gate.

A state that is NaN is not counted, because ``min()`` and ``max()`` ignore NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from pytest_deploygate.cli.exports import wording
from pytest_deploygate.cli.exports.forms import form_of
from pytest_deploygate.core.criterion import Comparison, Criterion, NoData
from pytest_deploygate.core.result import Status
from pytest_deploygate.core.severity import Severity
from pytest_deploygate.core.verdict import gives_sight
from pytest_deploygate.engine.outcome import without_data
from pytest_deploygate.promql.expressions import (
    Expressions,
    call,
    commented,
    grouped,
    labelled,
    literal,
    operand,
    otherwise,
)

STATES: Mapping[Status, float] = {
    Status.GO: 1.0,
    Status.WARNING: 0.5,
    Status.NO_GO: 0.0,
    Status.SKIPPED: math.nan,
}
"""The state as a number; NaN is not counted."""


def expressions_of(criterion: Criterion) -> Expressions:
    """How PromQL judges the series of a criterion whose kind it can express."""
    found = form_of(criterion)
    assert isinstance(found, Expressions)
    return found


def value(criterion: Criterion) -> str:
    """The value of the worst series in the unit of the query; for a trend, per hour."""
    form = expressions_of(criterion)
    return form.worst or worst(criterion, form.value)


def worst(criterion: Criterion, shown: str) -> str:
    """The worst of these values."""
    if criterion.comparison is Comparison.EQUALS:
        off = f"abs({operand(shown)} - {literal(criterion.limit)})"
        return call("max", f"{operand(shown)} and topk(1, {off})")
    return call("max" if criterion.comparison.lower_is_better else "min", shown)


def state(criterion: Criterion) -> str:
    """1 for GO, 0.5 for WARNING, 0 for NO-GO, NaN for a check that is not counted.

    Always exactly one sample, without labels.
    """
    return otherwise(evaluated(criterion), literal(STATES[without_data(criterion)]))


def evaluated(criterion: Criterion) -> str:
    """The state from what was measured; no sample if nothing could be judged.

    The policies ``warning`` and ``no-go`` for missing data apply to every single series.
    """
    by, policy = expressions_of(criterion), criterion.policy
    every, known = call("min", by.every), judged(criterion)
    if policy in (NoData.SKIP, NoData.GO):
        return known if criterion.level is Severity.CRITICAL else f"0.5 + 0.5 * {known}"
    if criterion.level is Severity.WARNING:
        if policy is NoData.NO_GO:
            return f"0.5 + {every} - 0.5 * {known}"
        return f"0.5 + 0.5 * {every}" + (f" + 0 * {known}" if criterion.optional else "")
    if policy is NoData.NO_GO:
        return f"{every} + 0 * {known}" if criterion.optional else every
    if criterion.optional:
        return f"{known} * (0.5 + 0.5 * {every})"
    return call("min", by.graded)


def states(criteria: Sequence[Criterion]) -> str:
    """The state of each criterion, with the label ``criterion``."""
    return by_criterion(criteria, state)


def by_criterion(criteria: Sequence[Criterion], of: Callable[[Criterion], str]) -> str:
    """One sample for each criterion that has one, with the label ``criterion``."""
    return "\nor\n".join(
        commented(labelled(of(one), "criterion", one.id), wording.summary(one)) for one in criteria
    )


def gate_state(criteria: Sequence[Criterion]) -> str:
    """The gate's verdict: 1, 0.5 or 0. The worst check decides, and a blind gate is NO-GO."""
    worst = call("min", f"{states(criteria)}\nor\nvector(1)")
    blind = "0 if the gate is blind: no critical check was judged and passed"
    return f"{commented(worst, 'the worst check')}\n{commented(f'* {sighted(criteria)}', blind)}"


def sighted(criteria: Sequence[Criterion]) -> str:
    """1 if the gate is not blind, else 0.

    It is not blind if there is a critical check of which every judged series passes. If all
    measured critical checks have a breach, the verdict is NO-GO in any case.
    """
    critical = seeing(criteria)
    if not critical:
        return f"({call('max', states(criteria))} >= bool 0)"
    passing = "\n+ ".join(grouped(otherwise(judged(one), "0")) for one in critical)
    return grouped(f"{passing}\n> bool 0")


def seeing(criteria: Sequence[Criterion]) -> list[Criterion]:
    """The critical criteria that keep a gate from being blind once they are evaluated."""
    return [
        one for one in criteria if one.level is Severity.CRITICAL and gives_sight(one.id, one.query)
    ]


def judged(criterion: Criterion) -> str:
    """1 if every series that could be judged passes, else 0; no sample if none could be judged.

    Series that could not be judged count in the state only: a part is enough not to be blind.
    """
    return call("min", expressions_of(criterion).judged)
