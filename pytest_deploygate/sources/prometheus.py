"""A source that queries a Prometheus-compatible server over its HTTP API.

Source of the API's rules: https://prometheus.io/docs/prometheus/latest/querying/api/
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import MappingProxyType

from pytest_deploygate.core.errors import SourceError
from pytest_deploygate.core.report import SourceInfo
from pytest_deploygate.core.secrets import Redactor
from pytest_deploygate.core.series import RULES, InstantQuery, Measurement, Query
from pytest_deploygate.core.text import lasting
from pytest_deploygate.http.access import Access
from pytest_deploygate.http.client import Client, Request, Response
from pytest_deploygate.http.request_errors import RequestError
from pytest_deploygate.http.server_access import access_to
from pytest_deploygate.sources import rules
from pytest_deploygate.sources.api_errors import no_response, refusal
from pytest_deploygate.sources.api_response import parse
from pytest_deploygate.sources.retry import Retry

_MOST_REDIRECTS = 4  # a slash is added, then TLS: more is a circle
_SKEW_WORTH_A_NOTICE = 60.0  # seconds
# Servers and proxies that allow only GET answer a POST with one of these.
_NO_POST = frozenset({403, 404, 405, 411, 501})

# Thanos and VictoriaMetrics answer in part when a store is down, each with its own parameter
# against it. A part of the series would be judged as all of them: a sum would be too low.
# nocache is for VictoriaMetrics: without it an instant query does not see the newest 30 seconds
# (its -search.latencyOffset), and a range query is answered for rounded times, from a cache.
# Google's API refuses every parameter that it does not know; then they are left out.
_COMPLETE_ANSWERS = {"partial_response": "false", "deny_partial_response": "1", "nocache": "1"}


class PrometheusSource:
    """Queries one server.

    Args:
        access: how the server is reached.
        connections: how many queries may run at the same time.
    """

    def __init__(self, access: Access, *, connections: int) -> None:
        self._access = access
        self._client = Client(access, connections=connections, redirects=_MOST_REDIRECTS)
        self._retry = Retry()
        self._posts = True
        self._unknown: frozenset[str] = frozenset()
        self._notices: dict[str, None] = {}
        if not access.tls.verify and access.url.startswith("https:"):
            self._notices[f"insecure_skip_verify: the identity of {access.url} is not verified"] = (
                None
            )
        self._skew_noticed = False
        # Several threads query: without a lock the same notice could be made twice.
        self._lock = threading.Lock()

    @property
    def info(self) -> SourceInfo:
        """The URL, without credentials."""
        # The URL may have a key among its parameters.
        location = self._access.redactor.text(self._access.url)
        return SourceInfo(kind="prometheus", location=location)

    def notices(self) -> list[str]:
        """That the clocks differ, and that the identity of the server is not verified."""
        return list(self._notices)

    def ask(self, query: Query, deadline: float) -> Measurement:
        """The answer; after an error that may be over soon, the query is sent again.

        Raises:
            SourceError: the request failed or the response is invalid.
        """
        ask = self._rules if query.expr == RULES else self._ask_once
        return self._retry(lambda: ask(query, deadline), deadline)

    def _rules(self, query: Query, deadline: float) -> Measurement:
        """The alerting rules as they are now, whatever time the question is for."""
        response = self.page(rules.PATH, deadline, {"type": "alert"})
        if response.status != 200:
            raise SourceError(
                f"{self.info.location} answers {response.status} to {RULES}; if it has no rules, "
                "give the check rules_checked=False"
            )
        at = query.at if isinstance(query, InstantQuery) else query.end
        return rules.parse(response.body, at, self._access.redactor.text)

    def page(
        self, path: str, deadline: float, params: Mapping[str, str] = MappingProxyType({})
    ) -> Response:
        """The response to a GET of a path below the URL, sent once.

        Raises:
            SourceError: there is no response before the deadline (monotonic clock, seconds).
        """
        response = self._send(Request("GET", path, params), deadline)
        self._notice_skew(response.headers)
        return response

    def _ask_once(self, query: Query, deadline: float) -> Measurement:
        response = self._known_parameters(*_endpoint(query, deadline), deadline)
        self._notice_skew(response.headers)
        if response.status == 200:
            return parse(query, response.body, self._access.redactor.text)
        raise refusal(response, self._access)

    def _known_parameters(self, path: str, params: dict[str, str], deadline: float) -> Response:
        """Ask again without the parameters that the server does not know; this is remembered."""
        unknown = self._unknown
        while True:
            sent = {name: text for name, text in params.items() if name not in unknown}
            response = self._post_or_get(path, sent, deadline)
            named = _unknown_parameters(response, sent)
            if not named:
                break
            unknown |= named
        # An invalid query is refused without them too, and says nothing about the server.
        if response.status == 200:
            self._unknown = unknown
        return response

    def _post_or_get(self, path: str, params: Mapping[str, str], deadline: float) -> Response:
        """POST, or GET if the server does not accept POST; the choice is remembered.

        POST comes first, because a long query does not fit into a URL.
        """
        posts = self._posts
        post, get = Request("POST", path, body=params), Request("GET", path, params=params)
        response = self._send(post if posts else get, deadline)
        if posts and response.status in _NO_POST:
            fallback = self._send(get, deadline)
            if fallback.status not in _NO_POST:
                self._posts = False
                return fallback
        return response

    def _send(self, request: Request, deadline: float) -> Response:
        try:
            return self._client.send(request, deadline)
        except RequestError as error:
            raise no_response(error, self.info.location) from None

    def _notice_skew(self, headers: Mapping[str, str]) -> None:
        try:
            skew = time.time() - parsedate_to_datetime(headers["Date"]).timestamp()
        except (LookupError, ValueError, TypeError, ArithmeticError, OSError):
            return
        with self._lock:
            if abs(skew) <= _SKEW_WORTH_A_NOTICE or self._skew_noticed:
                return
            self._skew_noticed = True
            direction = "ahead of" if skew > 0 else "behind"
            self._notices[
                f"this machine's clock is {lasting(abs(skew))} {direction} the server's: there may "
                "be no data for the time that it shows; set the clock, or give --gate-at"
            ] = None


def _unknown_parameters(response: Response, sent: Mapping[str, str]) -> frozenset[str]:
    """The parameters that a server refuses by name, and can do without.

    A server that does not know one of those for complete answers does not know the others.
    """
    if response.status != 400:
        return frozenset()
    text = response.body.decode("utf-8", "replace").replace(sent["query"], "")
    optional = [name for name in (*_COMPLETE_ANSWERS, "timeout") if name in sent]
    named = {name for name in optional if re.search(rf"\b{name}\b", text)}
    known = _COMPLETE_ANSWERS.keys() & sent.keys() if named & _COMPLETE_ANSWERS.keys() else set()
    return frozenset(named | known)


def _endpoint(query: Query, deadline: float) -> tuple[str, dict[str, str]]:
    # The server stops a query that nobody waits for any more.
    timeout = f"{max(1, round((deadline - time.monotonic()) * 1000))}ms"
    params = {"query": query.expr, "timeout": timeout, **_COMPLETE_ANSWERS}
    if isinstance(query, InstantQuery):
        return "api/v1/query", {**params, "time": f"{query.at:.3f}"}
    times = {"start": query.start, "end": query.end, "step": query.step}
    return "api/v1/query_range", {**params, **{k: f"{v:.3f}" for k, v in times.items()}}


def open_server(
    url: str,
    redactor: Redactor,
    *,
    origin: str,
    environ: Mapping[str, str],
    config: Path | None = None,
    connections: int = 1,
) -> PrometheusSource:
    """The server of a URL, with its credentials.

    Args:
        url: where the server is; may contain user:password.
        redactor: learns the credentials.
        origin: where the URL was given, for messages.
        environ: may have ``PROMETHEUS_TOKEN``.
        config: ``--prometheus-config``.
        connections: the largest number of connections at once.

    Raises:
        ConfigurationError: the URL, the file or the credentials cannot be used.
    """
    access = access_to(url, redactor, origin=origin, environ=environ, config=config)
    return PrometheusSource(access, connections=connections)
