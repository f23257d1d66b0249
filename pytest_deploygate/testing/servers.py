"""Servers on a free port of 127.0.0.1 that are gone when their block ends."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

START_SECONDS = 30.0
STOP_SECONDS = 10.0
PORT_ATTEMPTS = 5
PORT_TAKEN = "address already in use"


class MissingServer(Exception):
    """A server's program is not installed."""

    def __init__(self, program: str, package: str) -> None:
        super().__init__(f"{program} is not installed; Debian's package {package} brings it")
        self.program = program
        self.package = package


class ServerError(Exception):
    """A server did not start, or did not take the data; the message ends with its log."""


@dataclass(frozen=True)
class Server:
    """A running server."""

    url: str
    pid: int


@dataclass(frozen=True)
class Program:
    """How to start a server on a port, what its log says when it is up, and how to ask the port."""

    command: Callable[[int], list[str]]
    up: str
    log: Path
    scheme: str = "http"
    listens: Callable[[int], bool] = lambda port: True


def prometheus(data: Path, *options: str, scheme: str = "http") -> Program:
    """Prometheus on the blocks of a directory, scraping nothing and forgetting nothing.

    Raises:
        MissingServer: it is not on the PATH.
    """
    config = data.with_name("prometheus.yml")
    config.write_text("scrape_configs: []\n", encoding="utf-8")
    command = [
        executable("prometheus", "prometheus"),
        f"--config.file={config}",
        f"--storage.tsdb.path={data}",
        "--storage.tsdb.retention.time=100y",
        *options,
    ]
    return Program(
        lambda port: [*command, f"--web.listen-address=127.0.0.1:{port}"],
        up="Server is ready to receive web requests",
        log=data.with_name("prometheus.log"),
        scheme=scheme,
    )


def executable(program: str, package: str) -> str:
    """Return the program's path, or raise `MissingServer`."""
    path = shutil.which(program)
    if path is None:
        raise MissingServer(program, package)
    return path


@contextmanager
def running(program: Program) -> Iterator[Server]:
    """Start the program on a free port, wait until it listens, and end it."""
    process, port = started(program)
    try:
        yield Server(f"{program.scheme}://127.0.0.1:{port}", process.pid)
    finally:
        stop(process)


def started(program: Program) -> tuple[subprocess.Popen[bytes], int]:
    """Start the program; another port when somebody was faster."""
    for _ in range(PORT_ATTEMPTS):
        port = free_port()
        with program.log.open("wb") as log:
            process = subprocess.Popen(
                program.command(port), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        if is_up(process, port, program):
            return process, port
        stop(process)
        if PORT_TAKEN not in read(program.log):
            break
    raise ServerError(f"{process.args!r} did not start:\n{read(program.log)[-2000:]}")


def is_up(process: subprocess.Popen[bytes], port: int, program: Program) -> bool:
    """Wait until the program itself, not another one on its port, takes requests."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if program.up in read(program.log) and program.listens(port):
            return True
        time.sleep(0.02)
    return False


def stop(process: subprocess.Popen[bytes]) -> None:
    """End the process: ask, wait, then force."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(STOP_SECONDS)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def read(log: Path) -> str:
    """Return what the server has logged so far."""
    return log.read_text(encoding="utf-8", errors="replace")
