"""``deploygate doctor --strict``: one defect for each rule, on a real server, and nothing else."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from pytest_deploygate import cli
from pytest_deploygate.cli.doctor import strict
from pytest_deploygate.testing.notation import values
from pytest_deploygate.testing.remote_write import Samples, send
from pytest_deploygate.testing.servers import prometheus
from tests import servers
from tests.conftest import END
from tests.docs.pages import ROOT
from tests.faults import Exchange, Fault, faulty

DAY = 86_400.0
CHECKS = """
from pytest_deploygate import Criterion, Enough, gate_criteria
@gate_criteria([
    Criterion(id="check", query={query!r}, below=10),
    Criterion(id="fine", query="rate(requests[30s])", below=10,
              enough=Enough("sum(requests)", at_least=1)),
])
def test_own(criterion, gate):
    gate.check(criterion)
"""
NUMBERS = count()
Strict = Callable[..., tuple[int, list[str]]]


def series(
    name: str, text: str, *, end: float = 0.0, interval: float = 15.0, **labels: str
) -> Samples:
    """A series whose last value is ``end`` seconds old."""
    read = values(text)
    labels |= {"__name__": name, "job": "app", "instance": "app-1"}
    first = END - end - (len(read) - 1) * interval
    return Samples(labels, read, round(first * 1000), round(interval * 1000))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Server]:
    directory = tmp_path_factory.mktemp("lint")
    with servers.running(
        prometheus(directory / "data", "--web.enable-remote-write-receiver")
    ) as started:
        send(
            started.url,
            [
                series("requests", "0+10x240", code="200"),
                series("requests", "0+10x10", end=6 * DAY, code="500"),
                series("requests", "0+10x10", end=8 * DAY, code="404"),
                series("lately", "1x10", end=6 * DAY),
                series("long_ago", "1x10", end=8 * DAY),
                series("slowly", "0+1x120", interval=60),
                series("rarely", "0+1x6", interval=1800),
            ],
        )
        yield started


@pytest.fixture
def doctor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Strict:
    """The exit code and the lines of the findings."""
    monkeypatch.chdir(tmp_path)

    def run(url: str, *arguments: str) -> tuple[int, list[str]]:
        given = ("--prometheus-url", url, f"--gate-at={END}", *arguments)
        code = cli.main(["doctor", "--strict", *given])
        out = capsys.readouterr().out
        found = re.search(r"^(?:\d+ findings?|--strict finds nothing\.)\n((?:  .*\n)*)", out, re.M)
        return code, found[1].splitlines() if found else ["not examined"]

    return run


def checks(query: str) -> None:
    """A project with one check of this query; the name of its module is used only once."""
    Path("gate_checks").mkdir()
    path = Path(f"gate_checks/test_strict_{next(NUMBERS)}.py")
    path.write_text(CHECKS.format(query=query), "utf-8")


GONE = "is not there now, and was within the last 7d; write its new name, or remove it"


@pytest.mark.parametrize(
    ("query", "line"),
    [
        ("rate(lately[5m])", f"lately: {GONE}"),
        ('sum(rate(requests{code="500"}[5m]))', f'requests{{code="500"}}: {GONE}'),
        ("sum(requests / requests)", "sum(requests / requests): one requests of 0 makes it NaN; "),
        ("sum(lately) or vector(0)", "or vector(0): hides that lately is gone; write "),
        (
            "rate(requests[29s])",
            "rate(requests[29s]): has less than 2 scrapes, of which there is one every 15s; "
            "write [1m] or more",
        ),
        ("rate(slowly[119s])", "rate(slowly[1m59s]): has less than 2 scrapes, "),
        ("rate(requests[1m]) == 3", "rate(requests[1m]) == 3: a rate is rarely equal"),
    ],
)
def test_a_defect_is_one_line(
    doctor: Strict, server: servers.Server, query: str, line: str
) -> None:
    checks(query)
    code, [found] = doctor(server.url)
    assert code == 2
    assert found.startswith(f"  check: {line}"), found


@pytest.mark.parametrize(
    "query",
    [
        "rate(requests[30s])",
        "rate(slowly[2m])",
        'sum(rate(requests{code="500"}[5m]) or 0 * rate(requests[5m]))',
        'sum(requests) or requests{code="404"}',
        "sum(requests) or long_ago",
    ],
)
def test_its_neighbours_are_not_found(doctor: Strict, server: servers.Server, query: str) -> None:
    checks(query)
    assert doctor(server.url) == (0, [])


def test_the_targets_say_how_often_they_are_scraped(doctor: Strict, server: servers.Server) -> None:
    target = {"labels": {"job": "app", "instance": "app-1"}, "scrapeInterval": "2m"}

    def inject(exchange: Exchange) -> None:
        if exchange.request is not None and "/api/v1/targets" in exchange.request.path:
            exchange.send(200, json.dumps({"data": {"activeTargets": [target]}}).encode())
        else:
            exchange.pass_on()

    checks("rate(slowly[3m])")
    with faulty(server.url, Fault(inject)) as proxy:
        code, found = doctor(proxy.url)
    assert code == 2
    assert [line.split(":")[0] for line in found] == ["  check", "  fine"]
    assert "one every 2m; write [8m] or more" in found[0]


def test_an_interval_that_cannot_be_known_is_said(doctor: Strict, server: servers.Server) -> None:
    checks("rate(rarely[1h]) or requests")
    assert doctor(server.url) == (
        0,
        ["  unknown: how often rarely is scraped: its windows are not examined"],
    )


def test_a_slow_query_and_one_of_many_series(
    doctor: Strict, server: servers.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strict, "LONGEST_SECONDS", 0.2)
    monkeypatch.setattr(strict, "MOST_SERIES", 2)

    def inject(exchange: Exchange) -> None:
        if exchange.request is not None and b"sleepy" in exchange.request.body:
            time.sleep(0.3)
        exchange.pass_on()

    checks('{__name__=~"sleepy|requests|slowly|rarely"} < 1e9')
    with faulty(server.url, Fault(inject)) as proxy:
        code, found = doctor(proxy.url)
    assert code == 2
    part = '  check: {__name__=~"sleepy|requests|slowly|rarely"} < 1e9: '
    assert [line.startswith(part) for line in found] == [True, True], found
    assert " s, more than 0 s; write a recording rule" in found[0]
    assert "has 3 series, more than 2; write sum by (...)" in found[1]


INLINE = """
import pytest
@pytest.mark.critical
@pytest.mark.parametrize("code", ["200", "500"])
def test_requests(gate, code):
    gate.check(f'count(requests{{code="{code}"}}) or vector(5)', below=2)

@pytest.mark.critical
def test_own(gate):
    assert len(gate.query("requests")) == 1

@pytest.mark.warning
def test_other():
    raise AssertionError("nothing is run")
"""


def test_inline_checks_are_found_by_reading(doctor: Strict, server: servers.Server) -> None:
    Path("gate_checks").mkdir()
    Path("gate_checks/test_strict_inline.py").write_text(INLINE, "utf-8")
    code, found = doctor(server.url)
    assert code == 2
    advice = "stands in the body of a test; write a Criterion, and gate_criteria above the test"
    asked = """gate.check(f'count(requests{{code="{code}"}}) or vector(5)')"""
    assert [line for line in found if "stands in" in line] == [
        f"  requests: {asked}: {advice}",
        f"  own: gate.query('requests'): {advice}",
    ]


def test_nothing_is_found_in_what_ships(
    doctor: Strict, healthy: servers.Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert doctor(healthy.url) == (0, [])
    made = ("--directory", str(tmp_path), "--prometheus-url", healthy.url, f"--gate-at={END}")
    assert cli.main(["init", *made]) == 0
    assert (tmp_path / "gate_checks").is_dir()
    assert doctor(healthy.url)[1] == []
    monkeypatch.chdir(ROOT / "examples" / "kind")
    assert doctor(healthy.url) == (0, [])


def test_nothing_is_examined_where_the_server_does_not_answer(doctor: Strict) -> None:
    assert doctor(f"http://127.0.0.1:{servers.free_port()}")[0] == 2
