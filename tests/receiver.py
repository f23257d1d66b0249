"""An HTTP server on 127.0.0.1 that keeps what it is sent, and answers as a test wants."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[[BaseHTTPRequestHandler, threading.Event], None]


@dataclass(frozen=True)
class Request:
    """What arrived."""

    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class Receiver:
    """A running server and what has arrived there."""

    url: str
    requests: list[Request] = field(default_factory=list)


def answering(status: int, body: str = "", **headers: str) -> Answer:
    """A status, a body and headers."""

    def answer(handler: BaseHTTPRequestHandler, over: threading.Event) -> None:
        content = body.encode()
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def silent(handler: BaseHTTPRequestHandler, over: threading.Event) -> None:
    """No answer at all."""
    over.wait(60)


def dripping(beginning: bytes) -> Answer:
    """A byte now and then, without an end; each would keep a socket's timeout from running out."""

    def answer(handler: BaseHTTPRequestHandler, over: threading.Event) -> None:
        handler.wfile.write(beginning)
        while not over.wait(0.05):
            handler.wfile.write(b"x")
            handler.wfile.flush()

    return answer


DRIPPING_BODY = dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n")
DRIPPING_HEADERS = dripping(b"HTTP/1.1 200 OK\r\nX-Slow: ")


@contextmanager
def receiver(answer: Answer | None = None) -> Iterator[Receiver]:
    """A server that keeps every POST, and is gone when the block ends."""
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = json.loads(self.rfile.read(length))
            kept.requests.append(Request(self.path, dict(self.headers), body))
            try:
                (answer or answering(200, "ok"))(self, over)
            except ConnectionError:
                self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        kept = Receiver(f"http://127.0.0.1:{server.server_address[1]}")
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield kept
        finally:
            over.set()
            server.shutdown()
