"""A server between the gate and Prometheus that waits before every answer, and counts."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


@dataclass
class Proxy:
    """Where it listens, how many queries it has passed on, and whether it answers."""

    url: str = ""
    queries: int = 0
    answers: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)


@contextmanager
def proxy(target: str, delay: float) -> Iterator[Proxy]:
    """Pass everything on to ``target``, ``delay`` seconds before each answer."""
    state = Proxy()
    state.answers.set()
    there = urlsplit(target).netloc
    local = threading.local()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with state.lock:
                state.queries += 1
            state.answers.wait(60)
            time.sleep(delay)
            if not hasattr(local, "connection"):
                local.connection = http.client.HTTPConnection(there)
            kind = {"Content-Type": self.headers["Content-Type"]}
            local.connection.request("POST", self.path, body, kind)
            answer = local.connection.getresponse()
            payload = answer.read()
            head = f"Content-Type: application/json\r\nContent-Length: {len(payload)}\r\n\r\n"
            status = f"HTTP/1.1 {answer.status} {answer.reason}\r\n"
            self.wfile.write((status + head).encode() + payload)

        def finish(self) -> None:
            super().finish()
            if hasattr(local, "connection"):
                local.connection.close()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.request_queue_size = 64
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
