"""An in-toto attestation of the verdict, unsigned.

Sources: https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md and
https://github.com/in-toto/attestation/blob/main/spec/predicates/test-result.md
"""

from __future__ import annotations

import json
from pathlib import PurePath
from typing import Any

from pytest_deploygate.core.report import GateReport
from pytest_deploygate.core.result import Status
from pytest_deploygate.core.verdict import Verdict

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://in-toto.io/attestation/test-result/v0.1"

_RESULTS = {Verdict.GO: "PASSED", Verdict.WARNING: "WARNED", Verdict.NO_GO: "FAILED"}


def render(report: GateReport) -> str:
    """The statement as JSON. A run that was refused before its artifact was known has none."""
    return json.dumps(statement(report), indent=1) + "\n" if report.attested else ""


def statement(report: GateReport) -> dict[str, Any]:
    """The artifact and the predicate; a skipped check says nothing, and is in no list."""
    assert report.attested is not None
    subject = report.attested.subject
    return {
        "_type": STATEMENT,
        "subject": [{"name": subject.name, "digest": {"sha256": subject.sha256}}],
        "predicateType": PREDICATE,
        "predicate": {
            "result": _RESULTS[report.verdict],
            "configuration": _configuration(report),
            **({"url": report.context.pipeline} if report.context.pipeline else {}),
            "passedTests": _ids(report, Status.GO),
            "warnedTests": _ids(report, Status.WARNING, Status.WAIVED),
            "failedTests": _ids(report, Status.NO_GO),
        },
    }


def _ids(report: GateReport, *statuses: Status) -> list[str]:
    return [result.id for result in report.with_status(*statuses)]


def _configuration(report: GateReport) -> list[dict[str, Any]]:
    assert report.attested is not None
    name = PurePath(report.configuration).name
    digests = {name: report.attested.configuration, "criteria": report.attested.criteria}
    return [{"name": name, "digest": {"sha256": one}} for name, one in digests.items() if one]
