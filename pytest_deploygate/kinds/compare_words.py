"""What a comparison says: both values, their ratio, and how sure it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.core.durations import spoken
from pytest_deploygate.core.result import Reason, Sides
from pytest_deploygate.core.series import Series
from pytest_deploygate.core.text import counted, printable, value_text
from pytest_deploygate.kinds.decision import Decision
from pytest_deploygate.kinds.limit import largest_bucket
from pytest_deploygate.kinds.window import ended as ended_for

SHARES = "shares"
VALUES = "values"
DIFFERENCES = "differences"
NO_EVENTS = "no events"
ZEROS = "zeros"
UNKNOWN = "unknown"

NEGATIVE = "a count is negative: give queries for counters, as in increase(metric[$window])"

_MANY = 1000.0
_FEW = 0.1
_ARTICLE = {"new": "the new side", "old": "the old side"}


class Found(NamedTuple):
    """The numbers behind a decision.

    Attributes:
        value: the ratio, NaN where there is none.
        lower: the lower end of its interval, or of the difference's.
        upper: the upper end.
        new: the value of the new side.
        old: the value of the old side.
        new_events: the events of the new side, of ``new_total``; 0 where nothing was counted.
        old_events: the same of the old side.
        minutes: how long the same traffic has to go on until the interval decides.
    """

    value: float
    lower: float
    upper: float
    new: float
    old: float
    new_events: float = 0.0
    new_total: float = 0.0
    old_events: float = 0.0
    old_total: float = 0.0
    minutes: float = 0.0


NOTHING = Found(math.nan, math.nan, math.nan, math.nan, math.nan)
"""Where nothing is known of either side."""


def explained(criterion: Criterion, unit: str, decision: Decision) -> str:
    """A decision in words; the unit is that of both values."""
    if decision.case == "":  # NaN or infinity on the new side
        return f"{criterion.quantity} is now {_shown(unit, decision.value)}".lstrip()
    found = Found(*decision.numbers)
    if decision.reason is Reason.NO_DATA:
        return _too_little(criterion, unit, decision, found)
    both = f"{_both(criterion, unit, decision, found)}"
    if decision.case == NO_EVENTS:
        return f"{both}: no event on either side"
    if decision.case == ZEROS:
        return f"{both}: all of both sides is zero"
    if decision.case == DIFFERENCES:
        return f"{both}: {_difference(criterion, unit, decision, found)}"
    return f"{both}: {_ratio(criterion, decision, found)}"


def sides(unit: str, decision: Decision) -> Sides | None:
    """The numbers for reports, in the unit of both values; None where they are not compared."""
    if not decision.case:
        return None
    found = Found(*decision.numbers)
    has_ratio = decision.case in (SHARES, VALUES)
    return Sides(
        found.new,
        found.old,
        found.lower if has_ratio else None,
        found.upper if has_ratio and math.isfinite(found.upper) else None,
        unit,
        decision.other,
    )


def times(ratio: float) -> str:
    """``2.6x``; three digits near 1."""
    if ratio < 0.005:
        return "0x"
    if ratio >= 99.5:
        return f"{ratio:,.0f}x"
    return f"{ratio:.3g}x" if 0.895 < ratio < 1.105 else f"{ratio:.2g}x"


def matches_nothing(missing: Sequence[tuple[str, str]], exists: str) -> str:
    """Which sides match nothing."""
    named = " and ".join(f"{side} ({matchers})" for side, matchers in missing)
    match = "matches" if len(missing) == 1 else "match"
    return f"{named} {match} nothing; {exists}"


def just_begun(sides: Sequence[str], step: float) -> str:
    """That sides were scraped for the first time, and have no counts of a slice yet."""
    named = " and ".join(_ARTICLE[side] for side in sides)
    have = "has" if len(sides) == 1 else "have"
    return f"{named} {have} begun less than {spoken(step)} ago: no slice is counted yet"


def just_deployed(age: float, least: float) -> str:
    """That the new version is younger than what one point counts."""
    if age <= 0:
        return "the deployment (--gate-deployed-at) is not before the evaluation time"
    return f"the deployment was {spoken(age)} ago, at least {spoken(least)} needed"


def nothing_then(when: str) -> str:
    """That a time has no series."""
    return f"the query matches nothing {when}"


def no_side(side: str) -> str:
    """That a pair lacks one side."""
    return f"{_ARTICLE[side]} has no such series"


def no_traffic(side: str) -> str:
    """That nothing was counted on a side."""
    return f"{_ARTICLE[side]} has no traffic"


def silent(side: str, length: float, what: str = "traffic") -> str:
    """That a side had nothing of late."""
    return f"{_ARTICLE[side]} has had no {what} for {spoken(length)}"


def several(side: str, count: int) -> str:
    """That a pair has more than one series on a side."""
    return f"{_ARTICLE[side]} has {count} series with these labels: aggregate them in the query"


def ended(side: str, age: float) -> str:
    """That a side has had no value for these seconds."""
    return f"{_ARTICLE[side]} has ended: {ended_for(age)}"


def cut_off(criterion: Criterion, both: Sequence[Series]) -> str:
    """That quantiles lie beyond the buckets of their histogram; empty if they do not.

    They would be equal there, however far apart the sides are.
    """
    for one in both:
        largest = largest_bucket(criterion, one)
        beyond = sum(largest <= value < math.inf for _, value in one.points)
        if beyond > _FEW * len(one.points):
            bound = value_text(largest, "")
            return (
                f"the quantile is above {bound}, the largest bucket: compare the share of requests "
                "that are slower than a bucket bound"
            )
    return ""


def falling(falls: float, length: float) -> str:
    """That a metric falls too often to be a counter."""
    return (
        f"the counts cannot be compared: a series fell {falls:.0f} times in {spoken(length)}: it "
        "restarts all the time, or is not a counter, which increase(metric[$window]) needs"
    )


def too_few(number: int, least: int, step: float) -> str:
    """That there are too few slices."""
    minutes = max(1, math.ceil((least - number) * step / 60))
    return f"{_slices(number)} with both sides, at least {least} needed: {_more(minutes)}"


def below_minimum(new: float, old: float, minimum: float, minutes: float) -> str:
    """That a side has too few events in total."""
    fewer = min(new, old)
    side = "new" if new <= old else "old"
    left = math.ceil((minimum / fewer - 1) * minutes) if fewer else 0
    text = f"{_count(fewer)} events on {_ARTICLE[side]}, at least {minimum:,g} needed"
    return f"{text}: {_more(max(1, left))}" if left else text


def _more(minutes: float) -> str:
    return f"about {counted(round(minutes), 'more minute')} of this traffic"


def _slices(number: int) -> str:
    return counted(number, "slice")


def _too_little(criterion: Criterion, unit: str, decision: Decision, found: Found) -> str:
    reach = f"{times(found.lower)} to {times(found.upper)}"
    if found.upper >= _MANY:
        reach = f"{times(found.lower)} to more than {times(_MANY)}"
    if decision.case == DIFFERENCES:
        reach = _both(criterion, unit, decision, found)
    left = f"; {_more(found.minutes)}" if math.isfinite(found.minutes) else ""
    return f"too little to tell: {reach}{left}"


def _both(criterion: Criterion, unit: str, decision: Decision, found: Found) -> str:
    """``error share 3.1 % (new, 412 of 13,290) against 1.2 % (old)``."""
    if decision.case in (SHARES, NO_EVENTS):
        events = f", {_count(found.new_events)} of {_count(found.new_total)}"
        new, old = (value_text(one, "ratio") for one in (found.new, found.old))
        quantity = criterion.quantity or "share"
    else:
        events, quantity = "", criterion.quantity
        new, old = (_shown(unit, one) for one in (found.new, found.old))
    return f"{quantity} {new} (new{events}) against {old} (old)".lstrip()


def _ratio(criterion: Criterion, decision: Decision, found: Found) -> str:
    limit, lower_is_better = criterion.limit, criterion.comparison.lower_is_better
    breach = decision.reason is Reason.BREACH
    least = breach == lower_is_better
    end = found.lower if least else found.upper
    bound = f"{'at least' if least else 'at most'} {_end(end, limit)}"
    value = times(found.value)
    if not found.old and decision.case == SHARES:
        value = "none on the old side"
    return f"{value}, {bound}, limit {limit:g}x"


def _end(end: float, limit: float) -> str:
    """An end of the interval, with enough digits that it does not look like the limit."""
    if not math.isfinite(end) or end == limit:
        return times(end)
    text = times(end)
    for digits in range(3, 9):
        if text != f"{limit:g}x" and (end > limit) == (float(text[:-1].replace(",", "")) > limit):
            break
        text = f"{end:.{digits}g}x"
    return text


def _difference(criterion: Criterion, unit: str, decision: Decision, found: Found) -> str:
    limit = f"{criterion.limit:g}x of the old"
    if decision.reason is Reason.BREACH:
        end = _shown(unit, abs(found.lower))
        way = "above" if criterion.comparison.lower_is_better else "below"
        return f"at least {end} {way} {limit}"
    return f"not beyond what is tolerable, limit {limit}"


def _count(events: float) -> str:
    return f"{events:,.0f}"


def _shown(unit: str, value: float) -> str:
    return printable(value_text(value, unit))
