"""What a failed request or an HTTP status means for a query, in one sentence with a hint."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from pytest_deploygate.core.durations import spoken
from pytest_deploygate.core.errors import SourceError, TooMuchError, TransientError
from pytest_deploygate.core.urls import below
from pytest_deploygate.http.access import Access
from pytest_deploygate.http.client import Response
from pytest_deploygate.http.request_errors import Cause, RequestError
from pytest_deploygate.sources.api_response import error_text

# What may be over soon: the query is sent again.
_TRANSIENT = {
    408: "it waited too long for the request; check the network",
    425: "it is not ready for the request yet; try again",
    429: "too many requests; lower --gate-concurrency, or raise the server's limit",
    499: "it gave up the request; check the time limits of what is between",
    500: "it failed; check its log",
    502: "the proxy in front of it gets no response; check that Prometheus is running",
    503: "it is starting up, overloaded or out of time; check its load",
    504: "the proxy in front of it gets no response in time; check Prometheus' load",
    # What Cloudflare answers where the server behind it does not.
    **dict.fromkeys(
        range(520, 528),
        "the proxy in front of it gets no response; check that Prometheus is running",
    ),
}
# What stays the same until somebody changes something.
_LASTING = {
    400: "the query is not valid",
    401: "it requires credentials: give --prometheus-config FILE or PROMETHEUS_TOKEN",
    403: "these credentials, or this tenant, are not allowed to query",
    404: "there is no Prometheus API at this URL; check its path",
    405: "there is no Prometheus API at this URL; check its path",
    407: "the proxy requires credentials: check HTTP_PROXY, or proxy_url",
    414: "the URL is too long for it; let it accept POST, or shorten the query",
    431: "the headers are too large for it; check the credentials and http_headers",
    413: "the response is too large for it; aggregate in the query",
    422: "it cannot execute the query",
}
_TOO_MUCH = frozenset({413, 422})
_REFUSED = "it refuses the credentials that were given; check that they are right and not expired"
# The words of Go's servers, of Apache and of nginx.
_SPEAKS_TLS = re.compile("HTTP request to an HTTPS server|plain HTTP (to|request was sent to)")
_NOT_THE_API = "this is not Prometheus' API; check the URL"

_NO_RESPONSE = {
    Cause.TLS: (
        "{url}: TLS failed: {text}; check the CA, the server's name and, if the server requires "
        "one, the client's certificate"
    ),
    Cause.NO_TLS: "{url}: {text}; write http:// instead of https://, or give the port for TLS",
    Cause.PROXY: "{url}: {text}; check HTTP_PROXY, or proxy_url",
    Cause.TIMEOUT: (
        "{url}: {text}; check the server's load, --gate-query-timeout and --gate-timeout"
    ),
    Cause.ENCODING: "{url}: {text}; check what is between this machine and the server",
    Cause.URL: "{url}: is not a valid URL: {text}; check its spelling",
    Cause.CONNECTION: (
        "unable to query Prometheus at {url}: {text}; is it running (try {health}), "
        "is --prometheus-url right?"
    ),
    Cause.REDIRECT: (
        "{url} {text}: it may be a login page; give the URL of the server itself with "
        "--prometheus-url"
    ),
    Cause.TOO_LARGE: "{url}: {text}; aggregate in the query",
    Cause.UNKNOWN: (
        "{url}: the request failed: {text}; check the URL, and what is between this machine and "
        "the server"
    ),
}
# The other causes do not go away by themselves: to send the query again would only take time.
_CAN_PASS = frozenset({Cause.PROXY, Cause.TIMEOUT, Cause.CONNECTION})


def no_response(error: RequestError, url: str) -> SourceError:
    """The error of a query whose request got no response; its cause decides about a retry."""
    text = _NO_RESPONSE[error.cause].format(url=url, health=below(url, "-/healthy"), text=error)
    if error.cause is Cause.TOO_LARGE:
        return TooMuchError(text)
    return TransientError(text) if error.cause in _CAN_PASS else SourceError(text)


def refusal(response: Response, access: Access) -> SourceError:
    """The error of a query whose response has a status other than 200."""
    text = error_text(response.body, access.redactor.text)
    status, where = response.status, f"{access.redactor.text(access.url)} answers {response.status}"
    if status not in _TRANSIENT:
        kind = TooMuchError if status in _TOO_MUCH else SourceError
        return kind(f"{where}: {_lasting(status, access, text)}: {text}")
    wait = retry_after(response.headers)
    asked = f" (it asks to wait {spoken(wait)})" if wait and wait >= 1 else ""
    return TransientError(f"{where}: {_TRANSIENT[status]}{asked}: {text}", retry_after=wait)


def _lasting(status: int, access: Access, text: str) -> str:
    if status == 400 and _SPEAKS_TLS.search(text):
        return "it speaks TLS: write https:// instead of http://"
    # Any header may be the credential: X-Api-Key is one too.
    return _REFUSED if status == 401 and access.headers else _LASTING.get(status, _NOT_THE_API)


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
