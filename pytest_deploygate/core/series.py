"""Queries to a source, and its answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


class InstantQuery(NamedTuple):
    """A PromQL expression at one time, in Unix seconds."""

    expr: str
    at: float


class RangeQuery(NamedTuple):
    """A PromQL expression from ``start`` to ``end`` every ``step``, in Unix seconds."""

    expr: str
    start: float
    end: float
    step: float


Query = InstantQuery | RangeQuery

RULES = "/api/v1/rules"
"""In place of an expression: the alerting rules that the source has now, each as a series."""


class Series(NamedTuple):
    """One labelled series of points (Unix seconds, value), the oldest first; never empty.

    ``buckets`` are the finite bounds of the histogram behind a quantile, if they are known.
    """

    labels: Mapping[str, str]
    points: tuple[tuple[float, float], ...]
    buckets: tuple[float, ...] = ()

    @property
    def value(self) -> float:
        """The newest value."""
        return self.points[-1][1]


@dataclass(frozen=True, slots=True)
class Measurement:
    """The answer of a source: the series, and what the source warned of."""

    series: tuple[Series, ...]
    warnings: tuple[str, ...] = ()
    _indexes: dict[tuple[str, ...], dict[tuple[str, ...], list[Series]]] = field(
        default_factory=dict, compare=False, repr=False
    )

    def matching(self, labels: Mapping[str, str]) -> Sequence[Series]:
        """Return the series with these labels; without labels, all series.

        As in PromQL, a missing label equals an empty one.
        """
        if not labels:
            return self.series
        # A fleet asks one answer for the series of thousands of services, so it is indexed once.
        names = tuple(sorted(labels))
        index = self._indexes.get(names)
        if index is None:
            index = self._indexes[names] = {}
            for one in self.series:
                index.setdefault(tuple(one.labels.get(name, "") for name in names), []).append(one)
        return index.get(tuple([labels[name] for name in names]), ())
