"""The commands that are timed, each a whole process in a directory of its own."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from gate_checks import criteria
from pytest_deploygate.core.series import Query, RangeQuery
from pytest_deploygate.engine.judging import queries_of
from pytest_deploygate.engine.judging_many import queries_of_many
from pytest_deploygate.kinds.times import Times

ALL = [
    criterion
    for group in ("TARGETS", "SCHEMA", "API", "LATENCY", "RL", "CACHE", "RESOURCES")
    for criterion in getattr(criteria, group)
]
SIGNALS, SERVICES = 13, 500
"""The criteria of a fleet, and the services that each is judged for: 6,500 checks."""

# What the development tools bring would slow both sides down, and make the gate look cheap.
PYTEST = (
    *(sys.executable, "-m", "pytest", "-q"),
    *("-p", "no:cacheprovider", "-p", "no:hypothesispytest"),
)

# What comes with the gate because it depends on it, under the names of their entry points.
DEPENDENCIES = ("xdist", "xdist.looponfail", "pytest_jsonreport", "metadata")

# The floor: the same requests in one concurrent batch, with nothing around them but pytest.
BATCH = """
from concurrent.futures import ThreadPoolExecutor
import requests

ASKED = {asked!r}

def pytest_sessionstart(session):
    session.pool = ThreadPoolExecutor(16)
    http = requests.Session()
    http.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=16))
    send = lambda asked: http.post(asked[0], data=asked[1], timeout=30).json()["status"]
    session.answers = [session.pool.submit(send, asked) for asked in ASKED]

def pytest_sessionfinish(session):
    assert {{answer.result() for answer in session.answers}} == {{"success"}}
"""
SEQUENTIAL = """
import requests
for url, data in {asked!r}:
    assert requests.post(url, data=data, timeout=30).json()["status"] == "success"
"""
# All range queries of a backtest in one concurrent batch, parsed and thrown away.
RANGES = """
from concurrent.futures import ThreadPoolExecutor
import requests

http = requests.Session()
http.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=16))
send = lambda asked: http.post(asked[0], data=asked[1], timeout=600).json()["status"]
with ThreadPoolExecutor(16) as pool:
    assert set(pool.map(send, {asked!r})) == {{"success"}}
"""
FLEET = """
from pytest_deploygate import Criterion, gate_criteria

@gate_criteria(
    Criterion(id=f"signal_{{n}}[service-{{s}}]", query=f"avg by (service) (signal_{{n}})",
              below={limit}, match={{"service": f"service-{{s}}"}})
    for n in range({signals}) for s in range({services})
)
def test_fleet(criterion, gate):
    gate.check(criterion)
"""
EMPTY = """
import pytest

@pytest.mark.parametrize("number", range({count}))
def test_empty(number):
    pass
"""
FAILING = """
import pytest

@pytest.mark.parametrize("number", range({count}))
def test_failing(number):
    assert number < 0
"""


@dataclass(frozen=True)
class Command:
    """A command line, the directory it runs in, and the exit code that it must have.

    ``keeps_bytecode`` says whether Python and pytest may write bytecode.
    """

    name: str
    arguments: tuple[str, ...]
    directory: Path
    code: int = 0
    keeps_bytecode: bool = True


def asked(url: str, at: float) -> list[tuple[str, dict[str, str]]]:
    """The requests that the criteria make, as plain data; a question of several is asked once."""
    queries = (query for criterion in ALL for query in queries_of(criterion, Times(at)))
    return [_request(url, query) for query in dict.fromkeys(queries)]


def _request(url: str, query: Query) -> tuple[str, dict[str, str]]:
    if isinstance(query, RangeQuery):
        times = {"start": query.start, "end": query.end, "step": query.step}
        data = {key: str(value) for key, value in times.items()}
        return f"{url}/api/v1/query_range", {"query": query.expr, **data}
    return f"{url}/api/v1/query", {"query": query.expr, "time": str(query.at)}


def ranges(directory: Path, url: str, times: Times) -> Command:
    """The range queries of a backtest of the criteria that ship, sent by requests alone."""
    queries = (query for one in ALL for query in queries_of_many(one, times))
    asked = [_request(url, query) for query in dict.fromkeys(queries)]
    written(directory / "ask.py", RANGES.format(asked=asked))
    name = f"{len(asked)} range queries with requests"
    return Command(name, (sys.executable, "ask.py"), directory)


def backtest(directory: Path, url: str, times: Times, *more: str) -> Command:
    """``deploygate backtest`` of the criteria that ship, with all of its reports."""
    directory.mkdir(parents=True, exist_ok=True)
    arguments = (
        *(str(Path(sys.executable).parent / "deploygate"), "backtest", f"--prometheus-url={url}"),
        *(f"--from={times.start}", f"--to={times.part(times.count, 1).start}"),
        *(f"--step={times.step:.0f}s", "--json=backtest.json", "--html=backtest.html", *more),
    )
    return Command(" ".join(("deploygate backtest", *more)), arguments, directory)


def bare(directory: Path, count: int) -> Command:
    """Pytest on so many empty tests."""
    written(directory / "test_empty.py", EMPTY.format(count=count))
    return Command(f"bare pytest, {count} empty tests", PYTEST, directory)


def failing(directory: Path, count: int, *more: str) -> Command:
    """Pytest on so many tests whose assert fails."""
    written(directory / "test_failing.py", FAILING.format(count=count))
    name = " ".join((f"bare pytest, {count} failing tests", *more))
    return Command(name, (*PYTEST, *more), directory, code=1)


def floor(directory: Path, url: str, at: float) -> Command:
    """Pytest on as many empty tests, and one concurrent batch of the same queries."""
    written(directory / "test_empty.py", EMPTY.format(count=len(ALL)))
    written(directory / "conftest.py", BATCH.format(asked=asked(url, at)))
    return Command("floor: bare pytest + one batch with requests", PYTEST, directory)


def sequential(directory: Path, url: str, at: float) -> Command:
    """A plain script that asks one query after the other."""
    written(directory / "ask.py", SEQUENTIAL.format(asked=asked(url, at)))
    return Command("script, one query after the other", (sys.executable, "ask.py"), directory)


def gate(directory: Path, url: str, at: float, *more: str) -> Command:
    """The gate with the criteria that ship."""
    directory.mkdir(parents=True, exist_ok=True)
    arguments = (*PYTEST, "-p", "deploygate", f"--prometheus-url={url}", f"--gate-at={at}")
    reports = [one.removeprefix("--gate-").partition("=")[0] for one in more]
    name = ", ".join([f"gate, {len(ALL)} criteria", *reports])
    return Command(name, (*arguments, "--pyargs", "gate_checks", *more), directory)


def fleet(directory: Path, url: str, at: float, *more: str) -> Command:
    """The gate with as many criteria as ship for each of 500 services."""
    name = f"gate, {SIGNALS} criteria x {SERVICES} services"
    return Command(name, _fleet(directory, url, at, limit=1.0) + more, directory)


def breached(directory: Path, url: str, at: float, *more: str) -> Command:
    """The same, and no service keeps any limit."""
    name = f"gate, {SIGNALS} criteria x {SERVICES} services, all breached"
    return Command(name, _fleet(directory, url, at, limit=0.1) + more, directory, code=2)


def _fleet(directory: Path, url: str, at: float, limit: float) -> tuple[str, ...]:
    text = FLEET.format(signals=SIGNALS, services=SERVICES, limit=limit)
    written(directory / "test_fleet.py", text)
    return (*PYTEST, "-p", "deploygate", f"--prometheus-url={url}", f"--gate-at={at}")


def ordinary(directory: Path, name: str, *left_out: str) -> Command:
    """An ordinary test suite, without these plugins."""
    for number in range(20):
        written(directory / f"test_{number}.py", EMPTY.format(count=20))
    without = [argument for plugin in left_out for argument in ("-p", f"no:{plugin}")]
    return Command(f"ordinary suite, {name}", (*PYTEST, *without), directory)


def written(path: Path, text: str) -> None:
    """Write a file of a command, in a directory that may not exist yet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
