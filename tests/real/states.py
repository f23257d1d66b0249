"""What happens to whole instances: they join, leave, restart, and are not scraped."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from tests.production import Counter, Production
from tests.samples import Series

APP_1 = "app-1:8000"
APP_2 = "app-2:8000"
APP_3 = "app-3:8000"


def gone_and_back(
    *, before: float, gone: float, back: float, after: float
) -> Callable[[float], float | None]:
    """One value until the age ``gone``, none until the age ``back``, then another."""
    return lambda age: before if age >= gone else (after if age <= back else None)


def unscraped(p: Production, until: float, since: float) -> Production:
    """Nothing at all was scraped from one age to another: the monitoring was down."""
    return p.missing(lambda age: until < age < since)


def copied(
    p: Production,
    change: Mapping[str, str],
    *,
    since: float = math.inf,
    until: float = -1.0,
    name: str | None = None,
    **which: str,
) -> Production:
    """Series of these labels are there once more, with other labels, between two ages."""
    like = [series for series in p.series if series.matches(name, which)]
    return replace(
        p, series=(*p.series, *(_with_labels(one, change, since, until) for one in like))
    )


def _with_labels(series: Series, change: Mapping[str, str], since: float, until: float) -> Series:
    labels = {**dict(series.labels), **change}
    return replace(
        series,
        labels=tuple(sorted((name, text) for name, text in labels.items() if text)),
        missing=(*series.missing, lambda age: age > since or age < until),
    )


def relabelled(
    p: Production, change: Mapping[str, str], name: str | None = None, **which: str
) -> Production:
    """Series of these labels have other labels, without those that are empty."""

    def changed(series: Series) -> Series:
        matching = series.matches(name, which)
        return _with_labels(series, change, math.inf, -1.0) if matching else series

    return replace(p, series=tuple(map(changed, p.series)))


def down(p: Production, when: Callable[[float], bool], **labels: str) -> Production:
    """The scrapes of the application fail at the ages for which ``when`` holds."""
    p = p.missing(when, job="app", **labels)
    up = [series for series in p.series if series.matches("up", {"job": "app", **labels})]
    for series in up:
        p = p.with_series("up", dict(series.labels), lambda age: 0 if when(age) else 1)
    return p


def joined(p: Production, name: str, born: float, *, until: float = -1.0) -> Production:
    """An instance like app-1 is there from the age ``born`` to the age ``until``."""
    like = [s for s in p.series if s.matches(None, {"instance": APP_1})]
    return replace(p, series=(*p.series, *_moved(like, name, born, until)))


def _moved(like: Iterable[Series], name: str, born: float, until: float) -> Iterable[Series]:
    for series in like:
        labels = {**dict(series.labels), "instance": f"{name}:8000"}
        values = series.values
        if isinstance(values, Counter):
            values = replace(values, start=0, born=born)
        yield replace(
            series,
            labels=tuple(sorted(labels.items())),
            values=values,
            missing=(*series.missing, lambda age: age > born or age < until),
        )


def left(p: Production, at: float, **labels: str) -> Production:
    """Instances of the application are gone since the age ``at``."""
    return p.missing(lambda age: age < at, job="app", **labels)


def rolled_out(p: Production, at: float) -> Production:
    """At the age ``at`` new pods with new names replaced those that were there."""
    p = left(joined(joined(p, "app-3", at), "app-4", at), at, instance=APP_1)
    return left(p, at, instance=APP_2)


def restarted(p: Production, at: float) -> Production:
    """At the age ``at`` the application was restarted where it was: its counters are reset."""

    def reset(series: Series) -> Series:
        if isinstance(series.values, Counter) and series.matches(None, {"job": "app"}):
            return replace(series, values=replace(series.values, resets=[at]))
        return series

    p = replace(p, series=tuple(map(reset, p.series)))
    return down(p, lambda age: at < age < at + math.ceil(60))
