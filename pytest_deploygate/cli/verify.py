"""``deploygate verify REPORT``: may this verdict deploy now?

A deploy job asks this instead of trusting an exit code: 1 is also what pip, a shell and a pytest
without the plugin return, and a file in the workspace may be left over from yesterday.
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
from pytest_deploygate.core.result import Status
from pytest_deploygate.core.text import inert, printable
from pytest_deploygate.core.verdict import Verdict

HELP = "say whether a JSON report is a whole, fresh verdict that may deploy: exit 0, else 2"
MAX_AGE = "15m"
_AHEAD = 60.0  # seconds that the clocks of two machines may differ
_COUNTED = {
    "go": Status.GO,
    "warning": Status.WARNING,
    "no_go": Status.NO_GO,
    "skipped_checks": Status.SKIPPED,
    "waived": Status.WAIVED,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Expectation:
    """What a report must be to deploy: ``max_age`` in seconds, the rest as the options say."""

    max_age: float
    environment: str = ""
    allow_warning: bool = False
    exit_code: int | None = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``deploygate verify``."""
    parser.add_argument("report", metavar="REPORT", type=Path, help="what --gate-json wrote")
    parser.add_argument(
        "--max-age",
        metavar="TIME",
        default=MAX_AGE,
        help=f"the oldest verdict that still counts (default {MAX_AGE})",
    )
    parser.add_argument("--env", metavar="NAME", default="", help="the --gate-env it must be for")
    parser.add_argument("--allow-warning", action="store_true", help="WARNING may deploy too")
    parser.add_argument(
        "--exit-code",
        metavar="CODE",
        type=int,
        help="what the gate's process ended with; it must be what the report says",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print one line and return 0, or raise.

    Raises:
        ConfigurationError: the report does not allow to deploy; the message says why.
    """
    expected = Expectation(
        max_age=seconds(arguments.max_age),
        environment=arguments.env,
        allow_warning=arguments.allow_warning,
        exit_code=arguments.exit_code,
    )
    print(verified(arguments.report, expected, now=time.time()))
    return 0


def verified(path: Path, expected: Expectation, *, now: float) -> str:
    """One line about a report that may deploy at ``now`` (Unix seconds).

    Raises:
        ConfigurationError: it may not, and why.
    """
    document = read(path)
    reasons = list(objections(document, expected, now))
    if reasons:
        raise ConfigurationError(inert(f"{path}: {'; '.join(reasons)}"))
    verdict = Verdict(document["overall_status"])
    count = len(document["checks"])
    about = [f"{count} check{'s' if count > 1 else ''}", f"{_since(now, document['created'])} ago"]
    if document["gate_environment"]:
        about.insert(0, printable(document["gate_environment"]))
    return inert(f"{verdict.label}: {printable(document['sentence'])} ({', '.join(about)})")


def _since(now: float, then: float) -> str:
    return spoken(max(now - then, 0.0))


def read(path: Path) -> dict[str, Any]:
    """A report that is whole: strict JSON that the schema describes.

    Raises:
        ConfigurationError: it is missing, cut off or no such report.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse_constant)
    except FileNotFoundError:
        raise ConfigurationError(
            f"{path}: there is no report; the gate did not come to its end, or --gate-json "
            "named another file"
        ) from None
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise ConfigurationError(
            f"{path}: is no JSON, or not all of it; run the gate again"
        ) from None
    _refuse_other_documents(path, document)
    whole: dict[str, Any] = document
    return whole


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def schema() -> dict[str, Any]:
    """The published JSON Schema of the report."""
    from importlib.resources import files

    text = (files("pytest_deploygate") / "schemas" / "report.schema.json").read_text("utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


def _refuse_other_documents(path: Path, document: object) -> None:
    from jsonschema import Draft202012Validator, FormatChecker
    from jsonschema.exceptions import best_match

    formats = FormatChecker(formats=())
    formats.checks("date-time", raises=ValueError)(_is_time)
    validator = Draft202012Validator(schema(), format_checker=formats)
    error = best_match(validator.iter_errors(document))
    if error is not None:
        told = printable(error.message, 200)
        raise ConfigurationError(
            inert(f"{path}: is no whole report of the gate: {error.json_path}: {told}")
        )


def _is_time(text: object) -> bool:
    return not isinstance(text, str) or datetime.fromisoformat(text) is not None


def objections(document: Mapping[str, Any], expected: Expectation, now: float) -> Iterator[str]:
    """Everything that speaks against deploying on a report, the verdict first."""
    yield from _of_the_verdict(document, expected)
    yield from _contradictions(document, expected)
    if document["source"]["kind"] == "recording":
        yield f"is a replay of {printable(document['source']['location'])}, not of production"
    if document["partial"]:
        yield f"is partial: {printable(document['partial_reason'])}"
    environment = document["gate_environment"]
    if expected.environment and environment != expected.environment:
        yield f"is for environment {environment!r}, expected {expected.environment!r}"
    yield from _staleness(document, expected.max_age, now)


def _of_the_verdict(document: Mapping[str, Any], expected: Expectation) -> Iterator[str]:
    verdict = Verdict(document["overall_status"])
    told = f"{verdict.label}: {printable(document['sentence'])}"
    if verdict is Verdict.NO_GO:
        yield told
    elif verdict is Verdict.WARNING and not expected.allow_warning:
        yield f"{told} (--allow-warning lets it deploy)"


def _contradictions(document: Mapping[str, Any], expected: Expectation) -> Iterator[str]:
    """The verdict once more from the checks, and the counts: no report is half right."""
    counts = Counter(Status(check["status"]) for check in document["checks"])
    verdict, claimed = _verdict_of(document, counts), Verdict(document["overall_status"])
    if verdict is not claimed:
        yield f"says {claimed.label}, but its checks and problems say {verdict.label}"
    for name, status in _COUNTED.items():
        if document["summary"][name] != counts[status]:
            yield f"counts {document['summary'][name]} {name}, but holds {counts[status]}"
    if expected.exit_code not in (None, document["exitcode"]):
        yield f"the gate ended in {expected.exit_code}, its report says {document['exitcode']}"


def _verdict_of(document: Mapping[str, Any], counts: Mapping[Status, int]) -> Verdict:
    judged = counts[Status.GO] + counts[Status.WARNING] + counts[Status.WAIVED]
    if document["problems"] or counts[Status.NO_GO] or not judged:
        return Verdict.NO_GO
    return Verdict.WARNING if counts[Status.WARNING] else Verdict.GO


def _staleness(document: Mapping[str, Any], max_age: float, now: float) -> Iterator[str]:
    """By the end of the run, and by the time that was judged: it was fixed before the run began."""
    evaluated = datetime.fromisoformat(document["timestamp"]).timestamp()
    told = f"allowed is {spoken(max_age)} (--max-age)"
    ages = (now - document["created"], now - evaluated - document["duration"])
    if ages[0] > max_age:
        yield f"is stale: the run ended {_since(now, document['created'])} ago, {told}"
    elif ages[1] > max_age:
        yield f"is stale: it judges production {_since(now, evaluated)} ago, {told}"
    if min(ages[0], now - evaluated) < -_AHEAD:
        yield "is from the future: set the clocks of both machines"
