"""The gate's own metrics pushed to a Pushgateway, where Prometheus scrapes them later."""

from __future__ import annotations

import base64
import re
from typing import Protocol

from pytest_deploygate.core.report import GateReport
from pytest_deploygate.reports.metrics import label_value, render

JOB = "deploygate"

_WITHIN = 10.0  # seconds; a push must not delay a deployment for long
_NOT_NOW = 300.0  # seconds between the evaluation time and the start of the run
_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_PLAIN = re.compile("[A-Za-z0-9_-]+")


class Put(Protocol):
    """Replaces a document on a server: reports do not send anything themselves."""

    def __call__(self, path: str, body: bytes, *, content_type: str, within: float) -> str:
        """Why the document did not arrive within so many seconds, empty if it did."""


def push(report: GateReport, put: Put, *, within: float = _WITHIN) -> str:
    """Replace the metrics of this job and environment on the Pushgateway.

    Args:
        report: what is pushed.
        put: sends it to a path below the URL of the Pushgateway.
        within: the longest time in seconds.

    Returns:
        Why the metrics were not pushed, empty if they were.
    """
    body = render(report).encode()
    return put(_path(report.environment), body, content_type=_CONTENT_TYPE, within=within)


def not_about_now(report: GateReport) -> str:
    """Why these results are not about production now, empty if they are."""
    if report.source.is_recording:
        return "a recording was judged, not production as it is now"
    if abs(report.evaluated_at - report.started_at) > _NOT_NOW:
        return "another time was judged, not production as it is now"
    return ""


def _path(environment: str) -> str:
    """The group of metrics that a push replaces (https://github.com/prometheus/pushgateway)."""
    if not environment:
        return f"metrics/job/{JOB}"
    name = label_value(environment)
    if _PLAIN.fullmatch(name):
        return f"metrics/job/{JOB}/environment/{name}"
    # A slash or a dot would be read as a part of the path, even when it is percent-encoded.
    encoded = base64.urlsafe_b64encode(name.encode()).decode()
    return f"metrics/job/{JOB}/environment@base64/{encoded}"
