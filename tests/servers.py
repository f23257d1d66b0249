"""Real servers for the tests, each on a free port of 127.0.0.1 and gone when its block ends."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

START_SECONDS = 30.0
STOP_SECONDS = 10.0
IMPORT_SECONDS = 120.0
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


@contextmanager
def prometheus(
    openmetrics: str, directory: Path, *options: str, web_config: Path | None = None
) -> Iterator[Server]:
    """Run Prometheus on exactly these samples, scraping nothing."""
    program = executable("prometheus", "prometheus")
    data, config = directory / "data", directory / "prometheus.yml"
    backfill(openmetrics, data)
    config.write_text("scrape_configs: []\n", encoding="utf-8")
    arguments = [
        program,
        f"--config.file={config}",
        f"--storage.tsdb.path={data}",
        "--storage.tsdb.retention.time=100y",
        *([f"--web.config.file={web_config}"] if web_config else []),
        *options,
    ]
    with running(
        Program(
            lambda port: [*arguments, f"--web.listen-address=127.0.0.1:{port}"],
            up="Server is ready to receive web requests",
            log=directory / "prometheus.log",
            scheme="https" if web_config and serves_tls(web_config) else "http",
        )
    ) as server:
        yield server


@contextmanager
def victoria_metrics(
    openmetrics: str, directory: Path, *options: str, latency_offset: str | None = "0s"
) -> Iterator[Server]:
    """Run VictoriaMetrics and import these samples; queries see them at once.

    Without an offset of its own it hides from some queries what is younger than 30 seconds.
    """
    data = directory / "data"
    arguments = [
        executable("victoria-metrics", "victoria-metrics"),
        f"-storageDataPath={data}",
        "-retentionPeriod=100y",
        *([f"-search.latencyOffset={latency_offset}"] if latency_offset else []),
        *options,
    ]
    with running(
        Program(
            lambda port: [*arguments, f"-httpListenAddr=127.0.0.1:{port}"],
            up="started VictoriaMetrics in",
            log=directory / "victoria-metrics.log",
            # It says that it is up before it has tried to take the port.
            listens=lambda port: str(data) in page(f"http://127.0.0.1:{port}/flags"),
        )
    ) as server:
        import_samples(server.url, openmetrics)
        yield server


@contextmanager
def pushgateway(directory: Path, *options: str) -> Iterator[Server]:
    """Run a Pushgateway that keeps its metrics in memory."""
    arguments = [
        executable("prometheus-pushgateway", "prometheus-pushgateway"),
        "--persistence.file=",
        *options,
    ]
    with running(
        Program(
            lambda port: [*arguments, f"--web.listen-address=127.0.0.1:{port}"],
            up="Listening on",
            log=directory / "pushgateway.log",
        )
    ) as server:
        yield server


def executable(program: str, package: str) -> str:
    """Return the program's path, or raise `MissingServer`."""
    path = shutil.which(program)
    if path is None:
        raise MissingServer(program, package)
    return path


def backfill(openmetrics: str, data: Path) -> None:
    """Write the samples as blocks that Prometheus can be started on."""
    data.mkdir(parents=True)
    text = data.with_suffix(".txt")
    text.write_text(openmetrics, encoding="utf-8")
    # promtool reads the whole text again for every block, so one block must hold everything.
    command = [executable("promtool", "prometheus"), "tsdb", "create-blocks-from"]
    command += ["--quiet", "--max-block-duration=876000h", "openmetrics", str(text), str(data)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=IMPORT_SECONDS)
    if done.returncode != 0:
        raise ServerError(f"promtool refused the samples:\n{done.stdout}{done.stderr}")
    text.unlink()


def import_samples(url: str, openmetrics: str) -> None:
    """Send the samples to VictoriaMetrics and wait until queries can see them."""
    with local_session() as session:
        session.post(
            f"{url}/api/v1/import/prometheus", openmetrics.encode(), timeout=IMPORT_SECONDS
        ).raise_for_status()
        session.get(f"{url}/internal/force_flush", timeout=IMPORT_SECONDS).raise_for_status()


def serves_tls(web_config: Path) -> bool:
    """Tell whether a web configuration file makes the server speak https."""
    return "tls_server_config:" in web_config.read_text(encoding="utf-8")


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


def page(url: str) -> str:
    """Return what a page says, or nothing when it does not answer."""
    try:
        with local_session() as session:
            return session.get(url, timeout=1).text
    except requests.RequestException:
        return ""


def local_session() -> requests.Session:
    """Return a session that asks this machine, whatever proxies the environment names."""
    session = requests.Session()
    session.trust_env = False
    return session


def read(log: Path) -> str:
    """Return what the server has logged so far."""
    return log.read_text(encoding="utf-8", errors="replace")
