"""Samples in the format of Prometheus' remote write, 1.0: protobuf, compressed with snappy.

Prometheus offers no other way to give a server what a test may need: its other formats, such as
OpenMetrics, have no stale markers.
"""

from __future__ import annotations

import http.client
import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

from pytest_deploygate.core.errors import ConfigurationError
from pytest_deploygate.core.text import printable
from pytest_deploygate.testing.notation import STALE, Sample

# Both are NaN, and differ in their bits (model/value in Prometheus' source).
_NAN = struct.pack("<Q", 0x7FF8000000000001)
_STALE_NAN = struct.pack("<Q", 0x7FF0000000000002)
_LITERAL = 1 << 16  # bytes of a literal with a length of two bytes
_SECONDS = 120.0


class Samples(NamedTuple):
    """One series.

    Attributes:
        labels: with the name as ``__name__``.
        values: the oldest first.
        first: the time of the first value in Unix milliseconds.
        step: milliseconds from one to the next.
    """

    labels: Mapping[str, str]
    values: Sequence[Sample]
    first: int
    step: int


def send(url: str, series: Iterable[Samples]) -> None:
    """Have the Prometheus at this URL store the series; queries see them at once.

    Raises:
        ConfigurationError: it refuses them.
    """
    # All in one request, the oldest first: a server that has newer samples refuses old ones.
    ordered = sorted(series, key=lambda one: one.first)
    body = _compressed(b"".join(_message(1, _series(one)) for one in ordered))
    headers = {
        "Content-Type": "application/x-protobuf",
        "Content-Encoding": "snappy",
        "X-Prometheus-Remote-Write-Version": "0.1.0",
    }
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=_SECONDS)
    try:
        connection.request("POST", "/api/v1/write", body, headers)
        response = connection.getresponse()
        text = response.read().decode("utf-8", "replace").strip()
    finally:
        connection.close()
    if response.status >= 300:
        why = f"{response.status}, {printable(text)}"
        raise ConfigurationError(f"Prometheus refuses the series: {why}")


def _series(one: Samples) -> bytes:
    labels = b"".join(
        _message(1, _message(1, name.encode()) + _message(2, value.encode()))
        for name, value in sorted(one.labels.items())
    )
    samples = (
        _message(2, b"\x09" + _bits(value) + b"\x10" + _varint(one.first + number * one.step))
        for number, value in enumerate(one.values)
        if value is not None
    )
    return labels + b"".join(samples)


def _bits(value: float | str) -> bytes:
    if value == STALE:
        return _STALE_NAN
    return _NAN if value != value else struct.pack("<d", value)


def _message(field: int, content: bytes) -> bytes:
    """A field with a length, such as a message or a text."""
    return bytes([field << 3 | 2]) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    parts = bytearray()
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    parts.append(number)
    return bytes(parts)


def _compressed(data: bytes) -> bytes:
    """Snappy's block format, of literals alone: valid, and not smaller."""
    parts = [_varint(len(data))]
    for start in range(0, len(data), _LITERAL):
        literal = data[start : start + _LITERAL]
        parts += [b"\xf4", struct.pack("<H", len(literal) - 1), literal]
    return b"".join(parts)
