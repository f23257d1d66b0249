"""JUnit XML through junit-xml, written for how GitLab and Jenkins read it.

GitLab shows the text of a failure and not its ``message``, the ``classname`` as its Suite column,
and nothing of a case that passed but its name: that name says what was measured.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from junit_xml import TestCase, TestSuite, to_xml_report_string

from pytest_deploygate.core.report import ActionResult, GateReport
from pytest_deploygate.core.result import Reason, Result, Status

_PRETTY_UP_TO = 200  # cases; pretty printing parses the whole document once more


def render(report: GateReport) -> str:
    """One suite with a case for each check, and one for what kept the gate from a verdict."""
    cases = [_case(result, name) for result, name in _named(report)]
    cases += [_problem(number, text) for number, text in enumerate(report.problems, start=1)]
    if report.blind:
        cases.append(_problem(0, report.blind))
    cases += [_action(action) for action in report.actions]
    if report.page:
        _attach(cases, report.page)
    suite = TestSuite(
        "deployment gate",
        cases,
        timestamp=datetime.fromtimestamp(report.evaluated_at, UTC).isoformat(),
        properties={
            "verdict": report.verdict.label,
            "partial": report.partial or "no",
            "configuration": report.configuration or "none",
            **({"rounds": str(len(report.rounds))} if report.watched else {}),
            **{f"notice {n}": text for n, text in enumerate(report.notices, start=1)},
        },
    )
    text: str = to_xml_report_string([suite], prettyprint=len(cases) <= _PRETTY_UP_TO)
    return text


def _named(report: GateReport) -> Iterator[tuple[Result, str]]:
    """Of two cases with one name GitLab keeps only one."""
    seen: set[str] = set()
    for result in report.results:
        name = _name(result)
        while name in seen:
            name = f"{name} [{result.id}]"
        seen.add(name)
        yield result, name


def _name(result: Result) -> str:
    """What failed is shown with its text, and known again in the next run by its bare name."""
    if result.status is Status.GO and result.value is not None:
        return f"{result.name}: {result.message}"
    return result.name


def _case(result: Result, name: str) -> TestCase:
    case = TestCase(
        name,
        classname=f"gate.{result.severity.value}",
        elapsed_sec=result.duration,
        file=result.nodeid.partition("::")[0] or None,
    )
    if result.status in (Status.SKIPPED, Status.WAIVED):
        case.add_skipped_info(message=result.message)
    elif result.reason is Reason.BREACH:
        case.add_failure_info(message=result.message, output=_text(result), failure_type="breach")
    elif result.status is not Status.GO:
        case.add_error_info(
            message=result.message, output=_text(result), error_type=result.reason.value
        )
    return case


def _attach(cases: list[TestCase], page: str) -> None:
    """GitLab links this path from a failed case; it takes one system-out a case, not two."""
    for case in cases:
        if case.is_failure() or case.is_error():
            case.stdout = f"[[ATTACHMENT|{page}]]"


def _text(result: Result) -> str:
    """The message first: GitLab shows this text and nothing else."""
    lines = [result.message, f"check: {result.id}", f"status: {result.status.value}"]
    if result.query:
        lines.append(f"query: {result.query}")
    return "\n".join(lines)


def _problem(number: int, text: str) -> TestCase:
    case = TestCase(f"Gate verdict {number}".removesuffix(" 0"), classname="gate.run")
    case.add_error_info(message=text, output=text, error_type="no-verdict")
    return case


def _action(action: ActionResult) -> TestCase:
    name = f"{action.name} ({action.kind})"
    if not action.failed:
        name = f"{name}: {action.status}: {action.message}"
    case = TestCase(name, classname="gate.actions", elapsed_sec=action.duration)
    if action.failed:
        text = f"{action.status}: {action.message}\n{action.output}".rstrip()
        case.add_error_info(message=action.message, output=text, error_type=action.status.value)
    return case
