"""What a run can be told, and what it says to what it cannot use."""

from __future__ import annotations

import json

import pytest

from tests.conftest import END, Gate
from tests.servers import Server

DEMO = ("--pyargs", "gate_checks", "--gate-demo")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ("--gate-set", "fast_p95_mx=3"),
            "unknown threshold 'fast_p95_mx', did you mean 'fast_p95_max'?",
        ),
        (
            ("--gate-set", "fast_p95_max=fast"),
            "--gate-set: 'fast_p95_max=fast': 'fast' is not a finite number*0.5 %",
        ),
        (
            ("--gate-set", "fast_p95_max=nan"),
            "--gate-set: 'fast_p95_max=nan': 'nan' is not a finite number",
        ),
        (("--gate-set", "fast_p95_max"), "--gate-set: 'fast_p95_max': write it as KEY=VALUE"),
        (
            ("--prometheus-url", "prometheus:9090"),
            "'prometheus:9090': is not a valid URL*http://localhost:9090",
        ),
        (("--prometheus-url", "ftp://there"), "'ftp://there': is not a valid URL"),
        (("--prometheus-url", "http://"), "'http://': is not a valid URL"),
        (("--prometheus-url", "http://host:port"), "'http://host:port': is not a valid URL"),
        (("--gate-at", "yesterday"), "gate-at: 'yesterday' is not a time; write RFC 3339"),
        (("--gate-at", "2026-01-31T12:00:00"), "has no offset from UTC"),
        (("--gate-at", "inf"), "gate-at: 'inf' is not a time"),
        (("--gate-at", "1790000000000"), "gate-at: '1790000000000' is not a time"),
        (("--gate-env", ""), "--gate-env: is empty; give a value, or leave it out"),
        (("--gate-pushgateway", ""), "--gate-pushgateway: is empty"),
        (
            ("--gate-set", "api_error_rate_max=5"),
            "api_error_rate_max = 5 would be 500 %; ratios are shares of one",
        ),
        (("--gate-set", "cpu_usage_max=-0.1"), "cpu_usage_max = -0.1 would be -10 %"),
        (("--gate-replay", "nowhere.json"), "nowhere.json: No such file or directory"),
        (
            ("--gate-replay", "setup.cfg"),
            "setup.cfg: is not evidence; give a file that --gate-record wrote",
        ),
        (("--gate-config", "nowhere.toml"), "nowhere.toml: cannot be read: No such file"),
        (("--gate-env", "staging"), "there is no configuration with an [[]env.staging]"),
        (
            ("--gate-query-timeout", "soon"),
            "gate-query-timeout: duration 'soon': write it as '30s'",
        ),
        (("--gate-timeout", "0s"), "gate-timeout: duration '0s': must be above zero"),
        (
            ("--gate-concurrency", "many"),
            "gate-concurrency: 'many' is not a whole number above zero",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_line(
    pytester: pytest.Pytester, run_gate: Gate, arguments: tuple[str, ...], told: str
) -> None:
    pytester.path.joinpath("setup.cfg").write_text("[metadata]\n")
    result = run_gate("--pyargs", "gate_checks", *arguments)
    assert result.ret == 4
    result.stderr.fnmatch_lines([f"ERROR: deploygate: *{told}*"])
    assert "Traceback" not in result.stderr.str() + result.stdout.str()


def test_evidence_at_another_time_is_refused(run_gate: Gate) -> None:
    result = run_gate(*DEMO, "go", "--gate-at", "1790000000")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*evidence is judged at the time it was recorded*"])


def test_an_unknown_threshold_ends_a_distributed_run_in_2(run_gate: Gate) -> None:
    result = run_gate("-n", "2", *DEMO, "go", "--gate-set", "fast_p95_mx=3")
    assert result.ret == 2
    result.stdout.fnmatch_lines(["*unknown threshold 'fast_p95_mx', did you mean 'fast_p95_max'?*"])


CONFIGURATION = """
gate-demo = "go"
gate-json = "from-file.json"
[thresholds]
fast_p95_max = 1.0
[criteria.fast_p95_latency]
severity = "warning"
[env.strict.criteria.fast_p95_latency]
severity = "critical"
[env.lenient.thresholds]
fast_p95_max = 9.0
"""


@pytest.mark.parametrize("name", ["deploygate.toml", "pyproject.toml"])
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((), 1),
        (("--gate-env=strict",), 2),
        (("--gate-env=lenient",), 0),
        (("--gate-set=fast_p95_max=9",), 0),
        (("--gate-demo=no-go",), 2),
    ],
)
def test_the_command_line_wins_over_the_environment_over_the_file(
    pytester: pytest.Pytester,
    run_gate: Gate,
    workers: tuple[str, ...],
    name: str,
    arguments: tuple[str, ...],
    code: int,
) -> None:
    section = "[tool.deploygate]" if name == "pyproject.toml" else ""
    text = CONFIGURATION
    if section:
        text = section + text.replace("\n[", "\n[tool.deploygate.")
    pytester.path.joinpath(name).write_text(text)
    assert run_gate(*workers, "--pyargs", "gate_checks", *arguments).ret == code
    report = json.loads((pytester.path / "from-file.json").read_text())
    assert "fast_p95_max" in [change["name"] for change in report["configured"]]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("gate-jsn = 'x'", "unknown key 'gate-jsn', did you mean 'gate-json'?"),
        ("gate-advisory = 'yes'", "gate-advisory: 'yes' is not of type 'boolean'"),
        (
            "[thresholds]\nfast_p95_max = 'slow'",
            "thresholds.fast_p95_max: 'slow' is not of type 'number'",
        ),
        (
            "[thresholds]\nfast_p95_mx = 1",
            "unknown threshold 'fast_p95_mx', did you mean 'fast_p95_max'?",
        ),
        (
            "[criteria.fast_p95_latncy]\noptional = true",
            "unknown criterion 'fast_p95_latncy', did you mean 'fast_p95_latency'?",
        ),
        (
            "[criteria.cpu_usage]\nseverity = 'fatal'",
            "criteria.cpu_usage.severity: 'fatal' is not allowed, write one of critical, warning",
        ),
        (
            "[env.staging.criteria.cpu_usage]\nno_dat = 'go'",
            "unknown key 'env.staging.criteria.cpu_usage.no_dat', did you mean 'no_data'?",
        ),
        ("[thresholds", "is not valid TOML: Expected ']'"),
    ],
)
def test_a_file_that_is_wrong_says_where(
    pytester: pytest.Pytester, run_gate: Gate, text: str, told: str
) -> None:
    pytester.path.joinpath("deploygate.toml").write_text(text)
    result = run_gate(*DEMO, "go")
    assert result.ret == 4
    result.stderr.fnmatch_lines([f"ERROR: deploygate: *deploygate.toml*{told}*"])


def test_the_server_comes_from_the_command_line_else_the_environment(
    run_gate: Gate, healthy: Server, monkeypatch: pytest.MonkeyPatch, workers: tuple[str, ...]
) -> None:
    monkeypatch.setenv("PROMETHEUS_URL", healthy.url)
    arguments = (*workers, "--pyargs", "gate_checks", f"--gate-at={END}")
    assert run_gate(*arguments).ret == 0
    nowhere = ("--prometheus-url", "http://127.0.0.1:9", "--gate-query-timeout=1s")
    assert run_gate(*arguments, *nowhere).ret == 2


def test_every_check_is_evaluated_at_one_time(
    pytester: pytest.Pytester, run_gate: Gate, healthy: Server, workers: tuple[str, ...]
) -> None:
    pytester.makepyfile("""
        import pytest
        @pytest.mark.critical
        @pytest.mark.parametrize("number", range(6))
        def test_time(gate, number): gate.check("vector(time())", above=0)
    """)
    run_gate(*workers, f"--prometheus-url={healthy.url}", "--gate-json=gate.json")
    checks = json.loads((pytester.path / "gate.json").read_text())["checks"]
    assert len(checks) == 6
    assert len({check["value"] for check in checks}) == 1


ONE_OF_EACH = """
    import pytest
    from pytest_deploygate import Criterion, gate_criteria, threshold
    @gate_criteria(Criterion(id="declared", query="up", above=threshold("declared_min", 0)))
    def test_declared(criterion, gate): gate.check(criterion)
    @pytest.mark.critical
    def test_ad_hoc(gate): gate.check("up", at_most=threshold("ad_hoc_max", 10))
"""


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("--gate-set", "ad_hoc_max=0.5"), 2, "  • Ad hoc*"),
        (("--gate-set", "ad_hoc_mx=0.5"), 2, "*unknown threshold 'ad_hoc_mx'*"),
        (("-k", "declared", "--gate-set", "declared_mn=2"), 4, "*unknown threshold 'declared_mn'*"),
    ],
)
def test_thresholds_of_checks_that_are_no_data(
    pytester: pytest.Pytester,
    run_gate: Gate,
    healthy: Server,
    workers: tuple[str, ...],
    arguments: tuple[str, ...],
    code: int,
    told: str,
) -> None:
    pytester.makepyfile(ONE_OF_EACH)
    where = (f"--prometheus-url={healthy.url}", f"--gate-at={END}")
    result = run_gate(*workers, *where, *arguments)
    assert result.ret == (2 if workers else code)
    result.stdout.fnmatch_lines([told])


def test_a_configuration_for_more_than_was_named_is_no_mistake(
    pytester: pytest.Pytester, run_gate: Gate, workers: tuple[str, ...]
) -> None:
    pytester.makefile(".toml", deploygate="[thresholds]\napi_error_rate_max = 0.01\n")
    arguments = (*workers, "--gate-demo=go", "--pyargs")
    assert run_gate(*arguments, "gate_checks.test_latency").ret == 0
    pytester.makefile(".toml", deploygate="[thresholds]\napi_error_rate_mx = 0.01\n")
    assert run_gate(*arguments, "gate_checks").ret == (2 if workers else 4)


def test_a_refusal_stands_in_the_report_with_its_exit_code(
    pytester: pytest.Pytester, run_gate: Gate
) -> None:
    arguments = (*DEMO, "go", "--gate-json=gate.json", "--gate-set", "fast_p95_mx=3")
    result = run_gate(*arguments)
    assert result.ret == 4
    result.stdout.fnmatch_lines(["*NO-GO (exit code 4): *unknown threshold 'fast_p95_mx'*"])
    written = json.loads(pytester.path.joinpath("gate.json").read_text())
    assert (written["exitcode"], written["overall_status"], written["checks"]) == (4, "NO_GO", [])
    assert len(written["problems"]) == 1


@pytest.mark.parametrize(
    ("policy", "status"), [("no-go", "NO_GO"), ("warning", "WARNING"), ("skip", "SKIPPED")]
)
def test_a_policy_for_missing_data_counts_for_an_optional_check_too(
    pytester: pytest.Pytester,
    run_gate: Gate,
    healthy: Server,
    workers: tuple[str, ...],
    policy: str,
    status: str,
) -> None:
    pytester.makepyfile("""
        from pytest_deploygate import Criterion, gate_criteria
        @gate_criteria([
            Criterion(id="spare", query="nothing", below=1, optional=True),
            Criterion(id="there", query="vector(0)", below=1),
        ])
        def test_it(criterion, gate): gate.check(criterion)
    """)
    pytester.makefile(".toml", deploygate=f"[criteria.spare]\nno_data = '{policy}'\n")
    where = (f"--prometheus-url={healthy.url}", f"--gate-at={END}", "--gate-json=gate.json")
    run_gate(*workers, *where)
    written = json.loads(pytester.path.joinpath("gate.json").read_text())
    assert written["checks"][0]["status"] == status


@pytest.mark.parametrize("value", ["nan", "inf", "1" + "0" * 400])
def test_a_threshold_that_is_no_number_is_refused(
    pytester: pytest.Pytester, run_gate: Gate, value: str
) -> None:
    pytester.makefile(".toml", deploygate=f"[thresholds]\nfast_p95_max = {value}\n")
    result = run_gate(*DEMO, "go")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*thresholds.fast_p95_max: * is not a finite number*"])


def test_a_severity_of_the_configuration_wins_over_a_modules_mark(
    pytester: pytest.Pytester, run_gate: Gate, healthy: Server, workers: tuple[str, ...]
) -> None:
    pytester.makepyfile(
        "import pytest\npytestmark = pytest.mark.critical"
        + ONE_OF_EACH.replace("\n    ", "\n").replace("above=", "below=")
    )
    pytester.makefile(".toml", deploygate="[criteria.declared]\nseverity = 'warning'\n")
    where = (f"--prometheus-url={healthy.url}", f"--gate-at={END}")
    assert run_gate(*workers, *where).ret == 1


def test_what_was_changed_of_an_ad_hoc_check_is_told(
    pytester: pytest.Pytester, run_gate: Gate, healthy: Server, workers: tuple[str, ...]
) -> None:
    pytester.makepyfile(ONE_OF_EACH)
    where = (f"--prometheus-url={healthy.url}", f"--gate-at={END}", "--gate-json=gate.json")
    assert run_gate(*workers, *where, "--gate-set", "ad_hoc_max=5").ret == 0
    written = json.loads(pytester.path.joinpath("gate.json").read_text())
    assert [change["name"] for change in written["configured"]] == ["ad_hoc_max"]


@pytest.mark.parametrize(
    ("module", "told"),
    [
        ("import does_not_exist", "*test_it.py: could not be collected: *does_not_exist*"),
        ("", "*nothing was collected*"),
    ],
)
def test_what_was_set_is_not_blamed_where_its_checks_are_missing(
    pytester: pytest.Pytester, run_gate: Gate, workers: tuple[str, ...], module: str, told: str
) -> None:
    pytester.makepyfile(test_it=module)
    pytester.makefile(".toml", deploygate="[thresholds]\nmine_max = 1.0\n")
    result = run_gate(*workers, "--gate-demo=go")
    assert result.ret == 2
    result.stdout.fnmatch_lines([told])
    result.stdout.no_fnmatch_line("*unknown threshold*")
