"""What a source is asked, and what it answers."""

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


class Series(NamedTuple):
    """One labelled series: points of (Unix seconds, value), the oldest first; never empty."""

    labels: Mapping[str, str]
    points: tuple[tuple[float, float], ...]

    @property
    def value(self) -> float:
        """The newest value."""
        return self.points[-1][1]


@dataclass(frozen=True, slots=True)
class Measurement:
    """What the source answered: series, and what it warned of while answering."""

    series: tuple[Series, ...]
    warnings: tuple[str, ...] = ()
    _indexes: dict[tuple[str, ...], dict[tuple[str, ...], list[Series]]] = field(
        default_factory=dict, compare=False, repr=False
    )

    def matching(self, labels: Mapping[str, str]) -> Sequence[Series]:
        """The series that carry these labels; all of them without any.

        As in PromQL, a label that is not there is empty.

        One answer is asked for the series of each of thousands of services: it is sorted once.
        """
        if not labels:
            return self.series
        names = tuple(sorted(labels))
        index = self._indexes.get(names)
        if index is None:
            index = self._indexes[names] = {}
            for one in self.series:
                index.setdefault(tuple(one.labels.get(name, "") for name in names), []).append(one)
        return index.get(tuple(labels[name] for name in names), ())
