"""The output as text: the server, the checks with their metrics, the problems, the next steps."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from urllib.parse import quote

from pytest_deploygate.cli.doctor.checks import Check, Examined
from pytest_deploygate.cli.doctor.lookup import LOOKBACK, Metric
from pytest_deploygate.cli.doctor.server import Server
from pytest_deploygate.cli.doctor.strict import Findings
from pytest_deploygate.core.durations import spoken
from pytest_deploygate.core.text import counted, inert, printable
from pytest_deploygate.core.urls import below

_WIDEST = 60


def lines(
    server: Server, examined: Examined, findings: Findings | None, command: str
) -> Iterator[str]:
    """All lines of the output.

    Args:
        server: what it says about itself.
        examined: the checks.
        findings: of ``--strict``, None without it.
        command: the command line that asks for the verdict.
    """
    checks, found = examined.checks, problems(server, examined)
    for line in (
        *_server(server),
        *_checks(examined),
        *_problems(found, checks),
        *(_findings(findings) if findings else ()),
        *_next_steps(server, checks, command),
    ):
        yield inert(printable(line, 2000))


def problems(server: Server, examined: Examined) -> dict[str, list[str]]:
    """Every problem, with the ids of the checks that have it."""
    found: dict[str, list[str]] = {server.failure: []} if server.failure else {}
    if examined.nothing:
        found[examined.nothing] = []
    for check in examined.checks:
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


def _checks(examined: Examined) -> Iterator[str]:
    checks = examined.checks
    if not checks and not examined.unread:
        return
    yield ""
    yield "Checks"
    names = [metric.name for check in checks for metric in check.metrics or ()]
    width = min(max(map(len, names), default=0), _WIDEST)
    for check in checks:
        yield f"  {_word(check):<8} {check.result.id}: {_message(check)}"
        if check.metrics is None:
            yield f"  {'':<10} its metrics are unknown: its query could not be parsed"
        for metric in check.metrics or ():
            optional = metric.missing and check.result.evaluated and not check.problem
            remark = "; the query works without it" if optional else ""
            yield f"  {'':<10} {metric.name:<{width}}  {_amount(metric)}{remark}"
    for name in examined.unread:
        yield f"  {'unread':<8} {name}: only its run knows all that it asks"


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
        return f"no series now, newest sample {spoken(round(metric.age))} old"
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


def _findings(findings: Findings) -> Iterator[str]:
    """What --strict has found, one line each."""
    found = findings.found
    yield ""
    yield f"{counted(len(found), 'finding')}" if found else "--strict finds nothing."
    yield from (f"  {one.check}: {one.part}: {one.advice}" for one in found)
    yield from (f"  unknown: {text}" for text in findings.unknown)


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
    return [
        ("is Prometheus running?", shlex.join(["curl", below(server.url, "-/healthy")])),
        ("can this machine reach it?", _curl(server.url, "up")),
        ("is the URL correct?", "deploygate doctor --prometheus-url http://HOST:9090"),
        ("does it need credentials?", "deploygate doctor --prometheus-config FILE"),
    ]


def _supply(server: Server, metrics: Sequence[Metric]) -> Iterator[tuple[str, str]]:
    targets = below(server.url, "targets")
    if missing := next((metric for metric in metrics if metric.missing), None):
        yield "does the server have the metric?", _curl(server.url, missing.name)
        yield "does the service export it?", "search the /metrics page of the service"
        yield (
            "is the service scraped?",
            f"{below(server.url, 'targets')}, and scrape_configs in prometheus.yml",
        )
    elif any(metric.stale for metric in metrics):
        yield (
            "is the service still scraped?",
            f"{targets} shows the last scrape and its error",
        )
    else:
        yield "what does the query return?", f"run its parts on {below(server.url, 'graph')}"


def _adapt(check: Check) -> Iterator[tuple[str, str]]:
    yield (
        "has it another name here?",
        f'deploygate.toml: [criteria."{check.result.id}"] query = "..."',
    )


def _curl(url: str, query: str) -> str:
    asked = f"query={quote(query, safe='')}"
    return shlex.join(["curl", below(url, "api/v1/query", asked)])
