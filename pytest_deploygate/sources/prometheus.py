"""A Prometheus-compatible server, asked over its HTTP API with requests.

Source of the API's rules: https://prometheus.io/docs/prometheus/latest/querying/api/
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from urllib.parse import urljoin, urlsplit

import requests
import urllib3

from pytest_deploygate.core.errors import SourceError
from pytest_deploygate.core.report import SourceInfo
from pytest_deploygate.core.series import InstantQuery, Measurement, Query
from pytest_deploygate.core.text import lasting, printable
from pytest_deploygate.http.access import Access
from pytest_deploygate.http.bounded import body_of
from pytest_deploygate.http.transport import Transport
from pytest_deploygate.sources.answer import parse
from pytest_deploygate.sources.failures import explained, refusal
from pytest_deploygate.sources.retry import Patience

_MOST_REDIRECTS = 5
_SKEW_WORTH_TELLING = 60.0
_NO_POST = frozenset({403, 404, 405, 411, 501})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PORTS = {"http": 80, "https": 443}

# Thanos and VictoriaMetrics each have a name for it: an answer that lacks a part is too low.
# nocache is VictoriaMetrics' too: without it an instant query is not shown the newest 30 seconds
# (its -search.latencyOffset), and a range query is answered for rounded times, from a cache.
_WHOLE_ANSWERS = {"partial_response": "false", "deny_partial_response": "1", "nocache": "1"}


class PrometheusSource:
    """Asks one server over one pool of connections."""

    def __init__(self, access: Access, *, connections: int) -> None:
        self._access = access
        self._base = access.url.rstrip("/") + "/"
        self._session = requests.Session()
        transport = Transport(access, connections=connections)
        self._session.mount("http://", transport)
        self._session.mount("https://", transport)
        self._session.headers["Accept-Encoding"] = "gzip"
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        access.apply(self._session)
        _read_environment_once(self._session, access.url)
        self._patiently = Patience()
        self._method = "POST"
        self._notices: dict[str, None] = {}
        if not access.tls.verify and access.url.startswith("https:"):
            self._notices[f"insecure_skip_verify: {access.url} proves nothing"] = None
        self._skew_told = False
        self._lock = threading.Lock()

    @property
    def info(self) -> SourceInfo:
        """The URL, without credentials."""
        return SourceInfo(kind="prometheus", location=self._access.url)

    def notices(self) -> list[str]:
        """Clock skew, and a server that need not prove who it is."""
        return list(self._notices)

    def ask(self, query: Query, deadline: float) -> Measurement:
        """The answer; what can pass is asked again with growing pauses, what cannot is not.

        Raises:
            SourceError: there is no answer, or none that is one.
        """
        return self._patiently(lambda: self._ask_once(query, deadline), deadline)

    def page(self, path: str, deadline: float) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers and body of a plain GET below the URL, asked once.

        Raises:
            SourceError: nothing came back before the deadline (monotonic clock, seconds).
        """
        status, headers, body = self._send("GET", path, {}, deadline)
        self._notice_skew(headers)
        return status, headers, body

    def _ask_once(self, query: Query, deadline: float) -> Measurement:
        path, params = _request(query, deadline)
        status, headers, body = self._exchange(path, params, deadline)
        self._notice_skew(headers)
        if status == 200:
            return parse(query, body, self._access.redactor.text)
        raise refusal(status, headers, body, self._access)

    def _exchange(
        self, path: str, params: Mapping[str, str], deadline: float
    ) -> tuple[int, Mapping[str, str], bytes]:
        """POST, and GET for servers that do not take POST; the choice is remembered."""
        method = self._method
        answer = self._send(method, path, params, deadline)
        if method == "POST" and answer[0] in _NO_POST:
            fallback = self._send("GET", path, params, deadline)
            if fallback[0] not in _NO_POST:
                self._method = "GET"
                return fallback
        return answer

    def _send(
        self, method: str, path: str, params: Mapping[str, str], deadline: float
    ) -> tuple[int, Mapping[str, str], bytes]:
        try:
            return self._follow(method, urljoin(self._base, path), params, deadline)
        except Exception as error:
            raise explained(error, self._access) from None

    def _follow(
        self, method: str, url: str, params: Mapping[str, str], deadline: float
    ) -> tuple[int, Mapping[str, str], bytes]:
        for _ in range(_MOST_REDIRECTS):
            with self._open(method, url, params, deadline) as response:
                target = _redirect(response)
                if target is None:
                    return response.status_code, response.headers, body_of(response)
            self._refuse_elsewhere(url, target)
            url = target
        raise SourceError(
            f"{self._access.url} redirects in a circle; give the URL that the server answers at"
        )

    def _open(
        self, method: str, url: str, params: Mapping[str, str], deadline: float
    ) -> requests.Response:
        left = deadline - time.monotonic()
        if left <= 0:
            raise requests.Timeout
        posted = method == "POST"
        return self._session.request(
            method,
            url,
            params=None if posted else params,
            data=params if posted else None,
            timeout=urllib3.Timeout(total=left),  # type: ignore[arg-type]
            stream=True,
            allow_redirects=False,
        )

    def _refuse_elsewhere(self, url: str, target: str) -> None:
        """Credentials go to the server that was given, at most with TLS added, and nowhere else."""
        here, there = _server(url), _server(target)
        upgraded = here[0] == "http" and there == ("https", here[1], _PORTS["https"])
        if here != there and not upgraded:
            shown = printable(self._access.redactor.text(urljoin(target, "/")), 120)
            raise SourceError(
                f"{self._access.url} redirects to {shown}, which is not asked: a login page, or "
                "give that URL with --prometheus-url"
            )

    def _notice_skew(self, headers: Mapping[str, str]) -> None:
        try:
            skew = time.time() - parsedate_to_datetime(headers["Date"]).timestamp()
        except (LookupError, ValueError, TypeError, ArithmeticError, OSError):
            return
        with self._lock:
            if abs(skew) <= _SKEW_WORTH_TELLING or self._skew_told:
                return
            self._skew_told = True
            direction = "ahead of" if skew > 0 else "behind"
            self._notices[
                f"this machine's clock is {lasting(abs(skew))} {direction} the server's: what "
                "it calls now may have no data; set the clock, or give --gate-at"
            ] = None


def _read_environment_once(session: requests.Session, url: str) -> None:
    """Proxies and certificates as the environment says, found out before anything is asked.

    pytest sets and deletes a variable around every test: a thread that reads the environment
    meanwhile may find it changing, and fail.
    """
    found = session.merge_environment_settings(url, {}, None, None, None)
    session.proxies, session.verify = found["proxies"], found["verify"]
    session.trust_env = False


def _request(query: Query, deadline: float) -> tuple[str, dict[str, str]]:
    timeout = f"{max(1, round((deadline - time.monotonic()) * 1000))}ms"
    params = {"query": query.expr, "timeout": timeout, **_WHOLE_ANSWERS}
    if isinstance(query, InstantQuery):
        return "api/v1/query", {**params, "time": f"{query.at:.3f}"}
    times = {"start": query.start, "end": query.end, "step": query.step}
    return "api/v1/query_range", {**params, **{k: f"{v:.3f}" for k, v in times.items()}}


def _redirect(response: requests.Response) -> str | None:
    location = response.headers.get("Location")
    if response.status_code in _REDIRECTS and location:
        return urljoin(response.url, location)
    return None


def _server(url: str) -> tuple[str, str | None, int | None]:
    """Scheme, host and port; raises ValueError for what is no URL."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)
