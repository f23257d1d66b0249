"""What can go wrong between the gate and its server, and what the checks then say."""

from __future__ import annotations

import gzip
import json
from email.utils import formatdate
from typing import Any, NamedTuple

from tests import faults
from tests.conftest import END
from tests.faults import (
    Fault,
    body,
    changed,
    document,
    dripping,
    each_point,
    each_series,
    endless,
    raw,
    rewritten,
    status,
)


class Case(NamedTuple):
    """A fault, what the checks say of it (a pattern), and whether it can pass."""

    fault: Fault
    message: str
    passes: bool = False


HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
MEGABYTE = 1 << 20
LOGIN = b"<!DOCTYPE html><html><title>Sign in</title><form>Password</form></html>"
REJECTED = {"status": "error", "errorType": "bad_data", "error": "parse error at char 7"}
REJECTION = json.dumps(REJECTED).encode()
TIMED_OUT = {"status": "error", "errorType": "timeout", "error": "query timed out"}
TEXT = {"status": "success", "data": {"resultType": "string", "result": [END, "1"]}}

BROKEN = "unable to query Prometheus at .* is it running .*, is --prometheus-url right"
NO_TIME = "check the server's load, --gate-query-timeout and --gate-timeout"
NO_JSON = "broken JSON, perhaps cut off: .*check the URL, and what is between"
NO_API = "not in the format of Prometheus' API: .*check the URL, and what is between"
TOO_LARGE = "larger than 64 MiB; aggregate in the query"

# Before a request is read: the same for every query.
CONNECTIONS = {
    "reset": Case(Fault(faults.reset, on_connect=True), BROKEN, passes=True),
    "closed": Case(Fault(faults.drop, on_connect=True), BROKEN, passes=True),
    "silent": Case(Fault(faults.hang, on_connect=True), NO_TIME),
    "another protocol": Case(
        Fault(lambda exchange: exchange.raw(b"SSH-2.0-OpenSSH_9.2\r\n"), on_connect=True), BROKEN
    ),
}

# A byte now and then keeps the time that is given to each packet from running out.
WITHOUT_END = {
    "never answers": Case(Fault(faults.hang), NO_TIME),
    "drips a status line": Case(dripping(b"HTTP/1.1 200 ", b"O"), NO_TIME),
    "drips headers": Case(dripping(HEAD + b"X-Slow: ", b"x"), NO_TIME),
    "drips a body": Case(dripping(HEAD + b"Content-Length: 9999\r\n\r\n", b"{"), NO_TIME),
    "drips a body of unknown length": Case(dripping(HEAD + b"\r\n", b" "), NO_TIME),
    "drips chunks": Case(dripping(CHUNKED, b"1\r\n{\r\n"), NO_TIME),
    "drips the size of a chunk": Case(dripping(CHUNKED, b"0"), NO_TIME),
    "drips an error": Case(dripping(b"HTTP/1.1 500 X\r\n\r\n", b"x"), NO_TIME),
    "keeps saying 100": Case(dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.01), NO_TIME),
}

LARGE = {
    "endless body": Case(endless(HEAD + b"\r\n{", b" " * MEGABYTE), TOO_LARGE),
    "endless chunk": Case(endless(CHUNKED + b"ffffffffff\r\n", b" " * MEGABYTE), TOO_LARGE),
    "endless size of a chunk": Case(endless(CHUNKED, b"0" * MEGABYTE), BROKEN),
    "endless status line": Case(endless(b"HTTP/1.1 200 ", b"x" * MEGABYTE), BROKEN),
    "endless header": Case(endless(HEAD + b"X-Long: ", b"x" * MEGABYTE), BROKEN),
    "endless headers": Case(endless(HEAD, b"X-Many: x\r\n" * 1000), BROKEN),
    "bomb": Case(body(faults.bomb(1), Content_Encoding="gzip"), TOO_LARGE),
    "bomb in a bomb": Case(body(faults.bomb(2), Content_Encoding="gzip, gzip"), TOO_LARGE),
}

BROKEN_OFF = {
    "reset after the request": Case(Fault(faults.reset), BROKEN, passes=True),
    "closed after the request": Case(Fault(faults.drop), BROKEN, passes=True),
    "cut off": Case(Fault(faults.cut), BROKEN, passes=True),
    "cut off between chunks": Case(Fault(faults.cut_chunked), BROKEN, passes=True),
    "cut off, length unknown": Case(Fault(faults.cut_unannounced), NO_JSON, passes=True),
    "empty": Case(body(b""), "an empty body; check the URL", passes=True),
    "random bytes": Case(raw(bytes(range(256)) * 8), BROKEN),
    "two lengths": Case(raw(HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} "), BROKEN),
}

WRAPPED = {
    "gzip that is none": Case(
        body(b"{}", Content_Encoding="gzip"), "a wrong Content-Encoding; check what is between"
    ),
    "gzip that is cut": Case(
        rewritten(lambda data: gzip.compress(data)[:-20], Content_Encoding="gzip"), NO_JSON
    ),
    "another encoding": Case(body(b"\x0b\x00", Content_Encoding="compress"), NO_API),
    "login page": Case(body(LOGIN, Content_Type="text/html"), "a login: Sign in Password; check"),
    "other JSON": Case(document({"ok": True}), NO_API),
    "JSON null": Case(document(None), NO_API),
    "JSON list": Case(document([]), NO_API),
    "another status": Case(document({"status": "UP"}), NO_API),
    "no data": Case(document({"status": "success"}), NO_API),
    "data is null": Case(document({"status": "success", "data": None}), NO_API),
    "two values for a key": Case(
        rewritten(lambda data: data.replace(b"{", b'{"status":"success",', 1)), NO_JSON
    ),
    "deep JSON": Case(body(b'{"status":' + b"[" * 200_000), NO_JSON),
    "not UTF-8": Case(rewritten(lambda data: data.replace(b"success", b"\xff\xfe")), NO_JSON),
}

ERRORS = {
    "rejected": Case(document(REJECTED), "rejects the query: bad_data: parse error at char 7"),
    "timed out": Case(
        document(TIMED_OUT), "could not answer: timeout: query timed out; check its load", True
    ),
    "success and error": Case(
        changed(lambda answer: answer | {"errorType": "internal", "error": "half"}),
        "could not answer: internal: half; check its load",
        passes=True,
    ),
}


def without_values(series: dict[str, Any]) -> None:
    series.update({key: [] for key in ("value", "values") if key in series})


ANSWERS = {
    "of another time": Case(
        each_point(lambda point: [point[0] - 9000, point[1]]),
        "for a time 2h30m before the requested one.*check for a cache",
    ),
    "of another type": Case(document(TEXT), "returns a string, a .* is needed; change the query"),
    "numbers": Case(each_point(lambda point: [point[0], float(point[1])]), NO_API),
    "NaN as a literal": Case(each_point(lambda point: [point[0], float("nan")]), NO_JSON),
    "words": Case(
        each_point(lambda point: [point[0], "0x1p-2"]), "'0x1p-2' is not a number; check"
    ),
    "times that are text": Case(each_point(lambda point: [str(point[0]), point[1]]), NO_API),
    "points of one time": Case(each_point(lambda point: [END, point[1], 0]), NO_API),
    "no values": Case(each_series(without_values), NO_API),
    "native histograms": Case(
        each_series(lambda series: series.update(histogram=[END, {"count": "1"}])),
        r"a native histogram is not a number; use a function such as histogram_quantile\(\)",
    ),
    "labels that are no text": Case(
        each_series(lambda series: series["metric"].update(mode=1)), NO_API
    ),
    "lone surrogates": Case(
        each_series(lambda series: series["metric"].update(a="\ud800")), NO_API
    ),
    "warnings that are no text": Case(
        changed(lambda answer: answer | {"warnings": ["\udfff"]}), NO_API
    ),
}

REDIRECTS = {
    **{
        f"{code} without end": Case(
            status(code, Location="/api/v1/query"), "redirects in a circle: .*give the URL"
        )
        for code in (301, 302, 303, 307, 308)
    },
    "302 to nowhere": Case(status(302), "answers 302: this is not Prometheus' API; check the URL"),
    "302 to no URL": Case(
        status(302, Location="http://[oops"), "the request failed: .*check the URL"
    ),
    "302 to no port": Case(
        status(302, Location="//127.0.0.1:x"), "the request failed: .*check the "
    ),
    "302 to a login": Case(
        status(302, Location="https://login.example.com/?next=%2F"),
        "redirects to https://login.example.com/, which is another server: it may be a login page",
    ),
    "302 to another port, with TLS": Case(
        status(302, Location="https://127.0.0.1:1/api/v1/query"),
        "redirects to https://127.0.0.1:1/, which is another server",
    ),
    "302 to a file": Case(status(302, Location="file:///etc/passwd"), "file:///, which is anot"),
}

STATUSES = {
    "204": Case(raw(b"HTTP/1.1 204 No Content\r\n\r\n"), "answers 204: this is not Prometheus' AP"),
    "206": Case(status(206), "answers 206: this is not Prometheus' API; check the URL"),
    "400": Case(status(400, REJECTION), "answers 400: the query is not valid: bad_data: parse err"),
    "401": Case(status(401), "answers 401: it requires credentials: give --prometheus-config FILE"),
    "403": Case(status(403), "answers 403: these credentials, or this tenant, are not allowed"),
    "404": Case(status(404), "answers 404: there is no Prometheus API at this URL; check its path"),
    "405": Case(status(405), "answers 405: there is no Prometheus API at this URL; check its path"),
    "407": Case(status(407), "answers 407: the proxy requires credentials: check HTTP_PROXY"),
    "413": Case(status(413), "answers 413: .*aggregate in the query"),
    "418": Case(status(418, LOGIN), "answers 418: .* API; check the URL: Sign in Password"),
    "422": Case(status(422, REJECTION), "answers 422: it cannot execute the query: bad_data: pars"),
    "429": Case(status(429), "answers 429: .*lower --gate-concurrency", passes=True),
    "429 for no time": Case(status(429, Retry_After="0"), "429: .*lower --gate", passes=True),
    "429 until long ago": Case(
        status(429, Retry_After=formatdate(0)), "429: .*lower --gate", passes=True
    ),
    "429 for a second": Case(
        status(429, Retry_After="1"), r"lower --gate.* \(it asks to wait 1s\)", passes=True
    ),
    "429 for a day": Case(status(429, Retry_After="86400"), r"lower .* \(it asks to wait 1d\)"),
    "429 for ever": Case(status(429, Retry_After="9" * 500), "429: .*lower --gate", passes=True),
    "429 for nonsense": Case(status(429, Retry_After="soon"), "429: .*lower --gate", passes=True),
    "500": Case(status(500), "answers 500: it failed; check its log", passes=True),
    "502": Case(status(502, LOGIN), "answers 502: .*check that Prometheus is run", passes=True),
    "503": Case(status(503), "answers 503: .*starting up.*check its load", passes=True),
    "504": Case(status(504), "answers 504: .*check Prometheus' load", passes=True),
    "999": Case(status(999), "answers 999: this is not Prometheus' API; check the URL"),
}

QUICK = BROKEN_OFF | WRAPPED | ERRORS | ANSWERS | REDIRECTS | STATUSES

# What a server or a proxy may well do.
HARMLESS = {
    "slow": faults.slow(1),
    "packed": rewritten(gzip.compress, Content_Encoding="gzip"),
    "of unknown length": Fault(
        lambda exchange: exchange.raw(HEAD + b"\r\n" + exchange.healthy().body)
    ),
    "byte by byte": Fault(faults.byte_by_byte),
    "takes no POST (405)": faults.refusing_post(405),
    "takes no POST (403)": faults.refusing_post(403),
    "moved": Fault(faults.moved),
    "informs": changed(lambda answer: answer | {"infos": ["PromQL info: not a counter"]}),
    "names no content type": rewritten(lambda data: data, Content_Type=""),
    "sends a cookie": rewritten(lambda data: data, Set_Cookie="a=b; Path=/"),
    "indents": changed(lambda answer: json.loads(json.dumps(answer, indent=9))),
    "odd labels": each_series(lambda series: series["metric"].update({"a": "\0", "\x1b": "]"})),
}

# What is no error and yet not the whole answer.
INCOMPLETE = {
    "warns": Case(
        changed(lambda answer: answer | {"warnings": ["store-2 is missing"]}),
        "incomplete, the source warns: store-2 is missing",
    ),
    "is partial": Case(
        changed(lambda answer: answer | {"isPartial": True}),
        "incomplete, the source warns: the answer is partial: a storage node did not answer",
    ),
    "is empty": Case(
        changed(lambda answer: answer["data"].update(result=[])),
        "no data: (the query matches nothing|nothing in the last)",
    ),
}

ONE_CHECK_FOR_EACH = """
    from pytest_deploygate import Criterion, Sustained, gate_criteria

    NAMES = {names!r}
    EXPRESSION = 'label_replace(vector(1), "mode", "fast", "", "")  # '

    @gate_criteria([Criterion(id=name, query=EXPRESSION + name, equals=1) for name in NAMES])
    def test_instant(criterion, gate):
        gate.check(criterion)

    @gate_criteria([
        Criterion(id="range, " + name, query=EXPRESSION + name, kind=Sustained("5m"), at_most=1)
        for name in NAMES
    ])
    def test_range(criterion, gate):
        gate.check(criterion)
"""
