"""From a criterion and what was measured to a result: pure, without network and without pytest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.core.errors import ConfigurationError, SourceError
from pytest_deploygate.core.result import Result
from pytest_deploygate.core.series import Query
from pytest_deploygate.core.waivers import Waiver
from pytest_deploygate.engine import enough
from pytest_deploygate.engine.buckets import Buckets, question
from pytest_deploygate.engine.culprit import Ask, with_culprit
from pytest_deploygate.engine.outcome import Measured, conclude, unanswered
from pytest_deploygate.kinds.base import Kind
from pytest_deploygate.kinds.instant import Instant
from pytest_deploygate.kinds.times import Times

_INSTANT = Instant()
_times = lru_cache(maxsize=1)(Times)  # all criteria of a run are judged at one time


def kind_of(criterion: Criterion) -> Kind:
    """The criterion's kind; the newest value of every series is judged where none is given.

    Raises:
        ConfigurationError: what is given is not a kind.
    """
    if criterion.kind is None:
        return _INSTANT
    kind = criterion.kind
    if not isinstance(kind, Kind):
        raise ConfigurationError(
            f"criterion {criterion.id!r}: kind is {kind!r}; give Sustained('5m'), Trend('2h'), "
            "Runaway('2h'), or an object whose class derives from pytest_deploygate.Kind"
        )
    return kind


def queries_of(criterion: Criterion, times: Times) -> tuple[Query, ...]:
    """Everything that has to be asked to judge a criterion at these times."""
    about_buckets = question(criterion, times.end)
    return (*measuring(criterion, times), *([about_buckets] if about_buckets else ()))


def measuring(criterion: Criterion, times: Times) -> tuple[Query, ...]:
    """What has to be asked besides the buckets: what the kind asks, and for the traffic."""
    kind = kind_of(criterion)
    others = kind.measuring(criterion, times.end), enough.question(criterion, times)
    return (*kind.queries(criterion, times), *(one for one in others if one))


def prepared(criterion: Criterion, at: float, ask: Ask) -> Criterion:
    """The criterion, with a kind that knows what it has to know before it asks.

    Raises:
        SourceError: the source could not answer.
    """
    kind = kind_of(criterion)
    asked = kind.measuring(criterion, at)
    return replace(criterion, kind=kind.measured(ask(asked).series)) if asked else criterion


def measured(criterion: Criterion, times: Times, ask: Ask) -> Measured:
    """What was measured at these times.

    Raises:
        SourceError: the source could not answer.
    """
    traffic = enough.question(criterion, times)
    queries = kind_of(criterion).queries(criterion, times)
    return Measured.of(criterion, map(ask, queries), ask(traffic) if traffic else None)


def buckets_of(criterion: Criterion, at: float, ask: Ask) -> Buckets | None:
    """The buckets behind the criterion's query at a time; None if it is not a quantile.

    Raises:
        SourceError: the source could not answer.
    """
    about_buckets = question(criterion, at)
    return Buckets(criterion, ask(about_buckets)) if about_buckets else None


def judge(criterion: Criterion, at: float, ask: Ask, waivers: Sequence[Waiver] = ()) -> Result:
    """Judge a criterion, its thresholds resolved, at one time (Unix seconds).

    ``waivers`` are those that hold for it at this time.

    A source that cannot answer gives a result with the reason ``error``, never an exception.
    """
    try:
        criterion = prepared(criterion, at, ask)
        found = measured(criterion, _times(at), ask)
        buckets = buckets_of(criterion, at, ask)
    except SourceError as error:
        return unanswered(criterion, at, str(error))
    kind = kind_of(criterion)
    if buckets is None:
        decisions = kind.decide(criterion, found.answers, at)
    else:
        decisions = kind.decide(criterion, buckets.attached(found.answers), at)
        decisions = buckets.checked(decisions, at)
    decisions = enough.checked(criterion, decisions, found.traffic)
    return with_culprit(conclude(criterion, kind, at, decisions, found, waivers), criterion, ask)
