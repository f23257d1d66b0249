"""Every failure becomes one sentence, whatever the other side sends."""

from __future__ import annotations

import math
import time
from email.utils import formatdate

import pytest
import requests
import urllib3.exceptions
from hypothesis import given
from hypothesis import strategies as st

from pytest_deploygate.core.errors import SourceError, TooMuchError, TransientError
from pytest_deploygate.core.secrets import Redactor, Secret
from pytest_deploygate.http.access import Access
from pytest_deploygate.http.client import Response
from pytest_deploygate.http.request_errors import Cause, RequestError, request_error
from pytest_deploygate.sources.api_errors import no_response, refusal, retry_after

DATES = st.builds(
    "{}, {} {} {} {}:{}:{} {}".format,
    *(st.sampled_from(["Mon", "", "x"]), st.integers(-1, 99), st.sampled_from(["Jan", "Feb", "x"])),
    *(st.integers(-1, 99_999), st.integers(-1, 99), st.integers(-1, 99), st.integers(-1, 99)),
    st.sampled_from(["GMT", "-0000", "+9999", "-9999", "x", ""]),
)


def access() -> Access:
    redactor = Redactor()
    redactor.add("hush-hush")
    return Access(url="http://here:9090", redactor=redactor)


@given(st.text() | DATES | st.integers().map(str))
def test_when_to_ask_again_is_a_number_of_seconds_or_unknown(text: str) -> None:
    wait = retry_after({"Retry-After": text})
    assert wait is None or 0 <= wait < math.inf


@pytest.mark.parametrize(
    ("text", "wait"), [("0", 0.0), ("7", 7.0), ("-1", None), ("1.5", None), ("", None)]
)
def test_seconds_are_whole(text: str, wait: float | None) -> None:
    assert retry_after({"Retry-After": text}) == wait


def test_a_date_is_counted_from_now() -> None:
    wait = retry_after({"Retry-After": formatdate(time.time() + 1000, usegmt=True)})
    assert wait is not None
    assert 900 < wait <= 1000


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (requests.exceptions.SSLError("bad hush-hush"), SourceError, "TLS failed: bad \\*\\*\\*;"),
        (urllib3.exceptions.SSLError("bad"), SourceError, "TLS failed: bad; check the CA"),
        (requests.exceptions.ProxyError("http://u:hush-hush@p"), TransientError, "check HTTP_PRO"),
        (requests.ReadTimeout(), TransientError, "no complete response in time; check the s"),
        (urllib3.exceptions.ReadTimeoutError(None, "", "x"), TransientError, "no complete resp"),  # type: ignore[arg-type]
        (TimeoutError(), TransientError, "no complete response in time"),
        (urllib3.exceptions.DecodeError("x"), SourceError, "a wrong Content-Encoding; check what"),
        (requests.exceptions.InvalidURL("x"), SourceError, "is not a valid URL: x"),
        (requests.ConnectionError("hush-hush"), TransientError, "9090: \\*\\*\\*; is it running"),
        (urllib3.exceptions.ProtocolError("x", OSError(1, "cut")), TransientError, "9090: cut; is"),
        (ConnectionResetError(104, "reset"), TransientError, "unable to query .* reset; is it"),
        (RuntimeError("a\x1b\nhush-hush"), SourceError, r"RuntimeError: a\\x1b \*\*\*; check the"),
        (RequestError(Cause.TOO_LARGE, "too large"), TooMuchError, "too large; aggregate in"),
    ],
)
def test_an_exception_becomes_a_sentence(
    error: Exception, kind: type[SourceError], message: str
) -> None:
    server = access()
    explanation = no_response(request_error(error, server.redactor), server.url)
    assert type(explanation) is kind
    with pytest.raises(kind, match=message):
        raise explanation
    assert "hush" not in str(explanation)


@given(st.integers(100, 999), st.text(), st.binary(max_size=50))
def test_every_status_has_a_message(status: int, wait: str, body: bytes) -> None:
    message = str(refusal(Response(status, {"Retry-After": wait}, body), access()))
    assert message.startswith(f"http://here:9090 answers {status}: ")
    assert message.isprintable()


@pytest.mark.parametrize(
    ("status", "headers", "message"),
    [
        (401, {}, "it requires credentials: give"),
        (401, {"Authorization": Secret("Bearer x")}, "it refuses the credentials that were given"),
        (401, {"X-Api-Key": Secret("x")}, "it refuses the credentials that were given"),
        (403, {"Authorization": Secret("Bearer x")}, "are not allowed to query"),
        (414, {}, "the URL is too long for it"),
        (431, {}, "the headers are too large for it"),
    ],
)
def test_a_status_says_what_to_change(
    status: int, headers: dict[str, Secret], message: str
) -> None:
    given_ = access()._replace(headers=headers)
    error = refusal(Response(status, {}, b"no"), given_)
    assert message in str(error)
    assert not isinstance(error, TransientError)


def test_a_server_that_speaks_tls_says_so() -> None:
    body = b"Client sent an HTTP request to an HTTPS server.\n"
    error = refusal(Response(400, {}, body), access())
    assert "it speaks TLS: write https:// instead of http://" in str(error)
