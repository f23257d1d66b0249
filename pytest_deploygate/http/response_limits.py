"""One deadline and one size limit for everything that a server sends in response to a request.

The timeout of a socket is for each packet. A server that sends one byte every second, be it of the
status line, of a header or of the body, would never run into it.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
from functools import cache
from typing import Any

import requests
from urllib3.connection import HTTPConnection

from pytest_deploygate.http.request_errors import Cause, RequestError

MOST_BYTES = 64 * 1024 * 1024
_CHUNK = 64 * 1024


class _LimitedBytes(io.RawIOBase):
    """What a socket receives before the deadline, up to the size limit."""

    def __init__(self, sock: socket.socket, received: io.RawIOBase) -> None:
        self._sock = sock
        self._received = received
        self._deadline = time.monotonic() + (sock.gettimeout() or 0.0)
        self._size = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        # The rest of the time, so that this one read cannot outlast the deadline either.
        self._sock.settimeout(left)
        count = self._received.readinto(buffer)
        self._size += count or 0
        _refuse_too_many(self._size)
        return count

    def close(self) -> None:
        self._received.close()
        super().close()


class _LimitedResponse(http.client.HTTPResponse):
    """The timeout that the socket has before the response is for the whole response."""

    def __init__(self, sock: socket.socket, *arguments: Any, **options: Any) -> None:
        super().__init__(sock, *arguments, **options)
        # http.client reads the status line, the headers and the body from this one file.
        self.fp = io.BufferedReader(_LimitedBytes(sock, self.fp.detach()))


@cache
def with_limits(connection: type[HTTPConnection]) -> type[HTTPConnection]:
    """The same class of connections, with limited responses.

    It is cached because a pool compares nothing: each new class would be another one in memory.
    """
    if issubclass(connection.response_class, _LimitedResponse):
        return connection
    return type(connection.__name__, (connection,), {"response_class": _LimitedResponse})


def read_body(response: requests.Response, *, excerpt: int = 0) -> bytes:
    """The body, unpacked.

    Args:
        response: a streamed response of which nothing has been read.
        excerpt: how many bytes are enough; 0 for the whole body.

    Raises:
        RequestError: the whole body is too large. The limit is for the unpacked body as well: a
            few kilobytes of gzip can unpack to gigabytes.
    """
    chunks, size = [], 0
    while chunk := response.raw.read1(_CHUNK, decode_content=True):
        chunks.append(chunk)
        size += len(chunk)
        if 0 < excerpt <= size:
            break
        _refuse_too_many(size)
    return b"".join(chunks)


def _refuse_too_many(size: int) -> None:
    if size > MOST_BYTES:
        text = f"the response is larger than {MOST_BYTES >> 20} MiB"
        raise RequestError(Cause.TOO_LARGE, text)
