"""A history as JSON (schema: ``schemas/history.schema.json``)."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from pytest_deploygate.core.document import iso
from pytest_deploygate.core.history import Entry, History
from pytest_deploygate.core.verdict import Verdict


def render(history: History) -> str:
    """The document."""
    document = {
        "file": history.file,
        "from": iso(history.begin),
        "to": iso(history.end),
        "shares": {one.value: history.share(one) for one in Verdict},
        "last_go": None if history.last_go is None else iso(history.last_go),
        "most_failed": [{"id": id_, "count": count} for id_, count in history.most_failed],
        "torn": history.torn,
        "entries": [_entry(one) for one in history.entries],
    }
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def _entry(entry: Entry) -> dict[str, Any]:
    return {**asdict(entry), "time": iso(entry.time), "verdict": entry.verdict.value}
