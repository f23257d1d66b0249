"""A shop with two instances, a Prometheus that scrapes them, and a gate that watches.

    python examples/live/run.py                      the shop gets slow, breaks and recovers
    python examples/live/run.py --modes well:20      it stays well
    python examples/live/run.py --canary             a new version beside the old one: both are slow
                                                     together, then the new one has 3 x the errors
    python examples/live/run.py --serve              only the shop and Prometheus, until Ctrl+C
    python examples/live/run.py --serve --port 19090 Prometheus there, the shop at 19091 and 19092

Everything listens on 127.0.0.1. It needs the program ``prometheus``: on Debian
``apt-get install prometheus``, elsewhere a download from prometheus.io in the PATH.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlencode

HERE = Path(__file__).parent
WARM_UP = 7.0  # seconds until the rates of the checks, over 5 s, can be calculated
START = 30.0
_MODES = "well:5,slow:8,well:8,broken:8,well:15"
_CANARY_MODES = "slow:33,tripled:33"
_BUSY = ("--orders-per-second=500",)  # a comparison needs events


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the example; the exit code is the gate's."""
    given = _parsed(arguments)
    prometheus = shutil.which("prometheus")
    if prometheus is None:
        print("prometheus is not in the PATH: apt-get install prometheus, or see prometheus.io")
        return 2
    for ending in (signal.SIGTERM, signal.SIGHUP):  # they end what was started, as Ctrl+C does
        signal.signal(ending, lambda number, _: sys.exit(128 + number))
    print("Starting Prometheus and the shop, for about ten seconds", flush=True)
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        port = given.port or _free_port()
        ports = [given.port + 1 + i if given.port else _free_port() for i in range(2)]
        for shop, version in zip(ports, ("1.0", "2.0" if given.canary else "1.0"), strict=True):
            command = [sys.executable, str(HERE / "service.py"), f"--port={shop}"]
            command += [f"--version={version}", *(_BUSY if given.canary else ())]
            stack.enter_context(_running(command, directory / f"shop-{shop}.log"))
        url = stack.enter_context(_prometheus(prometheus, port, ports, directory))
        _wait_for_rates(url)
        print(f"Prometheus: {url}   the shop: {', '.join(map(_address, ports))}", flush=True)
        if given.serve:
            return _serve()
        if given.canary:
            return max(_compare(ports, mode, url, given) for mode in given.modes)
        changes = threading.Thread(target=_change, args=(ports, given.modes), daemon=True)
        changes.start()
        return _gate(url, given)


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--canary", action="store_true", help="compare two versions")
    parser.add_argument("--serve", action="store_true", help="start no gate")
    parser.add_argument(
        "--port", type=int, help="Prometheus listens there, the shop at the next two (default: any)"
    )
    parser.add_argument(
        "--modes",
        type=lambda text: [_mode(part) for part in text.split(",")],
        help=f"how the shop does, for how many seconds (default: {_MODES}; {_CANARY_MODES})",
    )
    parser.add_argument("gate", nargs="*", help="more options of the gate, after --")
    given = parser.parse_args(arguments)
    if given.modes is None:
        modes = _CANARY_MODES if given.canary else _MODES
        given.modes = [_mode(part) for part in modes.split(",")]
    return given


def _mode(text: str) -> tuple[str, float]:
    name, _, seconds = text.partition(":")
    return name, float(seconds)


def _gate(url: str, given: argparse.Namespace) -> int:
    """Watch for as long as the modes last. A real watch would take 30m, and end on a failure."""
    length = sum(seconds for _, seconds in given.modes)
    command = [sys.executable, "-m", "pytest", "-p", "deploygate", str(HERE / "gate_checks")]
    command += [f"--rootdir={HERE}", f"--prometheus-url={url}", f"--gate-watch={length:g}s"]
    command += ["--gate-interval=1s", "--gate-failures=100", *given.gate]
    return subprocess.run(command, check=False).returncode


def _compare(
    ports: Sequence[int], mode: tuple[str, float], url: str, given: argparse.Namespace
) -> int:
    """Judge once after each mode, when there is enough of both versions."""
    print(f"Both versions of the shop: {mode[0]} for {mode[1]:g} s", flush=True)
    _change(ports, [mode])
    command = [sys.executable, "-m", "pytest", "-p", "deploygate", str(HERE / "canary_checks")]
    command += [f"--rootdir={HERE}", f"--prometheus-url={url}", "--gate-var=version=2.0"]
    return subprocess.run([*command, *given.gate], check=False).returncode


def _change(ports: Sequence[int], modes: Sequence[tuple[str, float]]) -> None:
    """Let both do so; of what is tripled, the first has the usual."""
    for name, seconds in modes:
        both = ("usual", name) if name == "tripled" else (name, name)
        for port, mode in zip(ports, both, strict=True):
            _post(f"http://{_address(port)}/mode?is={mode}")
        time.sleep(seconds)


def _serve() -> int:
    print("To make it slow: curl -X POST 'http://<the shop>/mode?is=slow'", flush=True)
    print("Ctrl+C ends all", flush=True)
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        return 0


@contextmanager
def _prometheus(program: str, port: int, ports: Sequence[int], directory: Path) -> Iterator[str]:
    """Run Prometheus, scraping every second; a JSON document is YAML too."""
    scraped = {
        "job_name": "shop",
        "scrape_interval": "1s",
        "scrape_timeout": "1s",
        "static_configs": [{"targets": [_address(port) for port in ports]}],
    }
    config = directory / "prometheus.yml"
    config.write_text(json.dumps({"scrape_configs": [scraped]}), encoding="utf-8")
    command = [program, f"--config.file={config}", f"--storage.tsdb.path={directory / 'data'}"]
    command += [f"--web.listen-address={_address(port)}"]
    with _running(command, directory / "prometheus.log"):
        yield f"http://{_address(port)}"


@contextmanager
def _running(command: Sequence[str], log: Path) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
        try:
            yield
        finally:
            process.terminate()
            process.wait(10)


def _wait_for_rates(url: str) -> None:
    """Wait until both instances have been scraped for long enough."""
    question = urlencode({"query": "count(rate(shop_order_seconds_count[5s]))"})
    end = time.monotonic() + START
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"{url}/api/v1/query?{question}", timeout=5) as answer:
                found = json.load(answer)["data"]["result"]
        except OSError:
            found = []
        if found and float(found[0]["value"][1]) == 2:
            time.sleep(WARM_UP)
            return
        time.sleep(0.2)
    sys.exit("Prometheus has not scraped the shop")


def _post(url: str) -> None:
    with urllib.request.urlopen(urllib.request.Request(url, method="POST"), timeout=5):
        pass


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _address(port: int) -> str:
    return f"127.0.0.1:{port}"


if __name__ == "__main__":
    sys.exit(main())
