"""A small instrumented shop: it invents its own customers, and can be made slow or broken.

``GET /metrics`` is what Prometheus scrapes. ``POST /mode?is=slow`` changes how it does:
``well``, ``slow``, ``broken``, ``usual`` or ``tripled``: three times the errors that are usual.
"""

from __future__ import annotations

import argparse
import random
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from prometheus_client import Counter, Histogram, generate_latest

ORDERS = Counter("shop_orders", "Orders by outcome.", ["status", "version"])
LATENCY = Histogram(
    "shop_order_seconds", "Time that an order took.", ["version"], buckets=(0.1, 0.25, 0.5, 1, 2.5)
)


class Mode(NamedTuple):
    """The mean time of an order in seconds, and the share of orders that fail."""

    seconds: float
    failing: float


MODES = {
    "well": Mode(0.08, 0.0005),
    "slow": Mode(0.7, 0.01),
    "broken": Mode(0.08, 0.3),
    "usual": Mode(0.08, 0.01),
    "tripled": Mode(0.08, 0.03),
}


class Shop:
    """Takes orders all the time.

    Args:
        version: a label of its metrics.
        orders_per_second: how many.
    """

    def __init__(self, version: str, orders_per_second: float) -> None:
        self.mode = MODES["well"]
        self._version = version
        self._pause = 1 / orders_per_second

    def take_orders(self) -> None:
        """Take one order after the other, for ever."""
        for status in ("200", "500"):
            ORDERS.labels(status, self._version)  # a counter that is there from the beginning
        while True:
            status = "500" if random.random() < self.mode.failing else "200"
            ORDERS.labels(status, self._version).inc()
            LATENCY.labels(self._version).observe(random.gammavariate(4, self.mode.seconds / 4))
            time.sleep(self._pause)


def serve(port: int, shop: Shop) -> None:
    """Serve the metrics and the mode at 127.0.0.1, for ever."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(generate_latest())

        def do_POST(self) -> None:
            shop.mode = MODES[parse_qs(urlsplit(self.path).query)["is"][0]]
            self._answer(b"")

        def _answer(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            """Be quiet."""

    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--version", default="1.0")
    parser.add_argument("--orders-per-second", type=float, default=40)
    given = parser.parse_args()
    running = Shop(given.version, given.orders_per_second)
    threading.Thread(target=running.take_orders, daemon=True).start()
    serve(given.port, running)
