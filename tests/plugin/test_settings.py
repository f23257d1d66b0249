"""Settings in a whole run: the exit code, and the line for what cannot be used."""

from __future__ import annotations

import json
from importlib import resources

import pytest

from tests.conftest import END, Gate
from tests.servers import Server

DEMO = ("--pyargs", "gate_checks", "--gate-demo")
EVIDENCE = resources.files("pytest_deploygate.sources") / "demo" / "go.json"
"""The same as a file: a demonstration ignores the settings of other checks, a replay does not."""


# What each value may be, and every message, is in tests/unit/test_settings.py. Here is one value
# for each way that it takes to the end of the run.
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--gate-timeout", "0s"), "--gate-timeout: duration '0s' must be above zero, *"),
        (("-n", "2", "--gate-at", "yesterday"), "--gate-at: 'yesterday' is not a time; *"),
        (("--gate-env", "staging"), "--gate-env 'staging': there is no configuration with *"),
        (("--prometheus-url", "ftp://there"), "--prometheus-url 'ftp://there': is not a valid *"),
        (("--gate-replay", "nowhere.json"), "*nowhere.json: No such file or directory*"),
        (
            ("--gate-set", "fast_p95_mx=3"),
            "command line: unknown threshold 'fast_p95_mx', did you mean 'fast_p95_max'?",
        ),
        (
            ("--gate-set", "api_error_rate_max=5"),
            "command line: api_error_rate_max = 5 would be 500 %; *",
        ),
    ],
)
def test_what_cannot_be_used_on_the_command_line_is_refused_in_one_line(
    run_gate: Gate, arguments: tuple[str, ...], message: str
) -> None:
    assert_refused(run_gate("--pyargs", "gate_checks", *arguments), message)


def test_what_cannot_be_used_in_the_environment_is_refused_in_one_line(
    run_gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMETHEUS_URL", "there")
    assert_refused(run_gate("--pyargs", "gate_checks"), "$PROMETHEUS_URL 'there': is not a *")


def assert_refused(result: pytest.RunResult, message: str) -> None:
    assert result.ret == 4
    lines = [line for line in result.stderr.lines if line.startswith("ERROR: deploygate: ")]
    assert len(lines) == 1
    result.stderr.fnmatch_lines([f"ERROR: deploygate: {message}"])
    assert "Traceback" not in result.stderr.str() + result.stdout.str()


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


@pytest.mark.parametrize(
    ("name", "arguments", "code"),
    [
        ("deploygate.toml", (), 1),
        ("deploygate.toml", ("--gate-env=strict",), 2),
        ("pyproject.toml", ("--gate-env=strict",), 2),
        ("deploygate.toml", ("--gate-env=lenient",), 0),
        ("deploygate.toml", ("--gate-set=fast_p95_max=9",), 0),
        ("deploygate.toml", ("--gate-demo=no-go",), 2),
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
    ("text", "message"),
    [
        ("gate-jsn = 'x'", "*/deploygate.toml: unknown key 'gate-jsn', did you mean 'gate-json'?"),
        ("gate-timeout = 'soon'", "deploygate.toml: gate-timeout: 'soon' is not a duration; *"),
        (
            "[thresholds]\nfast_p95_mx = 1",
            "deploygate.toml: unknown threshold 'fast_p95_mx', did you mean 'fast_p95_max'?",
        ),
        (
            "[criteria.fast_p95_latncy]\noptional = true",
            "deploygate.toml: unknown criterion 'fast_p95_latncy', "
            "did you mean 'fast_p95_latency'?",
        ),
    ],
)
def test_what_cannot_be_used_in_the_file_is_refused_in_one_line(
    pytester: pytest.Pytester, run_gate: Gate, text: str, message: str
) -> None:
    pytester.path.joinpath("deploygate.toml").write_text(text)
    assert_refused(run_gate("--pyargs", "gate_checks", f"--gate-replay={EVIDENCE}"), message)


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
    ("arguments", "code", "line"),
    [
        (("--gate-set", "ad_hoc_max=0.5"), 2, "  • Ad hoc*"),
        (("--gate-set", "ad_hoc_mx=0.5"), 2, "*unknown threshold 'ad_hoc_mx'*"),
        (("-k", "declared", "--gate-set", "declared_mn=2"), 4, "*unknown threshold 'declared_mn'*"),
    ],
)
def test_thresholds_of_checks_inside_tests(
    pytester: pytest.Pytester,
    run_gate: Gate,
    healthy: Server,
    workers: tuple[str, ...],
    arguments: tuple[str, ...],
    code: int,
    line: str,
) -> None:
    pytester.makepyfile(ONE_OF_EACH)
    where = (f"--prometheus-url={healthy.url}", f"--gate-at={END}")
    result = run_gate(*workers, *where, *arguments)
    assert result.ret == (2 if workers else code)
    result.stdout.fnmatch_lines([line])


def test_a_configuration_for_more_checks_than_were_named_is_accepted(
    pytester: pytest.Pytester, run_gate: Gate, workers: tuple[str, ...]
) -> None:
    pytester.makefile(".toml", deploygate="[thresholds]\napi_error_rate_max = 0.01\n")
    arguments = (*workers, f"--gate-replay={EVIDENCE}", "--pyargs")
    assert run_gate(*arguments, "gate_checks.test_latency").ret == 0
    pytester.makefile(".toml", deploygate="[thresholds]\napi_error_rate_mx = 0.01\n")
    assert run_gate(*arguments, "gate_checks").ret == (2 if workers else 4)


def test_a_refusal_is_in_the_report_with_its_exit_code(
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


def test_what_was_changed_of_an_ad_hoc_check_is_reported(
    pytester: pytest.Pytester, run_gate: Gate, healthy: Server, workers: tuple[str, ...]
) -> None:
    pytester.makepyfile(ONE_OF_EACH)
    where = (f"--prometheus-url={healthy.url}", f"--gate-at={END}", "--gate-json=gate.json")
    assert run_gate(*workers, *where, "--gate-set", "ad_hoc_max=5").ret == 0
    written = json.loads(pytester.path.joinpath("gate.json").read_text())
    assert [change["name"] for change in written["configured"]] == ["ad_hoc_max"]


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("import does_not_exist", "*test_it.py: could not be collected: *does_not_exist*"),
        ("", "*nothing was collected*"),
    ],
)
def test_a_setting_is_not_blamed_when_its_checks_are_missing(
    pytester: pytest.Pytester, run_gate: Gate, workers: tuple[str, ...], module: str, line: str
) -> None:
    pytester.makepyfile(test_it=module)
    pytester.makefile(".toml", deploygate="[thresholds]\nmine_max = 1.0\n")
    result = run_gate(*workers)
    assert result.ret == 2
    result.stdout.fnmatch_lines([line])
    result.stdout.no_fnmatch_line("*unknown threshold*")
