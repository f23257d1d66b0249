"""What a test is given as ``gate``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypedDict, Unpack

import pytest

from pytest_deploygate.core.criterion import Criterion, Enough, Limit, humanised
from pytest_deploygate.core.durations import Duration, seconds
from pytest_deploygate.core.errors import CheckFailed, ConfigurationError, NoDataError, did_you_mean
from pytest_deploygate.core.result import Result, Status
from pytest_deploygate.core.series import InstantQuery, Query, RangeQuery, Series
from pytest_deploygate.core.severity import Severity
from pytest_deploygate.engine.outcome import skipped, unanswered
from pytest_deploygate.engine.run import GateRun
from pytest_deploygate.kinds.base import Kind


class Details(TypedDict, total=False):
    """The fields of a criterion besides its query, as :class:`Criterion` describes them."""

    id: str
    title: str
    severity: str | None
    kind: Kind
    below: Limit | None
    at_most: Limit | None
    above: Limit | None
    at_least: Limit | None
    equals: Limit | None
    unit: str
    quantity: str
    no_data: str | None
    optional: bool
    nan_is_breach: bool
    match: Mapping[str, str]
    select: str | None
    buckets: tuple[float, ...]
    culprit: str
    enough: Enough | None


class Gate:
    """Asks production, and records what it was judged to be.

    There is one in a process, for the test that is running and the fixtures that it uses.
    """

    def __init__(self, run: GateRun) -> None:
        self._run = run
        self.begin("", None, run.at)

    def begin(self, name: str, severity: Severity | None, at: float) -> None:
        """Another test begins: what is judged from here on is its own.

        Args:
            name: of the test.
            severity: its mark.
            at: the evaluation time, in Unix seconds.
        """
        self._at = at
        self._name = name.removeprefix("test_")
        self._severity = severity
        self.results: list[Result] = []
        self.judged: set[str] = set()

    def settle(self) -> None:
        """The test is over: what did not pass and let it go on fails it now, or skips it.

        Raises:
            CheckFailed: a check is a WARNING.
        """
        __tracebackhide__ = True
        warned = next((one for one in self.results if one.status is Status.WARNING), None)
        if warned is not None:
            raise _failed(warned)
        if self.results and all(one.status is Status.SKIPPED for one in self.results):
            pytest.skip(self.results[0].message)

    @property
    def at(self) -> float:
        """The evaluation time, in Unix seconds."""
        return self._at

    def check(self, criterion: Criterion | str, **details: Unpack[Details]) -> Result:
        """Judge a criterion, or a PromQL expression with its limit.

        NO-GO ends the test at once. What is a WARNING or skipped lets it go on, so that what the
        test judges next is not lost, and fails or skips it at its end.

        Args:
            criterion: a :class:`Criterion`, or an expression.
            **details: with an expression, the criterion's other fields, such as
                ``at_least=100.0, title="Orders"``.

        Raises:
            CheckFailed: it is NO-GO; the result is recorded before.
            ConfigurationError: the details do not make a criterion.
        """
        __tracebackhide__ = True
        if isinstance(criterion, str):
            criterion = self._ad_hoc(criterion, details)
        elif details:
            raise ConfigurationError(
                f"gate.check({criterion.id!r}, {', '.join(details)}=...): a Criterion is whole; "
                "change it with dataclasses.replace, or give an expression"
            )
        return self._judge(criterion)

    def query(self, expr: str, *, allow_empty: bool = False) -> tuple[Series, ...]:
        """Every series of an expression at the evaluation time, each with its ``value``.

        Raises:
            NoDataError: nothing matches and ``allow_empty`` is off, so that ``all(...)`` over
                nothing cannot pass for good news.
            SourceError: the source could not answer, or only in part.
        """
        return self._series(InstantQuery(expr, self.at), allow_empty)

    def query_range(
        self, expr: str, *, last: Duration = "1h", step: Duration = "15s", allow_empty: bool = False
    ) -> tuple[Series, ...]:
        """Every series of an expression with its ``points``, for the time before now.

        Raises:
            NoDataError: as for :meth:`query`.
            SourceError: as for :meth:`query`.
        """
        query = RangeQuery(expr, self.at - seconds(last), self.at, seconds(step))
        return self._series(query, allow_empty)

    def _series(self, query: Query, allow_empty: bool) -> tuple[Series, ...]:
        __tracebackhide__ = True
        measurement = self._run.ask_in_scope(query)
        if measurement.warnings:
            raise NoDataError(f"incomplete, the source warns: {measurement.warnings[0]}")
        if not measurement.series and not allow_empty:
            raise NoDataError(f"no data: the query matches nothing: {query.expr}")
        return measurement.series

    def _ad_hoc(self, expr: str, details: Details) -> Criterion:
        number = len(self.results) + 1
        details.setdefault("id", self._name if number == 1 else f"{self._name}-{number}")
        details.setdefault("title", humanised(self._name))
        unknown = sorted(set(details) - set(Details.__annotations__))
        if unknown:
            hint = did_you_mean(unknown[0], Details.__annotations__)
            raise ConfigurationError(f"gate.check({expr!r}): unknown {unknown[0]!r}, {hint}")
        return Criterion(query=expr, **details)

    def _judge(self, criterion: Criterion) -> Result:
        __tracebackhide__ = True
        if criterion.severity is None and self._severity not in (None, criterion.level):
            criterion = replace(criterion, severity=self._severity)
        self._run.comparisons.refuse_ad_hoc(criterion)
        left_out = self._run.settings.why_left_out(criterion.id)
        try:
            result = (
                skipped(criterion, self._at, left_out)
                if left_out
                else self._run.judge(criterion, self._at)
            )
        except (pytest.fail.Exception, TimeoutError) as timeout:  # somebody ended the test here
            result = unanswered(self._run.resolved(criterion), self._at, str(timeout))
            self.results.append(result)
            raise _failed(result) from None
        self.results.append(result)
        self.judged.add(criterion.id)
        if result.status is Status.NO_GO:
            raise _failed(result)
        return result


def _failed(result: Result) -> CheckFailed:
    return CheckFailed(failed_text(result), result)


def failed_text(result: Result) -> str:
    """What a failed check says as an exception."""
    return f"{result.name}: {result.message}"
