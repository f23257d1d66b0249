"""Instructions of whole processes: what clocks cannot see, because two runs differ by more."""

from __future__ import annotations

import re
import statistics
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.commands import Command
from benchmarks.timing import environment_of, expect

VALGRIND = ("valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null")
# When the collector runs depends on every object before: one search more or less is worth more than
# the plugin. It is off for all commands; what there is to search for is not what is measured.
WITHOUT_COLLECTOR = (
    "import gc, sys; gc.disable(); import pytest; sys.exit(pytest.main(sys.argv[1:]))"
)
_COUNT = re.compile(r"I\s+refs:\s+([\d,]+)")


def instructions(commands: Sequence[Command], seeds: Sequence[int]) -> list[float]:
    """The mean of each command's instructions, in millions, over these hash seeds.

    A seed makes a run repeatable to a few hundred instructions. The order of sets differs from seed
    to seed, and with it the count by a thousandth: hence the mean of several.
    """
    return [statistics.fmean(_millions(command, seed) for seed in seeds) for command in commands]


def _millions(command: Command, seed: int) -> float:
    python, dash_m, pytest, *arguments = command.arguments
    assert (dash_m, pytest) == ("-m", "pytest")
    environment = {**environment_of(command), "PYTHONHASHSEED": str(seed)}
    with tempfile.NamedTemporaryFile(mode="w+") as errors:
        done = subprocess.run(
            (*VALGRIND, python, "-c", WITHOUT_COLLECTOR, *arguments),
            cwd=command.directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
        )
        expect(command, done.returncode)
        found = _COUNT.search(Path(errors.name).read_text(encoding="utf-8"))
    if found is None:
        raise RuntimeError(f"{command.name}: valgrind did not count the instructions")
    return int(found[1].replace(",", "")) / 1e6
