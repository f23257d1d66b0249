"""Real servers for the tests, each on a free port of 127.0.0.1 and gone when its block ends."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from pytest_deploygate.testing import servers as of_package
from pytest_deploygate.testing.servers import MissingServer as MissingServer
from pytest_deploygate.testing.servers import Program as Program
from pytest_deploygate.testing.servers import Server as Server
from pytest_deploygate.testing.servers import ServerError as ServerError
from pytest_deploygate.testing.servers import executable as executable
from pytest_deploygate.testing.servers import free_port as free_port
from pytest_deploygate.testing.servers import running as running

IMPORT_SECONDS = 120.0


@contextmanager
def prometheus(
    openmetrics: str | Iterable[str],
    directory: Path,
    *options: str,
    web_config: Path | None = None,
) -> Iterator[Server]:
    """Run Prometheus on exactly these samples, scraping nothing.

    A block holds one text, and a query reads the index of every block that it looks back to: many
    states, two days apart, are cheaper to ask in several texts.
    """
    data = directory / "data"
    for text in [openmetrics] if isinstance(openmetrics, str) else openmetrics:
        backfill(text, data)
    scheme = "https" if web_config and serves_tls(web_config) else "http"
    web = [f"--web.config.file={web_config}"] if web_config else []
    with running(of_package.prometheus(data, *web, *options, scheme=scheme)) as server:
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


def backfill(openmetrics: str, data: Path) -> None:
    """Write the samples as a block that Prometheus can be started on."""
    data.mkdir(parents=True, exist_ok=True)
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
