"""The two sides of a comparison: their matchers, their expressions, and what exists of them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from pytest_deploygate.core.durations import seconds, spoken
from pytest_deploygate.core.errors import ConfigurationError
from pytest_deploygate.core.series import Series
from pytest_deploygate.core.text import printable
from pytest_deploygate.promql.counting import from_zero
from pytest_deploygate.promql.expressions import duration, label_name, labelled
from pytest_deploygate.promql.narrowing import Matcher, Matchers, matchers, matchers_of
from pytest_deploygate.promql.windows import in_window

NEW, OLD = "new", "old"

_SIDE = re.compile(r"\$(?:side\b|\{side\})")
_RANGE = re.compile(r"\[\s*((?:\d+(?:\.\d+)?(?:ms|[smhdwy]))+)\s*[\]:]")
_WHAT = "deploygate"
_SAMPLES, _AGE, _FALLS = "samples", "age", "falls"
_POINTS = 120
_ROUNDED = 5.0  # seconds; scrape intervals of 10 s and more are multiples of it
_MOST_NAMED = 5

Labels = Mapping[str, str]
Key = tuple[tuple[str, str], ...]


class Sides(NamedTuple):
    """The matchers of both sides; none in a comparison with the time before."""

    new: Matchers = ()
    old: Matchers = ()

    @classmethod
    def of(cls, new: str, old: str, owner: str) -> Sides:
        """The matchers in two texts.

        Raises:
            ConfigurationError: they are not matchers, or one series is on both sides.
        """
        sides = cls(matchers(new, f"{owner}: new"), matchers(old, f"{owner}: old"))
        for given in sides:
            exact = {one.name: one.value for one in given if one.operator == "="}
            if exact and sides.has(NEW, exact) and sides.has(OLD, exact):
                raise ConfigurationError(f"{owner}: {overlap([exact])}")
        return sides

    @property
    def names(self) -> tuple[str, ...]:
        """The labels that they name, each once."""
        return tuple(dict.fromkeys(one.name for one in chain(self.new, self.old)))

    def has(self, side: str, labels: Labels) -> bool:
        """Whether a series with these labels is on a side."""
        return all(one.accepts(labels) for one in self._of(side))

    def expr(self, template: str, side: str, window: float) -> str:
        """The template as PromQL for one side, with slices of so many seconds."""
        return filled(template, self._of(side), window)

    def counts(self, template: str, side: str, window: float, scale: float) -> str:
        """The same for counts; see :func:`~pytest_deploygate.promql.counting.from_zero`."""
        matchers = ",".join(one.expr for one in self._of(side))
        return from_zero(self.expr(template, side, window), matchers, scale)

    def key(self, series: Series) -> Key:
        """What is the same on both sides."""
        left_out = {"__name__", *self.names}
        return tuple(sorted(item for item in series.labels.items() if item[0] not in left_out))

    def wording(self, side: str) -> str:
        """The matchers of a side in a message."""
        return printable(", ".join(one.wording for one in self._of(side)))

    def _of(self, side: str) -> Matchers:
        return self.new if side == NEW else self.old


def has_side(template: str) -> bool:
    """Whether an expression says where the matchers of a side go."""
    return bool(_SIDE.search(template))


def filled(template: str, side: Iterable[Matcher], window: float) -> str:
    """An expression with these matchers for ``$side``, and a duration for ``$window``."""
    text = ",".join(one.expr for one in side)
    return in_window(_SIDE.sub(lambda _: text, template), window)


def longest_range(template: str) -> float:
    """The longest range of an expression in seconds, 0 for none."""
    found = (one.replace("y", "w") for one in _RANGE.findall(template))
    return max(map(seconds, found), default=0.0)


def overlap(both: Sequence[Labels]) -> str:
    """That some label values are on both sides."""
    shown = "; ".join(_shown(one) for one in both[:_MOST_NAMED])
    return f"new and old overlap: {shown} is on both sides"


class Scrapes(NamedTuple):
    """What is known of the metric behind a comparison.

    Attributes:
        interval: seconds between two scrapes, 0 if it is not known.
        exists: the labels of the sides, as they exist.
        falls: how often a counter was smaller than before, at most.
        samples: of the series that was scraped most often.
        ages: how many seconds ago the first sample of the new and of the old side is, at most the
            window; infinity if there is none.
    """

    interval: float = 0.0
    exists: tuple[Labels, ...] = ()
    falls: float = 0.0
    samples: float = 0.0
    ages: tuple[float, float] = (math.inf, math.inf)

    @classmethod
    def of(cls, series: Iterable[Series], sides: Sides, window: float) -> Scrapes:
        """From the answer to :func:`question` with the same sides and window.

        The interval is that of the side that is scraped less often. On each side the series that
        is scraped most often counts: others may have ended.
        """
        found: dict[str, dict[Key, float]] = {_SAMPLES: {}, _AGE: {}, _FALLS: {}}
        for one in series:
            labels = dict(one.labels)
            key = tuple(sorted(labels.items() - {(_WHAT, labels.get(_WHAT, ""))}))
            found.setdefault(labels.get(_WHAT, ""), {})[key] = one.value
        samples = found[_SAMPLES]
        if not samples:
            return cls()
        intervals = {
            key: min(window, found[_AGE].get(key, window)) / count
            for key, count in samples.items()
            if count > 1
        }
        each = [
            min((intervals[key] for key in intervals if sides.has(side, dict(key))), default=0.0)
            for side in (NEW, OLD)
        ]
        falls = max((one for one in found[_FALLS].values() if math.isfinite(one)), default=0.0)
        exists = tuple(map(dict, sorted(samples)))
        # The first sample may be so young that no point of the question has seen it.
        new, old = (
            max(
                (found[_AGE].get(key, 0.0) for key in samples if sides.has(side, dict(key))),
                default=math.inf,
            )
            for side in (NEW, OLD)
        )
        return cls(_rounded(max(each)), exists, falls, max(samples.values()), (new, old))

    def age(self, side: str) -> float:
        """How many seconds ago the first sample of a side is."""
        return self.ages[0 if side == NEW else 1]

    def why_not(self, sides: Sides) -> str:
        """Why no comparison of these sides has a meaning; empty if it has."""
        both = [one for one in self.exists if sides.has(NEW, one) and sides.has(OLD, one)]
        return overlap(both) if both and sides.names else ""

    @property
    def values(self) -> str:
        """The label values that exist, for a message."""
        if not self.exists:
            return "the metric has no series"
        more = " ..." if len(self.exists) > _MOST_NAMED else ""
        return f"there is {'; '.join(map(_shown, self.exists[:_MOST_NAMED]))}{more}"


def question(template: str, sides: Sides, window: float) -> str:
    """PromQL for how often the metric of a template was scraped, by the labels of the sides.

    Empty if the parser cannot read the template, such as an extension of MetricsQL.
    """
    # A matcher that any series has stands where the matchers of a side would.
    some = [Matcher(name, "=~", ".*") for name in sides.names]
    selector = _selector(filled(template, some, window), some)
    if not selector:
        return ""
    length, step = duration(window), duration(max(1.0, math.floor(window / _POINTS)))
    by = f"max by ({', '.join(map(label_name, sides.names))})"
    asked = {
        _SAMPLES: f"{by} (count_over_time({selector}[{length}]))",
        _AGE: f"{by} (time() - min_over_time(timestamp({selector})[{length}:{step}]))",
        _FALLS: f"{by} (resets({selector}[{length}]))",
    }
    return "\nor\n".join(labelled(expr, _WHAT, what) for what, expr in asked.items())


def _selector(expr: str, some: Sequence[Matcher]) -> str:
    """The first selector with all of these matchers, as PromQL without them."""
    import promql_parser

    found: list[str] = []

    def visit(node: object) -> None:
        if not isinstance(node, promql_parser.VectorSelector):
            return
        given = matchers_of(node)
        if not node.matchers.or_matchers and set(some) <= set(given):
            kept = ",".join(one.expr for one in given if one not in some)
            if node.name or kept:
                found.append(f"{node.name or ''}{{{kept}}}")

    try:
        promql_parser.walk(promql_parser.parse(expr), pre_visit=visit)
    except ValueError:
        return ""
    return found[0] if found else ""


def _rounded(interval: float) -> float:
    if not interval:
        return 0.0
    if interval < 2 * _ROUNDED:
        return float(max(1, round(interval)))
    return _ROUNDED * round(interval / _ROUNDED)


def _shown(labels: Labels) -> str:
    text = ", ".join(f"{name}={value}" for name, value in sorted(labels.items()))
    return printable(text) or "a series without the labels of the sides"


def too_short(step: float, least: float, why: str) -> str:
    """That an explicit step is too short, and what to set."""
    return f'step {spoken(step)} is shorter than {why}: set step="{spoken(least)}"'
