"""Send the verdict: to Slack for people, to any webhook for machines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pytest_deploygate.actions.base import ActionKind, Context, Deadline
from pytest_deploygate.actions.endpoint import SECRET_PLACES, Endpoint, one_of, properties
from pytest_deploygate.core.document import gate_keys
from pytest_deploygate.core.report import LIGHTS, ActionStatus, GateReport, worst_first
from pytest_deploygate.core.result import Status

_MOST_CHECKS = 20  # Slack cuts off long messages
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


class Webhook:
    """POSTs the report's JSON."""

    def __init__(self, options: Mapping[str, Any], context: Context) -> None:
        self._endpoint = Endpoint(one_of(options, SECRET_PLACES), options, context)
        self._redactor = context.redactor

    def describe(self) -> str:
        """The receiver."""
        return f"POST the report to {self._endpoint}"

    def check(self) -> None:
        """The address can be used."""
        self._endpoint.check()

    def run(self, report: GateReport, deadline: Deadline) -> str:
        """The response of the receiver."""
        document = self._redactor.document(self.document(report))
        return self._endpoint.post(document, deadline)

    def document(self, report: GateReport) -> dict[str, Any]:
        """The gate's keys of the JSON report, and the verdict as it is written in texts."""
        return {"verdict": report.verdict.label, **gate_keys(report)}


class Slack(Webhook):
    """POSTs a message to a Slack incoming webhook (https://api.slack.com/messaging/webhooks)."""

    def describe(self) -> str:
        """The receiver."""
        return f"message to Slack at {self._endpoint}"

    def document(self, report: GateReport) -> dict[str, Any]:
        """The verdict, its reason, the checks that failed and the actions before this one."""
        return {"text": "\n".join(_lines(report))}


def _lines(report: GateReport) -> Iterator[str]:
    where = f" for {_escaped(report.environment)}" if report.environment else ""
    partial = f" (partial: {_escaped(report.partial)})" if report.partial else ""
    light = LIGHTS[Status(report.verdict)]
    yield f"{light} *Deployment gate{where}: {report.verdict.label}*{partial}"
    yield _escaped(report.sentence)
    links = [_linked(fact) for fact in report.context.facts()]
    if links:
        yield " · ".join(links)
    failed = worst_first(report.with_status(Status.NO_GO, Status.WARNING))
    for result in failed[:_MOST_CHECKS]:
        name, message = _escaped(result.name), _escaped(result.message)
        yield f"• *{name}* [{result.severity}]: {message}"
    if len(failed) > _MOST_CHECKS:
        yield f"… and {len(failed) - _MOST_CHECKS} more"
    for action in report.actions:
        if action.status is not ActionStatus.SKIPPED:
            yield f"→ {_escaped(action.name)}: {action.status}, {_escaped(action.message)}"


def _linked(fact: tuple[str, str, str]) -> str:
    """A commit or a pipeline as Slack writes a link; the URL of a pipeline is not repeated."""
    name, text, link = fact
    if not link:
        return f"{name}: {_escaped(text)}"
    return f"<{_escaped(link)}|{name if text == link else f'{name} {_escaped(text)}'}>"


def _escaped(text: str) -> str:
    """Slack's three escapes: without them a message could notify a channel or fake a link."""
    return text.translate(_ESCAPES)


SLACK = ActionKind(Slack, properties(SECRET_PLACES))
WEBHOOK = ActionKind(Webhook, properties(SECRET_PLACES))
