"""The verdicts of a gate at many times at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.core.result import Reason, Status
from pytest_deploygate.core.severity import Severity
from pytest_deploygate.core.verdict import Verdict, gives_sight
from pytest_deploygate.engine.judgements import STATUSES, Judgements
from pytest_deploygate.kinds.many import CODE
from pytest_deploygate.promql.narrowing import Matchers

VERDICTS = tuple(Verdict)
"""The code of a verdict is its place here."""

Flags = NDArray[np.bool_]


class Judged(NamedTuple):
    """A criterion as the run asks for it, its judgements, and what narrows its queries."""

    criterion: Criterion
    found: Judgements
    own: Matchers = ()

    def has(self, status: Status) -> Flags:
        """At which times it has this status."""
        return np.asarray(self.found.statuses == STATUSES.index(status))

    def because(self, reason: Reason) -> Flags:
        """At which times it has its status for this reason."""
        return np.asarray(self.found.reasons == CODE[reason])

    @property
    def unanswered(self) -> Flags:
        """At which times the source could not answer."""
        return np.asarray(self.because(Reason.ERROR) & (self.found.worst < 0))

    @property
    def evaluated(self) -> Flags:
        """At which times something was measured and judged, as ``Result.evaluated`` says it."""
        part = self.because(Reason.NO_DATA) & (self.found.worst >= 0) & ~self.found.warned
        return np.asarray(part | self.because(Reason.OK) | self.because(Reason.BREACH))


def verdicts(judged: Sequence[Judged]) -> NDArray[np.int8]:
    """The verdict of all results together at each time, as places in :data:`VERDICTS`.

    It is what ``core.verdict.decide`` says, and NO-GO where ``core.verdict.blindness`` has a word.
    """
    failed = np.any([one.has(Status.NO_GO) for one in judged], axis=0)
    warned = np.any([one.has(Status.WARNING) for one in judged], axis=0)
    codes = np.select(
        [failed | blind(judged), warned],
        [VERDICTS.index(Verdict.NO_GO), VERDICTS.index(Verdict.WARNING)],
        VERDICTS.index(Verdict.GO),
    )
    return codes.astype(np.int8)


def blind(judged: Sequence[Judged]) -> Flags:
    """At which times a gate with these results is blind."""
    skipped = np.all([one.has(Status.SKIPPED) for one in judged], axis=0)
    critical = [
        one
        for one in judged
        if one.criterion.level is Severity.CRITICAL
        and gives_sight(one.criterion.id, one.criterion.query)
    ]
    if not critical:
        return np.asarray(skipped)
    return np.asarray(skipped | ~np.any([one.evaluated for one in critical], axis=0))
