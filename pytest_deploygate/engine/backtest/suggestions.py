"""Limits that fit what was measured: the strictest that would have blocked so little time.

A step is blocked by a limit if the criterion fails there because of what was measured: it is a
breach, or a histogram cannot tell. What the source could not answer fails with every limit, and
does not count. Every suggestion is judged again before it is made, with the same answers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from pytest_deploygate.core.backtest import SHARES, Suggestion
from pytest_deploygate.core.criterion import Comparison, Criterion, Threshold
from pytest_deploygate.core.result import Reason
from pytest_deploygate.engine.backtest.verdicts import Flags
from pytest_deploygate.engine.judgements import Judgements
from pytest_deploygate.kinds.many import CODE

DIGITS = 4
"""Significant digits of a suggested limit; it is rounded to the side that blocks less."""

_HALVINGS = 24  # more than enough for the digits
_FINEST = 1e-3  # of the present limit: the smallest limit that is suggested instead of zero

Floats = NDArray[np.float64]
Judge = Callable[[float], Judgements]


def suggestion(
    given: Criterion, resolved: Criterion, found: Judgements, judge: Judge, outside: Flags
) -> Suggestion:
    """The values of a criterion, and limits that fit them.

    Args:
        given: as it is written, with named thresholds.
        resolved: with the numbers of this run.
        found: its judgements.
        judge: judges it with another limit, from the same answers.
        outside: the steps that are not an incident.
    """
    limit = getattr(given, given.comparison.keyword)
    values = found.values[outside & (found.worst >= 0)]
    values = values[np.isfinite(values)]
    median, p95, p99, worst = _quantiles(resolved.comparison, values)
    return Suggestion(
        id=given.id,
        name=resolved.title,
        key=limit.key if isinstance(limit, Threshold) else "",
        unit=resolved.unit,
        comparison=resolved.comparison.symbol,
        limit=resolved.limit,
        median=median,
        p95=p95,
        p99=p99,
        worst=worst,
        limits=_Search(resolved, judge, values, outside, _unanswered(found)).limits(),
    )


def _quantiles(comparison: Comparison, values: Floats) -> Sequence[float | None]:
    if not len(values):
        return (None, None, None, None)
    ordered = np.sort(values)
    if not comparison.lower_is_better:
        ordered = ordered[::-1]
    places = [math.ceil(share * len(ordered)) - 1 for share in (0.5, 0.95, 0.99, 1.0)]
    return [float(ordered[max(place, 0)]) for place in places]


def _unanswered(found: Judgements) -> Flags:
    return np.asarray((found.reasons == CODE[Reason.ERROR]) & (found.worst < 0))


class _Search:
    """Finds the strictest limits; ``side`` is 1 where a larger limit blocks less, else -1."""

    def __init__(
        self,
        criterion: Criterion,
        judge: Judge,
        values: Floats,
        outside: Flags,
        unanswered: Flags,
    ) -> None:
        self._criterion = criterion
        self._judge = judge
        self._side = 1.0 if criterion.comparison.lower_is_better else -1.0
        self._values = np.sort(values * self._side)
        self._outside = outside
        self._counted = outside & ~unanswered
        self._known: dict[float, int] = {}

    def limits(self) -> dict[str, float | None]:
        """The limit for each of the shares, by its name; None where no limit blocks so little."""
        some = len(self._values) and self._criterion.comparison is not Comparison.EQUALS
        found = {name: self._limit(share) if some else None for name, share in SHARES.items()}
        return {name: None if self._never_blocks(limit) else limit for name, limit in found.items()}

    def _never_blocks(self, limit: float | None) -> bool:
        """Whether every share keeps it, from none to all: that would turn the check off."""
        if limit is None or self._criterion.unit != "ratio":
            return False
        if self._side < 0:
            return limit <= 0
        return bool(limit >= 1 >= self._values[-1])

    def _limit(self, share: float) -> float | None:
        allowed = math.floor(share * int(self._outside.sum()) + 1e-9)
        # As many values as are allowed to be worse are worse; for a window it is less strict.
        kept = self._values[max(0, len(self._values) - 1 - allowed)]
        loose = self._beyond(float(kept))
        if self._blocked(loose) > allowed:
            loose = self._beyond(float(self._values[-1]))
            if self._blocked(loose) > allowed:
                return None
        nearer = self._rounded(loose - self._side * self._unit(loose))
        if self._blocked(nearer) > allowed:  # so it is, but for a window
            return loose
        strict = self._beyond(float(self._values[0]))
        if self._blocked(strict) <= allowed:
            return strict
        for _ in range(_HALVINGS):
            middle = self._rounded((loose + strict) / 2)
            if middle in (loose, strict):
                break
            if self._blocked(middle) <= allowed:
                loose = middle
            else:
                strict = middle
        return loose

    def _blocked(self, limit: float) -> int:
        """How many steps a limit blocks."""
        if limit not in self._known:
            reasons = self._judge(limit).reasons
            failed = (reasons == CODE[Reason.BREACH]) | (reasons == CODE[Reason.ERROR])
            self._known[limit] = int((failed & self._counted).sum())
        return self._known[limit]

    def _beyond(self, value: float) -> float:
        """The nearest limit of few digits that a value keeps, given on the side of what is worse.

        A strict comparison needs a limit beyond the value, by more than rounding explains.
        """
        value *= self._side
        strict = self._criterion.comparison in (Comparison.BELOW, Comparison.ABOVE)
        limit = self._rounded(value)
        if strict and math.isclose(limit, value, rel_tol=1e-8):
            limit = self._rounded(value + self._side * self._unit(value))
        return limit

    def _rounded(self, limit: float) -> float:
        """With few digits, to the side that blocks less."""
        unit = self._unit(limit)
        towards = math.ceil if self._side > 0 else math.floor
        return float(f"{towards(round(limit / unit, 6)) * unit:.{DIGITS + 2}g}")

    def _unit(self, value: float) -> float:
        """What the last digit of a number is worth."""
        if not value:
            value = self._criterion.limit * _FINEST * 10 ** (DIGITS - 1) or 1e-3
        return float(10.0 ** (math.floor(math.log10(abs(value))) - DIGITS + 1))


def toml_lines(suggestions: Sequence[Suggestion], sides: Sequence[float]) -> dict[str, str]:
    """Lines for ``[thresholds]`` by share; of criteria with one threshold the loosest limit counts.

    Args:
        suggestions: of all criteria.
        sides: for each of them 1 where a larger limit blocks less, else -1.
    """
    found: dict[str, dict[str, float]] = {name: {} for name in SHARES}
    impossible: dict[str, set[str]] = {name: set() for name in SHARES}
    for one, side in zip(suggestions, sides, strict=True):
        for name, limit in one.limits.items():
            if not one.key:
                continue
            if limit is None:
                if one.worst is not None:
                    impossible[name].add(one.key)
                continue
            known = found[name].get(one.key, limit)
            found[name][one.key] = side * max(side * known, side * limit)
    return {
        name: "\n".join(
            f"{key} = {limit!r}" for key, limit in keys.items() if key not in impossible[name]
        )
        for name, keys in found.items()
    }
