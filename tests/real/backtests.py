"""Two days of a production that is often ill, and criteria of every kind for it."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pytest_deploygate import cli

# Imported before any test: pytester forgets what is imported during one, and numpy cannot be
# imported twice.
from pytest_deploygate.cli.backtest import answered as _answered  # noqa: F401
from tests.conftest import END
from tests.servers import Server, prometheus

DAY, HOUR, MINUTE = 86_400.0, 3600.0, 60.0
LENGTH = 2 * DAY
START = END - LENGTH
DEPLOYED = (START + 5 * HOUR, START + 30 * HOUR)
ILL = ((START + 8 * HOUR, START + 9 * HOUR), (START + 26 * HOUR, START + 26.5 * HOUR))

CRITERIA = """
from dataclasses import dataclass
from statistics import fmean

from pytest_deploygate import (
    Criterion, Enough, Kind, Runaway, Sustained, Trend, gate_criteria, hold, threshold
)

P95 = "histogram_quantile(0.95, sum by (%s) (rate(seconds_bucket[5m])))"
SHARE = 'sum(rate(answers_total{status="500"}[5m])) / sum(rate(answers_total[5m]))'


@dataclass(frozen=True)
class Busiest(Kind):
    def queries(self, criterion, times):
        return (times.instant(criterion.query), times.window(criterion.query, 300.0, 60.0))

    def decide(self, criterion, answers, at):
        now, before = answers
        if not now:
            return []
        most = fmean([value for one in before for _, value in one.points])
        busiest = max(now, key=lambda one: one.value)
        return [hold(criterion, busiest, busiest.value / most)]


CRITERIA = [
    Criterion(id="now", query="latency", below=threshold("latency_max", 2.5)),
    Criterion(id="lasting", query="latency", kind=Sustained("5m"),
              at_most=threshold("latency_max", 2.5)),
    Criterion(id="lasting_oddly", query="latency", kind=Sustained("7m"), severity="warning",
              at_most=threshold("oddly_max", 2.4)),
    Criterion(id="falling", query="reward", kind=Trend("2h"), severity="warning",
              at_least=threshold("trend_min", -0.5)),
    Criterion(id="runaway", query="loss", kind=Runaway("2h", factor=threshold("times_max", 1.5)),
              at_most=threshold("loss_max", 3.0)),
    Criterion(id="diverged", query="loss", at_most=3.5, nan_is_breach=True),
    Criterion(id="quantile", query=P95 % "le", below=threshold("quantile_max", 4.0),
              unit="seconds", culprit=P95 % "le, instance"),
    Criterion(id="quantile_lasting", query=P95 % "le, instance", kind=Sustained("10m"),
              severity="warning", below=threshold("quantile_max", 4.0)),
    Criterion(id="errors", query=SHARE, below=threshold("errors_max", 0.01), unit="ratio",
              no_data="no-go"),
    Criterion(id="sometimes", query="sometimes", above=threshold("sometimes_min", 0.3),
              optional=True),
    Criterion(id="matched", query="latency", match={"instance": "b"}, below=2.5, no_data="go",
              severity="warning"),
    Criterion(id="of_its_end", query="latency - latency @ end()", equals=0),
    Criterion(id="traffic", query=SHARE, below=threshold("traffic_max", 0.015), unit="ratio",
              enough=Enough("sum(increase(answers_total[5m]))", at_least=501)),
    Criterion(id="traffic_lasting", query="latency", kind=Sustained("10m"), at_most=2.6,
              severity="warning", enough=Enough("sum(increase(answers_total[5m]))", at_least=501)),
    Criterion(id="own", query="latency", kind=Busiest(), at_most=threshold("busiest_max", 1.3),
              severity="warning"),
]


@gate_criteria(CRITERIA)
def test_criteria(criterion, gate):
    gate.check(criterion)


def test_of_its_own(gate):
    gate.check("vector(1)", above=0)
"""


def ill(time: float) -> bool:
    """Whether production was ill."""
    return any(start <= time < end for start, end in ILL)


def samples() -> str:
    """The text that promtool reads: a sample a minute."""
    drawn = random.Random(7)
    lines: list[str] = []

    def series(name: str, labels: str, values: Callable[[float], float | None]) -> None:
        text = "{" + labels + "}" if labels else ""
        for number in range(int(LENGTH / MINUTE) + 1):
            time = START + number * MINUTE
            value = values(time)
            if value is not None:
                lines.append(f"{name}{text} {value!r} {time}")

    def family(name: str, kind: str = "gauge") -> None:
        lines.append(f"# TYPE {name.removesuffix('_total')} {kind}")

    def wandering(
        usual: float, begin: float, end: float, gaps: float
    ) -> Callable[[float], float | None]:
        state = {"at": usual, "gap": 0}

        def value(time: float) -> float | None:
            state["at"] += 0.3 * (usual - state["at"]) + drawn.gauss(0, 0.12)
            if state["gap"] > 0 or drawn.random() < gaps:
                state["gap"] = state["gap"] - 1 if state["gap"] > 0 else drawn.randrange(1, 12)
                return None
            found = state["at"] + (1.2 if ill(time) else 0.0)
            return found if begin <= time < end else None

        return value

    half = START + DAY
    family("latency")
    for name, begin, end in [("a", START, END + 1), ("b", START, half), ("c", half, END + 1)]:
        series("latency", f'instance="{name}",app="shop"', wandering(2.1, begin, end, 0.01))
    series("latency", 'instance="z",app="blog"', lambda time: 2.0)
    family("reward")
    series("reward", 'app="shop"', lambda time: 10 + 3 * math.sin((time - START) / (3 * HOUR)))
    family("loss")
    noisy = wandering(1.6, START, END + 1, 0.005)

    def loss(time: float) -> float | None:
        value = noisy(time)
        hour = int((time - START) // HOUR)
        return {11: math.nan, 15: math.inf, 19: None}.get(hour, value)

    series("loss", 'app="shop"', loss)
    family("seconds_bucket", "counter")
    for instance in "ab":
        for bound in ("1.0", "2.0", "5.0", "10.0", "+Inf"):
            series(
                "seconds_bucket",
                f'le="{bound}",instance="{instance}",app="shop"',
                _bucket(instance, math.inf if bound == "+Inf" else float(bound)),
            )
    family("answers_total", "counter")
    for status, rate in [("200", 100.0), ("500", 0.2)]:
        series("answers_total", f'status="{status}",app="shop"', _answers(status, rate))
    family("sometimes")
    series("sometimes", 'machine="gpu"', lambda t: 0.5 if int((t - START) // HOUR) % 5 else None)
    family("deployed")
    series("deployed", 'app="shop"', lambda time: float(sum(time >= one for one in DEPLOYED)))
    family("known_incident")
    series("known_incident", 'name="outage"', lambda time: 1.0 if ill(time) else None)
    return "\n".join([*lines, "# EOF\n"])


def _bucket(instance: str, bound: float) -> Callable[[float], float | None]:
    counted = {"sum": 0.0}

    def value(time: float) -> float | None:
        # The second day has a larger bucket more, on one instance an hour later than on the other.
        since = START + DAY + (HOUR if instance == "b" else 0.0)
        p95 = 7.0 if ill(time) and instance == "a" else 1.8
        counted["sum"] += 600 * (1.0 if bound >= p95 else 0.9 * bound / p95)
        return float(round(counted["sum"])) if bound != 10.0 or time >= since else None

    return value


def _answers(status: str, rate: float) -> Callable[[float], float | None]:
    counted = {"sum": 0.0}

    def value(time: float) -> float | None:
        counted["sum"] += rate * (20 if status == "500" and ill(time) else 1)
        silent = START + 40 * HOUR <= time < START + 42 * HOUR
        return None if silent else counted["sum"]

    return value


@contextmanager
def two_days(directory: Path) -> Iterator[Server]:
    """A Prometheus that holds them."""
    with prometheus(samples(), directory) as server:
        yield server


def backtest(*arguments: str | float | Path) -> tuple[int, dict[str, Any]]:
    """The exit code of ``deploygate backtest``, and its JSON."""
    path = Path("backtest.json")
    path.unlink(missing_ok=True)
    code = cli.main(["backtest", "--json", str(path), *map(str, arguments)])
    return code, json.loads(path.read_text("utf-8")) if path.exists() else {}
