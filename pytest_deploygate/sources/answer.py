"""What a Prometheus-compatible server answers, read so strictly that only an answer is one."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from pytest_deploygate.errors import SourceError, TransientError
from pytest_deploygate.model import InstantQuery, Measurement, Query, Series
from pytest_deploygate.text import printable

_NUMBER = re.compile(r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[Ii]nf|[Nn]a[Nn])", re.ASCII)
_NOT_THE_API = "the answer is not Prometheus' API"
_ASKED_TIME = 1.0  # seconds by which an answer's timestamps may differ from what was asked


def parse(query: Query, body: bytes, redacted: Callable[[str], str] = str) -> Measurement:
    """The measurement in the body of a 200.

    Args:
        query: what was asked; its times are held against those in the answer.
        body: the bytes of the answer.
        redacted: takes secrets out of text that ends up in a message.

    Raises:
        SourceError: the body is anything but a healthy answer to this query.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise SourceError(_no_json(body)) from None
    if not isinstance(document, dict) or "status" not in document:
        raise SourceError(f"{_NOT_THE_API}: JSON of another kind; check the URL's path")
    if document["status"] != "success":
        raise _api_error(document, redacted)
    try:
        series = tuple(_series(query, document["data"]))
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise SourceError(f"{_NOT_THE_API}: {redacted(printable(str(error), 120))}") from None
    return Measurement(series, tuple(redacted(text) for text in _warnings(document)))


def error_text(body: bytes) -> str:
    """What an error's body says, for a message: the API's own words, or the start of any text."""
    try:
        document = json.loads(body)
        return printable(f"{document['errorType']}: {document['error']}", 300)
    except (ValueError, KeyError, TypeError, RecursionError):
        text = body[:2000].decode("utf-8", "replace")
        plain = re.sub(r"<[^>]*>", " ", text)
        return printable(" ".join(plain.split()), 120) or "an empty body"


def _no_json(body: bytes) -> str:
    if not body:
        return f"{_NOT_THE_API}: an empty body"
    if body.lstrip()[:1] == b"<":
        return f"{_NOT_THE_API} but a page, perhaps a login: {error_text(body)}"
    return f"{_NOT_THE_API}: no JSON, or broken off: {error_text(body[:200])}"


def _api_error(document: Mapping[str, Any], redacted: Callable[[str], str]) -> SourceError:
    kind = str(document.get("errorType", "unknown"))
    message = redacted(printable(f"{kind}: {document.get('error', 'no reason given')}", 300))
    if kind in ("timeout", "unavailable", "internal", "canceled"):
        return TransientError(f"the server could not answer: {message}")
    return SourceError(f"the server rejects the query: {message}")


def _series(query: Query, data: Mapping[str, Any]) -> list[Series]:
    kind, result = data["resultType"], data["result"]
    instant = isinstance(query, InstantQuery)
    if instant and kind == "scalar":
        return [Series({}, (_point(query, result),))]
    if kind != ("vector" if instant else "matrix"):
        wanted = "a vector or a scalar" if instant else "a matrix"
        raise ValueError(f"the query answers a {kind}, {wanted} is needed")
    if not isinstance(result, list):
        raise TypeError("the result is no list")
    key = "value" if instant else "values"
    found = []
    for item in result:
        points = item[key] if key in item else _no_float(item)
        if instant:
            points = [points]
        if points:
            found.append(Series(_labels(item["metric"]), _points(query, points)))
    return found


def _no_float(item: Mapping[str, Any]) -> list[Any]:
    if "histogram" in item or "histograms" in item:
        raise ValueError("a native histogram is no number; use histogram_quantile() or such")
    raise ValueError("a series without values")


def _labels(metric: Any) -> dict[str, str]:
    if not all(isinstance(k, str) and isinstance(v, str) for k, v in metric.items()):
        raise TypeError("labels that are no text")
    return dict(metric)


def _points(query: Query, points: list[Any]) -> tuple[tuple[float, float], ...]:
    return tuple(_point(query, point) for point in points)


def _point(query: Query, point: list[Any]) -> tuple[float, float]:
    time, text = point
    if not isinstance(text, str) or not _NUMBER.fullmatch(text):
        raise ValueError(f"the value {text!r} is no number")
    if isinstance(time, bool) or not isinstance(time, int | float):
        raise TypeError(f"the time {time!r} is no number")
    first = query.at if isinstance(query, InstantQuery) else query.start
    last = query.at if isinstance(query, InstantQuery) else query.end
    if not first - _ASKED_TIME <= time <= last + _ASKED_TIME:
        raise ValueError(f"it is for the time {time}, asked was {first:.3f} to {last:.3f}")
    return float(time), float(text)


def _warnings(document: Mapping[str, Any]) -> list[str]:
    warnings = document.get("warnings") or []
    found = [str(text) for text in warnings] if isinstance(warnings, list) else [str(warnings)]
    if document.get("isPartial"):
        found.append("the answer is partial: a storage node did not answer")
    return found
