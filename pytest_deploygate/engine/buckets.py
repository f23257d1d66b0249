"""The buckets of the histogram behind a quantile, and what they leave unknown.

A quantile at or above the largest finite bucket may be larger than it says. One query for each
histogram tells which buckets its instances have.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import NamedTuple

from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.core.result import Reason
from pytest_deploygate.core.series import InstantQuery, Measurement, Series
from pytest_deploygate.kinds.base import Answers
from pytest_deploygate.kinds.decision import Decision
from pytest_deploygate.promql.histograms import Histogram, histogram

NONE_IN_COMMON = "no finite bucket that all instances have: the histogram cannot tell the quantile"
NOT_ALIKE = (
    "the instances have different buckets: their sum is not a histogram; sum only the buckets "
    "that all of them have"
)

Labels = Mapping[str, str]
Names = tuple[str, ...]


def question(criterion: Criterion, at: float) -> InstantQuery | None:
    """What to ask about the buckets at a time (Unix seconds); None if there is no quantile."""
    found = _histogram(criterion)
    return InstantQuery(found.bounds, at) if found else None


def _histogram(criterion: Criterion) -> Histogram | None:
    return histogram(criterion.query) if criterion.comparison.lower_is_better else None


class _Layout(NamedTuple):
    """Instances with the same labels: the finite bounds of all of them, and whether they differ."""

    labels: Labels
    bounds: frozenset[float]
    differ: bool


class Buckets:
    """The buckets behind a criterion's query.

    Args:
        criterion: with a quantile.
        answer: to :func:`question`.
    """

    def __init__(self, criterion: Criterion, answer: Measurement) -> None:
        found = _histogram(criterion)
        assert found is not None
        self._criterion, self._histogram = criterion, found
        self._layouts = [
            layout
            for layout in _layouts(self._wanted(answer.series))
            if all(matcher.accepts(layout.labels) for matcher in found.matchers)
        ]
        # By the names of labels, and their values: a fleet has thousands.
        self._index: dict[Names, dict[Names, list[_Layout]]] = {}
        for layout in self._layouts:
            names = tuple(sorted(layout.labels if found.by is None else found.by))
            alike = self._index.setdefault(names, {})
            alike.setdefault(_values(layout.labels, names), []).append(layout)

    @property
    def broken(self) -> bool:
        """Whether some of the quantiles cannot be judged whatever they are."""
        return any(self._problem(group) for group in self._groups())

    @property
    def key(self) -> Hashable:
        """Equal for buckets that say the same about every quantile."""
        return frozenset(
            (frozenset(one.labels.items()), one.bounds, one.differ) for one in self._layouts
        )

    def attached(self, answers: Answers) -> Answers:
        """The answers, each series with its buckets."""
        return [
            [one._replace(buckets=self._bounds(one.labels)) for one in all_] for all_ in answers
        ]

    def checked(self, decisions: Sequence[Decision], at: float) -> list[Decision]:
        """The decisions; an error where the buckets say nothing about the quantile."""
        found = [self._checked(one) for one in decisions]
        for group in self._groups():
            problem = self._problem(group)
            if problem and not any(self._agree(one.series.labels, group) for one in found):
                found.append(self._unknown(Series(group, ((at, math.nan),)), problem))
        return found

    def _checked(self, decision: Decision) -> Decision:
        problem = self._problem(decision.series.labels)
        return self._unknown(decision.series, problem) if problem else decision

    def _unknown(self, series: Series, problem: str) -> Decision:
        held = self._criterion.comparison, self._criterion.limit
        return Decision(series, Reason.ERROR, series.value, *held, math.inf, text=problem)

    def _wanted(self, series: Sequence[Series]) -> Sequence[Series]:
        """Those that ``match`` can mean, as far as the query keeps its labels."""
        by, known = self._histogram.by, self._histogram.known
        wanted = {k: v for k, v in self._criterion.match.items() if known and by and k in by}
        if not wanted:
            return series
        return [one for one in series if all(one.labels.get(k, "") == v for k, v in wanted.items())]

    def _groups(self) -> list[Labels]:
        """The labels of each series that the query may have."""
        by, wanted = self._histogram.by, self._criterion.match
        groups = (
            {name: text for name, text in one.labels.items() if by is None or name in by}
            for one in self._layouts
        )
        matching = (one for one in groups if all(one.get(k, v) == v for k, v in wanted.items()))
        return list({tuple(sorted(one.items())): one for one in matching}.values())

    def _of(self, labels: Labels) -> list[_Layout]:
        if not self._histogram.known:
            return [one for one in self._layouts if self._agree(labels, one.labels)]
        found = (alike.get(_values(labels, names), ()) for names, alike in self._index.items())
        return [one for some in found for one in some]

    def _agree(self, labels: Labels, others: Labels) -> bool:
        """Whether labels of a quantile and of its instances' series belong together."""
        by, known = self._histogram.by, self._histogram.known
        names = by if by is not None and known else others
        return all(
            labels.get(name, "") == others.get(name, "")
            for name in names
            if known or name in labels
        )

    def _bounds(self, labels: Labels) -> tuple[float, ...]:
        found = [one.bounds for one in self._of(labels)]
        return tuple(sorted(frozenset.intersection(*found))) if found else ()

    def _problem(self, labels: Labels) -> str:
        found = self._of(labels)
        if not found:
            return ""
        if not self._bounds(labels):
            return NONE_IN_COMMON
        differ = any(one.differ or one.bounds != found[0].bounds for one in found)
        return NOT_ALIKE if differ and self._histogram.summed else ""


def _values(labels: Labels, names: Names) -> Names:
    return tuple(labels.get(name, "") for name in names)


def _layouts(series: Sequence[Series]) -> Iterator[_Layout]:
    """One for each set of labels besides the bound; the values count the instances."""
    found: dict[tuple[tuple[str, str], ...], dict[float, float]] = {}
    for one in series:
        bound = _bound(one.labels.get("le", ""))
        if bound is not None:
            rest = tuple(sorted(item for item in one.labels.items() if item[0] != "le"))
            found.setdefault(rest, {})[bound] = one.value
    for labels, counts in found.items():
        most = max(counts.values())
        common = frozenset(b for b, n in counts.items() if n == most and math.isfinite(b))
        yield _Layout(dict(labels), common, min(counts.values()) < most)


def _bound(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
