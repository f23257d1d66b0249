"""One criterion's judgements at many times, as arrays. What loads numpy."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.core.result import Reason, Result, Status
from pytest_deploygate.engine.outcome import (
    counts_missing,
    failed_status,
    incomplete_status,
    without_data,
)
from pytest_deploygate.engine.over_time import Places
from pytest_deploygate.kinds.decision import ABSENT, REASONS, Decisions
from pytest_deploygate.kinds.many import CODE
from pytest_deploygate.kinds.times import Times

STATUSES = tuple(Status)
"""The code of a status is its place here."""


@dataclass(frozen=True, slots=True)
class Judgements:
    """One criterion at many times; every array has one entry for each time.

    Args:
        times: in Unix seconds.
        statuses: places in :data:`STATUSES`.
        reasons: places in ``kinds.base.REASONS``.
        values: of the worst series, NaN where none is named.
        limits: what the values were held against.
        worst: the place of the worst series in ``labels``, -1 where none is named.
        failing: how many series failed, or had no data while the others passed.
        total: how many series there were.
        warned: whether the source warned that its answer is not whole.
        labels: of all series.
    """

    times: tuple[float, ...]
    statuses: NDArray[np.int8]
    reasons: NDArray[np.int8]
    values: NDArray[np.float64]
    limits: NDArray[np.float64]
    worst: NDArray[np.intp]
    failing: NDArray[np.intp]
    total: NDArray[np.intp]
    warned: NDArray[np.bool_]
    labels: tuple[Mapping[str, str], ...]

    def chosen(self, places: Places) -> Judgements:
        """The same at some of the times."""
        arrays = {name: getattr(self, name)[places] for name in _ARRAYS}
        return replace(self, times=tuple(self.times[n] for n in places), **arrays)

    def result(self, criterion: Criterion, place: int) -> Result:
        """The judgement at one of the times, without words."""
        reason, value = REASONS[self.reasons[place]], float(self.values[place])
        # NaN may be a breach; of an error it says that there is no value.
        is_measured = self.worst[place] >= 0 and not (reason is Reason.ERROR and math.isnan(value))
        return Result(
            id=criterion.id,
            name=criterion.title,
            severity=criterion.level,
            status=STATUSES[self.statuses[place]],
            reason=reason,
            message="",
            value=value if is_measured else None,
            labels=self.named(place) or {},
            timestamp=self.times[place],
        )

    def named(self, place: int) -> Mapping[str, str] | None:
        """The labels of the worst series at one of the times; None where none is named."""
        return self.labels[self.worst[place]] if self.worst[place] >= 0 else None


_ARRAYS = (
    *("statuses", "reasons", "values", "limits", "worst"),
    *("failing", "total", "warned"),
)


def unanswered_many(criterion: Criterion, times: Times) -> Judgements:
    """The judgements when the source could not answer for any of the times."""
    none = np.full(times.count, -1), np.zeros(times.count, int), np.zeros(times.count, int)
    return Judgements(
        times.all,
        np.full(times.count, _code(failed_status(criterion.level)), np.int8),
        np.full(times.count, CODE[Reason.ERROR], np.int8),
        np.full(times.count, np.nan),
        np.full(times.count, criterion.limit),
        *none,
        np.zeros(times.count, bool),
        (),
    )


def joined(times: tuple[float, ...], pieces: Sequence[tuple[Places, Judgements]]) -> Judgements:
    """Judgements of some of the times each, put at their places."""
    if len(pieces) == 1:
        return pieces[0][1]
    rows: dict[tuple[tuple[str, str], ...], int] = {}
    whole = {name: np.empty(len(times), getattr(pieces[0][1], name).dtype) for name in _ARRAYS}
    for places, one in pieces:
        keys = (tuple(sorted(labels.items())) for labels in one.labels)
        moved = np.array([rows.setdefault(key, len(rows)) for key in keys], dtype=np.intp)
        for name in _ARRAYS:
            whole[name][places] = getattr(one, name)
        if len(moved):
            whole["worst"][places] = np.where(one.worst >= 0, moved[one.worst], -1)
    return Judgements(times, **whole, labels=tuple(dict(key) for key in rows))


def _ordered(decisions: Decisions) -> Decisions:
    """The series in the order of their labels: of two that are equally bad the last is named."""
    labels = decisions.labels
    order = sorted(range(len(labels)), key=lambda row: sorted(labels[row].items()))
    return Decisions(
        tuple(labels[row] for row in order),
        decisions.codes[order],
        decisions.values[order],
        decisions.limits[order],
        decisions.badness[order],
    )


def concluded(criterion: Criterion, times: Times, found: Decisions, *, warned: bool) -> Judgements:
    """What ``outcome.conclude`` says of all series, at every time at once."""
    found = _ordered(found)
    codes = found.codes
    breach, error = codes == CODE[Reason.BREACH], codes == CODE[Reason.ERROR]
    passing, missing = codes == CODE[Reason.OK], codes == CODE[Reason.NO_DATA]
    breached, failed = breach.any(axis=0), (breach | error).any(axis=0)
    some = passing.any(axis=0)
    lacking = missing.any(axis=0) & counts_missing(criterion)
    partly = some & ~failed & (lacking | warned)
    nothing = ~some & ~failed
    reasons = np.select(
        [breached, failed, nothing | partly],
        [CODE[Reason.BREACH], CODE[Reason.ERROR], CODE[Reason.NO_DATA]],
        CODE[Reason.OK],
    )
    statuses = np.select(
        [failed, nothing, partly],
        [
            _code(failed_status(criterion.level)),
            _code(_nothing_status(criterion, warned=warned)),
            _code(incomplete_status(criterion)),
        ],
        _code(Status.GO),
    )
    named = np.where(breached, breach, np.where(failed, error, passing))
    worst = _worst(found, named)
    row, column = np.maximum(worst, 0), np.arange(times.count)
    limits = np.full(times.count, criterion.limit)
    values = np.full(times.count, np.nan)
    if found.labels:
        values = np.where(worst >= 0, found.values[row, column], np.nan)
        limits = np.where(worst >= 0, found.limits[row, column], criterion.limit)
    counted = np.where(failed, named.sum(axis=0), 0)
    if not warned:
        counted = np.where(partly, missing.sum(axis=0), counted)
    return Judgements(
        times.all,
        statuses.astype(np.int8),
        reasons.astype(np.int8),
        values,
        limits,
        worst,
        counted,
        (codes != ABSENT).sum(axis=0),
        np.full(times.count, warned),
        found.labels,
    )


def _worst(found: Decisions, named: NDArray[np.bool_]) -> NDArray[np.intp]:
    """The last of the worst of these series at each time, -1 where there is none."""
    if not found.labels:
        return np.full(named.shape[1], -1)
    bad = np.where(named, found.badness, -np.inf)
    # An infinitely good value is still a value: it comes before what is not named at all.
    rank = np.where(named, np.where(bad == -np.inf, -np.finfo(float).max, bad), -np.inf)
    last = len(found.labels) - 1 - rank[::-1].argmax(axis=0)
    return np.where(named.any(axis=0), last, -1)


def _nothing_status(criterion: Criterion, *, warned: bool) -> Status:
    status = without_data(criterion)
    return status if not warned or status is Status.NO_GO else Status.WARNING


def _code(status: Status) -> int:
    return STATUSES.index(status)


def stacked(times: Sequence[float], results: Sequence[Result]) -> Judgements:
    """Results of one time each, as arrays."""
    labels = {tuple(sorted(one.labels.items())): None for one in results}
    places = {key: place for place, key in enumerate(labels)}
    named = [
        # An error of one of the series names it, and may have no value.
        -1 if one.value is None and not one.failing else places[tuple(sorted(one.labels.items()))]
        for one in results
    ]
    return Judgements(
        tuple(times),
        np.array([_code(one.status) for one in results], np.int8),
        np.array([REASONS.index(one.reason) for one in results], np.int8),
        np.array([np.nan if one.value is None else one.value for one in results]),
        np.array([one.threshold for one in results], float),
        np.array(named),
        np.array([one.failing for one in results]),
        np.array([one.total for one in results]),
        np.array([bool(one.warnings) for one in results]),
        tuple(dict(key) for key in labels),
    )
