"""How much worse one side is than another: intervals for a ratio of shares, and for a mean.

Imported only where something is compared: it loads numpy and scipy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, ndtri, stdtr, stdtrit

Floats = NDArray[np.float64]

_TIMES_MORE = 2.0**20
_GRID = 100
_HIGH_SHARE = 1.5
_DOUBLINGS = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """Counted events of two sides; every field has one number for each slice of time.

    Args:
        new: the events of the new side that are judged, such as errors.
        new_total: all events of the new side.
        old: the same of the old side.
        old_total: the same of the old side.
    """

    new: Floats
    new_total: Floats
    old: Floats
    old_total: Floats

    @classmethod
    def of(cls, *columns: Sequence[float] | Floats) -> Counts:
        """The slices in which both sides had events; the columns in the order of the fields."""
        new, new_total, old, old_total = (np.asarray(one, dtype=float) for one in columns)
        both = (new_total > 0) & (old_total > 0)
        return cls(
            new=new[both], new_total=new_total[both], old=old[both], old_total=old_total[both]
        )

    @property
    def slices(self) -> int:
        """How many there are."""
        return len(self.new)


class ShareRatio:
    """The ratio of the shares of two sides, new / old, stratified by slices of time.

    Each slice has a share of its own, which both sides see: load and shared trouble cancel. The
    ratio is that of Mantel and Haenszel. Given the events of both sides together, those of the new
    side are binomial, which gives an exact interval. Where the slices differ in their traffic, the
    sides count with their effective numbers of events.

    Events that do not fail independently count less: the numbers of events are divided by the
    dispersion between slices. It does not change when the events of one side are multiplied.

    Sources: Mantel and Haenszel 1959; Greenland and Robins 1985, "Estimation of a common effect
    parameter from sparse follow-up data" (ratio, and its variance); Przyborowski and Wilenski 1940
    (two Poisson counts given their sum); Clopper and Pearson 1934 (the binomial interval);
    McCullagh and Nelder 1989, 4.5 (dispersion).

    Args:
        counts: at least two slices.
    """

    def __init__(self, counts: Counts) -> None:
        both = counts.new_total + counts.old_total
        new_weight, old_weight = counts.old_total / both, counts.new_total / both
        exposure = counts.new_total * new_weight
        self._slices = counts.slices
        self._exposure = exposure / exposure.sum()
        self._new, self._old = counts.new * new_weight, counts.old * old_weight
        self._new_unit = _unit(self._new, new_weight, counts.new_total)
        self._old_unit = _unit(self._old, old_weight, counts.old_total)
        self._events = (
            float(self._new.sum()) / self._new_unit,
            float(self._old.sum()) / self._old_unit,
        )

    @property
    def value(self) -> float:
        """The ratio; infinity without events on the old side, NaN without any."""
        new, old = float(self._new.sum()), float(self._old.sum())
        return new / old if old else (np.inf if new else np.nan)

    def lower(self, error: float, more: float = 1.0) -> float:
        """The lower end of the one-sided interval.

        Args:
            error: the probability that the true ratio is below it.
            more: as if there were so many times as many events of the same kind.
        """
        return self._end(
            error, more, _odds_at_least, self._bursts(self._share_new, self._share_old)
        )

    def upper(self, error: float, more: float = 1.0) -> float:
        """The upper end of the one-sided interval, as :meth:`lower`."""
        return self._end(error, more, _odds_at_most, self._bursts(self._share_old, self._share_new))

    def _end(
        self,
        error: float,
        more: float,
        odds: Callable[[float, float, float], float],
        bursts: Floats,
    ) -> float:
        new, old = self._events
        if not new + old:
            return 0.0 if odds is _odds_at_least else np.inf
        own = new if odds is _odds_at_least else old
        apart = self._spread(error) / sum(1 / one for one in (new, old) if one)
        counted = more / max(1.0, apart, own * float(bursts @ bursts))
        return self._new_unit / self._old_unit * odds(new * counted, old * counted, error)

    @cached_property
    def _share_new(self) -> Floats:
        return _shares(self._new, self._exposure)

    @cached_property
    def _share_old(self) -> Floats:
        return _shares(self._old, self._exposure)

    def _spread(self, error: float) -> float:
        """The variance of the logarithm of the ratio, measured between slices.

        The first lag is added where it stands out (Newey and West 1987): bursts last longer than a
        slice. A measured variance needs Student's quantiles instead of the normal ones.
        """
        apart = self._share_new - self._share_old
        variance = float(apart @ apart)
        lag = float(apart[1:] @ apart[:-1])
        if lag * np.sqrt(self._slices) > variance:
            variance += 2 * lag
        degrees = self._slices - 1
        student = stdtrit(degrees, error) / ndtri(error) if error < 0.5 else 1.0
        return float(variance * self._slices / degrees * max(student, 1.0) ** 2)

    def _bursts(self, high: Floats, low: Floats) -> Floats:
        """The shares of one side's events that came in bursts which the other side did not have.

        A few bursts on one side tell as little as a few events, even if the other side happened
        to have none by which the dispersion could be measured.
        """
        beyond = np.maximum(0.0, high - np.maximum(low, self._exposure))
        starts = np.flatnonzero(np.diff(beyond > 0, prepend=False))
        return np.add.reduceat(beyond, starts) if len(starts) else beyond[:0]


def _unit(weighted: Floats, weights: Floats, totals: Floats) -> float:
    """What one event weighs on average: all events that count, or all that could have."""
    given = weighted if weighted.any() else weights * totals
    return float(given @ weights / given.sum())


def _shares(counted: Floats, otherwise: Floats) -> Floats:
    total = counted.sum()
    return counted / total if total else otherwise


def _odds_at_least(new: float, old: float, error: float) -> float:
    """The lower limit of Clopper and Pearson for the odds of an event to be of the new side."""
    if not new:
        return 0.0
    share = float(betaincinv(new, old + 1, error))
    return share / (1 - share)


def _odds_at_most(new: float, old: float, error: float) -> float:
    """The upper limit, as :func:`_odds_at_least`."""
    if not old:
        return np.inf
    share = float(betaincinv(old, new + 1, error))
    return (1 - share) / share if share else np.inf


class Mean:
    """The mean of a series of differences whose neighbours resemble each other.

    The differences are those of a stationary first-order autoregression around the mean. How much
    neighbours resemble each other is estimated from the same few points, so that nobody knows it:
    the interval weighs every correlation from 0 to 1 by how likely the differences are with it, as
    a Bayesian does with the usual flat priors for the mean and the logarithm of the deviation. The
    weight beforehand falls towards 1, and keeps a part there that is larger for fewer points. Its
    numbers are chosen by simulation, so that false alarms stay within what is asked for whatever
    the correlation is (``make bench-compare``).

    Sources: Zellner and Tiao 1964, "Bayesian analysis of the regression model with autocorrelated
    errors"; Berger and Yang 1994, "Noninformative priors and Bayesian testing for the AR(1) model"
    (the part near 1).

    Args:
        places: whole steps at which there is a difference, increasing; others are gaps.
        differences: as many, at least two.
    """

    def __init__(self, places: Sequence[int], differences: Sequence[float] | Floats) -> None:
        values = np.asarray(differences, dtype=float)
        gaps = np.diff(np.asarray(places))
        rest = 1 - (np.arange(_GRID) + 0.5) / _GRID  # finer near 1
        correlations = 1 - rest**2
        count = len(values)
        alike = correlations[:, None] ** gaps
        first = np.ones((_GRID, 1))
        variances = np.hstack([first, 1 - alike**2])
        design = np.hstack([first, 1 - alike])
        left = np.hstack([first * values[0], values[1:] - alike * values[:-1]])
        information = (design**2 / variances).sum(axis=1)
        means = (design * left / variances).sum(axis=1) / information
        squares = ((left - means[:, None] * design) ** 2 / variances).sum(axis=1)
        self._quantiles: dict[float, float] = {}  # asked for with many numbers of points
        self._degrees = count - 1
        self._means = means
        self._constant = bool(np.ptp(values) <= 1e-12 * np.abs(values).max(initial=0.0))
        self.value = float(values.mean())
        """The plain mean."""
        if self._constant:
            return
        self._errors = np.sqrt(squares / self._degrees / information)
        beforehand = (rest**2 + _HIGH_SHARE / count / rest) * rest
        logs = np.log(beforehand) - 0.5 * (
            np.log(variances).sum(axis=1)
            + np.log(information)
            + self._degrees * np.log(squares / squares.max())
        )
        weights = np.exp(logs - logs.max())
        self._weights = weights / weights.sum()

    def lower(self, error: float, more: float = 1.0) -> float:
        """The lower end of the one-sided interval.

        Args:
            error: the probability that the true mean is below it.
            more: as if there were so many times as many points of the same kind.
        """
        return self.value + (self._quantile(error) - self.value) / math.sqrt(more)

    def upper(self, error: float, more: float = 1.0) -> float:
        """The upper end of the one-sided interval, as :meth:`lower`."""
        return self.value + (self._quantile(1 - error) - self.value) / math.sqrt(more)

    def _quantile(self, share: float) -> float:
        """Where the mixture of Student's distributions has this share below it."""
        if self._constant:
            return self.value
        if share not in self._quantiles:
            self._quantiles[share] = self._searched(share)
        return self._quantiles[share]

    def _searched(self, share: float) -> float:
        low, high = self._around(share)
        if not np.isfinite(high):
            return low if share < 0.5 else high
        for _ in range(60):
            middle = (low + high) / 2
            if self._below(middle) < share:
                low = middle
            else:
                high = middle
        return (low + high) / 2

    def _around(self, share: float) -> tuple[float, float]:
        """Two numbers with the quantile between them."""
        centre, width = float(self._weights @ self._means), float(self._errors.min())
        for _ in range(_DOUBLINGS):
            if self._below(centre - width) < share < self._below(centre + width):
                return centre - width, centre + width
            width *= 2
        return -np.inf, np.inf  # a probability that the numbers of a computer cannot tell from 0

    def _below(self, mean: float) -> float:
        """The probability that the true mean is below a number."""
        return float(self._weights @ stdtr(self._degrees, (mean - self._means) / self._errors))


def times_more(is_decided: Callable[[float], bool]) -> float | None:
    """How many times as much of the same traffic decides; None if no amount does.

    Args:
        is_decided: whether so many times as much would; once it is true, it stays so.
    """
    low, high = 1.0, 2.0
    while not is_decided(high):
        low, high = high, high * 2
        if high > _TIMES_MORE:
            return None
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (low, middle) if is_decided(middle) else (middle, high)
    return high
