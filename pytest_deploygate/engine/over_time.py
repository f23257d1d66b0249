"""An expression's values at many times, from as few range queries as the source allows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pytest_deploygate.core.errors import SourceError, TooMuchError
from pytest_deploygate.core.series import Measurement, Query, Series
from pytest_deploygate.engine.culprit import Ask
from pytest_deploygate.kinds.many import Matrix
from pytest_deploygate.kinds.times import Times

MOST_POINTS = 11_000
"""The most points of a series in the answer to one query.

Source: Prometheus refuses a range query of more ("exceeded maximum resolution").
"""

Places = NDArray[np.intp]


def queries(expr: str, times: Times) -> list[Query]:
    """All that has to be asked to know an expression at these times."""
    return [part.instant(expr) for part in times.parts(MOST_POINTS)]


@dataclass(frozen=True, slots=True)
class OverTime:
    """An expression at many times; the columns of the arrays are the times.

    Args:
        times: when.
        labels: of each series that is there at any time, the rows of the arrays.
        values: (series, times), NaN where there is none.
        present: (series, times), where there is one; NaN is a value too.
        failed: (times), the place in ``errors`` of why there is no answer, -1 where there is one.
        errors: of the source.
        warnings: (times), what the source warned of in the answer that holds this time.
    """

    times: Times
    labels: tuple[Mapping[str, str], ...]
    values: NDArray[np.float64]
    present: NDArray[np.bool_]
    failed: Places
    errors: tuple[SourceError, ...]
    warnings: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, expr: str, times: Times, ask: Ask) -> OverTime:
        """Ask for it; where the source cannot answer, only the times of that query are unknown.

        ``ask`` remembers what it was asked, answered or not: it may be asked again.
        """
        rows: dict[tuple[tuple[str, str], ...], int] = {}
        found: list[tuple[int, Matrix]] = []
        failed = np.full(times.count, -1)
        errors: list[SourceError] = []
        warnings: list[tuple[str, ...]] = []
        first = 0
        for part, answer in _answers(expr, times, ask):
            if isinstance(answer, SourceError):
                failed[first : first + part.count] = len(errors)
                errors.append(answer)
                answer = Measurement(())
            for one in answer.series:
                rows.setdefault(tuple(sorted(one.labels.items())), len(rows))
            found.append((first, Matrix.of(answer.series, part.instant(expr))))
            warnings += [answer.warnings] * part.count
            first += part.count
        shape = (len(rows), times.count)
        values, present = np.full(shape, np.nan), np.zeros(shape, dtype=bool)
        for start, matrix in found:
            columns = slice(start, start + matrix.values.shape[1])
            for row, labels in enumerate(matrix.labels):
                place = rows[tuple(sorted(labels.items()))]
                values[place, columns] = matrix.values[row]
                present[place, columns] = matrix.present[row]
        labels_ = tuple(dict(one) for one in rows)
        return cls(times, labels_, values, present, failed, tuple(errors), tuple(warnings))

    def at(self, place: int) -> Measurement:
        """What the source would answer at one of the times.

        Raises:
            SourceError: it could not answer.
        """
        if self.failed[place] >= 0:
            raise self.errors[self.failed[place]]
        at = self.times.part(place, 1).start
        series = tuple(
            Series(self.labels[row], ((at, float(self.values[row, place])),))
            for row in np.flatnonzero(self.present[:, place])
        )
        return Measurement(series, self.warnings[place])

    def alike(self, places: Places, *, values: bool = False) -> Iterator[Places]:
        """These places in groups with the same series, and on request with the same values."""
        counted = np.where(self.present, self.values if values else 0.0, -np.inf)
        columns = np.vstack([self.failed, np.nan_to_num(counted, nan=np.inf)])[:, places]
        yield from grouped(columns, places)


def _answers(
    expr: str, times: Times, ask: Ask
) -> Iterator[tuple[Times, Measurement | SourceError]]:
    """Parts of the times in their order, each with its answer."""
    for part in times.parts(MOST_POINTS):
        yield from _answer(expr, part, ask)


def _answer(expr: str, times: Times, ask: Ask) -> Iterator[tuple[Times, Measurement | SourceError]]:
    answer = _asked(times.instant(expr), ask)
    smaller = times.smaller() if isinstance(answer, TooMuchError) and times.count > 1 else []
    # Where a smaller query is not answered either, it is not the number of times.
    if all(isinstance(_asked(part.instant(expr), ask), SourceError) for part in smaller):
        yield times, answer
        return
    for part in smaller:
        yield from _answer(expr, part, ask)


def _asked(query: Query, ask: Ask) -> Measurement | SourceError:
    try:
        return ask(query)
    except SourceError as error:
        return error


def grouped(columns: NDArray[np.float64], places: Places) -> Iterator[Places]:
    """The places whose columns are equal, group by group."""
    if len(places) and (columns == columns[:, :1]).all():  # nearly always, and far faster
        yield places
        return
    _, group = np.unique(columns, axis=1, return_inverse=True)
    group = group.reshape(-1)
    for number in range(int(group.max(initial=-1)) + 1):
        yield places[group == number]


def runs(flags: Sequence[bool] | NDArray[np.bool_]) -> list[tuple[int, int]]:
    """The unbroken runs of true flags, each as its first place and the one behind its last."""
    padded = np.concatenate([[False], np.asarray(flags, dtype=bool), [False]])
    changes = np.flatnonzero(padded[1:] != padded[:-1])
    return [(int(a), int(b)) for a, b in zip(changes[::2], changes[1::2], strict=True)]
