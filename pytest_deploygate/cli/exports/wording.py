"""The texts about a criterion in rules and dashboards."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_deploygate.cli.exports.forms import form_of
from pytest_deploygate.core.criterion import Comparison, Criterion
from pytest_deploygate.core.result import Status
from pytest_deploygate.core.series import RangeQuery
from pytest_deploygate.core.text import printable, value_text
from pytest_deploygate.engine.judging import queries_of
from pytest_deploygate.engine.outcome import without_data
from pytest_deploygate.kinds.times import Times
from pytest_deploygate.promql.expressions import Expressions, duration


def title(criterion: Criterion) -> str:
    """The title on one line."""
    return printable(criterion.title)


def limit(criterion: Criterion) -> str:
    """The limit with its unit: ``≤ 4.50 s``, ``≥ 0 per hour``, ``< 2 and ≤ 3 x its 2h average``."""
    text = f"{criterion.comparison.symbol} {value_text(criterion.limit, criterion.unit)}"
    form = _expressions(criterion)
    if form is None:
        return text
    if form.per_hour:
        return f"{text} per hour"
    if form.baseline_title:
        return f"{text} and {Comparison.AT_MOST.symbol} {form.baseline_title}"
    return text


def summary(criterion: Criterion) -> str:
    """The title and the rule on one line."""
    return printable(f"{title(criterion)}: {rule(criterion)}")


def rule(criterion: Criterion) -> str:
    """When the criterion passes, and what missing data means."""
    text = f"{printable(criterion.quantity) or 'value'} {limit(criterion)}"
    form = _expressions(criterion)
    if form is not None and form.condition:
        text += f", {form.condition}"
    return f"{criterion.level.value}, {text}; without data {_WITHOUT_DATA[without_data(criterion)]}"


def _expressions(criterion: Criterion) -> Expressions | None:
    form = form_of(criterion)
    return form if isinstance(form, Expressions) else None


_WITHOUT_DATA = {
    Status.GO: "GO",
    Status.WARNING: "WARNING",
    Status.NO_GO: "NO-GO",
    Status.SKIPPED: "not counted",
}


def caveats(criterion: Criterion) -> Iterator[str]:
    """How the expressions may differ from the gate."""
    queries = queries_of(criterion, Times(0.0))
    for step in dict.fromkeys(duration(q.step) for q in queries if isinstance(q, RangeQuery)):
        yield f"evaluated every {step} at round times: up to {step} earlier or later than the gate"
