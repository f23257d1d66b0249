"""The tutorial is run from its first command to its last, and prints what it shows.

Only the installation is not repeated: the gate of this environment is used.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from pytest_deploygate.testing.servers import stop
from tests.docs.pages import ROOT, Block, every_block, must_show
from tests.servers import executable, free_port

PAGE = "docs/tutorial.md"
INSTALLATION = ("cd pytest-deploygate", "python3 -m venv .venv", "source ", "pip install .")
PORTS = "1909"  # Prometheus listens at 19090, the shop at 19091 and 19092
BLOCKS = [one for one in every_block() if one.page == PAGE]


def test_it_runs_as_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    executable("prometheus", "prometheus")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    prefix, shown = three_free_ports(), ""
    ports = [int(f"{prefix}{digit}") for digit in range(3)]
    with ExitStack() as stack:
        for one in BLOCKS:
            text = one.text.replace(PORTS, prefix)
            if "--serve" in text:
                shown = stack.enter_context(served(text))
                assert all(map(is_served, ports))
            elif one.language == "bash":
                shown = printed(one, text)
                for directory in re.findall(r"^cd (shop)$", text, re.MULTILINE):
                    monkeypatch.chdir(directory)
            elif one.language == "text":
                must_show(text, shown)
            elif one.language == "toml":
                with Path("deploygate.toml").open("a", encoding="utf-8") as file:
                    file.write(text)
            else:
                Path("gate_checks/test_orders.py").write_text(text, encoding="utf-8")
    assert Path("gate.html").exists()
    assert Path("deploy.yml").exists()
    assert not any(map(is_served, ports)), "the example has ended without what it started"


def three_free_ports() -> str:
    """All digits but the last of ports that end in 0, 1 and 2."""
    while True:
        prefix = str(free_port() // 10)
        try:
            for digit in range(3):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", int(f"{prefix}{digit}")))
        except OSError:
            continue
        return prefix


def is_served(port: int) -> bool:
    """Whether something listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def served(command: str) -> Iterator[str]:
    """Run the command of the first terminal; what it prints when the shop is there."""
    program, *arguments = command.split()
    assert program == "python"
    log = Path("serve.log")
    with log.open("wb") as out:
        process = subprocess.Popen([sys.executable, *arguments], cwd=ROOT, stdout=out, stderr=out)
    try:
        while "Ctrl+C ends all" not in log.read_text(encoding="utf-8"):
            assert process.poll() is None, log.read_text(encoding="utf-8")
            time.sleep(0.1)
        yield log.read_text(encoding="utf-8")
    finally:
        stop(process)


def printed(one: Block, text: str) -> str:
    """Run a block; a gate may end in NO-GO, and the text after the block says whether it has."""
    lines = [line for line in text.splitlines() if not line.startswith(INSTALLATION)]
    done = subprocess.run(
        ["bash", "-c", "\n".join(lines)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
    )
    assert done.returncode in (0, 2), f"{one.place} ended in {done.returncode}:\n{done.stdout}"
    return done.stdout
