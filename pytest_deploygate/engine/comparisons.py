"""All comparisons of a run: how many pairs they have together.

The more pairs are compared, the surer each of them has to be. Every process asks all comparisons of
the run, so that each knows the number before its first decision, and all know the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.core.errors import ConfigurationError, SourceError
from pytest_deploygate.core.series import Measurement, Query
from pytest_deploygate.engine.judging import kind_of, measured, prepared, queries_of
from pytest_deploygate.engine.scope import Scope, Scoped
from pytest_deploygate.kinds.times import Times
from pytest_deploygate.promql.narrowing import Matchers


class Comparisons:
    """Counts the pairs that are compared.

    Args:
        scope: of the run.
        scoped: a criterion as the run asks for it.
        ask: answers a query.
        prefetch: begins to ask queries.
    """

    def __init__(
        self,
        scope: Scope,
        scoped: Callable[[Criterion], Scoped],
        ask: Callable[[Query], Measurement],
        prefetch: Callable[[Iterable[Query]], None],
    ) -> None:
        self._answer = ask
        self._prefetch = prefetch
        self._scope = scope
        self._scoped = scoped
        self._collected: list[Criterion] = []
        self._pairs: dict[float, int] = {}

    def expect(self, criteria: Iterable[Criterion]) -> None:
        """These criteria will be judged, and no others may be comparisons."""
        self._collected = [one for one in criteria if _compares(one)]

    def answered_by(self, ask: Callable[[Query], Measurement]) -> None:
        """Another source than that of the run answers, and knows what it will be asked."""
        self._answer, self._prefetch = ask, lambda queries: None

    def refuse_ad_hoc(self, criterion: Criterion) -> None:
        """Refuse a comparison that was not collected: the others could not count it.

        Raises:
            ConfigurationError: it was not.
        """
        if not _compares(criterion):
            return
        if all((one.id, one.kind) != (criterion.id, criterion.kind) for one in self._collected):
            raise ConfigurationError(
                f"criterion {criterion.id!r}: a comparison must be known before the run, because "
                "all comparisons share its confidence; write it with gate_criteria"
            )

    def pairs(self, at: float) -> int:
        """How many pairs all comparisons have at a time (Unix seconds), at least 1.

        One that cannot be asked counts as one pair.
        """
        if at not in self._pairs:
            scoped = [self._scoped(one) for one in self._collected]
            asked = [query for one in scoped for query in self._queries(one, at)]
            self._prefetch(asked)
            self._pairs[at] = max(1, sum(self._pairs_of(one, at) for one in scoped))
        return self._pairs[at]

    def _queries(self, scoped: Scoped, at: float) -> list[Query]:
        if scoped.problem:
            return []
        asked = queries_of(scoped.criterion, Times(at))
        try:
            return [self._narrowed(scoped.matchers, query) for query in asked]
        except SourceError:
            return []

    def _pairs_of(self, scoped: Scoped, at: float) -> int:
        criterion = scoped.criterion
        ask = partial(self._ask, scoped.matchers)
        try:
            criterion = prepared(criterion, at, ask)
            found = measured(criterion, Times(at), ask)
        except SourceError:
            return 1
        return kind_of(criterion).pairs(found.answers)

    def _ask(self, own: Matchers, query: Query) -> Measurement:
        return self._answer(self._narrowed(own, query))

    def _narrowed(self, own: Matchers, query: Query) -> Query:
        return self._scope.narrowed(query, own) if own else query


def _compares(criterion: Criterion) -> bool:
    return criterion.kind is not None and kind_of(criterion).compares
