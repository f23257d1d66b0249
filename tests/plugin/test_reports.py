"""The files that a run writes, read as their readers read them."""

from __future__ import annotations

import json
import shutil
import subprocess
from importlib import resources
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from jsonschema import Draft202012Validator

from tests.conftest import Gate
from tests.servers import MissingServer

DEMO = ("--pyargs", "gate_checks", "--gate-demo")
IDS = [
    "api_error_rate",
    "fast_cache_hit_rate",
    "balanced_cache_hit_rate",
    "fast_p95_latency",
    "balanced_p95_latency",
    "creative_p95_latency",
    "creative_p95_sustained",
    "vram_headroom",
    "cpu_usage",
    "memory_usage",
    "rl_reward_trend",
    "rl_loss_runaway",
    "schema_failure_rate",
    "targets_up",
]
AS_GITLAB = """
require 'active_support'
require 'active_support/core_ext/hash/conversions'
require 'json'
ActiveSupport::XmlMini.backend = 'Nokogiri'
puts JSON.generate(Hash.from_xml(File.read(ARGV[0])))
"""


def schema_errors(document: dict[str, Any]) -> list[str]:
    text = resources.files("pytest_deploygate").joinpath("schemas/report.schema.json").read_text()
    validator = Draft202012Validator(json.loads(text))
    return [error.message for error in validator.iter_errors(document)]


@pytest.mark.parametrize(("demo", "code"), [("go", 0), ("warning", 1), ("no-go", 2)])
def test_the_json_report_tells_the_verdict_and_every_check(
    pytester: pytest.Pytester, run_gate: Gate, workers: tuple[str, ...], demo: str, code: int
) -> None:
    assert run_gate(*workers, *DEMO, demo, "--gate-json", "new/dir/report.json").ret == code
    report = json.loads(Path(pytester.path, "new/dir/report.json").read_text())
    assert schema_errors(report) == []
    assert report["overall_status"] == demo.upper().replace("-", "_")
    assert report["exitcode"] == code
    assert report["partial"] is False
    assert [check["id"] for check in report["checks"]] == IDS
    counted = [check["status"] for check in report["checks"]]
    summary = report["summary"]
    assert (summary["go"], summary["warning"], summary["no_go"]) == tuple(
        counted.count(status) for status in ("GO", "WARNING", "NO_GO")
    )
    assert summary["total"] == summary["collected"] == 14
    assert len(report["tests"]) == 14


def test_plain_and_distributed_runs_write_the_same_reports(
    pytester: pytest.Pytester, run_gate: Gate
) -> None:
    for name, workers in {"plain": (), "xdist": ("-n", "2")}.items():
        reports = (f"--gate-json={name}.json", f"--gate-junit={name}.xml")
        assert run_gate(*workers, *DEMO, "no-go", *reports).ret == 2
    plain, xdist = (
        json.loads(Path(pytester.path, f"{n}.json").read_text()) for n in ("plain", "xdist")
    )
    for key in ("overall_status", "checks", "timestamp", "problems", "sentence", "source"):
        assert plain[key] == xdist[key], key
    cases = [
        [
            (c.get("classname"), c.get("name"), [(e.tag, e.text) for e in c])
            for c in tree.iter("testcase")
        ]
        for tree in (ElementTree.parse(pytester.path / f"{n}.xml") for n in ("plain", "xdist"))
    ]
    assert cases[0] == cases[1]


def as_gitlab(path: Path) -> dict[str, Any]:
    """What GitLab's parser makes of a report: the same conversion by the same libraries."""
    if shutil.which("ruby") is None:
        raise MissingServer("ruby", "ruby, ruby-activesupport and ruby-nokogiri")
    printed = subprocess.run(
        ["ruby", "-e", AS_GITLAB, str(path)], capture_output=True, text=True, check=True
    )
    document: dict[str, Any] = json.loads(printed.stdout)
    return document


@pytest.fixture
def gitlab() -> Any:
    if shutil.which("ruby") is None:
        raise MissingServer("ruby", "ruby, ruby-activesupport and ruby-nokogiri")
    return as_gitlab


def test_gitlab_shows_for_every_failure_the_whole_message(
    pytester: pytest.Pytester, run_gate: Gate, workers: tuple[str, ...], gitlab: Any
) -> None:
    run_gate(*workers, *DEMO, "no-go", "--gate-junit", "gate.xml", "--gate-json", "gate.json")
    checks = json.loads((pytester.path / "gate.json").read_text())["checks"]
    cases = gitlab(pytester.path / "gate.xml")["testsuites"]["testsuite"]["testcase"]
    assert len(cases) == len({case["name"] for case in cases}) == 14
    assert {case["classname"] for case in cases} == {"gate.critical", "gate.warning"}
    for case, check in zip(cases, checks, strict=True):
        assert case["name"].startswith(check["name"])
        if check["status"] == "GO":
            assert check["message"] in case["name"]
            assert "failure" not in case
            assert "error" not in case
        else:
            assert case["failure"].startswith(check["message"])


def test_junit_tells_a_breach_from_an_error_and_from_missing_data(
    pytester: pytest.Pytester, run_gate: Gate, workers: tuple[str, ...]
) -> None:
    pytester.makepyfile("""
        import pytest
        @pytest.mark.critical
        def test_breach(gate): gate.check("vector(2)", below=1)
        @pytest.mark.warning
        def test_raised(gate): raise RuntimeError("typo")
        @pytest.mark.critical
        def test_skipped(): pytest.skip("not today")
        @pytest.mark.critical
        def test_same(): assert False
        class TestOther:
            @pytest.mark.critical
            def test_same(self): assert False
    """)
    pytester.path.joinpath("evidence.json").write_text(
        json.dumps(
            {
                "format": "deploygate-evidence",
                "version": 1,
                "evaluation_time": 1e9,
                "answers": [
                    {
                        "query": "vector(2)",
                        "time": 1e9,
                        "series": [{"labels": {}, "points": [[1e9, "2"]]}],
                        "warnings": [],
                    }
                ],
            }
        )
    )
    run_gate(*workers, "--gate-replay=evidence.json", "--gate-junit=gate.xml")
    cases = list(ElementTree.parse(pytester.path / "gate.xml").iter("testcase"))
    found = {case.get("name", "").partition(":")[0]: [e.tag for e in case] for case in cases}
    assert found == {
        "Breach": ["failure"],
        "Raised": ["error"],
        "Skipped": ["skipped"],
        "Same": ["failure"],
        "Same [same-2]": ["failure"],
    }


def test_pytests_own_reports_stand_beside_the_gates(
    pytester: pytest.Pytester, run_gate: Gate, workers: tuple[str, ...]
) -> None:
    reports = ("--junitxml=own.xml", "--gate-junit=gate.xml", "--gate-json=gate.json")
    own = ("--json-report", "--json-report-file=own.json")
    assert run_gate(*workers, *DEMO, "warning", *reports, *own).ret == 1
    assert len(list(ElementTree.parse(pytester.path / "own.xml").iter("testcase"))) == 14
    ours, theirs = (json.loads((pytester.path / f"{n}.json").read_text()) for n in ("gate", "own"))
    assert ours["overall_status"] == theirs["overall_status"] == "WARNING"


@pytest.mark.parametrize("option", ["json", "junit", "record"])
@pytest.mark.parametrize("target", ["a/directory", "file/in-a-file.json"])
def test_a_report_that_cannot_be_written_is_found_before_the_run(
    pytester: pytest.Pytester, run_gate: Gate, option: str, target: str
) -> None:
    pytester.mkdir("a").joinpath("directory").mkdir()
    pytester.path.joinpath("file").write_text("in the way")
    result = run_gate(*DEMO, "go", f"--gate-{option}={target}")
    assert result.ret == 4
    result.stderr.fnmatch_lines([f"*--gate-{option} *{target}: cannot be written (*)*"])
    assert "Traceback" not in result.stderr.str()


def test_a_report_that_fails_at_the_end_makes_every_other_report_no_go(
    pytester: pytest.Pytester, run_gate: Gate, workers: tuple[str, ...]
) -> None:
    pytester.makepyfile("""
        import pathlib, shutil, pytest
        @pytest.mark.critical
        def test_gone():
            shutil.rmtree("reports")
            pathlib.Path("reports").write_text("in the way")
    """)
    result = run_gate(*workers, "--gate-junit=reports/gate.xml", "--gate-json=gate.json")
    assert result.ret == 2
    report = json.loads((pytester.path / "gate.json").read_text())
    assert report["overall_status"] == "NO_GO"
    assert report["exitcode"] == 2
    assert "could not be written" in report["problems"][0]
    result.stdout.fnmatch_lines(["*--gate-junit *could not be written*", "*NO-GO (exit code 2)*"])


def test_a_device_is_written_to_and_not_replaced(run_gate: Gate) -> None:
    result = run_gate(*DEMO, "go", "--gate-json=/dev/stdout")
    assert result.ret == 0
    assert '"overall_status": "GO"' in result.stdout.str()
    assert "Overall Status" in result.stdout.str()


def test_no_report_of_an_earlier_run_outlives_one_that_dies(
    pytester: pytest.Pytester, run_gate: Gate
) -> None:
    pytester.makepyfile("import pytest\n@pytest.mark.critical\ndef test_it(): pass")
    assert run_gate("--gate-json=gate.json", "--gate-junit=gate.xml").ret == 0
    pytester.makepyfile("def test_it(): import os; os._exit(0)")
    run_gate("--gate-json=gate.json", "--gate-junit=gate.xml")
    assert not list(pytester.path.glob("gate.*"))


def test_two_reports_in_one_file_are_refused(pytester: pytest.Pytester, run_gate: Gate) -> None:
    pytester.makepyfile("import pytest\n@pytest.mark.critical\ndef test_it(): pass")
    result = run_gate("--gate-json=gate.json", "--gate-html=./gate.json")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*is the file of --gate-json; give another*"])
    assert run_gate("--gate-json=/dev/null", "--gate-html=/dev/null").ret == 0


@pytest.mark.parametrize("password", ["0000", "none", "2026", "name"])
def test_a_password_that_is_an_ordinary_word_breaks_no_report(
    pytester: pytest.Pytester, run_gate: Gate, workers: tuple[str, ...], password: str
) -> None:
    pytester.makepyfile("""
        def test_it():
            print("a\\none b\\tname 0000")
            assert False, "2026 none"
    """)
    url = f"http://user:{password}@127.0.0.1:1"
    result = run_gate(*workers, "--gate-json=gate.json", f"--prometheus-url={url}")
    assert result.ret == 2
    assert schema_errors(json.loads(pytester.path.joinpath("gate.json").read_text())) == []


def test_a_token_in_the_id_of_a_check_is_hidden_whoever_is_asked(
    pytester: pytest.Pytester,
    run_gate: Gate,
    monkeypatch: pytest.MonkeyPatch,
    workers: tuple[str, ...],
) -> None:
    monkeypatch.setenv("PROMETHEUS_TOKEN", "s3cr3tT0KEN")
    pytester.makepyfile("""
        import os, pytest
        @pytest.mark.parametrize("token", [os.environ["PROMETHEUS_TOKEN"]])
        @pytest.mark.critical
        def test_it(token): assert not token
    """)
    files = [f"--gate-{kind}=gate.{kind}" for kind in ("json", "junit", "html", "metrics")]
    assert run_gate(*workers, "--gate-demo=go", ".", *files).ret == 2
    written = [file.read_text() for file in pytester.path.glob("gate.*")]
    assert len(written) == len(files)
    assert not [text for text in written if "s3cr3tT0KEN" in text]


def test_no_two_cases_of_gitlabs_report_have_one_name(
    pytester: pytest.Pytester, run_gate: Gate, workers: tuple[str, ...]
) -> None:
    body = "import pytest\n@pytest.mark.critical\ndef test_{0}():\n    {1!r}\n    assert 0"
    pytester.makepyfile(
        test_a=body.format("a", "Same"),
        test_b=body.format("b", "Same"),
        test_c=body.format("c", "Same [b]"),
    )
    assert run_gate(*workers, "--gate-junit=gate.xml").ret == 2
    names = [case.get("name") for case in ElementTree.parse("gate.xml").iter("testcase")]
    assert len(names) == len(set(names)) == 3
