"""How often comparisons are wrong, and how often they find a difference: ``make bench-compare``.

Synthetic production is written into a real Prometheus, and judged by the gate with the limit 1.0
and a confidence of 0.99 for each pair. Beside it stands the rank test that canary judges use, on
the same minutes.

    python -m benchmarks.compare              all cells, 400 pairs each
    python -m benchmarks.compare --pairs 100 --only ar
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_deploygate import Compare, Criterion, Reason
from pytest_deploygate.config.layers import command_line, merge
from pytest_deploygate.core.series import RangeQuery
from pytest_deploygate.engine.judging import kind_of, measured, prepared
from pytest_deploygate.engine.run import GateRun
from pytest_deploygate.kinds.compare_statistics import Counts, ShareRatio
from pytest_deploygate.kinds.times import Times
from tests import servers

END = 1_790_000_000.0
SCRAPE = 15.0
AHEAD = 20  # scrapes before the window
SIDES = ("new", "old")
TOTAL = "sum by (pair) (increase(requests_total{$side}[$window]))"
BAD = 'sum by (pair) (increase(requests_total{$side,bad="yes"}[$window]))'

Array = NDArray[Any]
Random = np.random.Generator
Make = Callable[[Random, int], "Pair"]


@dataclass(frozen=True)
class Pair:
    """What both sides do at each scrape: counted events, or a value."""

    bad: Sequence[Array] | None = None
    total: Sequence[Array] | None = None
    value: Sequence[Array] | None = None


@dataclass(frozen=True)
class Cell:
    """One line of a table: ``make`` makes a pair of so many scrapes."""

    name: str
    goal: str
    make: Make
    minutes: int = 60
    rounds: int = 1
    rate: bool = False


def counted(
    per_minute: float, new: float, old: float, bursts: str = ""
) -> Callable[[Random, int], Pair]:
    """Requests of which a share fails; in bursts of half a minute to two minutes 20 % do."""

    def make(random: Random, scrapes: int) -> Pair:
        shares = [np.full(scrapes, one) for one in (new, old)]
        for number in range(2 if bursts == "own" else 1 if bursts else 0):
            for start in np.flatnonzero(random.random(scrapes) < 0.01):
                stop = start + random.integers(2, 9)
                for side in (0, 1) if bursts == "shared" else (number,):
                    shares[side][start:stop] = 0.2
        total = [random.poisson(per_minute * SCRAPE / 60, scrapes) for _ in SIDES]
        bad = [random.binomial(n, share) for n, share in zip(total, shares, strict=True)]
        return Pair(bad=bad, total=total)

    return make


def slower(per_minute: float, factor: float) -> Callable[[Random, int], Pair]:
    """Requests whose times are distributed alike; 5 % of the old ones are slower than the bound."""

    def make(random: Random, scrapes: int) -> Pair:
        times = random.lognormal(0.0, 0.6, 200_000)
        bound = float(np.quantile(times, 0.95))
        return counted(per_minute, float((times * factor > bound).mean()), 0.05)(random, scrapes)

    return make


def valued(
    correlation: float, factor: float = 1.0, trend: float = 0.0
) -> Callable[[Random, int], Pair]:
    """A value with a noise of 10 %; the correlation is that from one minute to the next."""

    def make(random: Random, scrapes: int) -> Pair:
        alike = correlation ** (SCRAPE / 60) if correlation else 0.0
        noise = random.standard_normal((2, scrapes))
        for n in range(1, scrapes):
            noise[:, n] = alike * noise[:, n - 1] + np.sqrt(1 - alike**2) * noise[:, n]
        shared = trend * np.linspace(0, 1, scrapes)
        values = 100 * np.exp(0.1 * noise + shared)
        return Pair(value=[values[0] * factor, values[1]])

    return make


CELLS = (
    Cell("events, independent, 30 a minute", "<= 1 %", counted(30, 0.02, 0.02)),
    Cell("events, independent, 3,000 a minute", "<= 1 %", counted(3000, 0.01, 0.01)),
    Cell("events in bursts of each side", "<= 2 %", counted(600, 0.01, 0.01, "own")),
    Cell("events in bursts of both sides", "<= 2 %", counted(600, 0.01, 0.01, "shared")),
    Cell("values, white noise", "<= 2 %", valued(0.0)),
    Cell("values, ar 0.6", "<= 2 %", valued(0.6)),
    Cell("values, ar 0.9", "<= 2 %", valued(0.9)),
    Cell("values, ar 0.95", "<= 2 %", valued(0.95)),
    Cell("values, ar 0.6 and a shared trend of +100 %", "<= 2 %", valued(0.6, trend=0.7)),
    Cell("values, 5-minute rates", "<= 2 %", counted(600, 0.0, 0.0), rate=True),
    Cell("events watched for 60 rounds", "<= 2 %", counted(600, 0.01, 0.01), 30, rounds=60),
    Cell("errors 0.5 % to 1.5 %, 30 a minute, 60 min", ">= 60 %", counted(30, 0.015, 0.005)),
    Cell("errors 1 % to 2 %, 600 a minute, 30 min", ">= 95 %", counted(600, 0.02, 0.01), 30),
    Cell("p95 +50 %, 600 a minute, 30 min", ">= 95 %", slower(600, 1.5), 30),
    Cell("value +20 %, noise 10 %, ar 0.6, 60 min", ">= 90 %", valued(0.6, 1.2)),
)


def main() -> int:
    """Run the cells and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pairs", type=int, default=400, help="of a cell (default: %(default)s)")
    parser.add_argument("--only", default="", help="only the cells with this in their name")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--minutes", action="store_true", help="only the table of minutes")
    given = parser.parse_args()
    if not given.minutes:
        print(f"{given.pairs} pairs a cell\n\n| cell | asked | breach | rank test | seconds |")
        print("| --- | --- | --- | --- | --- |")
        for number, cell in enumerate(CELLS):
            if given.only in cell.name:
                print(
                    line(cell, given.pairs, np.random.default_rng([given.seed, number])), flush=True
                )
        print()
    if not given.only:
        print_minutes()
    return 0


def line(cell: Cell, pairs: int, random: Random) -> str:
    """One line of the table."""
    scrapes = AHEAD + round((cell.minutes + (cell.rounds - 1) / 2) * 60 / SCRAPE) + 1
    made = [cell.make(random, scrapes) for _ in range(pairs)]
    with tempfile.TemporaryDirectory() as directory:
        text = openmetrics(made, random)
        with servers.prometheus(text, Path(directory)) as server:
            start = time.monotonic()
            breaches = judged(server.url, cell, pairs)
            took = time.monotonic() - start
            ranks = "" if cell.rounds > 1 else f"{100 * ranked(server.url, cell, pairs):.2f} %"
    share = 100 * len(breaches) / pairs
    return f"| {cell.name} | {cell.goal} | {share:.2f} % | {ranks or '-'} | {took:.1f} |"


def openmetrics(made: Sequence[Pair], random: Random) -> str:
    """All pairs as text; every target is scraped at a time of its own."""
    counters: list[str] = []
    gauges: list[str] = []
    for number, pair in enumerate(made):
        for side, name in enumerate(SIDES):
            offset = random.uniform(0, SCRAPE)
            labels = f'pair="{number}",version="{name}"'
            write = partial(samples, offset=offset)
            if pair.value is not None:
                gauges += write(f"level{{{labels}}}", pair.value[side])
            elif pair.bad is not None and pair.total is not None:
                bad, total = pair.bad[side], pair.total[side]
                counters += write(f'requests_total{{bad="yes",{labels}}}', 1000 + np.cumsum(bad))
                good = 100_000 + np.cumsum(total - bad)
                counters += write(f'requests_total{{bad="no",{labels}}}', good)
    types = ("# TYPE requests counter\n", *counters, "# TYPE level gauge\n", *gauges, "# EOF\n")
    return "".join(types)


def samples(head: str, values: Array, *, offset: float) -> Iterator[str]:
    """The samples of one series, the last of them at most one scrape before the end."""
    first = END - offset - SCRAPE * (len(values) - 1)
    for n, value in enumerate(values):
        yield f"{head} {value:.10g} {first + n * SCRAPE:.3f}\n"


def criterion(cell: Cell, pair: Pair) -> Criterion:
    """The comparison of a cell, with the hardest limit."""
    sides = {"new": 'version="new"', "old": 'version="old"', "window": f"{cell.minutes}m"}
    kind = Compare(**sides, per_pair=True)  # type: ignore[arg-type]
    given: dict[str, Any] = {"id": "x", "at_most": 1.0}
    if cell.rate:
        return Criterion(
            **given, query="sum by (pair) (rate(requests_total{$side}[5m]))", kind=kind
        )
    if pair.value is not None:
        return Criterion(**given, query="avg by (pair) (level{$side})", kind=kind)
    return Criterion(**given, query=BAD, kind=kind.shares(total=TOTAL))


def judged(url: str, cell: Cell, pairs: int) -> set[str]:
    """The pairs that the gate finds to be in breach, in any round."""
    options: dict[str, Any] = {"prometheus-url": url, "gate-at": str(END)}
    if cell.rounds > 1:
        options |= {"gate-watch": f"{(cell.rounds - 1) / 2:g}m", "gate-interval": "30s"}
    run = GateRun(merge(command_line({**options, "gate-timeout": "10m"})), {})
    given = criterion(cell, cell.make(np.random.default_rng(0), 2))
    run.comparisons.expect([given])
    found: set[str] = set()
    for number in range(cell.rounds):
        at = END - 30.0 * (cell.rounds - 1 - number)
        asked = prepared(run.scoped(given).criterion, at, run.ask)
        answers = measured(asked, Times(at), run.ask).answers
        decisions = kind_of(asked).decide(asked, answers, at)
        assert len(decisions) == pairs, decisions[:2]
        found |= {one.series.labels["pair"] for one in decisions if one.reason is Reason.BREACH}
    return found


def ranked(url: str, cell: Cell, pairs: int) -> float:
    """The share of pairs that the rank test calls different, minute by minute."""
    run = GateRun(merge(command_line({"prometheus-url": url, "gate-at": str(END)})), {})
    template = criterion(cell, cell.make(np.random.default_rng(0), 2)).query
    if "$window" in template:
        template = f"({template}) / ({TOTAL})"
    columns: dict[str, Mapping[str, Array]] = {}
    for side in SIDES:
        expr = template.replace("$side", f'version="{side}"').replace("$window", "1m")
        start = END - 60.0 * (cell.minutes - 1)
        series = run.ask(RangeQuery(expr, start, END, 60.0)).series
        columns[side] = {
            one.labels["pair"]: np.array([value for _, value in one.points]) for one in series
        }
    different = 0
    for pair, new in columns["new"].items():
        old = columns["old"][pair]
        apart = rank_test(new[np.isfinite(new)], old[np.isfinite(old)])
        different += apart > 0 if cell.goal.startswith(">") else apart != 0
    return different / pairs


def rank_test(new: Array, old: Array) -> int:
    """1 if the new side is higher, -1 if it is lower, 0 if the test does not tell.

    An emulation of what canary judges do: Mann and Whitney's test as the interval of Hodges and
    Lehmann for the shift, at 98 %, which has to lie beyond a quarter of the estimated shift.
    """
    apart = np.sort(np.subtract.outer(new, old), axis=None)
    count, points = len(apart), len(new) + len(old)
    margin = 2.326 * np.sqrt(count * (points + 1) / 12)
    cut = max(0, math.floor(count / 2 - margin))
    tolerated = 0.25 * abs(np.median(apart))
    return int(apart[cut] > tolerated) - int(apart[-cut - 1] < -tolerated)


def print_minutes() -> None:
    """How long it takes until 4 of 5 differences are a breach, without a server."""
    rates = (30, 300, 3000)
    print("| errors, limit 1.25 | " + " | ".join(f"{rate:,} a minute" for rate in rates) + " |")
    print("| --- |" + " --- |" * len(rates))
    for base, factor in ((0.005, 2), (0.005, 3), (0.01, 1.5), (0.01, 2), (0.01, 3), (0.05, 1.5)):
        cells = [minutes_until(rate, base, factor) for rate in rates]
        print(f"| {100 * base:g} % to {100 * base * factor:g} % | " + " | ".join(cells) + " |")


def minutes_until(rate: int, base: float, factor: float) -> str:
    """In slices of one minute of which 45 seconds go on, of both sides with this traffic."""
    random = np.random.default_rng(3)
    for minutes in (2, 3, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240, 360):
        slices = round(minutes / 0.75)
        found = 0
        for _ in range(100):
            total = random.poisson(rate * 0.75, (2, slices))
            bad = random.binomial(total, [[base * factor], [base]])
            counts = Counts.of(*map(np.asarray, (bad[0], total[0], bad[1], total[1])))
            found += counts.slices > 1 and ShareRatio(counts).lower(0.01) > 1.25
        if found >= 80:
            return f"{minutes} min"
    return "more than 6 h"


if __name__ == "__main__":
    sys.exit(main())
