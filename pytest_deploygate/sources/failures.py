"""What went wrong between the gate and a server, as one sentence that says what to check."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

import requests
import urllib3.exceptions

from pytest_deploygate.core.durations import spoken
from pytest_deploygate.core.errors import SourceError, TransientError
from pytest_deploygate.core.text import printable
from pytest_deploygate.http.access import Access
from pytest_deploygate.sources.answer import error_text

_TRANSIENT = {
    408: "it waited too long for the question; check the network between",
    425: "it does not want to answer yet; try again",
    429: "too many requests; lower --gate-concurrency, or raise the server's limit",
    500: "it failed; check its log",
    502: "what stands in front of it gets no answer; check that Prometheus is running",
    503: "it is starting up, overloaded or out of time; check its load",
    504: "what stands in front of it gets no answer in time; check Prometheus' load",
}
_LASTING = {
    400: "the query is not valid",
    401: "it wants credentials: give --prometheus-config FILE or PROMETHEUS_TOKEN",
    403: "these credentials, or this tenant, may not ask",
    404: "there is no Prometheus API at this URL; check its path",
    405: "there is no Prometheus API at this URL; check its path",
    407: "the proxy wants credentials: check HTTP_PROXY, or proxy_url",
    413: "the answer is too large for it; aggregate in the query",
    422: "it cannot execute the query",
}
_NO_API = "this is not Prometheus' API; check the URL"
_TIMEOUTS = (requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError)
_BROKEN = (requests.RequestException, urllib3.exceptions.HTTPError, OSError)
_NO_URL = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
)


def explained(error: Exception, access: Access) -> SourceError:
    """What requests or urllib3 raised; their own text may hold a proxy's credentials."""
    if isinstance(error, SourceError):
        return error
    url, told = access.url, printable(access.redactor.text(_innermost(error)), 120)
    if isinstance(error, requests.exceptions.SSLError | urllib3.exceptions.SSLError):
        return SourceError(
            f"{url}: TLS failed: {told}; check the CA, the server's name and, if it wants one, "
            "the client's certificate"
        )
    if isinstance(error, requests.exceptions.ProxyError):
        return TransientError(f"{url}: the proxy does not answer; check HTTP_PROXY, or proxy_url")
    if isinstance(error, _TIMEOUTS):
        return TransientError(
            f"{url}: no whole answer in time; check the server's load, --gate-query-timeout and "
            "--gate-timeout"
        )
    if isinstance(error, urllib3.exceptions.DecodeError):
        return SourceError(f"{url}: its Content-Encoding is wrong; check what stands in between")
    if isinstance(error, _NO_URL):
        return SourceError(f"{url}: is no URL to ask: {told}")
    if isinstance(error, _BROKEN):
        return TransientError(
            f"unable to query Prometheus at {url}: {told}; is it running (try "
            f"{url.rstrip('/')}/-/healthy), is --prometheus-url right?"
        )
    return SourceError(
        f"{url}: cannot be asked: {type(error).__name__}: {told}; check the URL, and what stands "
        "in between"
    )


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


def refusal(status: int, headers: Mapping[str, str], body: bytes, access: Access) -> SourceError:
    """What an answer means that is none: a status other than 200."""
    told, where = error_text(body, access.redactor.text), f"{access.url} answers {status}"
    if status not in _TRANSIENT:
        return SourceError(f"{where}: {_LASTING.get(status, _NO_API)}: {told}")
    wait = retry_after(headers)
    asked = f" (it asks to wait {spoken(wait)})" if wait and wait >= 1 else ""
    return TransientError(f"{where}: {_TRANSIENT[status]}{asked}: {told}", retry_after=wait)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds of a Retry-After header, given as a number or as a date."""
    text = headers.get("Retry-After", "")
    try:
        wait = float(text) if text.isdecimal() else _until(text)
    except (ValueError, TypeError, LookupError, ArithmeticError, OSError):
        return None
    return wait if math.isfinite(wait) else None


def _until(date: str) -> float:
    return max(0.0, parsedate_to_datetime(date).timestamp() - time.time())
