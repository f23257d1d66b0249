"""The verdicts of many times are those of each of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.core.result import Reason, Result, Status
from pytest_deploygate.core.severity import Severity
from pytest_deploygate.core.verdict import Verdict, blindness, decide
from pytest_deploygate.engine.backtest.verdicts import VERDICTS, Judged, verdicts
from pytest_deploygate.engine.judgements import STATUSES, Judgements
from pytest_deploygate.kinds.decision import REASONS

STEPS = 6
CELLS = st.tuples(
    st.sampled_from([Status.GO, Status.WARNING, Status.NO_GO, Status.SKIPPED]),
    st.sampled_from([Reason.OK, Reason.BREACH, Reason.NO_DATA, Reason.ERROR]),
    st.booleans(),
    st.booleans(),
)
CHECKS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "targets_up", "no_alerts"]),
        st.sampled_from(list(Severity)),
        st.lists(CELLS, min_size=STEPS, max_size=STEPS),
    ),
    min_size=1,
    max_size=5,
)
Cell = tuple[Status, Reason, bool, bool]


def judged(id_: str, severity: Severity, cells: Sequence[Cell]) -> Judged:
    zeros = np.zeros(STEPS, int)
    found = Judgements(
        tuple(map(float, range(STEPS))),
        np.array([STATUSES.index(one[0]) for one in cells], np.int8),
        np.array([REASONS.index(one[1]) for one in cells], np.int8),
        np.zeros(STEPS),
        np.zeros(STEPS),
        np.array([0 if one[2] else -1 for one in cells]),
        zeros,
        zeros,
        np.array([one[3] for one in cells]),
        ({},),
    )
    return Judged(Criterion(id=id_, query="up", below=1, severity=severity), found)


def result(id_: str, severity: Severity, cell: Cell) -> Result:
    status, reason, named, warned = cell
    value, warnings = (1.0 if named else None), (("a part",) if warned else ())
    return Result(id_, id_, severity, status, reason, "", value=value, warnings=warnings)


@settings(max_examples=150, deadline=None)
@given(CHECKS)
def test_every_step_has_the_verdict_of_its_results(
    checks: list[tuple[str, Severity, list[Cell]]],
) -> None:
    codes = verdicts([judged(*one) for one in checks])
    for step in range(STEPS):
        results = [result(id_, severity, cells[step]) for id_, severity, cells in checks]
        expected = Verdict.NO_GO if blindness(results) else decide(results)
        assert VERDICTS[codes[step]] is expected
