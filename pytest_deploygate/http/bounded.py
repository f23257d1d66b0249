"""Answers with an end: one deadline and one size for all that a server sends.

A socket's own timeout is for each packet: a server that sends one byte every second, be it of the
status line, a header or the body, would never run into it.
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

from pytest_deploygate.core.errors import SourceError

MOST_BYTES = 64 * 1024 * 1024
_CHUNK = 64 * 1024


class _Bytes(io.RawIOBase):
    """What arrives at a socket before the deadline, and up to the largest size."""

    def __init__(self, sock: socket.socket, arriving: io.RawIOBase) -> None:
        self._sock = sock
        self._arriving = arriving
        self._deadline = time.monotonic() + (sock.gettimeout() or 0.0)
        self._size = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._sock.settimeout(left)
        count = self._arriving.readinto(buffer)
        self._size += count or 0
        _refuse_too_many(self._size)
        return count

    def close(self) -> None:
        self._arriving.close()
        super().close()


class _Response(http.client.HTTPResponse):
    """The socket's timeout, as it is when the answer is expected, is for the whole answer."""

    def __init__(self, sock: socket.socket, *arguments: Any, **options: Any) -> None:
        super().__init__(sock, *arguments, **options)
        self.fp = io.BufferedReader(_Bytes(sock, self.fp.detach()))


@cache
def bounded(connection: type[HTTPConnection]) -> type[HTTPConnection]:
    """The same class of connections, whose answers have an end."""
    if issubclass(connection.response_class, _Response):
        return connection
    return type(connection.__name__, (connection,), {"response_class": _Response})


def body_of(response: requests.Response) -> bytes:
    """The whole body, unpacked; what a small body unpacks to is limited as well.

    Raises:
        SourceError: it is too large.
    """
    chunks, size = [], 0
    while chunk := response.raw.read1(_CHUNK, decode_content=True):
        chunks.append(chunk)
        size += len(chunk)
        _refuse_too_many(size)
    return b"".join(chunks)


def _refuse_too_many(size: int) -> None:
    if size > MOST_BYTES:
        raise SourceError(
            f"the answer is larger than {MOST_BYTES >> 20} MiB; aggregate in the query"
        )
