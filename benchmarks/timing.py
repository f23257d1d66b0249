"""Whole processes timed in turn, so that a machine whose speed drifts slows both alike."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.commands import Command

# On Linux a process's peak begins with the size of the one that started it, and this one is larger
# than some that are measured. What stands between them must be small, and so it loads no site.
LAUNCHER = """
import os, subprocess, sys
process = subprocess.Popen(
    sys.argv[1:],
    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
)
_, status, usage = os.wait4(process.pid, 0)
process.returncode = os.waitstatus_to_exitcode(status)
print(process.returncode, usage.ru_maxrss)
"""


@dataclass(frozen=True)
class Timing:
    """Seconds and queries of every timed run, and the peak of the largest process in MiB."""

    command: Command
    seconds: tuple[float, ...]
    counted: tuple[int, ...]
    mebibytes: float

    @property
    def median(self) -> float:
        """Seconds."""
        return statistics.median(self.seconds)

    @property
    def queries(self) -> int:
        """What each run asked; runs that differ are no benchmark."""
        if len(set(self.counted)) != 1:
            raise RuntimeError(f"{self.command.name}: not the same queries: {self.counted}")
        return self.counted[0]

    def ratio(self, other: Timing) -> float:
        """The median of this command's time as a multiple of the other's, pair by pair."""
        pairs = zip(self.seconds, other.seconds, strict=True)
        return statistics.median(mine / theirs for mine, theirs in pairs)

    def extra(self, other: Timing) -> float:
        """The median of what this command takes longer than the other, in seconds."""
        pairs = zip(self.seconds, other.seconds, strict=True)
        return statistics.median(mine - theirs for mine, theirs in pairs)


def in_turn(
    commands: Sequence[Command], runs: int, queries: Callable[[], int] = lambda: 0
) -> list[Timing]:
    """Run all commands for warming up, for their memory, then ``runs`` times, A B C A B C ...

    ``queries`` tells how many there have been so far.
    """
    for command in commands:
        _timed(command, queries)
    memory = [mebibytes(command) for command in commands]
    rounds = [[_timed(command, queries) for command in commands] for _ in range(runs)]
    return [
        Timing(
            command,
            tuple(one[index][0] for one in rounds),
            tuple(one[index][1] for one in rounds),
            memory[index],
        )
        for index, command in enumerate(commands)
    ]


def _timed(command: Command, queries: Callable[[], int]) -> tuple[float, int]:
    before, started = queries(), time.perf_counter()
    done = subprocess.run(
        command.arguments,
        cwd=command.directory,
        env=environment_of(command),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    took = time.perf_counter() - started
    expect(command, done.returncode)
    return took, queries() - before


def mebibytes(command: Command) -> float:
    """The peak of the largest process of a command, in MiB."""
    launcher = (sys.executable, "-I", "-S", "-c", LAUNCHER)
    done = subprocess.run(
        (*launcher, *command.arguments),
        cwd=command.directory,
        env=environment_of(command),
        capture_output=True,
        check=True,
    )
    code, kibibytes = map(int, done.stdout.split())
    expect(command, code)
    return kibibytes / 1024


def environment_of(command: Command) -> dict[str, str]:
    """The variables of the process: no CI system, and bytecode as the command says."""
    # What is installed has its bytecode; a warm run may keep pytest's, too.
    foreign = ("CI", "GITHUB_", "PYTHONDONTWRITEBYTECODE")
    inherited = {name: text for name, text in os.environ.items() if not name.startswith(foreign)}
    return inherited if command.keeps_bytecode else {**inherited, "PYTHONDONTWRITEBYTECODE": "1"}


def expect(command: Command, code: int) -> None:
    """Refuse to measure a command that went wrong."""
    if code != command.code:
        raise RuntimeError(f"{command.name}: exit code {code}, not {command.code}")
