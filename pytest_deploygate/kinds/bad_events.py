"""The share of bad events among all events: what criteria of an objective have in common."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from pytest_deploygate.core.criterion import Criterion, Limit, number
from pytest_deploygate.core.durations import in_words, spoken
from pytest_deploygate.core.errors import ConfigurationError
from pytest_deploygate.core.result import Reason
from pytest_deploygate.core.series import Query, Series
from pytest_deploygate.core.text import SAME, printable
from pytest_deploygate.kinds.base import InRun, Kind
from pytest_deploygate.kinds.decision import Decision
from pytest_deploygate.kinds.times import Times
from pytest_deploygate.promql.counters import mixed
from pytest_deploygate.promql.expressions import either, grouped, literal, operand
from pytest_deploygate.promql.windows import has_window, in_window

if TYPE_CHECKING:
    from pytest_deploygate.kinds.many import Flags, Floats

FASTEST = 14.4
"""The largest factor of a burn rate: 2 % of the budget of 30 days in an hour.

Source: The Site Reliability Workbook, chapter 5, "Multiwindow, Multi-Burn-Rate Alerts".
"""

Labels = tuple[tuple[str, str], ...]

SILENT, ENDED, NO_NUMBER, UNCOUNTED = "silent", "ended", "no number", "uncounted"
"""Why a series is not judged."""
_EXPLAINED = {
    SILENT: "no traffic in {}",
    ENDED: (
        "total has no series over {}, a window of the period of {}: its counters ended, or were "
        "scraped less than twice"
    ),
    NO_NUMBER: "the share of bad events in {} is negative, or not a number",
    UNCOUNTED: "bad counts events in {} that total does not: both need the same labels",
}


def refuse_objective(objective: float, owner: str) -> None:
    """Refuse an objective that is not between 0 and 1, or for which no alert could ever fire.

    Raises:
        ConfigurationError: it is such an objective.
    """
    if not 0 < objective < 1:
        raise ConfigurationError(
            f"{owner}: objective is {objective!r}; write the share of good events, a number "
            "between 0 and 1, such as 0.999"
        )
    if FASTEST * (1 - objective) >= 1 - SAME:
        least = 1 - 1 / FASTEST
        raise ConfigurationError(
            f"{owner}: objective is {objective!r}: even if every event were bad, its budget could "
            f"not burn more than {FASTEST:g} times too fast, and no alert would fire; write more "
            f"than {least:.4f}, such as 0.95"
        )


WRITE_QUERIES = {
    "bad": 'PromQL with it, such as sum(rate(http_requests_total{status=~"5.."}[$window]))',
    "total": "PromQL with it, such as sum(rate(http_requests_total[$window]))",
}
"""What to write for each query, in messages that say that ``$window`` is missing."""


def refuse_queries(bad: str, total: str, owner: str) -> None:
    """Refuse queries without ``$window``, and a rate held against an increase.

    Raises:
        ConfigurationError: they are such queries.
    """
    for key, query in (("bad", bad), ("total", total)):
        if not has_window(query):
            found = f"{key} is {printable(query)!r}, without $window"
            raise ConfigurationError(f"{owner}: {found}; write {WRITE_QUERIES[key]}")
    if mixed(bad, total):
        raise ConfigurationError(
            f"{owner}: one of bad and total has rate(), the other increase(); write one in both"
        )


class Texts(NamedTuple):
    """The queries of one window: bad events, and all events."""

    bad: str
    total: str

    @property
    def traffic(self) -> str:
        """PromQL for all events where there are any; NaN where their number is not finite."""
        return f"({operand(self.total)} % Inf != 0)"

    @property
    def share(self) -> str:
        """PromQL for the share of bad events where there is traffic; no bad series is none.

        Without what is negative, or not a number.
        """
        counted = f"{operand(self.bad)} / {self.traffic}"
        found = grouped(either(counted, f"0 * {self.traffic}"))
        return grouped(f"{found} >= {literal(-SAME)}")

    @property
    def share_or_quiet(self) -> str:
        """The same, and 0 where there is no traffic."""
        return grouped(either(self.share, f"{operand(self.total)} unless {self.traffic}"))

    @property
    def uncounted(self) -> str:
        """PromQL for bad events that total does not count: 0 for each of their series."""
        return f"0 * (({operand(self.bad)} != 0) unless {self.traffic}) ^ 0"


class Found(NamedTuple):
    """What was found in one window, by labels.

    Attributes:
        shares: of the series with traffic; NaN where bad or total is not a finite number, or bad
            is negative.
        known: the labels of total.
        uncounted: the labels of bad events that total does not count.
    """

    shares: Mapping[Labels, float]
    known: frozenset[Labels]
    uncounted: frozenset[Labels]

    @classmethod
    def of(cls, bad: Sequence[Series], total: Sequence[Series]) -> Found:
        """From the answers to both queries."""
        counted = {labels_of(one): one.value for one in bad}
        traffic = {labels_of(one): one.value for one in total}
        shares = {
            labels: _share(counted.get(labels, 0.0), value)
            for labels, value in traffic.items()
            if value != 0
        }
        # NaN is not 0: nobody knows that it counts nothing.
        uncounted = (one for one, value in counted.items() if value != 0 and one not in shares)
        return cls(shares, frozenset(traffic), frozenset(uncounted))


def _share(bad: float, total: float) -> float:
    """A difference of two rates may be negative by rounding; more than that is no share."""
    share = bad / total if math.isfinite(total) else math.nan
    return max(share, 0.0) if share >= -SAME else math.nan


class FoundMany(NamedTuple):
    """The same at many times, as arrays of the shape (series, times)."""

    shares: Floats
    traffic: Flags
    known: Flags
    uncounted: Flags


def labels_of(series: Series) -> Labels:
    """The labels by which bad and total belong together: all but the metric's name."""
    return tuple(sorted(item for item in series.labels.items() if item[0] != "__name__"))


@dataclass(frozen=True, kw_only=True, slots=True)
class BadEvents(Kind):
    """What criteria of a service level objective have in common.

    The criterion's query counts bad events, ``total`` all events, as rates or as numbers; both
    have ``$window``. They belong together by their labels.

    Args:
        total: the query for all events.
        objective: the share of events that has to be good, such as 0.999.
        period: for which the objective is meant, in seconds.
    """

    total: str
    objective: Limit
    period: float
    texts: Mapping[float, Texts] = field(default_factory=dict, repr=False, compare=False)

    @property
    @abstractmethod
    def windows(self) -> tuple[float, ...]:
        """The windows in which events are counted, in seconds."""

    @property
    def lengths(self) -> tuple[float, ...]:
        """The windows, and all others that are asked for."""
        return self.windows

    @abstractmethod
    def drawn(self) -> str:
        """PromQL for the value, of a kind that knows its run."""

    def limits(self) -> Mapping[str, Limit]:
        """The objective."""
        return {"objective": self.objective}

    def in_run(self, criterion: Criterion, run: InRun) -> Criterion:
        """The criterion with the queries of every window.

        Raises:
            ConfigurationError: the objective of this run or one of its queries cannot be used. A
                configuration can replace the query of the bad events.
        """
        owner = f"criterion {criterion.id!r}"
        refuse_objective(number(self.objective), owner)
        total = run.in_query(self.total, owner)
        both = criterion.query.strip(), total.strip()
        refuse_queries(*both, owner)
        texts = {
            length: Texts(*(run.narrowed(in_window(one, length)) for one in both))
            for length in self.lengths
        }
        kind = replace(self, texts=texts)
        return replace(criterion, kind=kind, query=kind.drawn())

    def queries(self, criterion: Criterion, times: Times) -> Sequence[Query]:
        """Bad events and all events in each window."""
        return [times.instant(text) for length in self.windows for text in self.texts[length]]

    @property
    def allowed(self) -> float:
        """The share of events that may be bad."""
        return 1 - number(self.objective)

    @property
    def divisor(self) -> str:
        """The same in PromQL."""
        return f"(1 - {literal(number(self.objective))})"

    def found(self, answers: Sequence[Sequence[Series]]) -> list[Found]:
        """What was found in each of the windows."""
        return [Found.of(*answers[n : n + 2]) for n in range(0, 2 * len(self.windows), 2)]

    def found_many(
        self, answers: Sequence[Sequence[Series]], times: Times
    ) -> tuple[list[Labels], list[FoundMany]]:
        """The labels of all series, and what was found in each of the windows."""
        import numpy as np

        from pytest_deploygate.kinds.many import Matrix

        used = answers[: 2 * len(self.windows)]
        rows = {labels_of(one): 0 for answer in used for one in answer}
        rows.update((labels, place) for place, labels in enumerate(rows))
        shape = (len(rows), times.count)

        def placed(series: Sequence[Series], absent: float) -> tuple[Floats, Flags]:
            values, present = np.full(shape, absent), np.zeros(shape, dtype=bool)
            matrix = Matrix.of(series, times.instant(""))
            for row, one in enumerate(series):
                there, place = matrix.present[row], rows[labels_of(one)]
                values[place, there] = matrix.values[row, there]
                present[place] |= there
            return values, present

        def found(bad: Sequence[Series], total: Sequence[Series]) -> FoundMany:
            failed, _ = placed(bad, 0.0)
            counted, known = placed(total, 0.0)
            traffic = counted != 0
            with np.errstate(invalid="ignore", divide="ignore"):
                shares = failed / np.where(np.isfinite(counted), counted, np.nan)
                shares = np.where(shares >= -SAME, np.maximum(shares, 0.0), np.nan)
            return FoundMany(shares, traffic, known, (failed != 0) & ~traffic)

        return [*rows], [found(*used[n : n + 2]) for n in range(0, len(used), 2)]

    def unjudged(
        self, criterion: Criterion, labels: Labels, at: float, case: str, length: float
    ) -> Decision:
        """A series that cannot be judged."""
        reason = Reason.ERROR if case == UNCOUNTED else Reason.NO_DATA
        series = Series(dict(labels), ((at, math.nan),))
        held = criterion.comparison, criterion.limit, math.inf
        return Decision(series, reason, math.nan, *held, case, (length,))

    def why_not(self, decision: Decision) -> str:
        """Why a series cannot be judged; empty if it was."""
        text = _EXPLAINED.get(decision.case, "")
        return text.format(spoken(decision.numbers[0]), in_words(self.period)) if text else ""
