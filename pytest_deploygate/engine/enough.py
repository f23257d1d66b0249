"""Too little traffic to judge a criterion by: its series have no data then."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from pytest_deploygate.core.criterion import Criterion, Enough
from pytest_deploygate.core.durations import in_words
from pytest_deploygate.core.result import Reason
from pytest_deploygate.core.series import Query, Series
from pytest_deploygate.core.text import SAME, value_and_limit
from pytest_deploygate.kinds.decision import Decision, Lack
from pytest_deploygate.kinds.times import Times
from pytest_deploygate.promql.tokens import window

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pytest_deploygate.kinds.decision import Decisions


def wanted(criterion: Criterion) -> Enough | None:
    """What a criterion, its thresholds resolved, wants; None if nothing."""
    enough = criterion.enough
    return enough if enough is not None and enough.least > 0 else None


def question(criterion: Criterion, times: Times) -> Query | None:
    """What to ask about the traffic at these times; None if any traffic is enough."""
    enough = wanted(criterion)
    return times.instant(enough.query.strip()) if enough else None


def checked(
    criterion: Criterion, decisions: Iterable[Decision], traffic: Sequence[Series]
) -> list[Decision]:
    """The decisions; no data where there was too little traffic to decide."""
    enough = wanted(criterion)
    if enough is None:
        return list(decisions)
    return [_checked(enough, one, traffic) for one in decisions]


def _checked(enough: Enough, decision: Decision, traffic: Sequence[Series]) -> Decision:
    labels = decision.series.labels
    found = sum(one.value for one in traffic if _agree(one.labels, labels))
    if decision.reason is Reason.NO_DATA or found >= _least(enough):
        return decision
    lack = Lack.TIME if found > 0 else Lack.DATA
    return decision._replace(reason=Reason.NO_DATA, text=_words(enough, found), lack=lack)


def checked_many(
    criterion: Criterion, decisions: Decisions, traffic: Sequence[Series], times: Times
) -> Decisions:
    """The same over arrays."""
    enough = wanted(criterion)
    if enough is None:
        return decisions
    from dataclasses import replace

    import numpy as np

    from pytest_deploygate.kinds.decision import ABSENT
    from pytest_deploygate.kinds.many import CODE, Matrix

    matrix = Matrix.of(traffic, times.instant(enough.query.strip()))
    counts = np.where(matrix.present, matrix.values, 0.0)

    def is_lacking(labels: Mapping[str, str]) -> NDArray[np.bool_]:
        rows = [_agree(one, labels) for one in matrix.labels]
        found = counts[np.array(rows, dtype=bool)].sum(axis=0)
        return np.asarray(~(found >= _least(enough)))

    shape = decisions.codes.shape
    lacking = np.array([is_lacking(one) for one in decisions.labels], dtype=bool).reshape(shape)
    lacking &= decisions.codes != ABSENT
    return replace(decisions, codes=np.where(lacking, CODE[Reason.NO_DATA], decisions.codes))


def _agree(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    return all(other.get(name, text) == text for name, text in one.items() if name != "__name__")


def _least(enough: Enough) -> float:
    """What is enough; less by rounding alone is too."""
    return enough.least * (1 - SAME)


def _words(enough: Enough, found: float) -> str:
    """``12 requests in 5 minutes, 100 wanted``."""
    if enough.least.is_integer() and math.isfinite(found):
        found = math.floor(found)  # increase() extrapolates: 12.4 requests were 12
    count, least = value_and_limit(found, enough.least, "")
    unit = enough.unit.removesuffix("s") if count == "1" else enough.unit
    length = window(enough.query)
    within = f" in {in_words(length)}" if length else ""
    return f"{count} {unit}{within}, {least} wanted"
