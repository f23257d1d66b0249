"""Which problem each check has: the gate's own judgement, and its metrics (the document's 8.2)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import partial

from pytest_deploygate.cli.doctor.inline import Inline, read
from pytest_deploygate.cli.doctor.lookup import Metric, Metrics, Narrowed, look_up, why_gone
from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.core.errors import SourceError
from pytest_deploygate.core.result import Reason, Result
from pytest_deploygate.core.series import InstantQuery
from pytest_deploygate.engine.run import GateRun
from pytest_deploygate.engine.scope import Scoped
from pytest_deploygate.kinds.alerts import Alerts
from pytest_deploygate.plugin.collecting import Collected
from pytest_deploygate.promql.expressions import label_name
from pytest_deploygate.promql.narrowing import Matchers
from pytest_deploygate.promql.selectors import Selector, needed_labels, selecting, selectors
from pytest_deploygate.sources.prometheus import PrometheusSource

_ALIKE = 0.8  # difflib's ratio; two different metrics of one exporter usually have less
_LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MOST_VALUES = 5
_SOME = 20  # series whose labels are looked at


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One check: the result that the gate would give, its metrics, and its problem.

    Attributes:
        scoped: the criterion as the run asks for it.
        result: what the gate would report.
        metrics: the metrics of its query, None if the query could not be parsed.
        problem: what is wrong and must be fixed, empty if nothing is.
    """

    scoped: Scoped
    result: Result
    metrics: tuple[Metric, ...] | None
    problem: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Examined:
    """All checks, and the names of tests of which only their run knows what they ask.

    ``nothing`` says that no series has the matchers of the run; empty if one has. ``inline`` are
    the tests that ask in their body, each with its first question.
    """

    checks: tuple[Check, ...] = ()
    unread: tuple[str, ...] = ()
    nothing: str = ""
    inline: tuple[tuple[str, str], ...] = ()


def examine(collected: Collected, source: PrometheusSource) -> Examined:
    """Examine every check; each metric is looked up once."""
    run, found = collected.run, [read(test) for test in collected.tests]
    criteria = [*collected.given, *(one for test in found for one in test.criteria)]
    run.prefetch(criteria, run.at)
    parsed = [_selectors(run.resolved(one)) for one in criteria]
    metrics = _look_up(criteria, parsed, run, source)
    checks = list(map(partial(_check, run), criteria, parsed, metrics))
    named = list(zip(collected.tests, found, strict=True))
    return Examined(
        checks=tuple(map(partial(_counted, _unlimited(found)), checks)),
        unread=tuple(test.name for test, one in named if one.unread),
        nothing=run.why_nothing_is_selected([one.result for one in checks], run.at),
        inline=tuple((test.name, one.first) for test, one in named if one.first),
    )


def _selectors(criterion: Criterion) -> Sequence[Selector] | None:
    """Those whose metric must be there: without a firing alert there is no ``ALERTS``."""
    return () if isinstance(criterion.kind, Alerts) else selectors(criterion.query)


def _unlimited(found: Iterable[Inline]) -> set[str]:
    return {name for test in found for name in test.unlimited}


def _counted(unlimited: Collection[str], check: Check) -> Check:
    """The same; of a question without a limit it is said how many series there are."""
    result = check.result
    if result.id not in unlimited or result.reason is not Reason.OK:
        return check
    return replace(check, result=result._replace(message=f"{result.total:,} series"))


def _look_up(
    criteria: Sequence[Criterion],
    parsed: Sequence[Sequence[Selector] | None],
    run: GateRun,
    source: PrometheusSource,
) -> list[Metrics]:
    """The metrics of each criterion, looked up with what narrows its queries."""
    wanted: dict[Matchers, dict[str, None]] = {}
    narrowed = [run.scoped(one).matchers for one in criteria]
    for own, found in zip(narrowed, parsed, strict=True):
        wanted.setdefault(own, {}).update(dict.fromkeys(one.metric for one in found or ()))
    metrics = {own: look_up(list(names), own, run, source) for own, names in wanted.items()}
    return [metrics[own] for own in narrowed]


def _check(
    run: GateRun, criterion: Criterion, found: Sequence[Selector] | None, metrics: Metrics
) -> Check:
    # judged as in a run, so that the doctor and the gate agree on what is missing
    result = run.judge(criterion, run.at)
    own = tuple(metrics[name] for name in dict.fromkeys(s.metric for s in found or ()))
    if result.reason is Reason.NO_DATA and not result.ok:
        problem = _absence(own) or _mismatches(found or (), run) or result.message
    elif result.ok or result.evaluated:
        problem = "" if criterion.optional else _suspicion(own) or _strange_labels(criterion, run)
    else:
        problem = result.message
    metrics_of = None if found is None else own
    return Check(scoped=run.scoped(criterion), result=result, metrics=metrics_of, problem=problem)


def _absence(metrics: Iterable[Metric]) -> str:
    """Which metrics are missing or stale."""
    return "; ".join(
        _missing(metric) if metric.missing else why_gone(metric)
        for metric in metrics
        if metric.missing or metric.stale
    )


def _missing(metric: Metric) -> str:
    near = " or ".join(metric.near)
    return f"{metric.name} does not exist{f', did you mean {near}?' if near else ''}"


def _suspicion(metrics: Iterable[Metric]) -> str:
    """Metrics that look misspelt or renamed: a query that counts failures works without them."""
    found = []
    for metric in metrics:
        if metric.missing and (near := get_close_matches(metric.name, metric.near, 1, _ALIKE)):
            found.append(
                f"{metric.name} does not exist, but {near[0]} does: if the name is wrong, it "
                "counts nothing"
            )
        elif metric.stale and metric.successor:
            found.append(why_gone(metric))
    return "; ".join(found)


def _strange_labels(criterion: Criterion, run: GateRun) -> str:
    """Labels that look misspelt: a query that counts failures works although it selects nothing."""
    scoped = run.scoped(criterion)
    server = Narrowed(run, scoped.matchers)
    found = []
    for metric, label in needed_labels(scoped.criterion.query):
        try:
            some = server.series(InstantQuery(f"topk({_SOME}, {selecting(metric)})", run.at))
            known = {name for one in some for name in one.labels}
            near = get_close_matches(label, known - {label}, 1, _ALIKE)
            if label in known or not near:
                continue
            labelled = selecting(metric)[:-1] + f',{label_name(label)}!=""}}'
            if not server.series(InstantQuery(f"count({labelled})", run.at)):
                found.append(
                    f"{metric} has no label {label}, but {near[0]}: if the name is wrong, it "
                    "selects nothing"
                )
        except SourceError:
            continue
    return "; ".join(found)


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
