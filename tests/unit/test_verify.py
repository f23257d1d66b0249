"""Only a complete, fresh report of the expected run may deploy, and each refusal says why."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from pytest_deploygate.cli import main
from pytest_deploygate.cli.verify import Expectation, objections, schema, verified
from pytest_deploygate.core.errors import ConfigurationError
from pytest_deploygate.core.report import SourceInfo
from pytest_deploygate.core.result import Reason, Status
from pytest_deploygate.core.waivers import Waiver
from tests.made import END, document, report, result

Document = dict[str, Any]
BY_ANN = Waiver("known", "Ann", "it is known", END + 60)
GO = report(result())
WARNING = report(result(), result(Status.WARNING, id="cpu", name="CPU", message="CPU 91 %"))
NO_GO = report(result(), result(Status.NO_GO, id="api", name="API", message="error rate 3 %"))


def judged(
    tmp_path: Path, written: Document | str, *, now: float = END + 10, **expected: Any
) -> str:
    """The line that verify prints, or its refusal."""
    path = tmp_path / "report.json"
    path.write_text(written if isinstance(written, str) else json.dumps(written), "utf-8")
    expectation = Expectation(**{"max_age": 900.0, **expected})
    try:
        message = verified(path, expectation, now=now)
    except ConfigurationError as error:
        message = f"refused: {str(error).removeprefix(f'{path}: ')}"
    assert "\n" not in message
    return message


def test_the_schema_is_valid() -> None:
    Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize(
    "made",
    [
        *(GO, WARNING, NO_GO, report(problems=("interrupted",))),
        report(result(Status.WAIVED, waived=Reason.BREACH, waivers=(BY_ANN,))),
    ],
)
@pytest.mark.parametrize("advisory", [False, True])
def test_every_report_that_the_gate_writes_keeps_to_the_schema(made: Any, advisory: bool) -> None:
    written = document(replace(made, advisory=advisory))
    assert list(Draft202012Validator(schema()).iter_errors(written)) == []


def test_a_fresh_go_may_deploy_and_says_so_in_one_line(tmp_path: Path) -> None:
    message = judged(tmp_path, document(report(result(), environment="production")))
    assert message == (
        "GO: All checks passed: the deployment can go (production, 1 check, 10s ago)"
    )


def test_warning_deploys_only_if_it_is_allowed_to(tmp_path: Path) -> None:
    assert "refused: WARNING: CPU: CPU 91 % (--allow" in judged(tmp_path, document(WARNING))
    assert judged(tmp_path, document(WARNING), allow_warning=True).startswith("WARNING: CPU: ")


def test_no_go_never_deploys(tmp_path: Path) -> None:
    message = judged(tmp_path, document(NO_GO), allow_warning=True)
    assert message == "refused: NO-GO: API: error rate 3 %"


@pytest.mark.parametrize("made", [NO_GO, WARNING])
def test_an_advisory_run_that_ended_in_0_is_judged_by_its_verdict(
    tmp_path: Path, made: Any
) -> None:
    written = document(replace(made, advisory=True))
    assert written["exitcode"] == 0
    assert judged(tmp_path, written, exit_code=0).startswith("refused")


WAIVED = result(Status.WAIVED, id="known", name="Known", message="waived by Ann")


def test_a_warning_whose_only_cause_is_waivers_has_an_option_of_its_own(tmp_path: Path) -> None:
    written = document(report(result(), WAIVED))
    message = judged(tmp_path, written)
    assert message == "refused: WARNING: 1 waived: Known: waived by Ann (--allow-waived accepts it)"
    assert judged(tmp_path, written, allow_waived=True).startswith("WARNING: 1 waived: Known")
    assert judged(tmp_path, written, allow_warning=True).startswith("WARNING: 1 waived: Known")


def test_allowing_waivers_allows_nothing_else(tmp_path: Path) -> None:
    cpu = result(Status.WARNING, id="cpu", name="CPU", message="CPU 91 %")
    both = judged(tmp_path, document(report(WAIVED, cpu)), allow_waived=True)
    assert both == "refused: WARNING: CPU: CPU 91 % (--allow-warning accepts it)"
    assert judged(tmp_path, document(WARNING), allow_waived=True).startswith("refused")
    assert judged(tmp_path, document(NO_GO), allow_waived=True).startswith("refused")
    partial = judged(tmp_path, document(report(WAIVED, partial="-k")), allow_waived=True)
    assert "refused: WARNING: partial" in partial
    assert "is partial: -k" in partial


def test_a_waiver_does_not_measure(tmp_path: Path) -> None:
    without_data = WAIVED._replace(waived=Reason.NO_DATA, value=None, waivers=(BY_ANN,))
    allowed: dict[str, Any] = {"allow_waived": True, "require": ("known",)}
    message = judged(tmp_path, document(report(result(), without_data)), **allowed)
    assert "the required check 'known' was not measured" in message
    breached = without_data._replace(waived=Reason.BREACH)
    assert judged(tmp_path, document(report(breached)), **allowed).startswith("WARNING: 1 waived")


@pytest.mark.parametrize(("age", "allowed"), [(899, True), (901, False), (-59, True), (-61, False)])
def test_a_verdict_is_fresh_by_the_end_of_its_run(
    tmp_path: Path, age: float, allowed: bool
) -> None:
    written = document(report(result(), evaluated_at=END - age), created=END - age)
    message = judged(tmp_path, written, now=END)
    assert message.startswith("GO: ") is allowed
    assert allowed or ("stale" if age > 0 else "future") in message


def test_a_fresh_run_about_last_week_is_stale(tmp_path: Path) -> None:
    written = document(report(result(), evaluated_at=END - 7 * 86400), created=END)
    message = judged(tmp_path, written, now=END)
    assert (
        message == "refused: is stale: it judges production 7d ago, the maximum is 15m (--max-age)"
    )


def test_the_length_of_the_run_itself_makes_no_verdict_stale(tmp_path: Path) -> None:
    """Its evaluation time was fixed when it began."""
    written = document(report(result(), evaluated_at=END - 1200), created=END, duration=1200.0)
    assert judged(tmp_path, written, now=END).startswith("GO: ")


def test_the_age_is_that_of_what_was_judged(tmp_path: Path) -> None:
    written = document(report(result(), evaluated_at=END - 720), created=END)
    assert judged(tmp_path, written, now=END).endswith("(1 check, 11m59s ago)")
    written = document(report(result(), evaluated_at=END - 1), created=END)
    assert judged(tmp_path, written, now=END + 30).endswith("(1 check, 30s ago)")


def test_a_partial_run_is_refused(tmp_path: Path) -> None:
    message = judged(tmp_path, document(report(result(), partial="3 checks were deselected")))
    assert message == "refused: is partial: 3 checks were deselected"


def test_a_replay_is_refused(tmp_path: Path) -> None:
    source = SourceInfo(kind="recording", location="demo go")
    message = judged(tmp_path, document(report(result(), source=source)))
    assert message == "refused: is a replay of demo go, not of production"


def test_another_environment_is_refused(tmp_path: Path) -> None:
    written = document(report(result(), environment="staging"))
    assert judged(tmp_path, written, environment="staging").startswith("GO: ")
    message = judged(tmp_path, written, environment="production")
    assert message == "refused: is for environment 'staging', expected 'production'"


@pytest.mark.parametrize("code", [1, 2, 137])
def test_an_exit_code_other_than_the_reports_is_refused(tmp_path: Path, code: int) -> None:
    assert judged(tmp_path, document(GO), exit_code=0).startswith("GO: ")
    message = judged(tmp_path, document(GO), exit_code=code)
    assert message == f"refused: the gate ended in {code}, but its report says 0"


def test_a_refusal_gives_every_reason(tmp_path: Path) -> None:
    made = report(result(Status.NO_GO), partial="some", environment="staging")
    message = judged(tmp_path, document(made), now=END + 3600, environment="production")
    assert [word in message for word in ("NO-GO", "partial", "staging", "stale")] == [True] * 4


def without(key: str) -> Callable[[Document], None]:
    return lambda written: written.pop(key)


def changed(**values: Any) -> Callable[[Document], None]:
    return lambda written: written.update(values)


def check_changed(**values: Any) -> Callable[[Document], None]:
    return lambda written: written["checks"][0].update(values)


FORGED: dict[str, Callable[[Document], None]] = {
    "NO_GO check": check_changed(status="NO_GO", reason="breach"),
    "WARNING check": check_changed(status="WARNING", reason="no-data"),
    "breach that is GO": check_changed(reason="breach"),
    "error that is GO": check_changed(reason="error"),
    "waiver that is GO": check_changed(reason="waived"),
    "unknown status": check_changed(status="FINE"),
    "value as text": check_changed(value="2.12"),
    "problems": changed(problems=["a worker crashed"]),
    "no checks": changed(checks=[]),
    "only skipped checks": check_changed(status="SKIPPED", reason="skipped"),
    "exit code 2": changed(exitcode=2),
    "exit code 5": changed(exitcode=5),
    "partial without a reason": changed(partial=True),
    "partial as text": changed(partial="false"),
    "verdict in other words": changed(overall_status="PASS"),
    "verdict in small letters": changed(overall_status="go"),
    "local time": changed(timestamp="2026-09-21T14:13:20"),
    "no time": changed(timestamp="2026-02-30T14:13:20Z"),
    "another schema": changed(deploygate={"schema": 2}),
    "no source": changed(source={"kind": "", "location": ""}),
    "counts": lambda written: written["summary"].update(go=2),
    "created as text": changed(created="now"),
    **{f"no {key}": without(key) for key in document(GO) if key not in ("tests", "actions")},
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
def test_a_go_that_is_not_complete_is_refused(
    tmp_path: Path, forge: Callable[[Document], None]
) -> None:
    written = document(GO)
    forge(written)
    assert judged(tmp_path, written, allow_warning=True).startswith("refused")


CONTRADICTIONS = {
    "GO with NO_GO": (changed(overall_status="GO"), NO_GO, "says GO, but"),
    "WARNING with NO_GO": (changed(overall_status="WARNING"), NO_GO, "says WARNING, but"),
    "GO with WARNING": (changed(overall_status="GO"), WARNING, "says GO, but"),
    "GO with problems": (changed(problems=["interrupted"]), GO, "make NO-GO"),
    "GO without checks": (changed(checks=[]), GO, "make NO-GO"),
    "NO_GO for no reason": (changed(overall_status="NO_GO"), GO, "make GO"),
    "WARNING for no reason": (changed(overall_status="WARNING"), GO, "make GO"),
}


@pytest.mark.parametrize(("forge", "made", "message"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_the_verdict_must_follow_from_the_checks(forge: Any, made: Any, message: str) -> None:
    """The schema refuses these too; this is the second lock."""
    written = document(made)
    forge(written)
    assert list(Draft202012Validator(schema()).iter_errors(written)) != []
    expected = Expectation(max_age=900.0, allow_warning=True)
    assert message in "; ".join(objections(written, expected, END))


BROKEN = {
    "empty": "",
    "cut off": json.dumps(document(GO))[:-40],
    "followed by more": json.dumps(document(GO)) * 2,
    "bare NaN": json.dumps(document(report(result()), duration=float("nan"))),
    "no object": "[]",
    "null": "null",
    "deep": "[" * 100_000,
    "JUnit XML": "<testsuites/>",
    "pytest-json-report's own": json.dumps({"created": END, "exitcode": 0, "summary": {}}),
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_another_document_is_refused(tmp_path: Path, text: str) -> None:
    refusals = ("refused: is not a complete report", "refused: is not valid JSON")
    assert judged(tmp_path, text).startswith(refusals)


def test_foreign_text_in_the_answer_is_no_command(tmp_path: Path) -> None:
    bad = result(Status.WARNING, name="::error::x", message="##[add-mask]GO\n::set-output::")
    message = judged(tmp_path, document(report(bad)), allow_warning=True)
    assert message.startswith("WARNING: ")
    assert "##[" not in message


def test_no_data_that_may_go_is_go(tmp_path: Path) -> None:
    made = report(result(), result(Status.GO, id="other", reason=Reason.NO_DATA, value=None))
    assert judged(tmp_path, document(made)).startswith("GO: ")


@pytest.mark.parametrize(
    "arguments",
    [
        ["missing.json"],
        ["."],
        ["missing.json", "--max-age", "soon"],
        ["missing.json", "--exit-code", "zero"],
        [],
    ],
)
def test_whatever_is_wrong_ends_in_2_with_one_line(tmp_path: Path, arguments: list[str]) -> None:
    script = "from pytest_deploygate.cli import main; raise SystemExit(main())"
    command = [sys.executable, "-c", script, "verify", *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("deploygate verify: ")


def test_the_command_takes_the_options(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "report.json"
    checks = (result(), result(Status.WARNING))
    made = report(*checks, environment="production", evaluated_at=time.time())
    path.write_text(json.dumps(document(made, created=time.time() - 100)))
    command = ["verify", str(path), "--env", "production", "--exit-code", "1"]
    assert main([*command, "--allow-warning", "--max-age", "2m"]) == 0
    assert main([*command, "--allow-warning", "--max-age", "30s"]) == 2
    assert main([*command, "--max-age", "2m"]) == 2
    printed = capsys.readouterr()
    assert len(printed.out.splitlines()) == 1
    assert len(printed.err.splitlines()) == 2
