"""Reads the body of a response of Prometheus' API.

It is strict: what is not exactly a healthy answer to the query becomes an error. A guess at what a
broken response means could let a bad deployment pass.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, NoReturn

from pytest_deploygate.core.errors import SourceError, TransientError
from pytest_deploygate.core.series import InstantQuery, Measurement, Query, Series
from pytest_deploygate.core.text import lasting, printable

# float() accepts more than Prometheus writes, such as "1_0" and " 1".
_NUMBER = re.compile(r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[Ii]nf|[Nn]a[Nn])", re.ASCII)
# Many of them at once, with one space between two.
_NUMBERS = re.compile(rf"{_NUMBER.pattern}(?: {_NUMBER.pattern})*", re.ASCII)
_NOT_THE_API = "the response is not in the format of Prometheus' API"
_CHECK = "check the URL, and what is between this machine and the server"
_TOLERANCE = 1.0  # seconds; servers round times, a cached answer differs by more
# So many bytes of a body are searched for secrets, and so many of these are used for a message. The
# second number is smaller: a secret that is cut at the end of the first part is not in the second.
_SEARCHED, _USED = 1 << 16, 1 << 12
_WRONG_SHAPE = (
    LookupError,
    TypeError,
    ValueError,
    ArithmeticError,
    AttributeError,
    RecursionError,
)
_HINT = "PromQL info:"
_CAN_PASS = frozenset({"timeout", "unavailable", "internal", "canceled"})

Redacted = Callable[[str], str]


def parse(query: Query, body: bytes, redacted: Redacted = str) -> Measurement:
    """The measurement in the body of a response with status 200.

    Args:
        query: the query; its times are compared to those in the response.
        body: the bytes of the response.
        redacted: removes secrets from all that is kept of the response.

    Raises:
        SourceError: the body is not a healthy answer to this query.
    """
    try:
        document = json.loads(
            body, object_pairs_hook=_without_doubles, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError):
        raise _not_json(body, redacted) from None
    try:
        return _measurement(query, document, redacted)
    except _WRONG_SHAPE as error:
        text = printable(redacted(str(error)), 120)
        raise SourceError(f"{_NOT_THE_API}: {text}; {_CHECK}") from None


def error_text(body: bytes, redacted: Redacted = str) -> str:
    """The body of an error for a message: the API's own words, or the beginning of any text."""
    body = body[:_SEARCHED]
    try:
        document = json.loads(body)
        return printable(redacted(f"{document['errorType']}: {document['error']}"), 300)
    except (ValueError, KeyError, TypeError, RecursionError):
        text = redacted(body.decode("utf-8", "replace"))[:_USED]
        plain = re.sub(r"<[^>]*>", " ", text)
        return printable(" ".join(plain.split()), 120) or "an empty body"


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a key with two values: parsers differ in which of them they take."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is given twice")
    return found


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not valid JSON")


def _not_json(body: bytes, redacted: Redacted) -> SourceError:
    start = body.lstrip()[:1]
    if not start:
        return TransientError(f"{_NOT_THE_API}: an empty body; {_CHECK}")
    text = error_text(body, redacted)
    if start == b"<":
        return SourceError(f"{_NOT_THE_API} but an HTML page, perhaps a login: {text}; {_CHECK}")
    if start == b"{":
        return TransientError(f"{_NOT_THE_API}: broken JSON, perhaps cut off: {text}; {_CHECK}")
    return SourceError(f"{_NOT_THE_API}: it is not JSON: {text}; {_CHECK}")


def _measurement(query: Query, document: Any, redacted: Redacted) -> Measurement:
    if not isinstance(document, dict) or document.get("status") not in ("success", "error"):
        raise TypeError("a JSON document of another format")
    # Whatever the status says: with an error the series may not be all of them.
    if document["status"] == "error" or document.get("error"):
        raise _api_error(document, redacted)
    series = tuple(_series(query, document["data"], redacted))
    return Measurement(series, tuple(_kept(text, redacted) for text in _warnings(document)))


def _api_error(document: Mapping[str, Any], redacted: Redacted) -> SourceError:
    kind = str(document.get("errorType", "unknown"))
    text = f"{kind}: {document.get('error', 'no reason given')}"
    message = printable(redacted(text), 300)
    if kind in _CAN_PASS:
        return TransientError(f"the server could not answer: {message}; check its load")
    return SourceError(f"the server rejects the query: {message}")


def _series(query: Query, data: Mapping[str, Any], redacted: Redacted) -> list[Series]:
    kind, result = data["resultType"], data["result"]
    instant = isinstance(query, InstantQuery)
    if instant and kind == "scalar":
        return [Series({}, (_point(query, result),))]
    if kind != ("vector" if instant else "matrix"):
        wanted = "a vector or a scalar" if instant else "a matrix"
        text = printable(redacted(str(kind)), 30)
        raise SourceError(f"the query returns a {text}, {wanted} is needed; change the query")
    if not isinstance(result, list):
        raise TypeError("the result is not a list")
    found = []
    for item in result:
        points = _points(query, _values(item, instant))
        found.append(Series(_labels(item["metric"], redacted), points))
        item.clear()  # a week of points should not be in memory twice
    return found


def _values(item: Mapping[str, Any], instant: bool) -> list[Any]:
    if "histogram" in item or "histograms" in item:
        raise SourceError(
            "a native histogram is not a number; use a function such as histogram_quantile()"
        )
    if instant:
        return [item["value"]]
    if not isinstance(item["values"], list) or not item["values"]:
        raise ValueError("a series has no values")
    return item["values"]


def _labels(metric: Any, redacted: Redacted) -> dict[str, str]:
    if not all(isinstance(k, str) and isinstance(v, str) for k, v in metric.items()):
        raise TypeError("a label is not text")
    return {_kept(key, redacted): _kept(value, redacted) for key, value in metric.items()}


def _kept(text: str, redacted: Redacted) -> str:
    """Text without secrets that can be encoded again.

    Raises:
        ValueError: it contains a lone surrogate, with which no report could be written.
    """
    return redacted(text if text.isascii() else text.encode().decode())


def _points(query: Query, points: list[Any]) -> tuple[tuple[float, float], ...]:
    if plain := _plain_points(query, points):
        return plain
    found = tuple(_point(query, point) for point in points)
    if any(earlier >= later for (earlier, _), (later, _) in pairwise(found)):
        raise ValueError("the points are not in the order of time")
    return found


def _plain_points(query: Query, points: list[Any]) -> tuple[tuple[float, float], ...]:
    """The points, if nothing is wrong with any of them; else none.

    Loops in C: a backtest has hundreds of thousands of points.
    """
    if isinstance(query, InstantQuery):
        return ()
    times, texts = zip(*points, strict=True)
    right = (
        {int, float}.issuperset(map(type, times))
        and {str}.issuperset(map(type, texts))
        and all(map(operator.lt, times, times[1:]))
        and query.start - _TOLERANCE <= times[0]
        and times[-1] <= query.end + _TOLERANCE
        and _NUMBERS.fullmatch(" ".join(texts))
    )
    return tuple(zip(map(float, times), map(float, texts), strict=True)) if right else ()


def _point(query: Query, point: list[Any]) -> tuple[float, float]:
    time, text = point
    if not isinstance(text, str) or not _NUMBER.fullmatch(text):
        raise ValueError(f"the value {text!r} is not a number")
    # True is an int in Python, and would be the time 1.
    if isinstance(time, bool) or not isinstance(time, int | float):
        raise TypeError(f"the time {time!r} is not a number")
    first = query.at if isinstance(query, InstantQuery) else query.start
    last = query.at if isinstance(query, InstantQuery) else query.end
    # Thanos' query frontend rounds start and end of a range down to multiples of its step.
    rounded = 0.0 if isinstance(query, InstantQuery) else query.step
    if not first - rounded - _TOLERANCE <= time <= last + _TOLERANCE:
        gap = f"{lasting(first - time)} before" if time < first else f"{lasting(time - last)} after"
        raise SourceError(
            f"the response is for a time {gap} the requested one; check for a cache between this "
            "machine and Prometheus"
        )
    return float(time), float(text)


def _warnings(document: Mapping[str, Any]) -> list[str]:
    warnings = document.get("warnings") or []
    found = [str(text) for text in warnings] if isinstance(warnings, list) else [str(warnings)]
    # What Prometheus 2.48 to 2.53 and Thanos write here is a hint about the query, since 2.54 it
    # stands in "infos". Nothing is missing from the answer.
    found = [text for text in found if not text.startswith(_HINT)]
    if document.get("isPartial"):
        found.append("the answer is partial: a storage node did not answer")
    return found
