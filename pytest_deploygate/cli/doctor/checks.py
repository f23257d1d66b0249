"""Which metrics of the criteria exist, and which problem each check has (the document's 8.2)."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.core.durations import seconds, spoken
from pytest_deploygate.core.errors import SourceError
from pytest_deploygate.core.result import Reason, Result
from pytest_deploygate.core.series import InstantQuery
from pytest_deploygate.engine.run import GateRun
from pytest_deploygate.promql.selectors import Selector, can_parse, selecting, selectors
from pytest_deploygate.sources.prometheus import PrometheusSource

LOOKBACK = "1d"
"""How far back to look for a metric that has no series now."""

_ALIKE = 0.8  # difflib's ratio; two different metrics of one exporter usually have less
_LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_MOST_VALUES = 5
_MOST_NEAR = 2
_NAMES_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """One metric of the server.

    Attributes:
        name: its name.
        series: number of series that it has now.
        age: age of its newest sample in seconds, None if the last day has no sample.
        near: existing metrics with a similar name.
        error: why the query for the metric failed, empty if it did not.
    """

    name: str
    series: int = 0
    age: float | None = None
    near: tuple[str, ...] = ()
    error: str = ""

    @property
    def missing(self) -> bool:
        """Whether it had no sample during the last day."""
        return self.age is None and not self.error

    @property
    def stale(self) -> bool:
        """Whether it had samples during the last day, but has no series now."""
        return self.age is not None and not self.series


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One criterion: the result that the gate would give, its metrics, and its problem.

    Attributes:
        result: what the gate would report.
        metrics: the metrics of its query, None if the query could not be parsed.
        problem: what is wrong and must be fixed, empty if nothing is.
    """

    result: Result
    metrics: tuple[Metric, ...] | None
    problem: str = ""


def examine(criteria: Sequence[Criterion], run: GateRun, source: PrometheusSource) -> list[Check]:
    """Examine every criterion; each metric is queried once."""
    parsing = can_parse()
    parsed = {one.query: selectors(one.query) if parsing else None for one in criteria}
    run.prefetch(criteria, run.at)
    wanted = dict.fromkeys(s.metric for found in parsed.values() for s in found or ())
    metrics = _metrics(list(wanted), run, source)
    return [_check(one, parsed[one.query], metrics, run) for one in criteria]


def _check(
    criterion: Criterion,
    found: Sequence[Selector] | None,
    metrics: Mapping[str, Metric],
    run: GateRun,
) -> Check:
    # judged as in a run, so that the doctor and the gate agree on what is missing
    result = run.judge(criterion, run.at)
    own = tuple(metrics[name] for name in dict.fromkeys(s.metric for s in found or ()))
    if result.reason is Reason.NO_DATA and not result.ok:
        problem = _absence(own) or _mismatches(found or (), run) or result.message
    elif result.ok or result.evaluated:
        problem = "" if criterion.optional else _suspicion(own)
    else:
        problem = result.message
    return Check(result=result, metrics=None if found is None else own, problem=problem)


def _absence(metrics: Iterable[Metric]) -> str:
    """Which metrics are missing or stale."""
    return "; ".join(
        _missing(metric)
        if metric.missing
        else f"the newest sample of {metric.name} is about {spoken(metric.age or 0)} old"
        for metric in metrics
        if metric.missing or metric.stale
    )


def _missing(metric: Metric) -> str:
    near = " or ".join(metric.near)
    return f"{metric.name} does not exist{f', did you mean {near}?' if near else ''}"


def _suspicion(metrics: Iterable[Metric]) -> str:
    """Metrics that look misspelt: a query that counts failures works without them too."""
    return "; ".join(
        f"{metric.name} does not exist, but {near[0]} does: if the name is wrong, it counts nothing"
        for metric in metrics
        if metric.missing and (near := get_close_matches(metric.name, metric.near, 1, _ALIKE))
    )


def _mismatches(found: Iterable[Selector], run: GateRun) -> str:
    """Labels with a value that no series of the metric has."""
    mismatches = []
    for selector in found:
        for label, value in selector.labels:
            values = _values(selector, label, run)
            if values and value not in values:
                shown = ", ".join(values[:_MOST_VALUES]) + (" ..." * (len(values) > _MOST_VALUES))
                mismatches.append(f"{selector.metric} has no {label}={value}, only {shown}")
    return "; ".join(dict.fromkeys(mismatches))


def _values(selector: Selector, label: str, run: GateRun) -> list[str]:
    if not _LABEL.fullmatch(label):
        return []
    try:
        series = run.ask(InstantQuery(f"count by ({label}) ({selector.expr})", run.at)).series
    except SourceError:
        return []
    return sorted(one.labels.get(label, "(none)") for one in series)


def _metrics(names: list[str], run: GateRun, source: PrometheusSource) -> dict[str, Metric]:
    """Every metric now. A missing one is looked for during the last day, then by similar names."""
    metrics = _now(names, run)
    gone = [name for name, metric in metrics.items() if metric.missing]
    past = {n: f"max(max_over_time(timestamp({selecting(n)})[{LOOKBACK}:5m]))" for n in gone}
    metrics |= _asked({name: ("", expr) for name, expr in past.items()}, run)
    missing = [name for name in gone if metrics[name].missing]
    others = sorted(_existing(source, run.at) - set(names)) if missing else []
    near = {name: get_close_matches(name, others, _MOST_NEAR) for name in missing}
    # the server lists the names of a whole storage block, also those without a sample now
    existing = _now(sorted({one for names in near.values() for one in names}), run)
    for name, alike in near.items():
        found = tuple(one for one in alike if existing[one].series)
        metrics[name] = replace(metrics[name], near=found)
    return metrics


def _now(names: Iterable[str], run: GateRun) -> dict[str, Metric]:
    asked = {n: (f"count({selecting(n)})", f"max(timestamp({selecting(n)}))") for n in names}
    return _asked(asked, run)


def _asked(exprs: Mapping[str, tuple[str, str]], run: GateRun) -> dict[str, Metric]:
    """Every metric, from a query for its number of series (empty: none) and its newest sample."""
    wanted = (expr for pair in exprs.values() for expr in pair if expr)
    run.measurements.prefetch(InstantQuery(expr, run.at) for expr in wanted)
    return {name: _metric(name, run, *pair) for name, pair in exprs.items()}


def _metric(name: str, run: GateRun, counting: str, newest: str) -> Metric:
    try:
        count = _number(run, counting) if counting else None
        time_of_newest = _number(run, newest)
    except SourceError as error:
        return Metric(name=name, error=str(error))
    age = None if time_of_newest is None else max(0.0, run.at - time_of_newest)
    return Metric(name=name, series=int(count or 0), age=age)


def _number(run: GateRun, expr: str) -> float | None:
    series = run.ask(InstantQuery(expr, run.at)).series
    return series[0].value if series else None


def _existing(source: PrometheusSource, at: float) -> set[str]:
    """The names of all metrics of the last day; none if the server does not list them."""
    day = f"start={at - seconds(LOOKBACK):.0f}&end={at:.0f}"
    try:
        deadline = time.monotonic() + _NAMES_SECONDS
        _, _, body = source.page(f"api/v1/label/__name__/values?{day}", deadline)
        return {name for name in json.loads(body)["data"] if isinstance(name, str)}
    except (SourceError, ValueError, KeyError, TypeError, RecursionError):
        return set()
