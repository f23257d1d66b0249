"""Rounds of a watch, against their queries in one concurrent batch a round."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.commands import PYTEST, Command, asked, written
from benchmarks.timing import Timing, in_turn, mebibytes

ROUNDS = 201
DAY = 2_880
INTERVAL = 0.1
"""Seconds, in the past: nothing is waited for, and every round has the same production."""

# The same requests as the gate's, with the times of each round, over connections that are kept.
BATCHES = """
from concurrent.futures import ThreadPoolExecutor
import requests

ROUNDS = {rounds!r}
pool = ThreadPoolExecutor(16)
http = requests.Session()
http.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=16))
send = lambda asked: http.post(asked[0], data=asked[1], timeout=30).json()["status"]
for asked in ROUNDS:
    assert set(pool.map(send, asked)) == {{"success"}}
"""


def batches(directory: Path, url: str, end: float, rounds: int) -> Command:
    """A script that sends the queries of every round in one concurrent batch."""
    times = [end - INTERVAL * n for n in reversed(range(rounds))]
    text = BATCHES.format(rounds=[asked(url, round(at, 3)) for at in times])
    written(directory / f"batches_{rounds}.py", text)
    name = f"script, {rounds} batches with requests"
    return Command(name, (sys.executable, f"batches_{rounds}.py"), directory)


def watch(directory: Path, url: str, end: float, rounds: int) -> Command:
    """A gate that watches for so many rounds, the last of them at ``end``."""
    directory.mkdir(parents=True, exist_ok=True)
    start = round(end - INTERVAL * (rounds - 1), 3)
    options = (
        *("-p", "deploygate", f"--prometheus-url={url}", f"--gate-at={start}"),
        f"--gate-watch={round(INTERVAL * (rounds - 1) * 1000)}ms"
        if rounds > 1
        else "--gate-watch=0s",
        *(f"--gate-interval={round(INTERVAL * 1000)}ms", "--pyargs", "gate_checks"),
    )
    return Command(f"gate, {rounds} rounds", (*PYTEST, *options), directory)


def measured(directory: Path, url: str, end: float, runs: int) -> Iterator[str]:
    """What one more round costs each side, and the memory of a day of rounds."""
    compared = [
        make(directory, url, end, rounds) for make in (batches, watch) for rounds in (1, ROUNDS)
    ]
    floor_of_one, floor, one, many = in_turn(compared, runs)
    mine, theirs = _per_round(one, many), _per_round(floor_of_one, floor)
    yield "\n### Rounds of a watch\n"
    yield f"| what | one more round, median of {runs} runs |"
    yield "| --- | --- |"
    yield f"| its queries in one concurrent batch | {theirs * 1000:.1f} ms |"
    yield f"| the gate | {mine * 1000:.1f} ms |"
    yield f"\nThe ratio is {mine / theirs:.2f}."
    peak = mebibytes(watch(directory, url, end, DAY))
    yield f"A watch of {DAY:,} rounds, a day at 30 s, takes {peak:.0f} MiB at its peak."


def _per_round(one: Timing, many: Timing) -> float:
    return many.extra(one) / (ROUNDS - 1)
