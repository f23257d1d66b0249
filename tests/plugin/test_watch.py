"""A whole gate that watches or waits: what it reports of its rounds, and how it ends."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pytest_deploygate.cli import main
from tests.conftest import END, Gate
from tests.faults import Exchange, Fault, Proxy, faulty
from tests.plugin.test_reports import schema_errors

INTERVAL = 30.0
CHECKS = """
    import pytest

    @pytest.mark.critical
    def test_errors(gate):
        gate.check("errors", at_most=0.5, title="Errors")

    @pytest.mark.warning
    def test_delay(gate):
        gate.check("delay", at_most=0.5, title="Delay", unit="seconds")

    @pytest.mark.warning
    def test_own():
        print("seen once")
"""


@contextmanager
def production(rounds: str, *, pause: float = 0.0) -> Iterator[Proxy]:
    """A server that answers in round n, from ``END`` on, as the n-th letter says.

    G good, B bad, N no data, E error; the last letter goes on for ever.
    """

    def answer(exchange: Exchange) -> None:
        exchange.wait(pause)
        assert exchange.request is not None
        at = float(exchange.request.parameters.get("time", END))
        letter = rounds[min(int((at - END) / INTERVAL + 0.01), len(rounds) - 1)]
        value = {"G": "0.1", "B": "0.9"}.get(letter)
        series = [{"metric": {"app": "a"}, "value": [at, value]}] if value else []
        body = {"status": "success", "data": {"resultType": "vector", "result": series}}
        exchange.send(503 if letter == "E" else 200, json.dumps(body).encode())

    with faulty("http://127.0.0.1:9", Fault(answer)) as server:
        yield server


Judge = Callable[..., tuple[pytest.RunResult, dict[str, Any]]]


@pytest.fixture
def judge(pytester: pytest.Pytester, run_gate: Gate) -> Judge:
    """Judge the checks over such rounds in the past, and read the JSON report."""

    def run(
        rounds: str, *arguments: str, checks: str = CHECKS
    ) -> tuple[pytest.RunResult, dict[str, Any]]:
        pytester.makepyfile(test_production=checks)
        with production(rounds) as server:
            where = (f"--prometheus-url={server.url}", f"--gate-at={END}", "test_production.py")
            result = run_gate(*where, "--gate-json=gate.json", *arguments)
        text = (pytester.path / "gate.json").read_text()
        return result, json.loads(text.replace(server.url, "http://prometheus"))

    return run


def statuses(report: dict[str, Any]) -> dict[str, str]:
    return {check["id"]: check["status"] for check in report["checks"]}


@pytest.mark.parametrize(
    ("rounds", "code", "used", "critical"),
    [
        ("GGGGG", 0, 5, "GO"),
        ("GGBGG", 1, 5, "WARNING"),
        ("GBBBG", 2, 4, "NO_GO"),  # failed for good: the fifth round is not judged
        ("GGGGBG", 1, 6, "WARNING"),  # one bad round at the end is not enough
        ("GGGBBGG", 1, 6, "WARNING"),
        ("GGGGBBB", 2, 7, "NO_GO"),
        ("BBGBG", 2, 5, "NO_GO"),  # more than half
        ("NGGGG", 1, 5, "WARNING"),
        ("GNNNG", 2, 4, "WARNING"),  # blind for good, though it was not NO-GO in any round
        ("EEEGG", 2, 3, "NO_GO"),
        ("GENBG", 2, 4, "NO_GO"),
    ],
)
def test_a_watch_ends_as_its_rounds_say(
    judge: Judge, rounds: str, code: int, used: int, critical: str
) -> None:
    result, report = judge(rounds, "--gate-watch=2m")
    assert (result.ret, len(report["rounds"])) == (code, used)
    assert statuses(report)["errors"] == critical
    assert schema_errors(report) == []
    assert report["watch"]["mode"] == "watch"


@pytest.mark.parametrize(
    ("rounds", "code", "used"),
    [
        ("GGGGG", 0, 3),
        ("BBGGGB", 0, 5),
        ("GBGBGBGBGBGB", 2, 11),
        ("BBBBBBBGNG", 2, 11),
        ("B", 2, 11),
    ],
)
def test_a_wait_ends_when_production_has_been_well(
    judge: Judge, rounds: str, code: int, used: int
) -> None:
    result, report = judge(rounds, "--gate-wait=5m", "--gate-steady=1m")
    assert (result.ret, len(report["rounds"])) == (code, used)
    assert report["watch"]["mode"] == "wait"
    assert schema_errors(report) == []


def test_a_watch_of_no_time_reports_what_an_ordinary_run_does(judge: Judge) -> None:
    for letter in "GBNE":
        ordinary, expected = judge(letter)
        watched, report = judge(letter, "--gate-watch=0s")
        assert watched.ret == ordinary.ret
        for check in report["checks"]:
            for name in ("rounds", "first_failed", "last_failed", "longest_failure"):
                del check[name]
        same = ("overall_status", "sentence", "problems", "rounds", "checks", "summary", "notices")
        assert {name: report[name] for name in same} == {name: expected[name] for name in same}


def test_every_report_counts_a_test_once_and_says_how_often_it_failed(
    pytester: pytest.Pytester, judge: Judge
) -> None:
    files = ("--gate-junit=gate.xml", "--junit-xml=own.xml", "--gate-html=gate.html")
    result, report = judge("GGBBGGGGGG", "--gate-watch=4m", *files)
    result.assert_outcomes(passed=1, failed=2)
    assert [test["outcome"] for test in report["tests"]] == ["failed", "failed", "passed"]
    for name in ("gate.xml", "own.xml"):
        assert len(list(ElementTree.parse(pytester.path / name).iter("testcase"))) == 3
    check = report["checks"][0]
    assert check["rounds"] == {"GO": 7, "WARNING": 0, "NO_GO": 2, "SKIPPED": 0, "WAIVED": 0}
    assert check["longest_failure"] == 60.0
    assert (check["first_failed"], check["last_failed"]) == (_iso(2), _iso(3))
    assert check["message"].startswith(
        "failed in 2 of 9 rounds, for 60s at most, last at 14:14:50; 0.1 now"
    )
    assert [one["verdict"] for one in report["rounds"][1:5]] == ["GO", "NO_GO", "NO_GO", "GO"]
    result.stdout.fnmatch_lines(["Rounds: watch of 4m, to its end, 9 rounds: 2 NO-GO, 7 GO"])
    page = (pytester.path / "gate.html").read_text()
    assert 'aria-label="9 rounds: 2 NO-GO, 7 GO"' in page
    assert report["tests"][2]["call"]["stdout"] == "seen once\n"


def _iso(number: int) -> str:
    moment = time.gmtime(END + number * INTERVAL)
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", moment)


def test_without_a_terminal_a_line_is_written_when_something_changes(judge: Judge) -> None:
    result, _ = judge("GGBBGGGGG", "--gate-watch=4m")
    lines = [line for line in result.outlines if " round " in line]
    assert [line.partition(":")[0] for line in lines] == ["14", "14", "14"]
    assert lines[0] == "14:13:20 round 1 of 9: GO"
    assert lines[1].startswith("14:14:20 round 3 of 9: NO-GO: Errors: 0.9, limit 0.5")
    assert lines[2] == "14:15:20 round 5 of 9: GO"


def test_a_replay_of_a_watch_judges_its_rounds_with_its_options(
    pytester: pytest.Pytester, judge: Judge, run_gate: Gate
) -> None:
    for rounds in ("GGBBGGGGBG", "GGNBBGGG"):
        record = ("--gate-watch=4m", "--gate-record=evidence.json", "--gate-failures=3")
        recorded, report = judge(rounds, *record)
        replay = ("test_production.py", "--gate-replay=evidence.json", "--gate-json=again.json")
        assert run_gate(*replay).ret == recorded.ret
        again = json.loads((pytester.path / "again.json").read_text())
        assert again["checks"] == report["checks"]
        assert again["rounds"] == report["rounds"]
        assert again["watch"] == report["watch"]
    for option in ("--gate-watch=4m", "--gate-wait=6m", f"--gate-at={END}"):
        assert run_gate(*replay, option).ret == 4


def test_a_replay_knows_that_the_watch_was_not_over(
    pytester: pytest.Pytester, judge: Judge, run_gate: Gate
) -> None:
    """An interrupt, or a limit that made it end, leaves evidence of the first rounds alone."""
    replay = ("test_production.py", "--gate-replay=evidence.json", "--gate-json=again.json")
    judge("GBBBGGGGG", "--gate-watch=4m", "--gate-record=evidence.json")
    source = (pytester.path / "test_production.py").read_text()
    (pytester.path / "test_production.py").write_text(source.replace("0.5", "1.5"))
    assert run_gate(*replay).ret == 2
    again = json.loads((pytester.path / "again.json").read_text())
    assert set(statuses(again).values()) == {"GO"}
    assert "evidence.json ends before the watch does: 5 of 9 rounds" in again["sentence"]
    judge("G", "--gate-watch=2m", "--gate-record=evidence.json")
    assert run_gate(*replay).ret == 0


def test_a_round_is_a_whole_run_of_the_tests(judge: Judge) -> None:
    checks = """
        import pytest, warnings
        RUNS = []

        @pytest.fixture(scope="session")
        def login():
            RUNS.append("login")
            yield len(RUNS)

        @pytest.mark.critical
        def test_a(login, record_property, subtests, tmp_path, gate):
            print("out", login)
            record_property("n", login)
            with subtests.test("part"):
                assert login != 2, "second login"
            assert gate.query("errors")[0].value < 1

        @pytest.mark.critical
        def test_b(login):
            assert RUNS.count("login") == login
    """
    result, report = judge("GGGG", "--gate-watch=90s", checks=checks)
    assert result.ret == 1
    assert len(report["rounds"]) == 4
    assert [one["verdict"] for one in report["rounds"]] == ["GO", "NO_GO", "GO", "GO"]
    (test,) = (one for one in report["tests"] if one["nodeid"].endswith("test_a"))
    assert test["call"]["stdout"] == "out 4\n"
    assert "second login" in report["sentence"]


def test_a_test_begins_in_every_round_as_it_did_the_first_time(
    pytester: pytest.Pytester, judge: Judge
) -> None:
    pytester.makeconftest("""
        import pytest

        @pytest.hookimpl(tryfirst=True)
        def pytest_runtest_protocol(item):
            assert not hasattr(item, "tries"), "a plugin would try it no more"
            item.tries = 1
    """)
    checks = """
        import pytest, unittest
        pytestmark = pytest.mark.critical

        class TestPlain:
            def test_passes(self, gate):
                assert not hasattr(self, "before")
                self.before = gate.check("errors", at_most=0.5)

        class TestUnit(unittest.TestCase):
            def test_passes(self):
                assert not hasattr(self, "before")
                self.before = True
    """
    result, _ = judge("GGGG", "--gate-watch=90s", checks=checks)
    assert result.ret == 0


def test_a_mark_that_a_test_gives_itself_is_gone_in_the_next_round(judge: Judge) -> None:
    checks = """
        import pytest

        @pytest.mark.critical
        def test_a(gate, request):
            request.applymarker(pytest.mark.skip)
            gate.check("errors", at_most=0.5)

        @pytest.mark.critical
        def test_b(gate):
            assert gate.query("errors")
    """
    result, _ = judge("GBBB", "--gate-watch=90s", checks=checks)
    assert result.ret == 2


def test_a_test_without_a_report_is_missing_in_every_round(
    pytester: pytest.Pytester, judge: Judge
) -> None:
    pytester.makeconftest("""
        import pytest

        @pytest.hookimpl(tryfirst=True)
        def pytest_runtest_protocol(item):
            return True if "own" in item.name else None
    """)
    result, report = judge("G", "--gate-watch=2m")
    assert result.ret == 2
    assert "its result never arrived" in report["sentence"]


def test_reports_to_all_hooks_are_kept_too(pytester: pytest.Pytester, judge: Judge) -> None:
    pytester.makeconftest("""
        import pytest
        from _pytest.runner import runtestprotocol

        @pytest.hookimpl(tryfirst=True)
        def pytest_runtest_protocol(item, nextitem):
            for report in runtestprotocol(item, log=False, nextitem=nextitem):
                item.config.hook.pytest_runtest_logreport(report=report)
            return True
    """)
    for rounds, code in (("G", 0), ("GBBBG", 2)):
        result, report = judge(rounds, "--gate-watch=2m")
        assert result.ret == code
        assert report["rounds"][0]["verdict"] == "GO"


def test_a_check_is_the_same_in_every_round_whatever_fails_before_it(
    pytester: pytest.Pytester, judge: Judge
) -> None:
    """Two checks have one id, and a failure of the first test has it too, in one round."""
    for name, last in (("first", "assert len(RUNS) != 3"), ("second", "")):
        pytester.makepyfile(
            **{
                f"test_{name}": f"""
            import pytest
            RUNS = []

            @pytest.mark.critical
            def test_x(gate):
                RUNS.append(1)
                gate.check("errors", at_most={1 if name == "first" else 0.5})
                {last}
        """
            }
        )
    result, report = judge("GBBBG", "--gate-watch=2m", "test_first.py", "test_second.py")
    assert (result.ret, len(report["rounds"])) == (2, 4)
    second = (one for one in report["checks"] if one["nodeid"].startswith("test_second"))
    assert [(one["id"], one["status"], one["rounds"]["NO_GO"]) for one in second] == [
        ("x-2", "NO_GO", 3)
    ]


def test_a_plugin_that_runs_the_tests_itself_is_no_way_to_go(
    pytester: pytest.Pytester, judge: Judge
) -> None:
    pytester.makeconftest("""
        import pytest

        @pytest.hookimpl(tryfirst=True)
        def pytest_runtestloop(session):
            for item in session.items:
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
            return True
    """)
    result, report = judge("G", "--gate-watch=2m")
    assert result.ret == 2
    assert report["sentence"] == "no watch took place: a plugin ran the tests itself"


def test_a_signal_whose_exception_a_test_catches_ends_the_watch(judge: Judge) -> None:
    checks = """
        import contextlib, os, pytest, signal
        RUNS = []

        @pytest.mark.critical
        def test_a(gate):
            gate.check("errors", at_most=0.5)
            RUNS.append(1)
            if len(RUNS) == 2:
                with contextlib.suppress(BaseException):
                    os.kill(os.getpid(), signal.SIGTERM)
    """
    result, report = judge("G", "--gate-watch=90s", checks=checks)
    assert result.ret == 2
    assert len(report["rounds"]) == 1
    assert "SIGTERM" in report["sentence"]


def test_what_ends_pytest_ends_the_watch_with_whole_reports(judge: Judge) -> None:
    checks = """
        import pytest
        RUNS = []

        @pytest.mark.critical
        def test_a(gate):
            gate.check("errors", at_most=0.5)

        @pytest.mark.critical
        def test_b():
            RUNS.append(1)
            if len(RUNS) == 3:
                pytest.exit("enough", 0)
    """
    result, report = judge("GGGG", "--gate-watch=90s", checks=checks)
    assert result.ret == 2
    assert statuses(report) == {"a": "GO", "b": "GO"}
    assert len(report["rounds"]) == 2
    assert "enough" in report["sentence"]


@pytest.mark.parametrize("attribute", ["shouldfail", "shouldstop"])
def test_what_stops_the_session_is_no_way_to_go(judge: Judge, attribute: str) -> None:
    """As a time limit for the whole session does."""
    checks = f"""
        import pytest
        RUNS = []

        @pytest.mark.critical
        def test_a(gate, request):
            gate.check("errors", at_most=0.5)
            RUNS.append(1)
            if len(RUNS) == 2:
                request.session.{attribute} = "out of time"
    """
    result, report = judge("GGGG", "--gate-watch=90s", checks=checks)
    assert result.ret == 2
    assert len(report["rounds"]) == 1
    assert "out of time" in report["sentence"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_of_a_live_watch_ends_in_2_with_reports(
    pytester: pytest.Pytester, number: signal.Signals
) -> None:
    pytester.makepyfile(test_production=CHECKS)
    history = pytester.path / "history.jsonl"
    with production("G") as server:
        command = [sys.executable, "-m", "pytest", "-p", "deploygate", "test_production.py"]
        command += [f"--prometheus-url={server.url}", "--gate-watch=10m", "--gate-interval=100ms"]
        command += ["--gate-json=gate.json", f"--gate-history={history}", "--gate-metrics=m.prom"]
        process = subprocess.Popen(command, cwd=pytester.path, stdout=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline and len(_lines(history)) < 3:
                time.sleep(0.02)
            assert (pytester.path / "m.prom").exists()  # written in every round
            process.send_signal(number)
            assert process.wait(60) == 2
        finally:
            process.kill()
            process.wait()
    report = json.loads((pytester.path / "gate.json").read_text())
    assert set(statuses(report).values()) == {"GO"}
    assert len(report["rounds"]) == len(_lines(history)) >= 3
    assert report["overall_status"] == "NO_GO"
    assert not list(pytester.path.glob(".*.tmp"))


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_rounds_that_take_too_long_leave_others_out(
    pytester: pytest.Pytester, run_gate: Gate
) -> None:
    pytester.makepyfile(test_production=CHECKS)
    with production("G", pause=0.25) as server:
        live = ("--gate-watch=1s", "--gate-interval=100ms", "--gate-json=gate.json")
        assert run_gate(f"--prometheus-url={server.url}", *live).ret == 0
    report = json.loads((pytester.path / "gate.json").read_text())
    assert report["watch"]["dropped"] > 0
    assert len(report["rounds"]) + report["watch"]["dropped"] == 11
    assert main(["verify", "gate.json", "--exit-code", "0"]) == 0


def test_the_future_is_waited_for_and_the_past_is_not(
    pytester: pytest.Pytester, run_gate: Gate
) -> None:
    pytester.makepyfile(test_production=CHECKS)
    start = round(time.time(), 3) - 3600
    with production("G") as server:
        times = (f"--gate-at={start}", "--gate-watch=60m", "--gate-interval=10m")
        began = time.time()
        assert run_gate(f"--prometheus-url={server.url}", *times, "--gate-json=a.json").ret == 0
        late = (f"--gate-at={time.time() - 1}", "--gate-delay=2s", "--gate-watch=0s")
        assert run_gate(f"--prometheus-url={server.url}", *late, "--gate-json=b.json").ret == 0
    assert time.time() - began > 1
    assert len(json.loads((pytester.path / "a.json").read_text())["rounds"]) == 7


def test_a_check_that_fails_for_good_sets_the_actions_off_at_once(
    pytester: pytest.Pytester, judge: Judge
) -> None:
    (pytester.path / "deploygate.toml").write_text("""
        [[actions]]
        name = "log"
        kind = "command"
        on = ["NO-GO"]
        command = ["sh", "-c", "echo $DEPLOYGATE_VERDICT >> log"]
    """)
    result, report = judge("GBBBGGGGG", "--gate-watch=4m", "--gate-act")
    assert (result.ret, len(report["rounds"])) == (2, 4)
    assert (pytester.path / "log").read_text() == "NO-GO\n"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--gate-watch=5m", "-n", "2"), "--gate-watch with -n: checks are judged faster *"),
        (("--gate-wait=5m", "-n", "2"), "--gate-wait with -n: *"),
        (("--gate-watch=5m", "--gate-wait=5m"), "--gate-watch and --gate-wait: give only one *"),
        (("--gate-watch=5m", "--gate-demo=go"), "--gate-watch with --gate-demo: *"),
    ],
)
def test_what_cannot_be_watched_is_a_usage_error(
    run_gate: Gate, pytester: pytest.Pytester, arguments: tuple[str, ...], complaint: str
) -> None:
    pytester.makepyfile(test_production=CHECKS)
    result = run_gate(*arguments)
    assert result.ret == 4
    result.stderr.fnmatch_lines([f"ERROR: deploygate: {complaint}"])


def test_a_run_is_a_line_of_the_history(
    pytester: pytest.Pytester, run_gate: Gate, workers: tuple[str, ...]
) -> None:
    history = pytester.path / "new" / "history.jsonl"
    where = ("--pyargs", "gate_checks", f"--gate-history={history}", "--gate-env=prod")
    (pytester.path / "deploygate.toml").write_text("[env.prod]\n")
    for demo, code in (("go", 0), ("no-go", 2)):
        assert run_gate(*workers, *where, f"--gate-demo={demo}").ret == code
    first, second = _lines(history)
    assert (first["verdict"], first["environment"], first["failed"]) == ("GO", "prod", [])
    assert second["verdict"] == "NO_GO"
    assert second["failed"][0]["message"]
