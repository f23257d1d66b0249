"""Links into the server that was asked."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import quote, urlencode, urlsplit

from pytest_deploygate.core.report import SourceInfo
from pytest_deploygate.core.result import Result
from pytest_deploygate.core.urls import below


def graph_link(source: SourceInfo, result: Result) -> str:
    """The query in the server's own graph, at the time it was judged; empty if there is none."""
    try:
        parts = urlsplit(source.location)
        served = parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc
    except ValueError:
        return ""
    if source.is_recording or not served or not result.query:
        return ""
    try:
        end = f"{datetime.fromtimestamp(result.timestamp, UTC):%Y-%m-%d %H:%M:%S}"
    except (ValueError, OverflowError, OSError):  # no calendar has it, so no graph either
        return ""
    asked = {"g0.expr": result.query, "g0.tab": "0", "g0.range_input": "2h"}
    asked |= {"g0.end_input": end, "g0.moment_input": end}
    fields = urlencode(asked, quote_via=quote, errors="replace")
    return below(source.location, "graph", fields)
