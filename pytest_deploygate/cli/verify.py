"""``deploygate verify REPORT``: decide whether a verdict allows to deploy now.

A deploy job runs this instead of trusting an exit code: pip, a shell and a pytest without the
plugin return 1 too, and a report in the workspace may be left over from yesterday.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

from pytest_deploygate.core.durations import seconds, spoken
from pytest_deploygate.core.errors import ConfigurationError
from pytest_deploygate.core.required import Measured, unmet
from pytest_deploygate.core.result import Reason, Status
from pytest_deploygate.core.subject import Subject
from pytest_deploygate.core.text import counted, inert, printable
from pytest_deploygate.core.verdict import Verdict

HELP = "check that a JSON report is complete, fresh and allows to deploy: exit code 0, else 2"
MAX_AGE = "15m"
_AHEAD = 60.0  # seconds by which the clocks of two machines may differ
_COUNTED = {
    "go": Status.GO,
    "warning": Status.WARNING,
    "no_go": Status.NO_GO,
    "skipped_checks": Status.SKIPPED,
    "waived": Status.WAIVED,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Expectation:
    """What a report must fulfil to deploy.

    Attributes:
        max_age: maximum age of the run and of what it judged, in seconds.
        environment: the environment that the report must be for, empty for any.
        allow_warning: whether WARNING deploys too.
        allow_waived: whether a WARNING deploys too whose only cause is waivers.
        exit_code: the exit code of the gate's process, None if it is unknown.
        require: patterns of the ids of checks that must be measured.
        min_checks: how many checks must be measured at least.
        subject: the artifact that the report must be about, None for any.
    """

    max_age: float
    environment: str = ""
    allow_warning: bool = False
    allow_waived: bool = False
    exit_code: int | None = None
    require: tuple[str, ...] = ()
    min_checks: int = 0
    subject: Subject | None = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``deploygate verify``."""
    parser.add_argument("report", metavar="REPORT", type=Path, help="file that --gate-json wrote")
    parser.add_argument(
        "--max-age",
        metavar="TIME",
        default=MAX_AGE,
        help=f"maximum age of the report (default: {MAX_AGE})",
    )
    parser.add_argument("--env", metavar="NAME", default="", help="environment of the report")
    parser.add_argument("--allow-warning", action="store_true", help="also accept WARNING")
    parser.add_argument(
        "--allow-waived",
        action="store_true",
        help="also accept a WARNING whose only cause is waivers",
    )
    parser.add_argument(
        "--exit-code",
        metavar="CODE",
        type=int,
        help="exit code of the gate's process; the report must have the same",
    )
    parser.add_argument(
        "--require",
        metavar="PATTERN",
        action="append",
        default=[],
        help="a check with this id must be measured; * and ? match anything; repeatable",
    )
    parser.add_argument(
        "--min-checks", metavar="N", type=int, default=0, help="minimum number of measured checks"
    )
    parser.add_argument(
        "--subject",
        metavar="NAME@DIGEST",
        default="",
        help="the artifact that is deployed, NAME@sha256:DIGEST; the report must be about it",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print one line and return 0, or raise.

    Raises:
        ConfigurationError: the report does not allow to deploy; the message gives every reason.
    """
    expected = Expectation(
        max_age=seconds(arguments.max_age),
        environment=arguments.env,
        allow_warning=arguments.allow_warning,
        allow_waived=arguments.allow_waived,
        exit_code=arguments.exit_code,
        require=tuple(arguments.require),
        min_checks=arguments.min_checks,
        subject=_subject(arguments.subject),
    )
    print(verified(arguments.report, expected, now=time.time()))
    return 0


def _subject(given: str) -> Subject | None:
    try:
        return Subject.parse(given) if given else None
    except ConfigurationError as error:
        raise ConfigurationError(f"--subject: {error}") from None


def verified(path: Path, expected: Expectation, *, now: float) -> str:
    """One line about a report that allows to deploy at ``now`` (Unix seconds).

    Raises:
        ConfigurationError: it does not; the message gives every reason.
    """
    document = read(path)
    reasons = list(objections(document, expected, now))
    if reasons:
        raise ConfigurationError(inert(f"{path}: {'; '.join(reasons)}"))
    verdict = Verdict(document["overall_status"])
    count = len(document["checks"])
    judged = _since(now, min(document["created"], _judged_until(document)))
    about = [f"{count} check{'s' if count > 1 else ''}", f"{judged} ago"]
    if document["gate_environment"]:
        about.insert(0, printable(document["gate_environment"]))
    return inert(f"{verdict.label}: {printable(document['sentence'])} ({', '.join(about)})")


def _evaluated(document: Mapping[str, Any]) -> float:
    return datetime.fromisoformat(document["timestamp"]).timestamp()


def _judged_until(document: Mapping[str, Any]) -> float:
    """When the run would have ended if it had judged the time at which it was started."""
    return _evaluated(document) + float(document["duration"])


def _since(now: float, then: float) -> str:
    return spoken(max(now - then, 0.0))


def read(path: Path) -> dict[str, Any]:
    """Read a complete report: strict JSON that matches the schema.

    Raises:
        ConfigurationError: it is missing, incomplete or another document.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse_constant)
    except FileNotFoundError:
        raise ConfigurationError(
            f"{path}: there is no report; the gate did not finish, or wrote to another file"
        ) from None
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise ConfigurationError(
            f"{path}: is not valid JSON, or incomplete; run the gate again"
        ) from None
    _refuse_other_documents(path, document)
    whole: dict[str, Any] = document
    return whole


def _refuse_constant(name: str) -> NoReturn:
    # Python reads NaN and Infinity, but they are not JSON: other tools would reject the report
    raise ValueError(f"{name} is not JSON")


def schema() -> dict[str, Any]:
    """The published JSON Schema of the report."""
    from importlib.resources import files

    text = (files("pytest_deploygate") / "schemas" / "report.schema.json").read_text("utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


def _refuse_other_documents(path: Path, document: object) -> None:
    from jsonschema import Draft202012Validator, FormatChecker
    from jsonschema.exceptions import best_match

    # jsonschema checks date-time only if another package is installed
    formats = FormatChecker(formats=())
    formats.checks("date-time", raises=ValueError)(_is_time)
    validator = Draft202012Validator(schema(), format_checker=formats)
    error = best_match(validator.iter_errors(document))
    if error is not None:
        where = f"{error.json_path}: {printable(error.message, 200)}"
        raise ConfigurationError(inert(f"{path}: is not a complete report of the gate: {where}"))


def _is_time(text: object) -> bool:
    return not isinstance(text, str) or datetime.fromisoformat(text) is not None


def objections(document: Mapping[str, Any], expected: Expectation, now: float) -> Iterator[str]:
    """Every reason not to deploy, the verdict first."""
    yield from _of_the_verdict(document, expected)
    yield from _contradictions(document, expected)
    if document["source"]["kind"] == "recording":
        yield f"is a replay of {printable(document['source']['location'])}, not of production"
    if document["partial"]:
        yield f"is partial: {printable(document['partial_reason'])}"
    yield from _missing_checks(document, expected)
    environment = document["gate_environment"]
    if expected.environment and environment != expected.environment:
        yield f"is for environment {environment!r}, expected {expected.environment!r}"
    subject = document.get("subject")
    if expected.subject and subject != str(expected.subject):
        about = f"about {printable(subject)}" if subject else "about no artifact (--gate-subject)"
        yield f"is {about}, expected {expected.subject}"
    yield from _staleness(document, expected.max_age, now)


def _of_the_verdict(document: Mapping[str, Any], expected: Expectation) -> Iterator[str]:
    verdict = Verdict(document["overall_status"])
    conclusion = f"{verdict.label}: {printable(document['sentence'])}"
    if verdict is Verdict.NO_GO:
        yield conclusion
    elif verdict is Verdict.WARNING and not (expected.allow_warning or _only_partial(document)):
        option = "--allow-waived" if _only_waived(document) else "--allow-warning"
        if option != "--allow-waived" or not expected.allow_waived:
            yield f"{conclusion} ({option} accepts it)"


def _missing_checks(document: Mapping[str, Any], expected: Expectation) -> Iterator[str]:
    checks = [
        Measured(one["id"], _is_measured(one), printable(one["message"]))
        for one in document["checks"]
    ]
    for complaints in unmet(expected.require, checks):
        yield from complaints
    measured = sum(_is_measured(one) for one in document["checks"] if not _is_freeze(one))
    if measured < expected.min_checks:
        least = f"expected {expected.min_checks} (--min-checks)"
        yield f"measured {counted(measured, 'check')}, {least}"


def _is_freeze(check: Mapping[str, Any]) -> bool:
    return not check["nodeid"] and str(check["id"]).startswith("freeze[")


def _is_measured(check: Mapping[str, Any]) -> bool:
    waived = check.get("waived")
    reason = waived if waived and check["status"] == Status.WAIVED else check["reason"]
    in_part = reason == Reason.NO_DATA and check["value"] is not None
    whole = reason in (Reason.OK, Reason.BREACH, Reason.WAIVED) or waived == Reason.BREACH
    return whole or (in_part and not check["warnings"])


def _only_partial(document: Mapping[str, Any]) -> bool:
    """Whether the run is a WARNING because it is partial, which is an objection of its own."""
    statuses = {check["status"] for check in document["checks"]}
    return bool(document["partial"]) and statuses.isdisjoint((Status.WARNING, Status.WAIVED))


def _only_waived(document: Mapping[str, Any]) -> bool:
    """Whether waivers are all that keeps the run from GO."""
    statuses = {check["status"] for check in document["checks"]}
    unsteady = document.get("watch", {}).get("unsteady")
    has_others = document["partial"] or unsteady or Status.WARNING in statuses
    return Status.WAIVED in statuses and not has_others


def _contradictions(document: Mapping[str, Any], expected: Expectation) -> Iterator[str]:
    """The verdict and the counts, concluded again: an edited report must not deploy."""
    counts = Counter(Status(check["status"]) for check in document["checks"])
    verdict, claimed = _verdict_of(document, counts), Verdict(document["overall_status"])
    if verdict is not claimed:
        yield f"says {claimed.label}, but its checks and problems make {verdict.label}"
    for name, status in _COUNTED.items():
        if document["summary"][name] != counts[status]:
            yield f"counts {document['summary'][name]} {name}, but contains {counts[status]}"
    if expected.exit_code not in (None, document["exitcode"]):
        yield f"the gate ended in {expected.exit_code}, but its report says {document['exitcode']}"


def _verdict_of(document: Mapping[str, Any], counts: Mapping[Status, int]) -> Verdict:
    judged = counts[Status.GO] + counts[Status.WARNING] + counts[Status.WAIVED]
    if document["problems"] or counts[Status.NO_GO] or not judged:
        return Verdict.NO_GO
    warned = counts[Status.WARNING] or counts[Status.WAIVED] or document["partial"]
    return Verdict.WARNING if warned else Verdict.GO


def _staleness(document: Mapping[str, Any], max_age: float, now: float) -> Iterator[str]:
    """By the end of the run, and by the evaluation time, which was set before the run began."""
    evaluated = _evaluated(document)
    allowed = f"the maximum is {spoken(max_age)} (--max-age)"
    ages = (now - document["created"], now - _judged_until(document))
    if ages[0] > max_age:
        yield f"is stale: the run ended {_since(now, document['created'])} ago, {allowed}"
    elif ages[1] > max_age:
        yield f"is stale: it judges production {_since(now, evaluated)} ago, {allowed}"
    if min(ages[0], now - evaluated) < -_AHEAD:
        yield "is from the future: synchronise the clocks of both machines"
