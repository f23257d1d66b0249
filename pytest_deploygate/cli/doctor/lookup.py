"""What a server has of a metric: how much, how old, and what became of one that is gone."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher, get_close_matches

from pytest_deploygate.core.durations import seconds, spoken
from pytest_deploygate.core.errors import SourceError
from pytest_deploygate.core.series import InstantQuery, Query, RangeQuery, Series
from pytest_deploygate.core.text import printable
from pytest_deploygate.engine.run import GateRun
from pytest_deploygate.promql.expressions import string
from pytest_deploygate.promql.narrowing import Matchers, escaped
from pytest_deploygate.promql.selectors import selecting
from pytest_deploygate.sources.prometheus import PrometheusSource

LOOKBACK = "1d"
"""How far back to look for a metric that has no series now."""

_DAY = seconds(LOOKBACK)
_NEARBY = 600.0  # seconds; a rollout shows the old name and the new one for some time
_MOST_NEAR = 2
_MOST_JOBS = 3
_MOST_CANDIDATES = 50
_NAMES_SECONDS = 10.0
# They change when a service is deployed again, or differ between its instances.
_PLACES = frozenset({"__name__", "instance", "pod", "container", "node", "version"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """One metric of the server.

    Attributes:
        name: its name.
        series: number of series that it has now.
        age: age of its newest sample in seconds, None if the last day has no sample.
        near: existing metrics with a similar name.
        successor: the metric that probably took the place of one that is gone.
        targets: whether the targets that exposed one that is gone are up.
        error: why the query for the metric failed, empty if it did not.
    """

    name: str
    series: int = 0
    age: float | None = None
    near: tuple[str, ...] = ()
    successor: str = ""
    targets: str = ""
    error: str = ""

    @property
    def missing(self) -> bool:
        """Whether it had no sample during the last day."""
        return self.age is None and not self.error

    @property
    def stale(self) -> bool:
        """Whether it had samples during the last day, but has no series now."""
        return self.age is not None and not self.series


Metrics = dict[str, Metric]


class Narrowed:
    """Asks the source of a run, with these matchers in every selector."""

    def __init__(self, run: GateRun, own: Matchers) -> None:
        self.run = run
        self.at = run.at
        self._own = own

    def narrowed(self, query: InstantQuery) -> InstantQuery:
        """A query as it is asked.

        Raises:
            SourceError: it cannot be narrowed.
        """
        return query._replace(expr=self.run.scope.narrowed(query, self._own).expr)

    def prefetch(self, queries: Iterable[Query]) -> None:
        """Begin to ask."""
        narrowed = (self.run.scope.narrowed(query, self._own) for query in queries)
        self.run.measurements.prefetch(narrowed)

    def series(self, query: Query) -> Sequence[Series]:
        """What the source answers.

        Raises:
            SourceError: the source could not answer.
        """
        return self.run.ask(self.run.scope.narrowed(query, self._own)).series


def look_up(names: Sequence[str], own: Matchers, run: GateRun, source: PrometheusSource) -> Metrics:
    """Every metric now; one without series is looked for in the past, then by similar names."""
    server = Narrowed(run, own)
    metrics = _now(names, server)
    gone = [name for name, metric in metrics.items() if metric.missing]
    past = {name: _minutes(name, run.at) for name in gone}
    server.prefetch(past.values())
    for name, query in past.items():
        metrics[name] = _gone(name, query, server)
    missing = [name for name in gone if metrics[name].missing]
    others = sorted(_existing(source, server.at) - set(names)) if missing else []
    near = {name: get_close_matches(name, others, _MOST_NEAR) for name in missing}
    # the server lists the names of a whole storage block, also those without a sample now
    existing = _now(sorted({one for names in near.values() for one in names}), server)
    for name, alike in near.items():
        found = tuple(one for one in alike if existing[one].series)
        metrics[name] = replace(metrics[name], near=found)
    return metrics


def _now(names: Iterable[str], server: Narrowed) -> Metrics:
    asked = {name: _counting(name, server.at) for name in names}
    server.prefetch(query for pair in asked.values() for query in pair)
    return {name: _metric(name, server, *pair) for name, pair in asked.items()}


def _counting(name: str, at: float) -> tuple[InstantQuery, InstantQuery]:
    chosen = selecting(name)
    return (
        InstantQuery(f"count({chosen})", at),
        InstantQuery(f"max(timestamp({chosen}))", at),
    )


def _metric(name: str, server: Narrowed, counting: Query, newest: Query) -> Metric:
    try:
        count, time_of_newest = (_number(server.series(query)) for query in (counting, newest))
    except SourceError as error:
        return Metric(name=name, error=str(error))
    age = None if time_of_newest is None else max(0.0, server.at - time_of_newest)
    return Metric(name=name, series=int(count or 0), age=age)


def _minutes(name: str, at: float) -> RangeQuery:
    """In which minutes of the last day there was a sample."""
    return RangeQuery(f"count(present_over_time({selecting(name)}[1m]))", at - _DAY, at, 60)


def _gone(name: str, query: Query, server: Narrowed) -> Metric:
    """A metric without a series now: when it went, and what became of it."""
    try:
        found = server.series(query)
        if not found:
            return Metric(name=name)
        last = _newest(name, found[0].points[-1][0], server)
        before = server.series(InstantQuery(f"topk(1, {selecting(name)})", last))
        jobs = _jobs(name, last, server)
        successor = _successor(name, before[0], last, server) if before else ""
        targets = "; ".join(filter(None, (_up(job, server.run) for job in jobs)))
    except SourceError as error:
        return Metric(name=name, error=str(error))
    return Metric(name=name, age=server.at - last, successor=successor, targets=targets)


def _newest(name: str, minute: float, server: Narrowed) -> float:
    """The time of the newest sample, which is in the minute before this time."""
    query = RangeQuery(f"max(timestamp({selecting(name)}))", minute - 60, minute, 1)
    found = server.series(query)
    return max((value for _, value in found[0].points), default=minute) if found else minute


def _jobs(name: str, at: float, server: Narrowed) -> list[str]:
    found = server.series(InstantQuery(f"count by (job) ({selecting(name)})", at))
    return sorted(one.labels["job"] for one in found if one.labels.get("job"))[:_MOST_JOBS]


def _up(job: str, run: GateRun) -> str:
    """Whether the targets of a job are up now; not narrowed, as ``up`` may lack the labels."""
    chosen = f"up{{job={string(job)}}}"
    known = _number(run.ask(InstantQuery(f"count({chosen})", run.at)).series)
    if not known:
        return f"no target of job={printable(job)} is known any more"
    up = _number(run.ask(InstantQuery(f"count({chosen} == 1)", run.at)).series) or 0
    return f"{up:.0f} of {known:.0f} targets of job={printable(job)} are up"


def _successor(name: str, old: Series, last: float, server: Narrowed) -> str:
    """The metric of the same job and labels that appeared when this one went."""
    job = old.labels.get("job")
    if not job:
        return ""
    soon = min(server.at, last + _NEARBY)
    before, after, now = (_names(job, at, server) for at in (last - _NEARBY, soon, server.at))
    appeared = sorted((after & now) - before, key=lambda one: -_likeness(name, one))
    candidates = appeared[:_MOST_CANDIDATES]
    if not candidates:
        return ""
    pattern = string("|".join(map(escaped, candidates)))
    chosen = f"{{__name__=~{pattern},job={string(job)}}}"
    found = server.series(InstantQuery(f"topk by (__name__) (1, {chosen})", server.at))
    labels = old.labels.keys() - _PLACES
    alike = [one.labels["__name__"] for one in found if one.labels.keys() - _PLACES == labels]
    return max(alike, key=lambda one: _likeness(name, one), default="")


def _names(job: str, at: float, server: Narrowed) -> set[str]:
    """The metrics that a job exposed at a time."""
    expr = f"count by (__name__) ({{job={string(job)}}})"
    return {one.labels.get("__name__", "") for one in server.series(InstantQuery(expr, at))}


def _likeness(name: str, other: str) -> float:
    return SequenceMatcher(None, name, other).ratio()


def _number(series: Sequence[Series]) -> float | None:
    return series[0].value if series else None


def _existing(source: PrometheusSource, at: float) -> set[str]:
    """The names of all metrics of the last day; none if the server does not list them."""
    try:
        deadline = time.monotonic() + _NAMES_SECONDS
        parameters = {"start": f"{at - _DAY:.0f}", "end": f"{at:.0f}"}
        _, _, body = source.page("api/v1/label/__name__/values", deadline, parameters)
        return {name for name in json.loads(body)["data"] if isinstance(name, str)}
    except (SourceError, ValueError, KeyError, TypeError, RecursionError):
        return set()


def why_gone(metric: Metric) -> str:
    """That a metric has no sample now, with what became of it."""
    parts = [f"the newest sample of {metric.name} is {spoken(round(metric.age or 0))} old"]
    if metric.successor:
        parts.append(
            f"{metric.successor} has the same labels and appeared then: it is probably the new name"
        )
    return "; ".join([*parts, *filter(None, [metric.targets])])
