"""What kind of server it is, whether it is healthy, and what it scrapes (the document's 8.1)."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from pytest_deploygate.core.durations import spoken
from pytest_deploygate.core.errors import SourceError
from pytest_deploygate.core.series import InstantQuery, Series
from pytest_deploygate.core.text import labels_text
from pytest_deploygate.engine.run import GateRun
from pytest_deploygate.sources.prometheus import PrometheusSource

_PAGE_SECONDS = 5.0
_MOST_SHOWN = 3
_VICTORIA_VERSION = re.compile(rb'^vm_app_version\{.*short_version="v?([^"]+)"', re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """What a server reports about itself; ``failure`` is why queries fail, empty if they do not."""

    url: str
    health: str = ""
    kind: str = ""
    clock: str = ""
    targets: str = ""
    notices: tuple[str, ...] = ()
    failure: str = ""


@dataclass(frozen=True, slots=True)
class _Page:
    status: int = 0
    headers: Mapping[str, str] | None = None
    body: bytes = b""

    @property
    def data(self) -> Mapping[str, Any]:
        """The ``data`` of a response of the API, empty if the response is invalid."""
        try:
            data = json.loads(self.body)["data"] if self.status == 200 else {}
        except (ValueError, KeyError, TypeError, RecursionError):
            return {}
        return data if isinstance(data, dict) else {}


def examine(run: GateRun, source: PrometheusSource) -> Server:
    """Examine a server. It is usable if it answers a query, whatever its other pages say."""
    url, health = source.info.location, _page(source, "-/healthy")
    try:
        up = run.ask(InstantQuery("count(up)", run.at)).series
        down = run.ask(InstantQuery("up == 0", run.at)).series
    except SourceError as error:
        return Server(url=url, failure=str(error))
    unhealthy = f"it answers queries, but /-/healthy answers {health.status or 'nothing'}"
    return Server(
        url=url,
        health="yes" if health.status == 200 else unhealthy,
        kind=_kind(source, health),
        clock=_clock(health.headers or {}),
        targets=_targets(up, down),
        notices=tuple(source.notices()),
    )


def _page(source: PrometheusSource, path: str) -> _Page:
    try:
        return _Page(*source.page(path, time.monotonic() + _PAGE_SECONDS))
    except SourceError:
        return _Page()


def _kind(source: PrometheusSource, health: _Page) -> str:
    """Mimir gives its name; only VictoriaMetrics has this header, only Thanos this page."""
    build = _page(source, "api/v1/status/buildinfo")
    version = str(build.data.get("version", ""))
    if application := build.data.get("application"):
        return f"{application} {version}"
    if "X-Server-Hostname" in (build.headers or {}):
        # its buildinfo gives a version of Prometheus, not its own
        found = _VICTORIA_VERSION.search(_page(source, "metrics").body)
        return f"VictoriaMetrics {found[1].decode() if found else ''}".rstrip()
    if version:
        thanos = _page(source, "api/v1/stores").data
        return f"{'Thanos' if thanos else 'Prometheus'} {version}"
    return "unknown, with the API of Prometheus"


def _clock(headers: Mapping[str, str]) -> str:
    try:
        skew = abs(time.time() - parsedate_to_datetime(headers["Date"]).timestamp())
    except (LookupError, ValueError, TypeError, ArithmeticError, OSError):
        return "unknown"
    # the header Date has whole seconds, and the request takes time
    return "same as here" if skew < 2 else f"differs by {spoken(skew)} from this machine"


def _targets(up: tuple[Series, ...], down: tuple[Series, ...]) -> str:
    if not up:
        return "none: it scrapes nothing, or is not connected to a server that does"
    if not down:
        return f"{up[0].value:.0f}, all up"
    named = "; ".join(labels_text(_without_name(one)) for one in down[:_MOST_SHOWN])
    more = " ..." if len(down) > _MOST_SHOWN else ""
    return f"{up[0].value:.0f}, {len(down)} down: {named}{more}"


def _without_name(series: Series) -> dict[str, str]:
    return {key: value for key, value in series.labels.items() if key != "__name__"}
