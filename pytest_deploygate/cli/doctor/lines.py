"""The output as text: the server, the checks with their metrics, the problems, the next steps."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from urllib.parse import quote

from pytest_deploygate.cli.doctor.checks import LOOKBACK, Check, Metric
from pytest_deploygate.cli.doctor.server import Server
from pytest_deploygate.core.durations import spoken
from pytest_deploygate.core.text import inert, printable
from pytest_deploygate.promql.selectors import can_parse

_WIDEST = 60


def lines(server: Server, checks: Sequence[Check], command: str) -> Iterator[str]:
    """All lines of the output; ``command`` is the command line that asks for the verdict."""
    found = problems(server, checks)
    for line in (
        *_server(server),
        *_checks(checks),
        *_problems(found, checks),
        *_next_steps(server, checks, command),
    ):
        yield inert(printable(line, 2000))


def problems(server: Server, checks: Sequence[Check]) -> dict[str, list[str]]:
    """Every problem, with the ids of the checks that have it."""
    found: dict[str, list[str]] = {server.failure: []} if server.failure else {}
    for check in checks:
        if check.problem:
            found.setdefault(check.problem, []).append(check.result.id)
    return found


def _server(server: Server) -> Iterator[str]:
    yield "Server"
    facts = {
        "url": server.url,
        "healthy": server.health or "no",
        "kind": server.kind,
        "clock": server.clock,
        "targets": server.targets,
    }
    yield from (f"  {name:<8} {text}" for name, text in facts.items() if text)
    yield from (f"  {'notice':<8} {notice}" for notice in server.notices)


def _checks(checks: Sequence[Check]) -> Iterator[str]:
    if not checks:
        return
    yield ""
    yield "Checks"
    names = [metric.name for check in checks for metric in check.metrics or ()]
    width = min(max(map(len, names), default=0), _WIDEST)
    parses = can_parse()
    for check in checks:
        yield f"  {_word(check):<8} {check.result.id}: {_message(check)}"
        if check.metrics is None and parses:
            yield f"  {'':<10} its metrics are unknown: its query could not be parsed"
        for metric in check.metrics or ():
            optional = metric.missing and check.result.evaluated and not check.problem
            remark = "; the query works without it" if optional else ""
            yield f"  {'':<10} {metric.name:<{width}}  {_amount(metric)}{remark}"
    if not parses:
        yield "  to see the metrics of every check: pip install 'pytest-deploygate[doctor]'"


def _word(check: Check) -> str:
    if check.problem:
        return "PROBLEM"
    return "data" if check.result.evaluated else "no data"


def _message(check: Check) -> str:
    allowed = not check.problem and not check.result.evaluated
    return f"{check.result.message}{'; this is allowed' if allowed else ''}"


def _amount(metric: Metric) -> str:
    if metric.error:
        return f"unknown: {metric.error}"
    if metric.age is None:
        near = f"; similar: {' and '.join(metric.near)}" if metric.near else ""
        return f"missing, also during the last {LOOKBACK}{near}"
    if not metric.series:
        return f"no series now, newest sample about {spoken(metric.age)} old"
    return f"{metric.series} series, newest sample {spoken(metric.age)} old"


def _problems(found: dict[str, list[str]], checks: Sequence[Check]) -> Iterator[str]:
    yield ""
    if not found:
        absent = ", ".join(check.result.id for check in checks if not check.result.evaluated)
        yield f"Nothing is missing{f', except what may be absent: {absent}' if absent else ''}."
        return
    yield f"{len(found)} problem{'s' if len(found) > 1 else ''}"
    for problem, ids in found.items():
        yield f"  {', '.join(ids)}: {problem}" if ids else f"  {problem}"


def _next_steps(server: Server, checks: Sequence[Check], command: str) -> Iterator[str]:
    """The advice of the document's chapter 8, for what was found."""
    failing = [check for check in checks if check.problem]
    metrics = [metric for check in failing for metric in check.metrics or ()]
    yield ""
    yield "What to do next"
    if server.failure:
        steps = _reach(server)
    elif failing:
        steps = [*_supply(server, metrics), *_adapt(failing[0])]
    else:
        steps = [("ask for the verdict", command)]
    width = max(len(step) for step, _ in steps)
    yield from (f"  {step:<{width}}  {how}" for step, how in steps)


def _reach(server: Server) -> list[tuple[str, str]]:
    base = server.url.rstrip("/")
    return [
        ("is Prometheus running?", shlex.join(["curl", f"{base}/-/healthy"])),
        ("can this machine reach it?", _curl(base, "up")),
        ("is the URL correct?", "deploygate doctor --prometheus-url http://HOST:9090"),
        ("does it need credentials?", "deploygate doctor --prometheus-config FILE"),
    ]


def _supply(server: Server, metrics: Sequence[Metric]) -> Iterator[tuple[str, str]]:
    base = server.url.rstrip("/")
    if missing := next((metric for metric in metrics if metric.missing), None):
        yield "does the server have the metric?", _curl(base, missing.name)
        yield "does the service export it?", "search the /metrics page of the service"
        yield "is the service scraped?", f"{base}/targets, and scrape_configs in prometheus.yml"
    elif any(metric.stale for metric in metrics):
        yield "is the service still scraped?", f"{base}/targets shows the last scrape and its error"
    else:
        yield "what does the query return?", f"run its parts on {base}/graph"


def _adapt(check: Check) -> Iterator[tuple[str, str]]:
    yield (
        "has it another name here?",
        f'deploygate.toml: [criteria."{check.result.id}"] query = "..."',
    )


def _curl(base: str, query: str) -> str:
    return shlex.join(["curl", f"{base}/api/v1/query?query={quote(query, safe='')}"])
