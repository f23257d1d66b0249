"""``make bench``: real servers, whole processes, ratios side by side in one run."""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks import commands, watch
from benchmarks.commands import Command
from benchmarks.container import in_container, installed_python
from benchmarks.instructions import instructions
from benchmarks.proxy import proxy
from benchmarks.timing import Timing, in_turn
from pytest_deploygate.kinds.times import Times
from tests.production import openmetrics, production
from tests.servers import prometheus

END = 1_790_000_000.0
WEEK = 7 * 86_400.0
REPORTS = ("--gate-json=gate.json", "--gate-junit=gate.xml", "--gate-html=gate.html")
SEEDS = (1, 2, 3, 4, 5)
METRICS = ("--gate-metrics=gate.prom", "--gate-record=evidence.json")


def fleet_samples() -> str:
    """A gauge for each signal of each service, a sample a minute."""
    times = [END - age for age in range(600, -1, -60)]
    lines = []
    for signal in range(commands.SIGNALS):
        lines.append(f"# TYPE signal_{signal} gauge")
        for service in range(commands.SERVICES):
            name = f'signal_{signal}{{service="service-{service}",instance="app-{service}"}}'
            lines += [f"{name} 0.5 {time}" for time in times]
    return "\n".join([*lines, "# EOF\n"])


def machine() -> str:
    """What this was measured on."""
    versions = ", ".join(f"{name} {version(name)}" for name in ("pytest", "requests", "numpy"))
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {platform.system()} "
        f"{platform.machine()}, Python {platform.python_version()}, {versions}"
    )


def table(title: str, timings: list[Timing], against: Timing) -> Iterator[str]:
    """A Markdown table of medians and ratios."""
    yield f"\n### {title}\n"
    median = f"median of {len(against.seconds)} runs"
    yield f"| command | {median} | ratio to {against.command.name!r} | more | memory |"
    yield "| --- | --- | --- | --- | --- |"
    for timing in timings:
        ratio, extra = timing.ratio(against), timing.extra(against) * 1000
        yield (
            f"| {timing.command.name} | {timing.median:.3f} s | {ratio:.3f} | "
            f"{extra:+.0f} ms | {timing.mebibytes:.0f} MiB |"
        )


def thirteen(directory: Path, url: str, runs: int) -> Iterator[str]:
    """The criteria that ship on a fast server, and behind a slow network."""
    bare = commands.bare(directory / "bare", len(commands.ALL))
    floor = commands.floor(directory / "floor", url, END)
    gates = [commands.gate(directory / "gate", url, END, *more) for more in ((), REPORTS)]
    timings = in_turn([bare, floor, *gates], runs)
    yield from table(f"{len(commands.ALL)} criteria, a fast server", timings, timings[1])
    for delay in (0.05, 0.2):
        with proxy(url, delay) as slow:
            there = directory / f"slow-{delay}"
            asked = [
                commands.floor(there / "floor", slow.url, END),
                commands.sequential(there / "script", slow.url, END),
                commands.gate(there / "gate", slow.url, END),
            ]
            timings = in_turn(asked, runs)
        title = f"{len(commands.ALL)} criteria, {delay * 1000:.0f} ms before every answer"
        yield from table(title, timings, timings[0])
        yield f"\nThe gate is {timings[1].ratio(timings[2]):.1f} x faster than the script."


def container(directory: Path, url: str, runs: int, python: str) -> Iterator[str]:
    """The same where pytest may not keep bytecode, and pip has compiled the gate's."""
    compared = [
        commands.floor(directory / "floor", url, END),
        commands.gate(directory / "gate", url, END, *REPORTS[:2]),
        commands.gate(directory / "gate", url, END, *REPORTS),
    ]
    fresh = [in_container(command, python, keeps_bytecode=False) for command in compared]
    timings = in_turn(fresh, runs)
    yield from table(f"{len(commands.ALL)} criteria, a fresh container", timings, timings[0])


def fleet(directory: Path, url: str, runs: int) -> Iterator[str]:
    """6,500 checks, all reports on, that pass."""
    count = commands.SIGNALS * commands.SERVICES
    with proxy(url, 0.0) as counting:
        gate = commands.fleet(directory / "fleet", counting.url, END, *REPORTS, *METRICS)
        compared = [commands.bare(directory / "empty", count), gate]
        timings = in_turn(compared, runs, lambda: counting.queries)
    yield from table(f"{count} checks, all reports on", timings, timings[0])
    yield _counted(timings[1])


def breaches(directory: Path, url: str, runs: int) -> Iterator[str]:
    """6,500 checks, all reports on, that fail; the gate shows no tracebacks of breaches either."""
    count = commands.SIGNALS * commands.SERVICES
    with proxy(url, 0.0) as counting:
        gate = commands.breached(directory / "breached", counting.url, END, *REPORTS, *METRICS)
        compared = [
            commands.failing(directory / "failing", count),
            commands.failing(directory / "failing", count, "--tb=no"),
            gate,
        ]
        timings = in_turn(compared, runs, lambda: counting.queries)
    yield from table(f"{count} breaches, all reports on", timings, timings[1])
    yield _counted(timings[2])


def _counted(timing: Timing) -> str:
    return f"\nQueries that the server counted in each run: {timing.queries}"


def backtests(directory: Path, url: str, runs: int) -> Iterator[str]:
    """A week of the criteria that ship, against the same range queries sent by requests."""
    for step, most in ((300.0, 2), (60.0, 3)):
        times = Times(END - WEEK, step, int(WEEK / step))
        there = directory / f"every-{step:.0f}"
        asked = commands.ranges(there / "requests", url, times)
        compared = [asked, commands.backtest(there / "backtest", url, times)]
        if step == 300:
            compared.append(commands.backtest(there / "suggest", url, times, "--suggest"))
        timings = in_turn(compared, runs)
        title = f"A week in {times.count:,} steps (at most {most} x, 400 MB)"
        yield from table(title, timings, timings[0])


def installed(directory: Path, runs: int, python: str) -> Iterator[str]:
    """An ordinary suite beside the plugin, without it, and without what it brings."""
    suite, gate = directory / "suite", "deploygate"
    ordinary = [
        commands.ordinary(suite, "pytest alone", gate, *commands.DEPENDENCIES),
        commands.ordinary(suite, "plugin not loaded", gate),
        commands.ordinary(suite, "plugin installed"),
    ]
    compared = [in_container(command, python, keeps_bytecode=True) for command in ordinary]
    timings = in_turn(compared, runs)
    yield from table("Merely installed", timings, timings[1])
    yield from _counted_instructions(compared)


def _counted_instructions(compared: list[Command]) -> Iterator[str]:
    millions = instructions(compared, SEEDS)
    yield f"\n| command | instructions, mean of {len(SEEDS)} hash seeds | ratio |"
    yield "| --- | --- | --- |"
    for command, count in zip(compared, millions, strict=True):
        yield f"| {command.name} | {count:,.1f} million | {count / millions[1]:.4f} |"


def main() -> None:
    """Print one Markdown document."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--runs", type=int, default=11, help="timed runs of each command")
    parser.add_argument(
        "--only",
        choices=["criteria", "container", "watch", "fleet", "installed", "backtest"],
    )
    arguments = parser.parse_args()
    print(f"Measured {machine()}; in turn, ratios pair by pair.")
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for name in ("healthy", "services"):
            (directory / name).mkdir()
        if arguments.only in (None, "container", "installed"):
            python = installed_python(directory)
        if arguments.only in (None, "criteria", "container", "watch"):
            text = openmetrics(production(END))
            server = stack.enter_context(prometheus(text, directory / "healthy"))
        if arguments.only in (None, "criteria"):
            _print(thirteen(directory, server.url, arguments.runs))
        if arguments.only in (None, "container"):
            _print(container(directory / "container", server.url, arguments.runs, python))
        if arguments.only in (None, "watch"):
            there, runs = directory / "watch", max(3, arguments.runs // 2)
            _print(watch.measured(there, server.url, END, runs))
        if arguments.only in (None, "fleet"):
            server = stack.enter_context(prometheus(fleet_samples(), directory / "services"))
            _print(fleet(directory, server.url, arguments.runs))
            # Pytest takes its time to show thousands of assertions, and the difference is large.
            _print(breaches(directory, server.url, max(1, arguments.runs // 3)))
        if arguments.only in (None, "backtest"):
            (directory / "week").mkdir()
            week = production(END, interval=60.0, length=WEEK + 7200, recent=WEEK + 7200)
            server = stack.enter_context(prometheus(openmetrics(week), directory / "week"))
            _print(backtests(directory / "backtest", server.url, max(3, arguments.runs // 2)))
        if arguments.only in (None, "installed"):
            _print(installed(directory, arguments.runs * 20, python))


def _print(lines: Iterator[str]) -> None:
    for line in lines:
        print(line, flush=True)


if __name__ == "__main__":
    main()
