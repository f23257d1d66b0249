"""What a Prometheus-compatible server answers, read so strictly that only an answer is one."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, NoReturn

from pytest_deploygate.core.errors import SourceError, TransientError
from pytest_deploygate.core.series import InstantQuery, Measurement, Query, Series
from pytest_deploygate.core.text import lasting, printable

_NUMBER = re.compile(r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[Ii]nf|[Nn]a[Nn])", re.ASCII)
_NOT_THE_API = "the answer is not Prometheus' API"
_CHECK = "check the URL, and what stands in between"
_ASKED_TIME = 1.0  # seconds by which an answer's timestamps may differ from what was asked
# Of a foreign body, so much is searched for secrets, and so much of that for a message: half a
# secret at the end of the one is not in the other.
_SEARCHED, _SHOWN = 1 << 16, 1 << 12
_MISSHAPEN = (
    LookupError,
    TypeError,
    ValueError,
    ArithmeticError,
    AttributeError,
    RecursionError,
)
_CAN_PASS = frozenset({"timeout", "unavailable", "internal", "canceled"})

Redacted = Callable[[str], str]


def parse(query: Query, body: bytes, redacted: Redacted = str) -> Measurement:
    """The measurement in the body of a 200.

    Args:
        query: what was asked; its times are held against those in the answer.
        body: the bytes of the answer.
        redacted: takes secrets out of whatever is kept of the answer.

    Raises:
        SourceError: the body is anything but a healthy answer to this query.
    """
    try:
        document = json.loads(
            body, object_pairs_hook=_without_doubles, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError):
        raise _no_json(body, redacted) from None
    try:
        return _measurement(query, document, redacted)
    except _MISSHAPEN as error:
        told = printable(redacted(str(error)), 120)
        raise SourceError(f"{_NOT_THE_API}: {told}; {_CHECK}") from None


def error_text(body: bytes, redacted: Redacted = str) -> str:
    """What an error's body says, for a message: the API's own words, or the start of any text."""
    body = body[:_SEARCHED]
    try:
        document = json.loads(body)
        return printable(redacted(f"{document['errorType']}: {document['error']}"), 300)
    except (ValueError, KeyError, TypeError, RecursionError):
        text = redacted(body.decode("utf-8", "replace"))[:_SHOWN]
        plain = re.sub(r"<[^>]*>", " ", text)
        return printable(" ".join(plain.split()), 120) or "an empty body"


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of two values for one key, a parser may take either."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key that is there twice")
    return found


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON")


def _no_json(body: bytes, redacted: Redacted) -> SourceError:
    start = body.lstrip()[:1]
    if not start:
        return TransientError(f"{_NOT_THE_API}: an empty body; {_CHECK}")
    told = error_text(body, redacted)
    if start == b"<":
        return SourceError(f"{_NOT_THE_API} but a page, perhaps a login: {told}; {_CHECK}")
    if start == b"{":
        return TransientError(f"{_NOT_THE_API}: broken JSON, perhaps cut off: {told}; {_CHECK}")
    return SourceError(f"{_NOT_THE_API}: no JSON: {told}; {_CHECK}")


def _measurement(query: Query, document: Any, redacted: Redacted) -> Measurement:
    if not isinstance(document, dict) or document.get("status") not in ("success", "error"):
        raise TypeError("JSON of another kind")
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
        told = printable(redacted(str(kind)), 30)
        raise SourceError(f"the query answers a {told}, {wanted} is needed; change the query")
    if not isinstance(result, list):
        raise TypeError("the result is no list")
    return [
        Series(_labels(item["metric"], redacted), _points(query, _values(item, instant)))
        for item in result
    ]


def _values(item: Mapping[str, Any], instant: bool) -> list[Any]:
    if "histogram" in item or "histograms" in item:
        raise SourceError("a native histogram is no number; use histogram_quantile() or such")
    if instant:
        return [item["value"]]
    if not isinstance(item["values"], list) or not item["values"]:
        raise ValueError("a series without values")
    return item["values"]


def _labels(metric: Any, redacted: Redacted) -> dict[str, str]:
    if not all(isinstance(k, str) and isinstance(v, str) for k, v in metric.items()):
        raise TypeError("labels that are no text")
    return {_kept(key, redacted): _kept(value, redacted) for key, value in metric.items()}


def _kept(text: str, redacted: Redacted) -> str:
    """Text that can be written down and sent on; a lone surrogate raises ValueError."""
    return redacted(text if text.isascii() else text.encode().decode())


def _points(query: Query, points: list[Any]) -> tuple[tuple[float, float], ...]:
    found = tuple(_point(query, point) for point in points)
    if any(earlier >= later for (earlier, _), (later, _) in pairwise(found)):
        raise ValueError("points that are not in the order of time")
    return found


def _point(query: Query, point: list[Any]) -> tuple[float, float]:
    time, text = point
    if not isinstance(text, str) or not _NUMBER.fullmatch(text):
        raise ValueError(f"the value {text!r} is no number")
    if isinstance(time, bool) or not isinstance(time, int | float):
        raise TypeError(f"the time {time!r} is no number")
    first = query.at if isinstance(query, InstantQuery) else query.start
    last = query.at if isinstance(query, InstantQuery) else query.end
    if not first - _ASKED_TIME <= time <= last + _ASKED_TIME:
        gap = f"{lasting(first - time)} before" if time < first else f"{lasting(time - last)} after"
        raise SourceError(
            f"the answer is for a time {gap} what was asked; check for a cache between here and "
            "Prometheus"
        )
    return float(time), float(text)


def _warnings(document: Mapping[str, Any]) -> list[str]:
    warnings = document.get("warnings") or []
    found = [str(text) for text in warnings] if isinstance(warnings, list) else [str(warnings)]
    if document.get("isPartial"):
        found.append("the answer is partial: a storage node did not answer")
    return found
