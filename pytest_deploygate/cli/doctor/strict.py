"""``--strict``: what is wrong with the criteria before it misleads anyone.

The rules that need no server are in :mod:`pytest_deploygate.promql.lint`; those here ask one.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from statistics import median
from typing import Any

from pytest_deploygate.cli.doctor.checks import Check, Examined
from pytest_deploygate.cli.doctor.lookup import Narrowed
from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.core.durations import seconds, spoken
from pytest_deploygate.core.errors import ConfigurationError, SourceError
from pytest_deploygate.core.series import InstantQuery, RangeQuery, Series
from pytest_deploygate.core.text import printable
from pytest_deploygate.engine.judging import prepared, queries_of
from pytest_deploygate.engine.run import GateRun
from pytest_deploygate.kinds.compare_sides import filled
from pytest_deploygate.kinds.times import Times
from pytest_deploygate.promql import lint
from pytest_deploygate.promql.expressions import string
from pytest_deploygate.promql.narrowing import Matcher
from pytest_deploygate.promql.selectors import Selector, selecting, selectors
from pytest_deploygate.promql.variables import has_reserved
from pytest_deploygate.sources.prometheus import PrometheusSource

GONE = "7d"
LONGEST_SECONDS = 2.0
MOST_SERIES = 10_000
_SCRAPES = 2
_PAGE_SECONDS = 5.0
_MEASURED_SECONDS = 900.0
_ENOUGH_SAMPLES = 3
_MOST_JOBS = 3
_PART = 100


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with a part of a check's query, and what to write."""

    check: str
    part: str
    advice: str


@dataclass(slots=True)
class Findings:
    """All that was found, and what could not be found out."""

    found: list[Finding] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def examine(run: GateRun, source: PrometheusSource, examined: Examined) -> Findings:
    """Hold every check against every rule; each question to the server is asked once."""
    findings = Findings()
    scrapes = _Scrapes(source)
    for check in examined.checks:
        if check.scoped.problem:
            continue
        server = Narrowed(run, check.scoped.matchers)
        for expr in _expressions(check.scoped.criterion):
            findings.found += _form(check, expr)
            findings.found += _gone(check, expr, server)
            findings.found += _windows(check, expr, server, scrapes, findings.unknown)
        findings.found += _cost(check, run, source)
    findings.found += [_inline(name.partition("[")[0], first) for name, first in examined.inline]
    findings.found = list(dict.fromkeys(findings.found))
    findings.unknown = list(dict.fromkeys(findings.unknown))
    return findings


def _expressions(criterion: Criterion) -> Iterator[str]:
    """What the criterion asks; what a kind replaces itself is a matcher or an hour here."""
    given = [criterion.query, *([criterion.enough.query] if criterion.enough else [])]
    for expr in given:
        if has_reserved(expr):
            yield filled(expr, [Matcher("version", "!=", "")], 3600.0)
        else:
            yield expr


def _form(check: Check, expr: str) -> Iterator[Finding]:
    """The rules that need no server."""
    criterion = check.scoped.criterion

    def passes(value: float) -> bool:
        return criterion.comparison.passes(value, criterion.limit)

    for part, advice in lint.findings(expr, passes):
        yield Finding(check.result.id, part, advice)


def _gone(check: Check, expr: str, server: Narrowed) -> Iterator[Finding]:
    """A metric or a label value that was there within the last week, and is not now.

    A query that has a value without it was written so: failures are counted that may not occur.
    """
    for selector in selectors(expr) or ():
        for text, label, value in _parts(selector):
            works = lint.works_without(expr, selector.metric, label, value)
            if (works and check.result.evaluated) or not _was_there(text, server):
                continue
            shown = f"{selector.metric}{{{label}={string(value)}}}" if label else selector.metric
            yield Finding(
                check.result.id,
                shown,
                f"is not there now, and was within the last {GONE}; write its new name, or remove "
                "it",
            )
            break  # a metric that is gone has no label values either


def _parts(selector: Selector) -> Iterator[tuple[str, str, str]]:
    """The metric, and the metric with each label: as PromQL, the label and its value."""
    yield selector.expr, "", ""
    for label, value in selector.labels:
        matcher = Matcher(label, "=", value).expr
        yield f"{selector.expr[:-1]},{matcher}}}", label, value


def _was_there(selector: str, server: Narrowed) -> bool:
    with suppress(SourceError):
        if not server.series(InstantQuery(f"count({selector})", server.at)):
            query = InstantQuery(f"count(last_over_time({selector}[{GONE}]))", server.at)
            return bool(server.series(query))
    return False


def _windows(
    check: Check,
    expr: str,
    server: Narrowed,
    scrapes: _Scrapes,
    unknown: list[str],
) -> Iterator[Finding]:
    """A rate over less than two scrapes: some of its values, or all, are missing."""
    for window in lint.windows(expr):
        if not window.metric:
            continue
        interval = scrapes.interval(window.metric, server)
        if interval is None:
            unknown.append(f"how often {window.metric} is scraped: its windows are not examined")
        elif window.length < _SCRAPES * interval:
            yield Finding(
                check.result.id,
                window.part,
                f"has less than {_SCRAPES} scrapes, of which there is one every "
                f"{spoken(interval)}; write [{spoken(max(60.0, 4 * interval))}] or more",
            )


class _Scrapes:
    """How often metrics are scraped: as the server's targets say, else as samples show."""

    def __init__(self, source: PrometheusSource) -> None:
        self._targets = cache(lambda: _intervals(source))
        self._known: dict[InstantQuery, float | None] = {}

    def interval(self, metric: str, server: Narrowed) -> float | None:
        """Seconds, of the targets that have the metric those that are scraped least often.

        0 where nothing has it now, and None where it cannot be known.
        """
        query = server.narrowed(
            InstantQuery(f"count by (job, instance) ({selecting(metric)})", server.at)
        )
        if query not in self._known:
            self._known[query] = None
            with suppress(SourceError):
                self._known[query] = self._find(metric, server.series(query), server)
        return self._known[query]

    def _find(self, metric: str, series: Iterable[Series], server: Narrowed) -> float | None:
        targets = self._targets()
        places = [(one.labels.get("job", ""), one.labels.get("instance", "")) for one in series]
        said = [targets[place] for place in places if place in targets]
        if said:
            return max(said)
        return _measured(metric, server) if places else 0.0


def _intervals(source: PrometheusSource) -> dict[tuple[str, str], float]:
    """The scrape interval in seconds of each job and instance, if the server knows them."""
    found: dict[tuple[str, str], float] = {}
    try:
        page = source.page("api/v1/targets", time.monotonic() + _PAGE_SECONDS, {"state": "active"})
        targets: list[dict[str, Any]] = json.loads(page.body)["data"]["activeTargets"]
        for target in targets:
            labels = target["labels"]
            place = labels.get("job", ""), labels.get("instance", "")
            found[place] = max(found.get(place, 0.0), seconds(target["scrapeInterval"]))
    except (SourceError, ConfigurationError, ValueError, KeyError, TypeError, RecursionError):
        return {}
    return found


def _measured(metric: str, server: Narrowed) -> float | None:
    """How often one series of each job has a sample; the longest time counts."""
    newest = InstantQuery(f"topk by (job) (1, {selecting(metric)})", server.at)
    found = [_between_samples(one, server) for one in server.series(newest)[:_MOST_JOBS]]
    return max((one for one in found if one is not None), default=None)


def _between_samples(one: Series, server: Narrowed) -> float | None:
    """The time between two samples of a series: the median of the last minutes."""
    matchers = ",".join(Matcher(name, "=", value).expr for name, value in one.labels.items())
    expr = f"timestamp({{{matchers}}})"
    found = server.series(RangeQuery(expr, server.at - _MEASURED_SECONDS, server.at, 1))
    times = sorted({value for _, value in found[0].points}) if found else []
    if len(times) < _ENOUGH_SAMPLES:
        return None
    return round(median(later - earlier for earlier, later in pairwise(times)), 1)


def _cost(check: Check, run: GateRun, source: PrometheusSource) -> Iterator[Finding]:
    """A query that is slow, or has very many series: it fails when the server is busy."""
    criterion, own = check.scoped.criterion, check.scoped.matchers
    try:
        ready = prepared(criterion, run.at, run.ask)
        queries = [run.scope.narrowed(one, own) for one in queries_of(ready, Times(run.at))]
    except SourceError:  # the check's own result says why
        return
    for query in queries:
        begun = time.monotonic()
        try:
            count = len(source.ask(query, begun + run.settings.gate_query_timeout).series)
        except SourceError:
            continue
        took, part = time.monotonic() - begun, printable(" ".join(query.expr.split()), _PART)
        if took > LONGEST_SECONDS:
            yield Finding(
                check.result.id,
                part,
                f"took {took:.1f} s, more than {LONGEST_SECONDS:.0f} s; write a recording rule for "
                "it, or select fewer series",
            )
        if count > MOST_SERIES:
            yield Finding(
                check.result.id,
                part,
                f"has {count:,} series, more than {MOST_SERIES:,}; write sum by (...) of the "
                "labels that are judged",
            )


def _inline(test: str, first: str) -> Finding:
    """A check in the body of a test: it is in no rules, no dashboard and no backtest."""
    advice = "stands in the body of a test; write a Criterion, and gate_criteria above the test"
    return Finding(test, first, advice)
