"""How long a server keeps its samples, as far as it says so."""

from __future__ import annotations

import json
import re
import time

from pytest_deploygate.core.errors import SourceError
from pytest_deploygate.sources.prometheus import PrometheusSource

_PATH = "api/v1/status/runtimeinfo"
_PAGE_SECONDS = 5.0
# Prometheus' own durations: 15d, 1y, 1w2d. The server writes "15d or 512MB" if there are both.
_DURATION = re.compile(r"(?:\d+(?:ms|[smhdwy]))+")
_PART = re.compile(r"(\d+)(ms|[smhdwy])")
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31536000}


def retention(source: PrometheusSource) -> float | None:
    """The seconds that a server keeps its samples; None if it does not say.

    Source: ``storageRetention`` of Prometheus' /api/v1/status/runtimeinfo.
    """
    try:
        response = source.page(_PATH, time.monotonic() + _PAGE_SECONDS)
        said = (
            json.loads(response.body)["data"]["storageRetention"] if response.status == 200 else ""
        )
    except (SourceError, ValueError, KeyError, TypeError, RecursionError):
        return None
    first = str(said).split(" or ")[0].strip()
    if not _DURATION.fullmatch(first):
        return None
    return sum(int(number) * _SECONDS[unit] for number, unit in _PART.findall(first)) or None
