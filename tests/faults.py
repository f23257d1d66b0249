"""A server between the gate and a healthy Prometheus, that spoils the answers.

A fault is a function of one :class:`Exchange`. It can look at the request, fetch the healthy
answer, and send whatever it likes, or nothing.
"""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

UPSTREAM_SECONDS = 30.0
JSON = {"Content-Type": "application/json"}

Change = Callable[[dict[str, Any]], Any]


@dataclass(frozen=True)
class Answer:
    """What the healthy server says."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Request:
    """What the gate asks."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def parameters(self) -> dict[str, str]:
        """The query and what belongs to it, from the path or from the body."""
        given = self.body.decode() if self.method == "POST" else urlsplit(self.path).query
        return {name: values[0] for name, values in parse_qs(given).items()}


class Handler(BaseHTTPRequestHandler):
    """Reads requests; the fault, or the healthy server, answers."""

    protocol_version = "HTTP/1.1"
    server: Proxy

    def handle(self) -> None:
        """Serve one connection, which the other end may close at any time."""
        try:
            fault = self.server.spoils(None)
            if fault is None:
                super().handle()
            else:
                fault.inject(Exchange(self, None))
        except OSError:
            return

    def do_GET(self) -> None:
        """Answer one request."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        request = Request(self.command, self.path, dict(self.headers), body)
        self.server.requests.append(request)
        exchange = Exchange(self, request)
        fault = self.server.spoils(request)
        if fault is None:
            exchange.pass_on()
        else:
            self.close_connection = True
            fault.inject(exchange)

    do_POST = do_GET

    def log_message(self, *arguments: object) -> None:
        """Be quiet."""


@dataclass
class Exchange:
    """One request, none if the fault comes before it, and the means to answer it."""

    handler: Handler
    request: Request | None

    def healthy(self) -> Answer:
        """Ask the healthy server."""
        assert self.request is not None
        upstream = self.handler.server.upstream
        connection = http.client.HTTPConnection(upstream, timeout=UPSTREAM_SECONDS)
        sent = {"Content-Type": self.request.headers.get("Content-Type", "text/plain")}
        connection.request(self.request.method, self.request.path, self.request.body, sent)
        response = connection.getresponse()
        answer = Answer(response.status, dict(response.headers), response.read())
        connection.close()
        return answer

    def pass_on(self) -> None:
        """Answer as the healthy server does."""
        answer = self.healthy()
        self.send(answer.status, answer.body, JSON)

    def send(self, status: int, body: bytes = b"", headers: Mapping[str, str] = JSON) -> None:
        """Send a well-formed answer."""
        self.handler.send_response_only(status, "Whatever")
        usual = {"Date": formatdate(usegmt=True), "Content-Length": str(len(body))}
        for name, value in {**usual, **headers}.items():
            self.handler.send_header(name, value)
        self.handler.end_headers()
        self.handler.wfile.write(body)
        self.handler.close_connection = False

    def raw(self, data: bytes) -> None:
        """Send these bytes."""
        self.handler.wfile.write(data)

    def drip(self, data: bytes, pause: float) -> None:
        """Send one byte after the other until the test is over, again and again."""
        while not self.wait(pause):
            self.raw(data[:1])
            data = data[1:] + data[:1]

    def wait(self, seconds: float) -> bool:
        """Wait; tell whether the test is over."""
        return self.handler.server.over.wait(seconds)

    def reset(self) -> None:
        """Let the connection end with RST instead of FIN."""
        linger = struct.pack("ii", 1, 0)
        self.handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)


@dataclass(frozen=True)
class Fault:
    """What goes wrong with an answer, or already with the connection."""

    inject: Callable[[Exchange], None]
    on_connect: bool = False


Faults = Fault | Mapping[str, Fault]
"""One fault for everything, or one for each query that ends with ``# NAME``."""


class Proxy(ThreadingHTTPServer):
    """Passes requests on to a healthy server, but for the ones that it spoils."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, upstream: str, faults: Faults, first: int | None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.upstream = urlsplit(upstream).netloc
        self.requests: list[Request] = []
        self.over = threading.Event()
        self._faults = faults
        self._first = first
        self._spoilt: Counter[str] = Counter()
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """Where the gate finds it."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def spoils(self, request: Request | None) -> Fault | None:
        """The fault for a request, or for a connection that has brought none yet."""
        name, fault = "", self._faults
        if isinstance(fault, Mapping):
            if request is None:
                return None
            name = request.parameters["query"].rpartition("# ")[2]
            fault = fault[name]
        if fault.on_connect is not (request is None):
            return None
        with self._lock:
            self._spoilt[name] += 1
            return fault if self._first is None or self._spoilt[name] <= self._first else None

    def shutdown_request(self, request: Any) -> None:
        """Close, without the FIN that comes before an RST."""
        self.close_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Be quiet: the other end may be gone."""


@contextmanager
def faulty(upstream: str, faults: Faults, *, first: int | None = None) -> Iterator[Proxy]:
    """Run the proxy; ``first`` is how many requests each fault spoils, None for all."""
    with Proxy(upstream, faults, first) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield proxy
        finally:
            proxy.over.set()
            proxy.shutdown()
            thread.join()


def status(code: int, body: bytes = b"no", **headers: str) -> Fault:
    """Answer with this status."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Fault(lambda exchange: exchange.send(code, body, named))


def body(data: bytes, **headers: str) -> Fault:
    """Answer 200 with this body."""
    return status(200, data, **headers)


def document(value: Any) -> Fault:
    """Answer 200 with this JSON."""
    return body(json.dumps(value).encode())


def raw(data: bytes) -> Fault:
    """Answer with these bytes, whether they are HTTP or not."""
    return Fault(lambda exchange: exchange.raw(data))


def rewritten(change: Callable[[bytes], bytes], **headers: str) -> Fault:
    """Answer 200 with a changed body."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Fault(lambda exchange: exchange.send(200, change(exchange.healthy().body), named))


def changed(change: Change) -> Fault:
    """Answer 200 with the healthy document, changed in place or replaced."""

    def rewrite(data: bytes) -> bytes:
        healthy = json.loads(data)
        result = change(healthy)
        return json.dumps(healthy if result is None else result).encode()

    return rewritten(rewrite)


def each_series(change: Change) -> Fault:
    """Answer 200, every series of the healthy answer changed in place."""

    def change_all(healthy: dict[str, Any]) -> None:
        for item in healthy["data"]["result"]:
            change(item)

    return changed(change_all)


def each_point(change: Callable[[list[Any]], list[Any]]) -> Fault:
    """Answer 200, every point of every series of the healthy answer replaced."""

    def change_points(item: dict[str, Any]) -> None:
        if "value" in item:
            item["value"] = change(item["value"])
        else:
            item["values"] = [change(point) for point in item["values"]]

    return each_series(change_points)


def reset(exchange: Exchange) -> None:
    """End the connection with RST."""
    exchange.reset()


def drop(exchange: Exchange) -> None:
    """End the connection without a word."""


def hang(exchange: Exchange) -> None:
    """Never answer."""
    exchange.wait(UPSTREAM_SECONDS * 10)


def slow(seconds: float) -> Fault:
    """Answer, but not at once."""

    def inject(exchange: Exchange) -> None:
        exchange.wait(seconds)
        exchange.pass_on()

    return Fault(inject)


def dripping(head: bytes, drops: bytes, pause: float = 0.05) -> Fault:
    """Send the head at once and then a byte now and then, for ever."""

    def inject(exchange: Exchange) -> None:
        exchange.raw(head)
        exchange.drip(drops, pause)

    return Fault(inject)


def endless(head: bytes, part: bytes) -> Fault:
    """Send the head and then the part, again and again."""

    def inject(exchange: Exchange) -> None:
        exchange.raw(head)
        while not exchange.wait(0):
            exchange.raw(part)

    return Fault(inject)


def cut(exchange: Exchange) -> None:
    """Send half of the body that was announced."""
    whole = exchange.healthy().body
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(whole)}\r\n\r\n".encode()
    exchange.raw(head + whole[: len(whole) // 2])


def cut_chunked(exchange: Exchange) -> None:
    """Send a chunk and no end."""
    half = exchange.healthy().body[:40]
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    exchange.raw(head + f"{len(half):x}\r\n".encode() + half + b"\r\n")


def cut_unannounced(exchange: Exchange) -> None:
    """Send half of the body, its length not announced."""
    whole = exchange.healthy().body
    exchange.raw(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + whole[: len(whole) // 2])


def byte_by_byte(exchange: Exchange) -> None:
    """Send everything, in the smallest packets that do not take too long."""
    whole = exchange.healthy().body
    exchange.raw(f"HTTP/1.1 200 OK\r\nContent-Length: {len(whole)}\r\n\r\n".encode())
    step = 1 + len(whole) // 500
    for start in range(0, len(whole), step):
        exchange.raw(whole[start : start + step])


def moved(exchange: Exchange) -> None:
    """Redirect to another path of the same server, once."""
    assert exchange.request is not None
    if exchange.request.path.startswith("/api"):
        exchange.send(307, headers={"Location": f"/prometheus{exchange.request.path}"})
    else:
        path = exchange.request.path.removeprefix("/prometheus")
        exchange.request = replace(exchange.request, path=path)
        exchange.pass_on()


def refusing_post(code: int) -> Fault:
    """Take GET only."""

    def inject(exchange: Exchange) -> None:
        assert exchange.request is not None
        if exchange.request.method == "POST":
            exchange.send(code, b"use GET")
        else:
            exchange.pass_on()

    return Fault(inject)


def bomb(layers: int) -> bytes:
    """A gigabyte of nothing, in a megabyte, or packed once more, in a few kilobytes."""
    data = gzip.compress(bytes(1 << 20)) * 1024
    for _ in range(layers - 1):
        data = gzip.compress(data)
    return data


def echo(code: int) -> Fault:
    """Answer with the request's headers, in the error's text and in plain."""

    def inject(exchange: Exchange) -> None:
        assert exchange.request is not None
        sent = " ".join(f"{name}: {value}" for name, value in exchange.request.headers.items())
        error = {"status": "error", "errorType": "bad_data", "error": sent, "data": None}
        exchange.send(code, json.dumps(error).encode())

    return Fault(inject)


@contextmanager
def unaccepting() -> Iterator[str]:
    """A listening socket whose queue is full: connections are not even refused."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        fillers = [socket.socket() for _ in range(3)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(server.getsockname())
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        for filler in fillers:
            filler.close()
