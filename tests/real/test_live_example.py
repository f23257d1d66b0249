"""The live example: a real shop is scraped and watched while it gets slow, breaks and recovers."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import servers
from tests.conftest import environment
from tests.extras import needs

EXAMPLE = Path(__file__).parents[2] / "examples" / "live" / "run.py"
RUNS = {
    "recovers": ("--modes=well:2,slow:3,well:13", "--", "--gate-json=live.json"),
    "stays-broken": (
        *("--modes=well:2,broken:40", "--"),
        *("--gate-json=live.json", "--gate-failures=3"),
    ),
    "canary": ("--canary", "--", "--gate-history=gate.jsonl"),
}


@dataclass(frozen=True)
class Run:
    """The example as it runs in a directory of its own."""

    directory: Path
    process: subprocess.Popen[bytes]

    def ended(self) -> tuple[int, str]:
        """Wait for the exit code and what was printed."""
        code = self.process.wait(timeout=180)
        return code, (self.directory / "out").read_text()


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Run]]:
    """Every run, all begun at once: they wait for time to pass."""
    servers.executable("prometheus", "prometheus")
    with ExitStack() as stack:
        begun = {}
        for name, arguments in RUNS.items():
            directory = tmp_path_factory.mktemp(name)
            with (directory / "out").open("wb") as out:
                process = subprocess.Popen(
                    [sys.executable, str(EXAMPLE), *arguments],
                    cwd=directory,
                    env=environment(),
                    stdout=out,
                    stderr=out,
                )
            begun[name] = Run(directory, stack.enter_context(process))
        yield begun


@pytest.mark.parametrize("name", ["recovers", "stays-broken"])
def test_a_shop_that_gets_slow_and_breaks_is_noticed_while_it_does(
    name: str, runs: Mapping[str, Run]
) -> None:
    code, out = runs[name].ended()
    report: dict[str, Any] = json.loads((runs[name].directory / "live.json").read_text())
    recovers = name == "recovers"
    assert code == (1 if recovers else 2), out
    if not recovers:
        assert len(report["rounds"]) < 30  # it did not wait until the end
    failing = "order_p95" if recovers else "orders_fail"
    statuses = {check["id"]: check["status"] for check in report["checks"]}
    bad = "WARNING" if recovers else "NO_GO"
    assert statuses == {"orders_fail": "GO", "order_p95": "GO", "instances": "GO", failing: bad}
    (check,) = (check for check in report["checks"] if check["id"] == failing)
    assert check["rounds"]["NO_GO"] >= 3
    assert report["rounds"][0]["verdict"] == "GO"


def test_a_canary_is_found_while_its_errors_are_tripled_and_not_while_both_are_slow(
    runs: Mapping[str, Run],
) -> None:
    needs("scipy")
    code, out = runs["canary"].ended()
    assert code == 2, out
    history = runs["canary"].directory / "gate.jsonl"
    slow, tripled = [json.loads(one) for one in history.read_text().splitlines()]
    assert (slow["verdict"], tripled["verdict"]) == ("GO", "NO_GO"), out
