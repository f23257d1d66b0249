"""The attestation of a verdict, held against in-toto's own library."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from pytest_deploygate.cli import main
from pytest_deploygate.core.errors import ConfigurationError
from pytest_deploygate.core.subject import Subject
from tests.conftest import END, Gate
from tests.plugin.test_reports import schema_errors
from tests.servers import Server

DIGEST = "4f5e" * 16
SHOP = f"ghcr.io/acme/shop:1.2@sha256:{DIGEST}"
CHECKS = """
    import pytest
    from pytest_deploygate import Criterion, gate_criteria, threshold

    CRITERIA = [
        Criterion(id="targets", query="count(up)", below=threshold("targets_max", 100)),
        Criterion(id="other", query="count(up) * 2", below=5, severity="warning"),
        Criterion(id="optional", query="nothing", below=5, optional=True),
    ]

    @gate_criteria(CRITERIA)
    def test_it(criterion, gate): gate.check(criterion)
"""
WAIVER = """
[[waivers]]
check = "targets"
by = "Dana"
reason = "known"
from = 2026-09-20T00:00:00Z
until = 2026-09-22T00:00:00Z
"""


@pytest.fixture
def attest(pytester: pytest.Pytester, run_gate: Gate, healthy: Server) -> Any:
    """Run a gate that attests: the statement, as in-toto's library reads it, and the report."""
    pytester.makepyfile(test_checks=CHECKS)

    def run(*options: str, configuration: str = "[thresholds]\n") -> dict[str, Any]:
        Path("deploygate.toml").write_text(configuration, "utf-8")
        where = (f"--prometheus-url={healthy.url}", f"--gate-at={END}", ".")
        files = ("--gate-json=gate.json", "--gate-attest=gate.intoto.json")
        run_gate(*where, *files, f"--gate-subject={SHOP}", *options)
        text = Path("gate.intoto.json").read_text("utf-8")
        return valid(text)

    return run


def valid(text: str) -> dict[str, Any]:
    """The statement, when in-toto's library has found nothing wrong with it."""
    from google.protobuf import json_format
    from in_toto_attestation.predicates.test_result.v0 import test_result_pb2
    from in_toto_attestation.v1 import statement_pb2
    from in_toto_attestation.v1.statement import Statement

    statement = Statement.copy_from_pb(json_format.Parse(text, statement_pb2.Statement()))
    statement.validate()
    document: dict[str, Any] = json.loads(text)
    predicate = json_format.ParseDict(document["predicate"], test_result_pb2.TestResult())
    assert predicate.result in ("PASSED", "WARNED", "FAILED")
    return document


def test_the_verdict_and_the_checks_are_attested(attest: Any, workers: tuple[str, ...]) -> None:
    statement = attest(*workers)
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://in-toto.io/attestation/test-result/v0.1"
    assert statement["subject"] == [{"name": "ghcr.io/acme/shop:1.2", "digest": {"sha256": DIGEST}}]
    predicate = statement["predicate"]
    assert (predicate["result"], predicate["passedTests"]) == ("WARNED", ["targets"])
    assert (predicate["warnedTests"], predicate["failedTests"]) == (["other"], [])
    assert [one["name"] for one in predicate["configuration"]] == ["deploygate.toml", "criteria"]
    assert "url" not in predicate


def test_a_waived_check_is_warned_and_a_breach_failed(attest: Any) -> None:
    failing = "--gate-set=targets_max=5"
    predicate = attest(failing)["predicate"]
    assert (predicate["result"], predicate["failedTests"]) == ("FAILED", ["targets"])
    predicate = attest(failing, configuration=WAIVER)["predicate"]
    assert (predicate["result"], predicate["warnedTests"]) == ("WARNED", ["targets", "other"])
    assert predicate["failedTests"] == []


def digests(statement: dict[str, Any]) -> dict[str, str]:
    return {one["name"]: one["digest"]["sha256"] for one in statement["predicate"]["configuration"]}


def test_the_digests_change_with_what_they_are_of(attest: Any) -> None:
    first, again = digests(attest()), digests(attest("-n", "2"))
    assert first == again
    limited = digests(attest("--gate-set=targets_max=50"))
    assert limited["criteria"] != first["criteria"]
    assert limited["deploygate.toml"] == first["deploygate.toml"]
    written = digests(attest(configuration="[thresholds]\n# another\n"))
    assert written["criteria"] == first["criteria"]
    assert written["deploygate.toml"] != first["deploygate.toml"]
    narrowed = digests(attest('--gate-select=job="app"'))
    assert narrowed["criteria"] != first["criteria"]


def test_the_pipeline_is_its_url(attest: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITLAB_CI", "true")
    monkeypatch.setenv("CI_PIPELINE_URL", "https://gitlab.example.com/p/1")
    assert attest()["predicate"]["url"] == "https://gitlab.example.com/p/1"


def test_verify_refuses_the_report_of_another_artifact(
    attest: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    attest()
    report = json.loads(Path("gate.json").read_text("utf-8"))
    assert (report["subject"], schema_errors(report)) == (SHOP, [])
    age = f"{round(time.time() - END + 9e6)}s"
    verify = ["verify", "gate.json", "--max-age", age, "--allow-warning", "--subject"]
    assert main([*verify, SHOP.replace("4f5e", "4F5E")]) == 0
    for other in (SHOP.replace("4f5e", "4f5f"), SHOP.replace("shop", "ship")):
        assert main([*verify, other]) == 2
        assert f"is about {SHOP}, expected {other}" in capsys.readouterr().err
    report["subject"] = None
    Path("gate.json").write_text(json.dumps(report), "utf-8")
    assert main([*verify, SHOP]) == 2
    assert "is about no artifact (--gate-subject)" in capsys.readouterr().err
    assert main([*verify, "shop"]) == 2
    assert "--subject: 'shop' is not an artifact" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            ("--gate-attest=a.json",),
            "--gate-attest: there is nothing to attest; add --gate-",
        ),
        (("--gate-subject=shop",), "--gate-subject: 'shop' is not an artifact; write NAME@sha256:"),
        (("--gate-subject=shop@sha256:12",), "--gate-subject: 'shop@sha256:12' is not an artifact"),
        (("--gate-subject=",), "--gate-subject: is empty"),
    ],
)
def test_an_artifact_is_named_whole(run_gate: Gate, options: tuple[str, ...], words: str) -> None:
    done = run_gate("--prometheus-url=http://127.0.0.1:9", "--pyargs", "gate_checks", *options)
    assert done.ret == 4
    done.stderr.fnmatch_lines([f"*{words.replace('[', '[[]')}*"])


@pytest.mark.parametrize("text", [SHOP, f" {SHOP} ", f"a@b@sha256:{DIGEST}"])
def test_an_artifact_is_read_as_it_is_written(text: str) -> None:
    assert str(Subject.parse(text)) == text.strip()
    for bad in (f"@sha256:{DIGEST}", f"x@sha512:{DIGEST}", f"x@{DIGEST}", f"x\n@sha256:{DIGEST}"):
        with pytest.raises(ConfigurationError):
            Subject.parse(bad)
