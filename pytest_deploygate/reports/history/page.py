"""A history as one self-contained HTML page."""

from __future__ import annotations

from pytest_deploygate.core.history import History
from pytest_deploygate.core.result import Status
from pytest_deploygate.core.verdict import Verdict
from pytest_deploygate.reports.history.summary import moment, since_go, version
from pytest_deploygate.reports.html import environment
from pytest_deploygate.reports.strips import strip

_MOST_ENTRIES = 2_000


def render(history: History) -> str:
    """The page."""
    verdicts = [Status(one.verdict) for one in history.entries]
    last = verdicts[-1] if verdicts else Status.WARNING
    return (
        environment()
        .get_template("history.html.j2")
        .render(
            history=history,
            entries=list(reversed(history.entries[-_MOST_ENTRIES:])),
            omitted=max(0, len(history.entries) - _MOST_ENTRIES),
            shares=[(one, history.share(one), history.counts[one]) for one in reversed(Verdict)],
            strip=strip("Verdicts", last, verdicts) if verdicts else None,
            status=last,
            moment=moment,
            since_go=since_go(history),
            version=version,
        )
    )
