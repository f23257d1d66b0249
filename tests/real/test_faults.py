"""A source that fails in any way never lets anything pass, and says what to check."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping
from email.utils import formatdate
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

import pytest

from tests import faults
from tests.conftest import END, Gate
from tests.faults import Proxy, changed, faulty, rewritten
from tests.real.fault_cases import (
    BROKEN,
    CONNECTIONS,
    HARMLESS,
    INCOMPLETE,
    LARGE,
    NO_TIME,
    ONE_CHECK_FOR_EACH,
    QUICK,
    WITHOUT_END,
    Case,
)
from tests.servers import Server, free_port

CHECKS = 14
ATTEMPTS = 5
PLAIN = pytest.mark.parametrize("workers", [()], ids=["plain"])
QUICKLY = ("-p", "no:cacheprovider")
ENOUGH_SECONDS = 100.0  # a run that waits for a server without end does not end before


class Outcome(NamedTuple):
    """What one run left behind."""

    code: int
    output: str
    report: dict[str, Any]

    @property
    def checks(self) -> dict[str, dict[str, Any]]:
        """The checks by their ids."""
        return {check["id"]: check for check in self.report["checks"]}


Run = Callable[..., Outcome]


@pytest.fixture
def judge(run_gate: Gate, tmp_path: Path, workers: tuple[str, ...]) -> Run:
    """Run a gate plain or with xdist, and read back the reports, which must be whole."""

    def run(url: str, *arguments: str) -> Outcome:
        files = tmp_path / "gate.json", tmp_path / "gate.xml", tmp_path / "evidence.json"
        options = ("--gate-json", "--gate-junit", "--gate-record")
        reports = (f"{option}={file}" for option, file in zip(options, files, strict=True))
        at = (f"--prometheus-url={url}", f"--gate-at={END}")
        result = run_gate(*QUICKLY, *workers, *at, *reports, *arguments)
        report = json.loads(files[0].read_text(), parse_constant=pytest.fail)
        cases = ElementTree.parse(files[1]).findall(".//testcase")
        assert len(cases) >= len(report["checks"]) > 0
        assert json.loads(files[2].read_text())["format"] == "deploygate-evidence"
        assert report["exitcode"] == result.ret
        return Outcome(int(result.ret), result.stdout.str() + result.stderr.str(), report)

    return run


@pytest.fixture
def judge_shipped(judge: Run) -> Run:
    """Run the shipped criteria."""

    def run(url: str, *arguments: str) -> Outcome:
        outcome = judge(url, "--pyargs", "gate_checks", *arguments)
        assert len(outcome.checks) == CHECKS
        return outcome

    return run


def untrue(outcome: Outcome, cases: Mapping[str, Case], reason: str) -> dict[str, Any]:
    """The checks that do not say what their cases say they do."""
    expected = {f"{kind}{name}": case for name, case in cases.items() for kind in ("", "range, ")}
    assert outcome.checks.keys() == expected.keys()
    return {
        name: check
        for name, check in outcome.checks.items()
        if check["reason"] != reason or not re.search(expected[name].message, check["message"])
    }


def assert_blocked(outcome: Outcome) -> None:
    """The verdict is NO-GO, reported in order."""
    assert outcome.code == 2
    assert "Traceback" not in outcome.output
    assert "NO-GO (exit code 2)" in outcome.output
    assert outcome.report["overall_status"] == "NO_GO"


def times_asked(proxy: Proxy) -> Counter[tuple[str, str]]:
    """How often each fault was asked for, by its name and the kind of query."""
    asked = Counter[tuple[str, str]]()
    for request in proxy.requests:
        kind = "range" if "start" in request.parameters else "instant"
        asked[request.parameters["query"].rpartition("# ")[2], kind] += 1
    return asked


@pytest.mark.parametrize(
    ("cases", "limits"),
    [
        (QUICK, ("--gate-query-timeout=60s", "--gate-timeout=60s", "--gate-concurrency=40")),
        (LARGE, ("--gate-query-timeout=60s", "--gate-timeout=60s", "--gate-concurrency=4")),
        (WITHOUT_END, ("--gate-query-timeout=1s", "--gate-timeout=20s")),
    ],
    ids=["quick", "large", "without end"],
)
def test_every_fault_that_lasts_is_an_error_that_says_what_to_check(
    cases: Mapping[str, Case],
    limits: tuple[str, ...],
    healthy: Server,
    pytester: pytest.Pytester,
    judge: Run,
) -> None:
    pytester.makepyfile(ONE_CHECK_FOR_EACH.format(names=list(cases)))
    started = time.monotonic()
    with faulty(healthy.url, {name: case.fault for name, case in cases.items()}) as proxy:
        outcome = judge(proxy.url, *limits)
    assert_blocked(outcome)
    assert not untrue(outcome, cases, "error")
    assert {check["status"] for check in outcome.checks.values()} == {"NO_GO"}
    assert max(times_asked(proxy).values()) <= ATTEMPTS
    assert time.monotonic() - started < ENOUGH_SECONDS


def test_every_fault_that_passes_is_forgotten(
    healthy: Server, pytester: pytest.Pytester, judge: Run
) -> None:
    passing = {name: case.fault for name, case in QUICK.items() if case.passes}
    assert len(passing) > 15
    pytester.makepyfile(ONE_CHECK_FOR_EACH.format(names=list(passing)))
    with faulty(healthy.url, passing, first=1) as proxy:
        outcome = judge(proxy.url, "--gate-query-timeout=60s", "--gate-timeout=60s")
    assert {c["id"]: c["message"] for c in outcome.report["checks"] if c["status"] != "GO"} == {}
    assert outcome.code == 0


@PLAIN
def test_what_a_server_may_well_do_changes_nothing(
    healthy: Server, pytester: pytest.Pytester, judge: Run
) -> None:
    pytester.makepyfile(ONE_CHECK_FOR_EACH.format(names=list(HARMLESS)))
    with faulty(healthy.url, HARMLESS) as proxy:
        outcome = judge(proxy.url)
    assert {c["id"]: c["message"] for c in outcome.report["checks"] if c["status"] != "GO"} == {}
    assert outcome.code == 0


def test_an_incomplete_answer_is_never_go(
    healthy: Server, pytester: pytest.Pytester, judge: Run
) -> None:
    pytester.makepyfile(ONE_CHECK_FOR_EACH.format(names=list(INCOMPLETE)))
    with faulty(healthy.url, {name: case.fault for name, case in INCOMPLETE.items()}) as proxy:
        outcome = judge(proxy.url)
    assert not untrue(outcome, INCOMPLETE, "no-data")
    assert_blocked(outcome)
    assert "the gate is blind" in outcome.output


@PLAIN
@pytest.mark.parametrize("name", CONNECTIONS)
def test_a_connection_that_fails_is_no_go(name: str, healthy: Server, judge_shipped: Run) -> None:
    with faulty(healthy.url, CONNECTIONS[name].fault) as proxy:
        outcome = judge_shipped(proxy.url, "--gate-query-timeout=2s", "--gate-timeout=8s")
    assert_blocked(outcome)
    assert {check["reason"] for check in outcome.report["checks"]} == {"error"}
    assert all(re.search(CONNECTIONS[name].message, c["message"]) for c in outcome.report["checks"])


@pytest.mark.parametrize("name", [name for name, case in CONNECTIONS.items() if case.passes])
def test_connections_that_fail_at_first_change_nothing(
    name: str, healthy: Server, judge_shipped: Run
) -> None:
    with faulty(healthy.url, CONNECTIONS[name].fault, first=3) as proxy:
        outcome = judge_shipped(proxy.url)
    assert outcome.report["overall_status"] == "GO"
    assert outcome.code == 0


def test_a_refused_connection_is_no_go(judge_shipped: Run) -> None:
    outcome = judge_shipped(f"http://127.0.0.1:{free_port()}")
    assert_blocked(outcome)
    assert "Connection refused; is it running (try http://127.0.0.1:" in outcome.output


@PLAIN
def test_an_unknown_host_is_no_go(judge_shipped: Run) -> None:
    outcome = judge_shipped("http://no-such-host.invalid:9090")
    assert_blocked(outcome)
    assert re.search(BROKEN, outcome.output)


@PLAIN
def test_a_server_that_takes_no_connection_is_no_go(judge_shipped: Run) -> None:
    with faults.unaccepting() as url:
        outcome = judge_shipped(url, "--gate-query-timeout=1s", "--gate-timeout=8s")
    assert_blocked(outcome)
    assert NO_TIME in outcome.output


@pytest.mark.parametrize("name", ["never answers", "drips a status line"])
def test_all_queries_together_have_their_time(
    name: str, healthy: Server, judge_shipped: Run
) -> None:
    limits = ("--gate-query-timeout=1s", "--gate-timeout=3s", "--gate-concurrency=1")
    with faulty(healthy.url, WITHOUT_END[name].fault) as proxy:
        outcome = judge_shipped(proxy.url, *limits)
    assert_blocked(outcome)
    assert f"3s for all queries are over; {NO_TIME}" in outcome.output
    # One after the other, each for a second: none keeps the place of the next for longer.
    assert 2 <= len(proxy.requests) <= 8


@PLAIN
@pytest.mark.parametrize("shift", [-7200, 7200], ids=["ahead", "behind"])
def test_a_wrong_clock_is_reported(shift: int, healthy: Server, judge_shipped: Run) -> None:
    date = formatdate(time.time() + shift, usegmt=True)
    with faulty(healthy.url, rewritten(lambda data: data, Date=date)) as proxy:
        outcome = judge_shipped(proxy.url)
    [notice] = outcome.report["notices"]
    message = (
        r"clock is (1h59m|2h) (ahead of|behind) the server's: .*set the clock, or give --gate-at"
    )
    assert re.search(message, notice)
    assert ("ahead of" in notice) is (shift < 0)
    assert outcome.code == 0


@PLAIN
def test_a_date_that_is_none_is_not_held_against_the_server(
    healthy: Server, judge_shipped: Run
) -> None:
    with faulty(healthy.url, rewritten(lambda data: data, Date="Mon, 99 Foo 0000")) as proxy:
        outcome = judge_shipped(proxy.url)
    assert outcome.report["notices"] == []
    assert outcome.code == 0


@PLAIN
def test_evidence_of_a_failure_is_judged_as_the_failure_was(
    healthy: Server, judge_shipped: Run, tmp_path: Path, run_gate: Gate
) -> None:
    with faulty(healthy.url, changed(lambda answer: {"ok": True})) as proxy:
        judge_shipped(proxy.url)
    replay = f"--gate-replay={tmp_path / 'evidence.json'}"
    result = run_gate("--pyargs", "gate_checks", replay)
    assert result.ret == 2
    error = "the response is not in the format of Prometheus' API: a JSON document of another"
    result.stdout.fnmatch_lines([f"*error: {error} format*"])
