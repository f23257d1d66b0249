"""Whole processes timed in turn, so that a machine whose speed drifts slows both alike."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.commands import Command


@dataclass(frozen=True)
class Timing:
    """Wall-clock seconds of every counted run, and the largest process in MiB."""

    command: Command
    seconds: tuple[float, ...]
    mebibytes: float

    @property
    def median(self) -> float:
        """Seconds."""
        return statistics.median(self.seconds)

    def ratio(self, other: Timing) -> float:
        """The median of this command's time as a multiple of the other's, pair by pair."""
        pairs = zip(self.seconds, other.seconds, strict=True)
        return statistics.median(mine / theirs for mine, theirs in pairs)

    def extra(self, other: Timing) -> float:
        """The median of what this command takes longer than the other, in seconds."""
        pairs = zip(self.seconds, other.seconds, strict=True)
        return statistics.median(mine - theirs for mine, theirs in pairs)


def in_turn(commands: Sequence[Command], runs: int) -> list[Timing]:
    """Run all commands once for warming up, then ``runs`` times, A B C A B C ..."""
    for command in commands:
        _run(command)
    rounds = [[_run(command) for command in commands] for _ in range(runs)]
    return [
        Timing(
            command,
            tuple(one[index][0] for one in rounds),
            max(one[index][1] for one in rounds),
        )
        for index, command in enumerate(commands)
    ]


def _run(command: Command) -> tuple[float, float]:
    # An installed package has its bytecode: what is timed may keep its own.
    foreign = ("CI", "GITHUB_", "PYTHONDONTWRITEBYTECODE")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(foreign)}
    started = time.perf_counter()
    process = subprocess.Popen(
        command.arguments,
        cwd=command.directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    took = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != command.code:
        raise RuntimeError(f"{command.name}: exit code {process.returncode}, not {command.code}")
    return took, usage.ru_maxrss / 1024
