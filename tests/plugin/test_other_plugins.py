"""Other plugins beside the gate: what they report, repeat, end or write of a test."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conftest import END, Gate
from tests.servers import Server

Workers = tuple[str, ...]
FINE = """
    import pytest
    @pytest.mark.critical
    def test_orders(gate): gate.check("vector(5)", at_least=1)
"""


class Runs:
    """Runs a module on a healthy Prometheus."""

    def __init__(self, pytester: pytest.Pytester, gate: Gate, url: str, workers: Workers) -> None:
        self.pytester, self._gate, self.workers = pytester, gate, workers
        self._given = (f"--prometheus-url={url}", f"--gate-at={END}", "--gate-json=gate.json")

    def __call__(self, *arguments: str, test: str = FINE, conftest: str = "") -> pytest.RunResult:
        self.pytester.makepyfile(test_it=test)
        self.pytester.makeconftest(conftest)
        return self._gate(*self.workers, *self._given, *arguments)

    @property
    def document(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.pytester.path.joinpath("gate.json").read_text())
        return found

    @property
    def checks(self) -> dict[str, tuple[str, str]]:
        return {one["name"]: (one["status"], one["reason"]) for one in self.document["checks"]}


@pytest.fixture
def runs(pytester: pytest.Pytester, run_gate: Gate, healthy: Server, workers: Workers) -> Runs:
    return Runs(pytester, run_gate, healthy.url, workers)


RETRY = """
    import pytest
    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_makereport(item, call):
        outcome = yield
        report = outcome.get_result()
        if call.when != "call" or call.excinfo is None:
            return
        hook = item.ihook
        hook.pytest_runtest_teardown(item=item, nextitem=None)
        report.outcome = "retried"
        hook.pytest_runtest_logreport(report=report)
        item._initrequest()
        pytest.CallInfo.from_call(lambda: hook.pytest_runtest_setup(item=item), when="setup")
        again = pytest.CallInfo.from_call(lambda: hook.pytest_runtest_call(item=item), when="call")
        last = pytest.TestReport.from_item_and_call(item, again)
        report.outcome, report.longrepr = last.outcome, last.longrepr
"""
"""How pytest-retry repeats a test: inside of its report, without another setup's report."""


@pytest.mark.parametrize(("needed", "code", "status"), [(2, 0, "GO"), (3, 2, "NO_GO")])
def test_the_last_try_of_a_repeated_test_counts(
    runs: Runs, needed: int, code: int, status: str
) -> None:
    test = f"""
    import pytest
    TRIES = []
    @pytest.mark.critical
    def test_flap(gate):
        TRIES.append(1)
        gate.check("vector(5)", at_most=10, title="Fine")
        assert len(TRIES) >= {needed}, "still flapping"
    """
    assert runs(test=test, conftest=RETRY).ret == code
    found = runs.checks
    assert found.pop("Fine") == ("GO", "ok")
    assert found == ({} if status == "GO" else {"Flap": ("NO_GO", "breach")})


def test_every_failing_subtest_is_named_everywhere(runs: Runs) -> None:
    pytest.importorskip("_pytest.subtests")
    test = """
    import pytest, unittest
    @pytest.mark.critical
    def test_queues(subtests):
        for name, length in (("orders", 9), ("mail", 1), ("billing", 7)):
            with subtests.test(msg=name):
                assert length < 5, f"{name} has {length}"
    @pytest.mark.critical
    class TestOld(unittest.TestCase):
        def test_sub(self):
            for n in (1, 2, 3):
                with self.subTest(queue=n): self.assertLess(n, 2, f"queue {n} is long")
    """
    code = runs("--gate-junit=j.xml", "--gate-html=p.html", test=test).ret
    assert code == 2
    messages = "\n".join(one["message"] for one in runs.document["checks"])
    read = runs.pytester.path.joinpath
    for text in (messages, read("j.xml").read_text(), read("p.html").read_text()):
        for name in ("orders has 9", "billing has 7", "queue 2 is long", "queue 3 is long"):
            assert name in text
    assert len(runs.document["checks"]) == 4


@pytest.mark.skipif(not hasattr(__import__("signal"), "SIGALRM"), reason="needs SIGALRM")
def test_a_test_that_ran_out_of_time_was_not_measured(runs: Runs) -> None:
    test = """
    import pytest, signal, time
    @pytest.fixture(autouse=True)
    def alarm():
        def ring(number, frame): pytest.fail("Timeout (>0.2s) from pytest-timeout.")
        signal.signal(signal.SIGALRM, ring)
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        yield
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
    @pytest.mark.critical
    def test_waits(gate): time.sleep(20)
    @pytest.mark.critical
    def test_asks(gate, monkeypatch):
        monkeypatch.setattr(type(gate._run), "judge", lambda *_: time.sleep(20))
        gate.check("vector(5)", at_most=10, title="Asked")
    """
    assert runs(test=test).ret == 2
    assert runs.checks == {"Waits": ("NO_GO", "error"), "Asked": ("NO_GO", "error")}


@pytest.mark.parametrize(
    ("given", "mark", "refused"),
    [
        (("5", "thread"), "", True),
        (("0", "thread"), "", False),
        (("5", "signal"), "", False),
        (("0", "signal"), "@pytest.mark.timeout(5, method='thread')", True),
        (("0", "thread"), "@pytest.mark.timeout(5)", True),
        (("5", "thread"), "@pytest.mark.timeout(0)", False),
    ],
)
def test_a_time_out_that_ends_the_process_is_refused(
    runs: Runs, given: tuple[str, str], mark: str, refused: bool
) -> None:
    conftest = f"""
    def pytest_configure(config):
        config.addinivalue_line("markers", "timeout: of pytest-timeout")
        config._env_timeout, config._env_timeout_method = {given[0]}, {given[1]!r}
    """
    test = FINE.replace("    def test", f"    {mark}\n    def test") if mark else FINE
    result = runs(test=test, conftest=conftest)
    if not refused:
        assert result.ret == 0
        return
    assert result.ret == (2 if runs.workers else 4)
    assert "method thread ends the process without a verdict" in runs.document["problems"][0]


def test_the_time_out_of_faulthandler_that_ends_the_process_is_refused(runs: Runs) -> None:
    runs.pytester.makeini("[pytest]\nfaulthandler_timeout = 5\n")
    assert runs().ret == 0
    runs.pytester.makeini(
        "[pytest]\nfaulthandler_timeout = 5\nfaulthandler_exit_on_timeout = true\n"
    )
    result = runs()
    if "Unknown config option" in str(result.stdout):
        pytest.skip("an older pytest has no such option")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*faulthandler_exit_on_timeout ends the process*"])


@pytest.mark.parametrize("off", ["legacypath", "terminal", "capture", "warnings", "cacheprovider"])
def test_the_json_report_needs_none_of_pytests_plugins_that_can_be_off(
    runs: Runs, off: str
) -> None:
    if off == "terminal" and runs.workers:
        pytest.skip("pytest-xdist needs the terminal")
    assert runs(f"-pno:{off}").ret == 0
    assert runs.checks == {"Orders": ("GO", "ok")}


WRITER = """
    import pathlib, pytest, traceback
    def note(text):
        with pathlib.Path("written.txt").open("a") as file: file.write(str(text) + "\\n")
    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(item, call):
        outcome = yield
        report = outcome.get_result()
        note(vars(report))
        note(report.longreprtext)
        if call.excinfo:
            note("".join(traceback.format_exception_only(call.excinfo.value)))
            note(call.excinfo.exconly())
    @pytest.hookimpl(hookwrapper=True)
    def pytest_fixture_setup(fixturedef, request):
        outcome = yield
        if outcome.excinfo: note(outcome.excinfo[1])
    def pytest_warning_recorded(warning_message): note(warning_message.message)
    def pytest_runtest_logreport(report): note(vars(report))
"""


def test_what_other_plugins_write_of_a_failure_has_no_secret(runs: Runs) -> None:
    test = """
    import pytest, warnings
    PASSWORD = "".join(("hun", "ter", "2"))
    URL = f"http://me:{PASSWORD}@shop.example.com/"
    @pytest.fixture
    def broken(): raise RuntimeError(URL)
    @pytest.mark.critical
    def test_setup(gate, broken): pass
    @pytest.mark.critical
    def test_call(gate, record_property):
        record_property("url", URL)
        print(URL)
        warnings.warn(URL)
        try:
            raise ValueError(URL)
        except ValueError as error:
            raise ExceptionGroup(URL, [RuntimeError(URL)]) from error
    """
    assert runs("-l", test=test, conftest=WRITER).ret == 2
    written = runs.pytester.path.joinpath("written.txt").read_text()
    assert "http://***@shop.example.com/" in written
    assert "hunter2" not in written


def test_a_failure_in_a_task_group_counts_once(runs: Runs) -> None:
    test = """
    import asyncio, pytest
    @pytest.mark.critical
    def test_tasks(gate):
        async def ask(): gate.check("vector(5)", at_most=1, title="Asked")
        async def other(): assert 1 == 2, "other"
        async def run():
            async with asyncio.TaskGroup() as group:
                group.create_task(ask())
                group.create_task(other())
        asyncio.run(run())
    """
    assert runs(test=test).ret == 2
    assert runs.checks == {"Asked": ("NO_GO", "breach"), "Tasks": ("NO_GO", "breach")}
    assert len(runs.document["checks"]) == 2


@pytest.mark.parametrize("named", [False, True])
def test_an_action_for_a_check_that_is_not_there_is_found_in_every_run(
    runs: Runs, named: bool
) -> None:
    runs.pytester.makefile(
        ".toml",
        deploygate="""
        [[actions]]
        name = "roll"
        kind = "command"
        on = ["NO-GO"]
        for = ["ordres"]
        command = ["true"]
        """,
    )
    result = runs(*(["test_it.py"] if named else []))
    said = "actions.roll: for 'ordres': no check has this id, did you mean 'orders'?"
    assert result.ret == (0 if named else 2)
    assert said in runs.document["notices" if named else "problems"]


@pytest.mark.parametrize(
    "error", ["KeyboardInterrupt()", "SystemExit(0)", "pytest.exit.Exception('x', 0)"]
)
def test_whatever_ends_a_run_early_says_so(runs: Runs, error: str) -> None:
    conftest = f"""
    import pytest
    @pytest.hookimpl(trylast=True)
    def pytest_configure(config):
        if not hasattr(config, "workerinput"): raise {error}
    """
    result = runs(conftest=conftest)
    assert result.ret == 2
    assert "deploygate: the run ended before any check was collected" in str(result.stderr)


def test_two_gates_in_one_step_of_github_are_as_bad_as_the_worse_one(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs = runs.pytester.path / "outputs"
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_OUTPUT", str(outputs))
    assert runs(test=FINE.replace("at_least=1", "at_least=9")).ret == 2
    assert runs().ret == 0
    assert outputs.read_text().splitlines()[-2:] == ["verdict=NO-GO", "exit-code=2"]


def test_what_was_used_is_in_the_json_report_and_on_the_terminal(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI_COMMIT_SHA", "f870da5c0ffee")
    monkeypatch.setenv("CI_COMMIT_REF_NAME", "main")
    monkeypatch.setenv("CI_PIPELINE_URL", "https://gitlab.example.com/7")
    result = runs()
    assert runs.document["context"] == {
        "commit": "f870da5c0ffee",
        "ref": "main",
        "pipeline": "https://gitlab.example.com/7",
        "version": None,
    }
    assert runs.document["configuration"] is None
    result.stdout.fnmatch_lines(
        ["Configuration: none", "Commit: f870da5c0ffe (main)", "Pipeline: https://gitlab.example*"]
    )
