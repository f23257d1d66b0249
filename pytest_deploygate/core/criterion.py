"""What is asked of production, as data."""

from __future__ import annotations

import dataclasses
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, StrEnum
from numbers import Real
from typing import Any, NamedTuple, Protocol, TypeVar, cast

from pytest_deploygate.core.errors import ConfigurationError
from pytest_deploygate.core.severity import Severity

Word = TypeVar("Word", bound=StrEnum)


class NoData(StrEnum):
    """What a criterion becomes when the source answers with nothing (the document's 8.2, 10.1)."""

    NO_GO = "no-go"
    WARNING = "warning"
    SKIP = "skip"
    GO = "go"


class Comparison(Enum):
    """How a value is held against its limit: the criterion's keyword, a symbol, a function.

    The function ``holds`` takes numbers, or arrays of them.
    """

    BELOW = ("below", "<", operator.lt)
    AT_MOST = ("at_most", "≤", operator.le)
    ABOVE = ("above", ">", operator.gt)
    AT_LEAST = ("at_least", "≥", operator.ge)
    EQUALS = ("equals", "=", operator.eq)

    def __init__(self, keyword: str, symbol: str, holds: Callable[[Any, Any], Any]) -> None:
        self.keyword = keyword
        self.symbol = symbol
        self.holds = holds

    @property
    def lower_is_better(self) -> bool:
        """Whether the limit is a highest value."""
        return self in (Comparison.BELOW, Comparison.AT_MOST)

    def passes(self, value: float, limit: float) -> bool:
        """Whether a finite value keeps the limit. NaN and infinity never keep it."""
        return math.isfinite(value) and self.holds(value, limit)

    def badness(self, value: float, limit: float) -> float:
        """Return a number that grows as the value gets worse; NaN is the worst value."""
        if math.isnan(value):
            return math.inf
        if self in (Comparison.ABOVE, Comparison.AT_LEAST):
            return math.inf if value == math.inf else -value
        if self is Comparison.EQUALS:
            return abs(value - limit)
        return math.inf if value == -math.inf else value


class Threshold(NamedTuple):
    """A limit with a name. The key is set for one run or in the configuration."""

    key: str
    default: float


Limit = float | Threshold


def threshold(key: str, default: float) -> Threshold:
    """Name a limit, so that ``--gate-set KEY=VALUE`` and ``deploygate.toml`` can change it."""
    return Threshold(key, float(default))


class Judging(Protocol):
    """The part of a kind that a criterion uses. ``kinds.base.Kind`` is the whole.

    The core does not import the kinds, because a kind imports what the core defines.
    """

    def limits(self) -> Mapping[str, Limit]:
        """Return the kind's own limits by the name of their field."""


@dataclass(frozen=True, slots=True)
class Enough:
    """How much traffic it takes to judge a criterion; with less it has no data.

    Args:
        query: PromQL that counts the traffic, such as requests within some minutes. Every series
            of the criterion needs the sum of those of its series that agree with it in every
            label that both have.
        at_least: how much is enough, in the unit of the query; a :func:`threshold` can be set.
            Nothing is asked if it is 0 or less.
        unit: what is counted, for messages.

    Raises:
        ConfigurationError: the query is empty, or cannot be printed.
    """

    query: str
    at_least: Limit = field(kw_only=True)
    unit: str = field(default="requests", kw_only=True)

    def __post_init__(self) -> None:
        """Refuse what cannot be asked."""
        if not self.query.strip():
            raise ConfigurationError(f"Enough({self.query!r}): the query must not be empty")
        for name in ("query", "unit"):
            _refuse_unprintable(f"Enough({self.query!r})", name, getattr(self, name))

    @property
    def least(self) -> float:
        """How much is enough as a number; of a threshold that is not resolved, its default."""
        return number(self.at_least)


@dataclass(frozen=True, kw_only=True, slots=True)
class Criterion:
    """A question to production: a query, a comparison, a limit and a severity.

    Exactly one of ``below``, ``at_most``, ``above``, ``at_least`` and ``equals`` gives the limit.
    It is a number in the unit of the query, or a :func:`threshold`.

    Args:
        id: short, stable name of the check in reports, metrics and configuration.
        query: PromQL; every series of the answer is judged.
        title: the name that people read; by default it is made from the id.
        severity: ``critical`` or ``warning``; None means the mark of the test, else critical.
        kind: how the answer is judged: ``Sustained``, ``Trend``, ``Runaway`` or a kind of your own;
            None means ``Instant``: the newest value of every series is judged.
        unit: ``seconds``, ``ratio``, ``bytes``, or any word to print after the value.
        quantity: the name of the value in messages: ``p95``, ``error rate``.
        no_data: the meaning of an empty answer: ``warning``, ``no-go``, ``skip`` or ``go``; None
            means the default of the configuration, else ``warning``.
        optional: without data the check is skipped: it is shown and does not count.
        nan_is_breach: NaN means that something diverged, not that there was no traffic.
        match: judge only the series that carry these labels.
        select: label matchers for the selectors of the query, instead of ``--gate-select``; empty
            for none.
        buckets: finite upper bounds of the histogram behind the query, in the unit of the query.
            With them a message says where a quantile is interpolated or cut off.
        culprit: a finer query that is asked only if the criterion fails, at the same time. The
            message names its worst series among those that agree with the labels of the failure.
        enough: how much traffic it takes; with less there is no data, never a pass or a breach.

    Raises:
        ConfigurationError: there is not exactly one limit, the limit is not a finite number, or a
            word is not allowed.
    """

    id: str
    query: str
    title: str = ""
    severity: str | None = None
    kind: Judging | None = None
    below: Limit | None = None
    at_most: Limit | None = None
    above: Limit | None = None
    at_least: Limit | None = None
    equals: Limit | None = None
    unit: str = ""
    quantity: str = ""
    no_data: str | None = None
    optional: bool = False
    nan_is_breach: bool = False
    match: Mapping[str, str] = field(default_factory=dict)
    select: str | None = None
    buckets: tuple[float, ...] = ()
    culprit: str = ""
    enough: Enough | None = None
    comparison: Comparison = field(init=False, repr=False, compare=False)
    thresholds: tuple[Threshold, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse what cannot be judged, and convert words to enums."""
        if not self.id.strip() or not self.query.strip():
            raise ConfigurationError(
                f"criterion {self.id!r}: id and query must not be empty, query is {self.query!r}"
            )
        _refuse_other_kind(self.id, self.kind)
        if not isinstance(self.enough, Enough | None):
            raise ConfigurationError(
                f"criterion {self.id!r}: enough is {self.enough!r}; "
                "give Enough('QUERY', at_least=100)"
            )
        for name in ("id", "title", "query", "culprit", "unit", "quantity"):
            _refuse_unprintable(self.id, name, getattr(self, name))
        given = [c for c in Comparison if getattr(self, c.keyword) is not None]
        if len(given) != 1:
            raise ConfigurationError(
                f"criterion {self.id!r}: give exactly one limit of "
                f"{', '.join(c.keyword for c in Comparison)}; "
                f"given: {', '.join(c.keyword for c in given) or 'none'}"
            )
        self._set("comparison", given[0])
        limits = self.limits
        for limit in limits:
            _refuse_not_finite(self.id, limit)
        if not isinstance(limits[0], Threshold) and type(limits[0]) not in (int, float):
            # numpy's numbers, for one, cannot be written as JSON
            self._set(given[0].keyword, float(limits[0]))
        self._set("thresholds", tuple(one for one in limits if isinstance(one, Threshold)))
        if self.severity is not None:
            self._set("severity", _word(Severity, self.severity, f"{self.id!r}: severity"))
        if self.no_data is not None:
            self._set("no_data", _word(NoData, self.no_data, f"{self.id!r}: no_data"))
        if not self.title:
            self._set("title", humanised(self.id))

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    @property
    def level(self) -> Severity:
        """The severity; critical if none was given."""
        return cast(Severity, self.severity or Severity.CRITICAL)

    @property
    def policy(self) -> NoData:
        """The meaning of an empty answer; a warning if none was given."""
        return cast(NoData, self.no_data or NoData.WARNING)

    @property
    def limit(self) -> float:
        """The limit as a number; before :meth:`resolved` it is the default of a threshold."""
        return number(getattr(self, self.comparison.keyword))

    @property
    def limits(self) -> tuple[Limit, ...]:
        """Every limit of this criterion and of its kind, and how much traffic is enough."""
        limit: Limit = getattr(self, self.comparison.keyword)
        enough = (self.enough.at_least,) if self.enough else ()
        return (limit, *(self.kind.limits().values() if self.kind else ()), *enough)

    def resolved(self, settings: Mapping[str, float]) -> Criterion:
        """Return the same criterion with the number of this run for every threshold."""
        if not self.thresholds:
            return self

        def resolve(limit: Limit) -> float:
            if isinstance(limit, Threshold):
                return settings.get(limit.key, limit.default)
            return limit

        keyword = self.comparison.keyword
        changes: dict[str, Any] = {keyword: resolve(getattr(self, keyword))}
        own = {
            name: resolve(limit)
            for name, limit in (self.kind.limits() if self.kind else {}).items()
        }
        if own:
            changes["kind"] = dataclasses.replace(cast(Any, self.kind), **own)
        if self.enough:
            changes["enough"] = replace(self.enough, at_least=resolve(self.enough.at_least))
        return replace(self, **changes)


def number(limit: Limit) -> float:
    """Return a limit as a number; of a threshold, the default."""
    return limit.default if isinstance(limit, Threshold) else float(limit)


def _refuse_other_kind(criterion: str, kind: Any) -> None:
    # A class instead of an object, as in kind=Sustained, has the method too.
    if kind is not None and (isinstance(kind, type) or not hasattr(kind, "limits")):
        raise ConfigurationError(
            f"criterion {criterion!r}: kind is {kind!r}; give Instant(), Sustained('5m'), "
            "Trend('2h'), Runaway('2h'), or an object of your own kind"
        )


def _refuse_unprintable(criterion: str, name: str, text: str) -> None:
    # A unit is printed in the middle of a line, and a lone surrogate cannot be encoded as UTF-8.
    plain = text.isprintable() or name not in ("unit", "quantity")
    if not plain or not (text.isascii() or _can_be_written(text)):
        raise ConfigurationError(
            f"criterion {criterion!r}: {name} {text!r} cannot be printed; write it without control "
            "characters and lone surrogates"
        )


def _can_be_written(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _refuse_not_finite(criterion: str, limit: Limit) -> None:
    value = limit.default if isinstance(limit, Threshold) else limit
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        raise ConfigurationError(f"criterion {criterion!r}: limit {value!r} is not a finite number")


def _word(kind: type[Word], given: str, what: str) -> Word:
    try:
        return kind(given)
    except ValueError:
        allowed = ", ".join(kind)
        raise ConfigurationError(f"{what} is {given!r}, allowed: {allowed}") from None


def humanised(name: str) -> str:
    """Return a name in words: ``test_orders_flow`` becomes ``Orders flow``.

    The parameter in brackets stays as it is: ``Error rate [order_api]``.
    """
    called, bracket, parameter = name.removeprefix("test_").partition("[")
    words = called.replace("_", " ").strip()
    return f"{words[:1].upper()}{words[1:]} {bracket}{parameter}".strip()
