"""What the exports say of a criterion, in words."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_deploygate.core.criterion import Comparison, Criterion, number
from pytest_deploygate.core.durations import seconds, spoken
from pytest_deploygate.core.result import Status
from pytest_deploygate.core.series import RangeQuery
from pytest_deploygate.core.text import printable, value_text
from pytest_deploygate.engine.judging import query_of
from pytest_deploygate.engine.outcome import without_data
from pytest_deploygate.kinds.limit import LOWER_IS_BETTER
from pytest_deploygate.kinds.runaway import Runaway
from pytest_deploygate.kinds.sustained import Sustained
from pytest_deploygate.kinds.trend import Trend
from pytest_deploygate.promql.expressions import duration


def title(criterion: Criterion) -> str:
    """The name that people read, on one line."""
    return printable(criterion.title)


def limit(criterion: Criterion) -> str:
    """The limit with its unit: ``≤ 4.50 s``, ``≥ 0 per hour``, ``< 2 and ≤ 3 x its 2h average``."""
    text = f"{criterion.comparison.symbol} {value_text(criterion.limit, criterion.unit)}"
    if isinstance(criterion.kind, Trend):
        return f"{text} per hour"
    baseline = average(criterion)
    return f"{text} and {Comparison.AT_MOST.symbol} {baseline}" if baseline else text


def summary(criterion: Criterion) -> str:
    """The name and the rule, on one line."""
    return printable(f"{title(criterion)}: {rule(criterion)}")


def rule(criterion: Criterion) -> str:
    """When it passes, and what missing data means."""
    kind, quantity = criterion.kind, printable(criterion.quantity) or "value"
    told = f"{quantity} {limit(criterion)}"
    if isinstance(kind, Sustained):
        told += f", a breach if it lasted for {spoken(seconds(kind.window))}"
    elif isinstance(kind, Trend):
        told += f", the slope over {spoken(seconds(kind.window))}"
    return f"{criterion.level.value}, {told}; without data {_WITHOUT_DATA[without_data(criterion)]}"


def average(criterion: Criterion) -> str:
    """What a runaway is held against besides its limit: ``3 x its 2h average``."""
    kind = criterion.kind
    if not isinstance(kind, Runaway) or criterion.comparison not in LOWER_IS_BETTER:
        return ""
    return f"{number(kind.factor):g} x its {spoken(seconds(kind.baseline))} average"


_WITHOUT_DATA = {
    Status.GO: "GO",
    Status.WARNING: "WARNING",
    Status.NO_GO: "NO-GO",
    Status.SKIPPED: "not counted",
}


def caveats(criterion: Criterion) -> Iterator[str]:
    """Where the expressions may differ from the gate."""
    query = query_of(criterion, at=0.0)
    if isinstance(query, RangeQuery):
        step = duration(query.step)
        yield f"looks every {step} at round times, so up to {step} earlier or later than the gate"
