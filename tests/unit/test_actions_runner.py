"""Which actions a verdict calls for, and what is reported of each."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_deploygate.actions.base import Context, Deadline
from pytest_deploygate.actions.plan import ActionPlan
from pytest_deploygate.actions.registry import known_kinds
from pytest_deploygate.actions.runner import Runner, Step, prepare
from pytest_deploygate.core.errors import ActionError
from pytest_deploygate.core.report import ActionResult, GateReport
from pytest_deploygate.core.result import Reason, Result, Status
from pytest_deploygate.core.secrets import Redactor
from pytest_deploygate.core.severity import Severity
from pytest_deploygate.core.verdict import Verdict

SLOW = Result(
    id="creative_p95_sustained",
    name="Creative p95 Sustained",
    severity=Severity.CRITICAL,
    status=Status.NO_GO,
    reason=Reason.BREACH,
    message="p95 4.92 s, limit 4.50 s, for 20m (mode=creative)",
)
UNASKED = SLOW._replace(id="api_error_rate", reason=Reason.ERROR, message="no answer")
WAIVED = SLOW._replace(id="rl_loss_runaway", status=Status.WAIVED, reason=Reason.WAIVED)
FINE = SLOW._replace(id="cpu_usage", status=Status.GO, reason=Reason.OK)
NO_GO = GateReport(verdict=Verdict.NO_GO, results=(SLOW, UNASKED, WAIVED, FINE))


Work = Callable[[GateReport, Deadline], str]


class Does:
    """An action that does what a test wants."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def describe(self) -> str:
        return "something"

    def check(self) -> None:
        pass

    def run(self, report: GateReport, deadline: Deadline) -> str:
        return self._work(report, deadline)


def works(report: GateReport, deadline: Deadline) -> str:
    return "done so"


def step(name: str = "a", work: Work = works, **changes: Any) -> Step:
    fields = {"name": name, "kind": "test", "on": ("NO-GO",), "action": Does(work), **changes}
    return Step(**fields)


def fails(report: GateReport, deadline: Deadline) -> str:
    raise ActionError("it would not\nline 1\nline 2")


def hangs(report: GateReport, deadline: Deadline) -> str:
    threading.Event().wait(60)
    return "too late"


def outcomes(*steps: Step, report: GateReport = NO_GO, held_back: str = "") -> dict[str, str]:
    results = Runner(redactor=Redactor(), held_back=held_back).carry_out(steps, report)
    return {result.name: f"{result.status}: {result.message}" for result in results}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, "done: done so"),
        ({"on": ("GO", "WARNING")}, "skipped: only on GO, WARNING"),
        ({"checks": ("creative_p95_sustained",)}, "done: done so"),
        ({"checks": ("cpu_usage", "creative_p95_sustained")}, "done: done so"),
        ({"checks": ("cpu_usage",)}, "skipped: nothing is wrong with cpu_usage"),
        ({"checks": ("rl_loss_runaway",)}, "skipped: nothing is wrong with rl_loss_runaway"),
        ({"reasons": ("breach",)}, "done: done so"),
        ({"reasons": ("no-data",)}, "skipped: only for no-data"),
        ({"checks": ("api_error_rate",), "reasons": ("breach",)}, "skipped: only for breach"),
    ],
)
def test_an_action_runs_only_when_the_report_calls_for_it(
    changes: Mapping[str, Any], message: str
) -> None:
    assert outcomes(step(**changes)) == {"a": message}


@pytest.mark.parametrize("verdict", list(Verdict))
def test_an_unknown_check_is_reported_with_every_verdict(verdict: Verdict) -> None:
    report = replace(NO_GO, verdict=verdict)
    message = "for 'cpu_usge': no check has this id, did you mean 'cpu_usage'?"
    assert outcomes(step(checks=("cpu_usge",)), report=report) == {"a": f"failed: {message}"}


@pytest.mark.parametrize("verdict", list(Verdict))
def test_a_plan_knows_its_mistakes_with_every_verdict(verdict: Verdict) -> None:
    plan = ActionPlan((step("fine"), step("roll", checks=("cpu_usge", "cpu_usage"))))
    report = replace(NO_GO, verdict=verdict)
    assert plan.mistakes(report) == (
        "actions.roll: for 'cpu_usge': no check has this id, did you mean 'cpu_usage'?",
    )
    assert plan.mistakes(replace(report, partial="1 check was deselected")) == ()


def test_a_check_that_was_left_out_is_no_mistake() -> None:
    report = replace(NO_GO, partial="3 checks were deselected")
    message = outcomes(step(checks=("fast_p95_latency",)), report=report)
    assert message == {"a": "skipped: nothing is wrong with fast_p95_latency"}


def test_a_failed_action_stops_only_those_that_need_it() -> None:
    steps = (
        step("down", work=fails),
        step("up", needs="down"),
        step("open", needs="up"),
        step("tell"),
    )
    assert outcomes(*steps) == {
        "down": "failed: it would not",
        "up": "skipped: needs down, which is failed",
        "open": "skipped: needs up, which is skipped",
        "tell": "done: done so",
    }


def test_a_plan_holds_back_with_its_reason_and_does_nothing() -> None:
    done: list[str] = []

    def does(report: GateReport, deadline: Deadline) -> str:
        done.append("x")
        return ""

    steps = (
        step("down", work=does),
        step("up", needs="down"),
        step("party", on=("GO",)),
    )
    assert outcomes(*steps, held_back="not done without --gate-act") == {
        "down": "planned: something (not done without --gate-act)",
        "up": "planned: something (not done without --gate-act)",
        "party": "skipped: only on GO",
    }
    assert done == []


def test_what_hangs_is_given_up_and_the_next_action_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_deploygate.actions.runner._GRACE", 0.01)
    assert outcomes(step("a", work=hangs, timeout=0.01), step("b")) == {
        "a": "timed-out: given up after 0.01 s",
        "b": "done: done so",
    }


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(0), KeyboardInterrupt("no")])
def test_whatever_an_action_raises_it_has_failed(error: BaseException) -> None:
    def raises(report: GateReport, deadline: Deadline) -> str:
        raise error

    (message,) = outcomes(step(work=raises)).values()
    assert message == f"failed: {type(error).__name__}: {error}"


def test_further_lines_are_the_output_and_all_of_it_is_harmless() -> None:
    def works(report: GateReport, deadline: Deadline) -> str:
        return "did\x1b[2J it\nfirst s3cret-token\nsecond\x00\n"

    redactor = Redactor()
    redactor.add("s3cret-token")
    (result,) = Runner(redactor=redactor).carry_out([step(work=works)], NO_GO)
    assert result.message == r"did\x1b[2J it"
    assert result.output == "first ***\nsecond\\x00"


def test_an_action_gets_the_results_of_those_before_it() -> None:
    seen: list[tuple[ActionResult, ...]] = []

    def looks(report: GateReport, deadline: Deadline) -> str:
        seen.append(report.actions)
        return ""

    outcomes(step("a", work=fails), step("b", work=looks))
    assert [(one.name, one.status) for one in seen[0]] == [("a", "failed")]


@pytest.fixture
def functions(tmp_path: Path) -> Iterator[Path]:
    """A module ``gate_functions`` beside the configuration."""
    (tmp_path / "gate_functions.py").write_text(
        "class Manager:\n"
        "    def apply_downshift(self, service, from_tier, to_tier):\n"
        "        return self.answer or to_tier\n"
        "def manager(): m = Manager(); m.answer = None; return m\n"
        "def stubborn(): m = Manager(); m.answer = 'creative'; return m\n"
        "def tell(report): return f'it is {report.verdict.label}'\n"
        "def silent(report): pass\n"
        "def fails(report): raise RuntimeError('no such service')\n"
    )
    path = list(sys.path)
    yield tmp_path
    sys.path[:] = path
    sys.modules.pop("gate_functions", None)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            {"kind": "python", "function": "tell"},
            "done: gate_functions:tell: it is NO-GO",
        ),
        ({"kind": "python", "function": "silent"}, "done: gate_functions:silent returned"),
        ({"kind": "python", "function": "fails"}, "failed: RuntimeError: no such service"),
        (
            {"kind": "downshift", "from": "creative", "function": "manager"},
            "done: llm: creative → balanced",
        ),
        (
            {"kind": "downshift", "from": "balanced", "service": "tts", "function": "manager"},
            "done: tts: balanced → fast",
        ),
        (
            {"kind": "downshift", "from": "creative", "to": "fast", "function": "stubborn"},
            "failed: llm: creative → fast was requested, but the manager returned creative",
        ),
    ],
)
def test_functions_beside_the_configuration_are_called(
    functions: Path, table: Mapping[str, str], message: str
) -> None:
    context = Context(directory=functions, environ={}, redactor=Redactor())
    named = {**table, "function": f"gate_functions:{table['function']}"}
    steps = prepare([{"name": "a", "on": ["NO-GO"], **named}], known_kinds(), context)
    assert outcomes(*steps) == {"a": message}


def test_an_interrupt_ends_the_action_and_those_after_it() -> None:
    expired = threading.Event()

    def interrupted(report: GateReport, deadline: Deadline) -> str:
        os.kill(os.getpid(), signal.SIGINT)
        while deadline.left:
            threading.Event().wait(0.001)
        expired.set()
        return ""

    acting = ActionPlan((step("a"), step("b", work=interrupted, timeout=60.0), step("c")))
    acting.begin()
    announced: list[str] = []
    message = acting.act(NO_GO, Redactor(), announced.append)
    assert message == "interrupted while the action 'b' was carried out"
    assert announced == ["a (test), for up to 30 s", "b (test), for up to 60 s"]
    assert [f"{one.name} {one.status}: {one.message}" for one in acting.results] == [
        "a done: done so",
        "b failed: interrupted",
        "c skipped: b was interrupted",
    ]
    assert expired.is_set()
