"""Metrics that exist, but not with the matchers that narrow a query, at many times at once."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import numpy as np

from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.core.errors import SourceError
from pytest_deploygate.core.series import InstantQuery, Measurement, Query
from pytest_deploygate.engine import over_time
from pytest_deploygate.engine.culprit import Ask
from pytest_deploygate.engine.judgements import STATUSES, Judgements
from pytest_deploygate.engine.over_time import OverTime, Places, grouped
from pytest_deploygate.engine.unlabelled import checked, question
from pytest_deploygate.kinds.decision import REASONS
from pytest_deploygate.kinds.times import Times
from pytest_deploygate.promql.narrowing import Matchers


def questions(criterion: Criterion, own: Matchers, times: Times) -> list[Query]:
    """What :func:`checked_many` asks for sure; the rest depends on the answers."""
    asked = question(criterion, own, times.start)
    return over_time.queries(asked.expr, times) if asked else []


def checked_many(
    found: Judgements, criterion: Criterion, own: Matchers, times: Times, ask: Ask
) -> Judgements:
    """The judgements, at every time as ``unlabelled.checked`` makes them.

    Args:
        found: of the criterion, without these questions.
        criterion: resolved and narrowed.
        own: what narrows it.
        times: of the judgements.
        ask: the source's answer to a query.
    """
    if question(criterion, own, times.start) is None:
        return found
    checking = _Checking(found, criterion, own, times, ask)
    kinds = np.vstack([found.statuses, found.reasons, found.worst >= 0]).astype(float)
    for places in grouped(kinds, np.arange(times.count)):
        checking.settle(places, frozenset())
    return replace(found, statuses=checking.statuses, reasons=checking.reasons)


class _Checking:
    """Times at which the answers are alike have one result: it is worked out once for them."""

    def __init__(
        self, found: Judgements, criterion: Criterion, own: Matchers, times: Times, ask: Ask
    ) -> None:
        self._found = found
        self._criterion = criterion
        self._own = own
        self._times = times
        self._ask = ask
        self._answers: dict[str, OverTime] = {}
        self.statuses = found.statuses.copy()
        self.reasons = found.reasons.copy()

    def settle(self, places: Places, alike: frozenset[str]) -> None:
        """Give all of these places their result.

        Args:
            places: of times with equal judgements.
            alike: the expressions of which the answers are alike at all of them.
        """
        first, asked = int(places[0]), set[str]()

        def served(query: InstantQuery) -> Measurement:
            asked.add(query.expr)
            return self._answer(query.expr).at(first)

        result = self._found.result(self._criterion, first)
        with suppress(SourceError):  # what was measured counts
            result = checked(result, self._criterion, self._own, served)
        if unsettled := asked - alike:
            groups = [places]
            for expr in unsettled:
                groups = [one for group in groups for one in self._answer(expr).alike(group)]
            for group in groups:
                self.settle(group, alike | unsettled)
            return
        self.statuses[places] = STATUSES.index(result.status)
        self.reasons[places] = REASONS.index(result.reason)

    def _answer(self, expr: str) -> OverTime:
        if expr not in self._answers:
            self._answers[expr] = OverTime.of(expr, self._times, self._ask)
        return self._answers[expr]
