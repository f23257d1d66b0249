"""A run that is interrupted ends in no verdict's code, and leaves whole reports or none."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests import faults
from tests.conftest import END, Gate
from tests.faults import Fault, Proxy, faulty
from tests.servers import Server

COMMAND = (sys.executable, "-m", "pytest", "-p", "deploygate")
SHIPPED = ("--pyargs", "gate_checks")
REPORTS = ("json", "junit", "html", "record", "metrics")
STALE = '{"overall_status": "GO", "old": true}'
WAIT_SECONDS = 60.0


def options(url: str, directory: Path) -> list[str]:
    """Ask this server, and write every report into this directory."""
    files = [f"--gate-{name}={directory / name}" for name in REPORTS]
    return [f"--prometheus-url={url}", f"--gate-at={END}", *files]


def command(url: str, directory: Path, *arguments: str) -> list[str]:
    return [*COMMAND, *options(url, directory), *arguments]


def whole_reports(directory: Path) -> dict[str, Any]:
    """The JSON report; whatever else is there is whole as well, and nothing is half written."""
    found = {path.name for path in directory.iterdir()}
    assert found <= set(REPORTS)
    if "junit" in found:
        ElementTree.parse(directory / "junit")
    if "record" in found:
        json.loads((directory / "record").read_text())
    if "html" in found:
        assert (directory / "html").read_text().rstrip().endswith("</html>")
    if "metrics" in found:
        assert (directory / "metrics").read_text().endswith("\n")
    report: dict[str, Any] = {}
    if "json" in found:
        report = json.loads((directory / "json").read_text())
        assert report["overall_status"] == "NO_GO"
        assert report["exitcode"] == 2
    return report


def wait_until(happened: Callable[[], object]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@contextmanager
def asking(
    upstream: str, directory: Path, *arguments: str
) -> Iterator[tuple[subprocess.Popen[str], Proxy]]:
    """A gate that waits for a server which does not answer."""
    with faulty(upstream, Fault(faults.hang)) as proxy:
        process = subprocess.Popen(
            command(proxy.url, directory, *SHIPPED, *arguments),
            cwd=directory.parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            wait_until(lambda: proxy.requests)
            yield process, proxy
        finally:
            process.kill()
            process.communicate()


@pytest.mark.parametrize("to_group", [False, True], ids=["process", "group"])
@pytest.mark.parametrize("which", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_in_no_verdict_that_every_report_tells(
    which: signal.Signals,
    to_group: bool,
    healthy: Server,
    tmp_path: Path,
    workers: tuple[str, ...],
) -> None:
    directory = tmp_path / "reports"
    with asking(healthy.url, directory, *workers) as (process, _):
        (os.killpg if to_group else os.kill)(process.pid, which)
        output, _ = process.communicate(timeout=WAIT_SECONDS)
    assert process.returncode == 2
    assert "NO-GO (exit code 2): the run was interrupted: KeyboardInterrupt" in output
    report = whole_reports(directory)
    assert {path.name for path in directory.iterdir()} == set(REPORTS)
    assert report["problems"][0].startswith("the run was interrupted: KeyboardInterrupt")


def test_a_second_signal_ends_the_run_at_once(healthy: Server, tmp_path: Path) -> None:
    directory = tmp_path / "reports"
    with asking(healthy.url, directory) as (process, _):
        for _ in range(20):
            process.send_signal(signal.SIGINT)
            time.sleep(0.01)
        process.communicate(timeout=WAIT_SECONDS)
    assert process.returncode in (2, 130, -signal.SIGINT)
    whole_reports(directory)


def test_a_kill_leaves_nothing(healthy: Server, tmp_path: Path) -> None:
    directory = tmp_path / "reports"
    with asking(healthy.url, directory) as (process, _):
        process.kill()
        process.communicate(timeout=WAIT_SECONDS)
    assert process.returncode == -signal.SIGKILL
    assert list(directory.iterdir()) == []


def test_a_worker_that_is_killed_costs_the_verdict(
    healthy: Server, pytester: pytest.Pytester, run_gate: Gate
) -> None:
    pytester.makepyfile(
        test_it="import os, signal\n"
        "def test_good(gate): gate.check('vector(1)', below=2)\n"
        "def test_bad(): os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    directory = pytester.path / "reports"
    assert run_gate(*options(healthy.url, directory), "-n", "2", "test_it.py").ret == 2
    assert "test_bad: its worker crashed" in " ".join(whole_reports(directory)["problems"])


def run(arguments: list[str], directory: Path, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(arguments, cwd=directory, text=True, timeout=120, **options)


def assert_not_written(code: int, output: str, directory: Path) -> None:
    assert code == 2
    assert "NO-GO (exit code 2): --gate-" in output
    assert "could not be written" in output
    assert "Traceback" not in output
    whole_reports(directory)


@pytest.mark.parametrize("largest", [100, 6_000, 20_000])
def test_a_file_that_cannot_grow_is_not_left_half(
    largest: int, healthy: Server, tmp_path: Path
) -> None:
    directory = tmp_path / "reports"
    directory.mkdir()
    for name in REPORTS:
        (directory / name).write_text(STALE)
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))  # noqa: E731
    arguments = command(healthy.url, directory, *SHIPPED, "-p", "no:cacheprovider")
    done = run(arguments, tmp_path, stdout=subprocess.PIPE, preexec_fn=limit)
    assert_not_written(done.returncode, done.stdout, directory)
    assert not any(path.read_text() == STALE for path in directory.iterdir())


@pytest.fixture(params=[8, 24, 40], ids="{}k".format)
def small_disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A file system of so many KiB."""
    directory = tmp_path / "reports"
    directory.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={request.param}k", "tmpfs", str(directory)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("NOT TESTED: only root can mount a small file system")
    yield directory
    subprocess.run(["umount", str(directory)], check=True)


def test_a_full_disk_is_no_go(healthy: Server, small_disk: Path, run_gate: Gate) -> None:
    done = run_gate(*options(healthy.url, small_disk), *SHIPPED, "-p", "no:cacheprovider")
    assert_not_written(int(done.ret), done.stdout.str(), small_disk)


@pytest.mark.parametrize("option", ["--gate-json", "--gate-junit", "--gate-record"])
def test_a_full_device_is_no_go(option: str, healthy: Server, run_gate: Gate) -> None:
    where = (f"--prometheus-url={healthy.url}", f"--gate-at={END}", f"{option}=/dev/full")
    done = run_gate(*SHIPPED, *where)
    assert done.ret == 2
    problem = f"{option} /dev/full: could not be written: No space"
    assert f"NO-GO (exit code 2): {problem}" in done.stdout.str()
    assert Path("/dev/full").is_char_device()


REMOVES_ITS_REPORTS = """
import os, pathlib, shutil
def test_it(gate):
    gate.check("vector(1)", below=2)
    shutil.rmtree("reports")
    {then}
"""


def test_a_directory_that_was_removed_is_made_again(
    healthy: Server, pytester: pytest.Pytester, run_gate: Gate
) -> None:
    pytester.makepyfile(test_it=REMOVES_ITS_REPORTS.format(then=""))
    directory = pytester.path / "reports"
    assert run_gate(*options(healthy.url, directory), "test_it.py").ret == 0
    assert {path.name for path in directory.iterdir()} == set(REPORTS)


def test_a_directory_that_cannot_be_made_again_is_no_go(
    healthy: Server, pytester: pytest.Pytester, run_gate: Gate
) -> None:
    then = "pathlib.Path('reports').touch()"
    pytester.makepyfile(test_it=REMOVES_ITS_REPORTS.format(then=then))
    done = run_gate(*options(healthy.url, pytester.path / "reports"), "test_it.py")
    assert done.ret == 2
    assert done.stdout.str().count("could not be written") > len(REPORTS)
    assert "Traceback" not in done.stdout.str()


@pytest.mark.parametrize(
    "redirection",
    ["| head -1", "-v | head -1", "2>&1 | head -1", ">/dev/full", ">&-", "2>&-", ">&- 2>&-"],
)
def test_output_that_cannot_be_written_is_no_go(
    redirection: str, healthy: Server, tmp_path: Path, workers: tuple[str, ...]
) -> None:
    arguments = " ".join(command(healthy.url, tmp_path / "reports", *SHIPPED, *workers))
    done = run(
        ["bash", "-c", f"set -o pipefail; {arguments} {redirection}"],
        tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert done.returncode == 2
    assert ">&-" in redirection or "Traceback" not in done.stderr
    for path in (tmp_path / "reports").iterdir():
        assert path.name in REPORTS


def test_a_report_can_go_to_a_pipe(healthy: Server, tmp_path: Path) -> None:
    gate = f"{' '.join(COMMAND)} --prometheus-url={healthy.url} --gate-at={END}"
    read = f"{sys.executable} -c 'import json, sys; print(json.load(sys.stdin)[\"exitcode\"])'"
    script = f"{gate} --pyargs gate_checks -q --gate-json=/dev/fd/3 3>&1 >/dev/null | {read}"
    done = run(["bash", "-c", f"set -o pipefail; {script}"], tmp_path, stdout=subprocess.PIPE)
    assert (done.returncode, done.stdout) == (0, "0\n")
