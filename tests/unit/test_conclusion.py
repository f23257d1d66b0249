"""From what happened in a run to its report."""

from __future__ import annotations

import pytest

from pytest_deploygate.core.report import ActionResult, ActionStatus, Change, GateReport
from pytest_deploygate.core.result import Result, Status
from pytest_deploygate.core.rounds import Round
from pytest_deploygate.core.verdict import Verdict
from pytest_deploygate.engine.conclusion import RunFacts, conclude, mistakes
from pytest_deploygate.engine.findings import Findings, ProcessNotes, SettingsUse
from pytest_deploygate.engine.ledger import CheckNote, PhaseReport
from tests.made import END, FAILED, SERVER, result

FACTS = RunFacts(at=END, source=SERVER)


def run(*results: Result, lost: tuple[str, ...] = ()) -> Findings:
    """A run whose tests, one for each result, are over."""
    findings = Findings()
    findings.start(END + 1)
    findings.asks()
    findings.collected([*(one.id for one in results), *lost])
    for one in results:
        note = CheckNote(one.severity, one.id, one.name, one.query, END, (one,))
        findings.reported(PhaseReport(one.id, "call", "passed", 0.1, note))
    findings.end(END + 3, str)
    return findings


def concluded(findings: Findings, facts: RunFacts = FACTS) -> GateReport:
    return conclude(findings, facts, str)


def test_a_run_without_problems_is_what_its_results_are() -> None:
    report = concluded(run(result()))
    assert report.verdict is Verdict.GO
    assert report.rounds == (Round(END, Verdict.GO),)
    assert (report.started_at, report.duration) == (END + 1, 2.0)
    assert concluded(run(result(), result(id="bad", **FAILED))).verdict is Verdict.NO_GO


def test_a_problem_costs_the_verdict_and_is_reported_once() -> None:
    findings = run(result())
    findings.problem("stopped")
    findings.problem("stopped")
    report = concluded(findings)
    assert (report.verdict, report.problems, report.exit_code) == (
        Verdict.NO_GO,
        ("stopped",),
        2,
    )


def test_what_fails_after_the_verdict_makes_another_report_and_changes_none() -> None:
    findings = run(result())
    first = concluded(findings)
    done = ActionResult("tell", "slack", ActionStatus.DONE)
    findings.acted((done,))
    findings.failure("--gate-junit: could not be written")
    second = concluded(findings)
    assert (first.verdict, first.problems, first.actions) == (Verdict.GO, (), ())
    assert second.verdict is Verdict.NO_GO
    assert second.rounds == (Round(END, Verdict.NO_GO),)
    assert second.problems == ("--gate-junit: could not be written",)
    assert second.actions == (done,)
    assert second.results == first.results


def test_a_check_that_never_reported_costs_the_verdict() -> None:
    report = concluded(run(result(), lost=("a", "b", "c", "d")))
    assert report.problems == ("4 of 5 checks never reported: a, b, c ...",)
    assert report.exit_code == 2


@pytest.mark.parametrize(
    ("deselected", "problem"),
    [
        (0, "nothing was collected: name the checks, such as --pyargs gate_checks"),
        (3, "all 3 checks were deselected, by -k or -m perhaps"),
    ],
)
def test_a_run_without_checks_reaches_no_verdict(deselected: int, problem: str) -> None:
    findings = run()
    findings.deselected(deselected)
    assert concluded(findings).problems == (problem,)


def test_a_run_that_only_collects_judges_nothing() -> None:
    report = concluded(run(result()), FACTS._replace(judges=False))
    assert report.results == ()
    assert report.problems == ("nothing was judged: checks were only collected or set up",)


def test_what_was_given_and_cannot_be_used_is_the_only_problem() -> None:
    findings = run(result(), lost=("a",))
    findings.refuse("unknown threshold")
    report = concluded(findings)
    assert (report.problems, report.results, report.exit_code) == (("unknown threshold",), (), 4)


def test_what_is_left_out_makes_the_run_partial() -> None:
    findings = run(result())
    findings.left_out("single tests were named on the command line")
    findings.deselected(1)
    expected = "1 check was deselected; single tests were named on the command line"
    assert concluded(findings).partial == expected


UNKNOWN = SettingsUse(
    misfits=(),
    unknown={"fast": ("unknown fast", True), "slow": ("unknown slow", False)},
    changes=(Change("p95", "3", "2", "command line"),),
)


def test_a_setting_that_no_process_knows_is_a_mistake_or_a_notice() -> None:
    findings = run(result())
    findings.settings_used(UNKNOWN)
    report = concluded(findings)
    assert mistakes(findings, FACTS) == report.problems == ("unknown fast",)
    assert report.notices == ("unknown slow",)
    assert report.changes == UNKNOWN.changes


def test_a_setting_that_one_process_knows_is_known() -> None:
    findings = run(result())
    for use in (UNKNOWN, SettingsUse()):
        findings.worker_ended(ProcessNotes(settings=(use,)).to_builtins())
    report = concluded(findings)
    assert (report.verdict, report.problems, report.notices) == (Verdict.GO, (), ())


def test_a_run_that_did_not_see_all_its_checks_blames_no_setting() -> None:
    findings = run(result(), lost=("a",))
    findings.settings_used(UNKNOWN)
    report = concluded(findings)
    assert report.problems == ("1 of 2 checks never reported: a",)
    assert report.notices == ()


def test_a_failed_report_takes_no_notice_back() -> None:
    findings = run(result())
    findings.settings_used(UNKNOWN._replace(unknown={"slow": ("unknown slow", False)}))
    findings.failure("--gate-html: could not be written")
    assert concluded(findings).notices == ("unknown slow",)


def test_a_value_that_cannot_be_meant_costs_the_verdict() -> None:
    findings = run(result())
    findings.settings_used(SettingsUse(misfits=("0.5 would be 50 %",)))
    assert concluded(findings).problems == ("0.5 would be 50 %",)


def test_a_worker_that_died_costs_the_verdict() -> None:
    findings = run(result())
    findings.worker_ended(None)
    assert concluded(findings).verdict is Verdict.NO_GO


def test_workers_that_say_the_same_say_it_once() -> None:
    findings = run(result())
    notes = ProcessNotes(problems=("p",), notices=("n",), left_out=("l",), deselected=2)
    for _ in range(2):
        findings.worker_ended(notes.to_builtins())
    report = concluded(findings)
    assert (report.problems, report.notices) == (("p",), ("n",))
    assert report.partial == "2 checks were deselected; l"


def test_problems_hold_no_secret_and_stay_on_one_line() -> None:
    findings = run(result())
    findings.problem("broken by\nhunter2")
    report = conclude(findings, FACTS, lambda text: text.replace("hunter2", "***"))
    assert report.problems == ("broken by ***",)


def test_a_blind_gate_is_no_go() -> None:
    report = concluded(run(result(status=Status.SKIPPED)))
    assert report.verdict is Verdict.NO_GO
    assert report.blind
