"""Why a request got no response: what requests and urllib3 raise, as a short cause."""

from __future__ import annotations

import re
from enum import StrEnum

import requests
import urllib3.exceptions

from pytest_deploygate.core.errors import GateError
from pytest_deploygate.core.secrets import Redactor
from pytest_deploygate.core.text import printable

_LONGEST = 120  # characters of somebody else's text in one message
_DEEPEST = 10  # exceptions inside each other; a circle of causes must not loop for ever


class Cause(StrEnum):
    """What kind of failure it is; the sender knows which hint helps against it."""

    CONNECTION = "connection"
    TIMEOUT = "timeout"
    PROXY = "proxy"
    TLS = "tls"
    NO_TLS = "no-tls"
    ENCODING = "encoding"
    URL = "url"
    REDIRECT = "redirect"
    TOO_LARGE = "too-large"
    UNKNOWN = "unknown"


class RequestError(GateError):
    """A request got no usable response.

    The message is one short line without secrets. It does not name the server: its address may be
    a secret, and each sender has its own name for it.
    """

    def __init__(self, cause: Cause, message: str) -> None:
        super().__init__(message)
        self.cause = cause


_TYPES: tuple[tuple[Cause, tuple[type[Exception], ...]], ...] = (
    # In this order: a TLS or proxy error of requests is one of its connection errors as well.
    (Cause.TLS, (requests.exceptions.SSLError, urllib3.exceptions.SSLError)),
    (Cause.PROXY, (requests.exceptions.ProxyError,)),
    (Cause.TIMEOUT, (requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError)),
    (Cause.ENCODING, (urllib3.exceptions.DecodeError,)),
    (
        Cause.URL,
        (
            requests.exceptions.InvalidURL,
            requests.exceptions.InvalidSchema,
            requests.exceptions.MissingSchema,
        ),
    ),
    (Cause.CONNECTION, (requests.RequestException, urllib3.exceptions.HTTPError, OSError)),
)
# OpenSSL's words for a first answer that is no TLS, such as that of a plain HTTP server.
_NO_TLS = re.compile("WRONG_VERSION_NUMBER|HTTP_REQUEST|UNKNOWN_PROTOCOL|record layer failure")
_FIXED = {
    # The library's own text names the proxy's URL, which may contain a password.
    Cause.PROXY: "the proxy does not respond",
    Cause.TIMEOUT: "no complete response in time",
    Cause.NO_TLS: "the server does not speak TLS",
    Cause.ENCODING: "the response has a wrong Content-Encoding",
}


def request_error(error: Exception, redactor: Redactor) -> RequestError:
    """The cause of any exception that was raised while a request was sent."""
    if isinstance(error, RequestError):
        return error
    cause = next((cause for cause, types in _TYPES if isinstance(error, types)), Cause.UNKNOWN)
    text = printable(redactor.text(_innermost(error)), _LONGEST)
    if cause is Cause.TLS and _NO_TLS.search(text):
        cause = Cause.NO_TLS
    if cause is Cause.UNKNOWN:
        text = f"{type(error).__name__}: {text}"
    return RequestError(cause, _FIXED.get(cause, text))


def _innermost(error: BaseException) -> str:
    """The shortest description: ``Connection refused`` instead of the repr of a pool."""
    cause: BaseException = error
    for _ in range(_DEEPEST):
        following = _inside(cause)
        if following is None:
            break
        cause = following
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return str(cause) or type(cause).__name__


def _inside(error: BaseException) -> BaseException | None:
    """The exception that this one wraps; urllib3 keeps it in ``reason`` or in the arguments."""
    reason = getattr(error, "reason", None)
    if isinstance(reason, BaseException):
        return reason
    wrapped = error.__cause__ or error.__context__
    return wrapped or next((one for one in error.args if isinstance(one, BaseException)), None)
