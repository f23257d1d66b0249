"""A Prometheus-compatible server, asked over its HTTP API with requests.

Source of the API's rules: https://prometheus.io/docs/prometheus/latest/querying/api/
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter

from pytest_deploygate.durations import spoken
from pytest_deploygate.errors import SourceError, TransientError
from pytest_deploygate.model import InstantQuery, Measurement, Query
from pytest_deploygate.report import SourceInfo
from pytest_deploygate.sources.access import Access
from pytest_deploygate.sources.answer import error_text, parse

_MOST_BYTES = 64 * 1024 * 1024
_MOST_REDIRECTS = 5
_CHUNK = 64 * 1024
_SKEW_WORTH_TELLING = 60.0
_TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
_NO_POST = frozenset({403, 404, 405, 411, 501})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_ATTEMPTS = 5

# Thanos and VictoriaMetrics each have a name for it: an answer that lacks a part is too low
_WHOLE_ANSWERS = {"partial_response": "false", "deny_partial_response": "1", "nocache": "1"}


class PrometheusSource:
    """Asks one server over one pool of connections."""

    def __init__(self, access: Access, *, connections: int) -> None:
        self._access = access
        self._base = access.url.rstrip("/") + "/"
        self._session = requests.Session()
        adapter = HTTPAdapter(pool_connections=1, pool_maxsize=connections)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)
        access.apply(self._session)
        self._method = "POST"
        self._notices: dict[str, None] = {}
        self._lock = threading.Lock()

    @property
    def info(self) -> SourceInfo:
        """The URL, without credentials."""
        return SourceInfo(kind="prometheus", location=self._access.url)

    def notices(self) -> list[str]:
        """Clock skew, if there was any."""
        return list(self._notices)

    def ask(self, query: Query, deadline: float) -> Measurement:
        """The answer; what can pass is tried again with growing pauses, what cannot is not.

        Raises:
            SourceError: there is no answer, or none that is one.
        """
        try:
            return self._ask_once(query, deadline)
        except TransientError as first:
            return self._ask_again(query, deadline, first)

    def _ask_again(self, query: Query, deadline: float, first: TransientError) -> Measurement:
        import tenacity

        def pause(state: tenacity.RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            asked = error.retry_after if isinstance(error, TransientError) else None
            return backoff(state) if asked is None else asked

        class BeforeDeadline(tenacity.stop.stop_base):
            def __call__(self, retry_state: tenacity.RetryCallState) -> bool:
                return time.monotonic() + retry_state.upcoming_sleep >= deadline

        backoff = tenacity.wait_random_exponential(multiplier=0.3, min=0.1, max=2.5)
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(TransientError),
            stop=tenacity.stop_after_attempt(_ATTEMPTS) | BeforeDeadline(),
            wait=pause,
            reraise=True,
        )
        outcomes = iter([first])

        def attempt() -> Measurement:
            for error in outcomes:
                raise error
            return self._ask_once(query, deadline)

        return retrying(attempt)

    def _ask_once(self, query: Query, deadline: float) -> Measurement:
        path, params = _request(query, deadline)
        status, headers, body = self._exchange(path, params, deadline)
        self._notice_skew(headers)
        if status == 200:
            return parse(query, body, self._access.redactor.text)
        raise _refusal(status, headers, body, self._access)

    def _exchange(
        self, path: str, params: Mapping[str, str], deadline: float
    ) -> tuple[int, Mapping[str, str], bytes]:
        """POST, and GET for servers that do not take POST; the choice is remembered."""
        answer = self._send(self._method, path, params, deadline)
        if self._method == "POST" and answer[0] in _NO_POST:
            fallback = self._send("GET", path, params, deadline)
            if fallback[0] == 200:
                self._method = "GET"
                return fallback
        return answer

    def _send(
        self, method: str, path: str, params: Mapping[str, str], deadline: float
    ) -> tuple[int, Mapping[str, str], bytes]:
        url = urljoin(self._base, path)
        for _ in range(_MOST_REDIRECTS):
            with self._explained():
                response = self._open(method, url, params, deadline)
            with response:
                target = _redirect(response)
                if target is None:
                    with self._explained():
                        body = _read(response, deadline)
                    return response.status_code, response.headers, body
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
            raise requests.Timeout("the time is over")
        posted = method == "POST"
        return self._session.request(
            method,
            url,
            params=None if posted else params,
            data=params if posted else None,
            timeout=left,
            stream=True,
            allow_redirects=False,
        )

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """What requests raises, as one sentence; its own text may hold a proxy's credentials."""
        url = self._access.url
        try:
            yield
        except requests.exceptions.SSLError as error:
            told = self._access.redactor.text(_innermost(error))
            raise SourceError(
                f"{url}: TLS failed: {told}; check the CA and the server's name"
            ) from None
        except requests.exceptions.ProxyError:
            raise TransientError(f"{url}: the proxy does not answer; check HTTP_PROXY") from None
        except requests.Timeout:
            raise TransientError(
                f"{url}: no whole answer in time; check the server's load and --gate-query-timeout"
            ) from None
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema) as error:
            told = self._access.redactor.text(str(error))
            raise SourceError(f"{url}: is no URL to ask: {told}") from None
        except (requests.RequestException, OSError) as error:
            told = self._access.redactor.text(_innermost(error))
            raise TransientError(
                f"unable to query Prometheus at {url}: {told}; is it running (try "
                f"{url.rstrip('/')}/-/healthy), is --prometheus-url right?"
            ) from None

    def _refuse_elsewhere(self, url: str, target: str) -> None:
        """Credentials go to the host that was given, and to no other."""
        here, there = urlsplit(url), urlsplit(target)
        upgraded = (here.scheme, there.scheme) == ("http", "https") and there.port in (None, 443)
        same_port = here.port == there.port and here.scheme == there.scheme
        if here.hostname != there.hostname or not (same_port or upgraded):
            shown = self._access.redactor.text(f"{there.scheme}://{there.netloc}")
            raise SourceError(
                f"{self._access.url} redirects to {shown}, which is not asked: a login page, or "
                "give that URL with --prometheus-url"
            )

    def _notice_skew(self, headers: Mapping[str, str]) -> None:
        try:
            skew = time.time() - parsedate_to_datetime(headers["Date"]).timestamp()
        except (KeyError, ValueError, TypeError):
            return
        if abs(skew) > _SKEW_WORTH_TELLING:
            direction = "ahead of" if skew > 0 else "behind"
            with self._lock:
                self._notices.setdefault(
                    f"this machine's clock is {spoken(abs(skew))} {direction} the server's: what "
                    "it calls now may have no data; set the clock, or give --gate-at"
                )


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


def _read(response: requests.Response, deadline: float) -> bytes:
    """The body, however slowly it drips in, but neither after the deadline nor without end."""
    chunks, size = [], 0
    while chunk := response.raw.read1(_CHUNK, decode_content=True):
        chunks.append(chunk)
        size += len(chunk)
        if size > _MOST_BYTES:
            raise SourceError(
                f"the answer is larger than {_MOST_BYTES >> 20} MiB; aggregate in the query"
            )
        if time.monotonic() > deadline:
            raise requests.Timeout("the body takes too long")
    return b"".join(chunks)


def _innermost(error: BaseException) -> str:
    """The cause that says it shortest: ``Connection refused`` instead of a pool's repr."""
    cause: BaseException = error
    for _ in range(10):
        reason = getattr(cause, "reason", None)
        following = reason if isinstance(reason, BaseException) else None
        following = following or cause.__cause__ or cause.__context__
        if following is None:
            following = next((a for a in cause.args if isinstance(a, BaseException)), None)
        if following is None:
            break
        cause = following
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return str(cause) or type(cause).__name__


def _refusal(status: int, headers: Mapping[str, str], body: bytes, access: Access) -> SourceError:
    told = access.redactor.text(error_text(body))
    where = f"{access.url} answers {status}"
    if status in _TRANSIENT:
        return TransientError(f"{where}: {told}", retry_after=_retry_after(headers))
    advice = {
        400: "the query is not valid",
        401: "it wants credentials: give --prometheus-config FILE or PROMETHEUS_TOKEN",
        403: "these credentials, or this tenant, may not ask",
        404: "there is no Prometheus API at this URL; check its path",
        413: "the answer is too large for it; aggregate in the query",
        422: "it cannot execute the query",
    }.get(status, "this is not Prometheus' API")
    return SourceError(f"{where}: {advice}: {told}")


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds, given as a number or as a date."""
    text = headers.get("Retry-After", "")
    if text.isdecimal():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError):
        return None
