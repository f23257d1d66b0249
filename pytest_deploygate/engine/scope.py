"""The application that a run is about: its matchers and variables in every query."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from pytest_deploygate.config.settings import DEFAULT, Settings
from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.core.errors import ConfigurationError, SourceError
from pytest_deploygate.core.series import Query
from pytest_deploygate.kinds.base import InRun, Kind
from pytest_deploygate.promql.narrowing import Matchers, NotNarrowable, matchers, narrowed
from pytest_deploygate.promql.variables import Variables, has_reserved

_AD_HOC = "a query of a test"
_ALONE = InRun()


class Scoped(NamedTuple):
    """A criterion as this run asks for it.

    Attributes:
        criterion: with its variables replaced and its query narrowed, as far as that is possible.
        matchers: what narrows its queries.
        problem: why it cannot be asked; empty if it can.
        misfit: whether the problem is a setting that cannot be meant.
    """

    criterion: Criterion
    matchers: Matchers = ()
    problem: str = ""
    misfit: bool = False


class Scope:
    """Narrows queries to the application of a run.

    Args:
        settings: of the run.

    Attributes:
        matchers: of ``--gate-select``.
        variables: of ``--gate-var`` and ``[vars]``.

    Raises:
        ConfigurationError: the matchers are not valid, or a variable has a name that is reserved.
    """

    def __init__(self, settings: Settings) -> None:
        self._origin = settings.origins.get("gate-select", DEFAULT)
        # The recordings that ship know one application only, and not by these labels.
        self._demo = bool(settings.gate_demo)
        given = "" if self._demo else settings.gate_select
        self.matchers = matchers(given, self._origin)
        self.variables = Variables(
            {name: given.value for name, given in settings.vars.items()},
            {name: given.origin for name, given in settings.vars.items()},
        )

    @property
    def selection(self) -> str:
        """The matchers as PromQL, empty for none."""
        return ",".join(one.expr for one in self.matchers)

    def of(self, criterion: Criterion, run: InRun = _ALONE) -> Scoped:
        """The criterion in this scope; what cannot be done to it is its problem.

        Args:
            criterion: resolved.
            run: what its kind may have to know of the run besides the variables.
        """
        owner, own = f"criterion {criterion.id!r}", self.matchers
        try:
            if criterion.select is not None and not self._demo:
                own = matchers(criterion.select, f"{owner}: select")
            criterion = self._replaced(criterion, owner)
            if isinstance(criterion.kind, Kind):
                narrowing = partial(narrowed, added=own)
                run = run._replace(in_query=self.variables.in_query, narrowed=narrowing)
                criterion = criterion.kind.in_run(criterion, run)
        except NotNarrowable as error:
            return Scoped(criterion, own, self._not_narrowable(owner, criterion, error))
        except ConfigurationError as error:
            return Scoped(criterion, own, str(error), misfit=True)
        # The kind replaces these first. What it then asks is narrowed when it is asked.
        if not own or has_reserved(criterion.query):
            return Scoped(criterion, own)
        try:
            return Scoped(replace(criterion, query=narrowed(criterion.query, own)), own)
        except NotNarrowable as error:
            return Scoped(criterion, own, self._not_narrowable(owner, criterion, error))

    def ad_hoc(self, query: Query) -> Query:
        """A query of a test in this scope.

        Raises:
            ConfigurationError: a variable is not defined.
            SourceError: the query cannot be narrowed.
        """
        return self.narrowed(query._replace(expr=self.variables.in_query(query.expr, _AD_HOC)))

    def narrowed(self, query: Query, own: Matchers | None = None) -> Query:
        """A query with the matchers in every selector, those of the run unless others are given.

        Raises:
            SourceError: the query cannot be narrowed: it must not be asked.
        """
        added = self.matchers if own is None else own
        try:
            return query._replace(expr=narrowed(query.expr, added))
        except NotNarrowable as error:
            raise SourceError(f"{query.expr!r} cannot be narrowed: {error}") from None

    def _replaced(self, criterion: Criterion, owner: str) -> Criterion:
        if "$" not in "".join(_texts(criterion)):
            return criterion
        in_text, in_query = self.variables.in_text, self.variables.in_query
        enough = criterion.enough
        if enough is not None:
            enough = replace(enough, query=in_query(enough.query, owner))
        return replace(
            criterion,
            enough=enough,
            title=in_text(criterion.title, owner),
            query=in_query(criterion.query, owner),
            culprit=in_query(criterion.culprit, owner),
            match={name: in_text(text, owner) for name, text in criterion.match.items()},
        )

    def _not_narrowable(self, owner: str, criterion: Criterion, error: NotNarrowable) -> str:
        given = self._origin if criterion.select is None else "its select"
        return (
            f"{owner}: its query cannot be narrowed by {given}: {error}; correct the query, or "
            'give the criterion select="" to ask it for everything'
        )


def _texts(criterion: Criterion) -> Iterator[str]:
    yield from (criterion.query, criterion.culprit, criterion.title)
    yield from criterion.match.values()
    if criterion.enough is not None:
        yield criterion.enough.query
