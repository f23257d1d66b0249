"""``deploygate rules`` and ``deploygate grafana`` as commands, and the words that they use."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

from pytest_deploygate import cli
from pytest_deploygate.cli.exports import wording
from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.kinds.base import Kind
from pytest_deploygate.kinds.runaway import Runaway
from pytest_deploygate.kinds.sustained import Sustained
from pytest_deploygate.kinds.trend import Trend
from pytest_deploygate.promql import expressions


def deploygate(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """The console script in a process of its own."""
    command = [sys.executable, "-c", "from pytest_deploygate.cli import main; exit(main())"]
    return subprocess.run(
        [*command, *arguments], capture_output=True, text=True, cwd=cwd, timeout=60
    )


def test_the_criteria_that_ship_are_exported_without_arguments(tmp_path: Path) -> None:
    done = deploygate("rules", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(yaml.safe_load(done.stdout)["groups"][0]["rules"]) == 2 * 14 + 7 + 1


CHECK = """
from pytest_deploygate import Criterion, gate_criteria
@gate_criteria([Criterion(id="{0}", query="up", equals=1), Criterion(id="off", query="x", below=1)])
def test_it(criterion, gate): gate.check(criterion)
"""
CONFIGURATION = '[criteria.off]\nenabled = false\n[criteria.{0}]\nseverity = "warning"\n'


@pytest.mark.parametrize(
    ("ini", "file"),
    [
        ("", "gate_checks/test_mine.py"),
        ("", "test_mine.py"),
        ("[pytest]\ntestpaths = checks\n", "checks/test_mine.py"),
    ],
)
def test_without_arguments_the_checks_are_those_of_a_bare_gate(
    tmp_path: Path, ini: str, file: str
) -> None:
    service = tmp_path / "service"
    (service / file).parent.mkdir(parents=True)
    (service / file).write_text(CHECK.format("mine"))
    (service / "deploygate.toml").write_text(CONFIGURATION.format("mine"))
    (service / "pytest.ini" if ini else tmp_path / "pytest.ini").write_text(ini or "[pytest]\n")
    done = deploygate("rules", cwd=service)
    assert (done.returncode, done.stderr) == (0, "")
    rules = yaml.safe_load(done.stdout)["groups"][0]["rules"]
    found = [rule["labels"] for rule in rules if "criterion" in rule.get("labels", {})]
    assert found == [{"criterion": "mine", "severity": "warning"}] * 2


def test_where_no_test_is_a_check_those_that_ship_are_exported(tmp_path: Path) -> None:
    (tmp_path / "test_ordinary.py").write_text("def test_it(): pass")
    done = deploygate("rules", cwd=tmp_path)
    assert len(yaml.safe_load(done.stdout)["groups"][0]["rules"]) == 2 * 14 + 7 + 1


def test_the_command_prints_its_version(tmp_path: Path) -> None:
    done = deploygate("--version", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"deploygate {version('pytest-deploygate')}\n")


def test_pytest_arguments_choose_criteria_and_thresholds(tmp_path: Path) -> None:
    given = ["--gate-set", "fast_p95_max=2.75", "-k", "fast_p95", "--pyargs", "gate_checks"]
    done = deploygate("rules", *given, cwd=tmp_path)
    value, status, _, _ = yaml.safe_load(done.stdout)["groups"][0]["rules"]
    assert value["labels"] == {"criterion": "fast_p95_latency", "severity": "critical"}
    assert "< bool 2.75 " in status["expr"]
    assert f"#   deploygate rules {' '.join(given)}\n" in done.stdout


def test_the_configuration_counts_too(tmp_path: Path) -> None:
    (tmp_path / "deploygate.toml").write_text(
        '[env.staging.criteria.cpu_usage]\nseverity = "critical"\n', encoding="utf-8"
    )
    done = deploygate("rules", "--gate-env", "staging", "--pyargs", "gate_checks", cwd=tmp_path)
    labels = [rule.get("labels") for rule in yaml.safe_load(done.stdout)["groups"][0]["rules"]]
    cpu = {"criterion": "cpu_usage", "severity": "critical", "environment": "staging"}
    assert labels.count(cpu) == 3
    assert labels[-1] == {"environment": "staging"}


@pytest.mark.parametrize("command", ["rules", "grafana"])
def test_the_output_goes_to_a_file(command: str, tmp_path: Path) -> None:
    done = deploygate(command, "--output", "new/out", "--pyargs", "gate_checks", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert "api_error_rate" in (tmp_path / "new" / "out").read_text(encoding="utf-8")


def test_a_gate_of_one_environment_writes_no_report(tmp_path: Path) -> None:
    (tmp_path / "deploygate.toml").write_text('gate-json = "gate.json"\n', encoding="utf-8")
    assert deploygate("rules", "--pyargs", "gate_checks", cwd=tmp_path).returncode == 0
    assert not (tmp_path / "gate.json").exists()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--gate-set", "fast_p95_mox=1"], "did you mean 'fast_p95_max'?"),
        (["no_such_directory"], "no_such_directory"),
        (["--interval", "often"], "write it as '30s', '5m', '2h'"),
        (["--max-age", "0s"], "must be above zero"),
        (["--output", "."], "--output .: cannot be written"),
        (["-k", "nothing"], "no criterion was collected"),
    ],
)
def test_what_cannot_be_used_is_one_line(arguments: list[str], text: str, tmp_path: Path) -> None:
    done = deploygate("rules", *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert text in done.stderr
    assert done.stderr.startswith("deploygate rules: ")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("others", [(), ("whole",)])
@pytest.mark.parametrize("command", ["rules", "grafana", "ci"])
def test_no_check_is_lost_because_its_file_is_broken(
    command: str, others: tuple[str, ...], tmp_path: Path
) -> None:
    checks = tmp_path / "gate_checks"
    checks.mkdir()
    for name in others:
        (checks / f"test_{name}.py").write_text(CHECK.format(name), encoding="utf-8")
    (checks / "test_broken.py").write_text("import nothing_of_that_name\n", encoding="utf-8")
    if command == "ci":  # the pipeline runs those that are here, and they say what is wrong
        assert "--pyargs" not in deploygate("ci", "github", cwd=tmp_path).stdout
        return
    done = deploygate(command, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"deploygate {command}: not all checks can be collected: ")
    assert "nothing_of_that_name" in done.stderr


TWICE = """
from pytest_deploygate import Criterion, gate_criteria

@gate_criteria([Criterion(id="same", query="x", below=1.0)])
def test_one(criterion, gate): ...

@gate_criteria([Criterion(id="same", query="y", below=1.0)])
def test_two(criterion, gate): ...
"""
PLAIN = """
import pytest
from pytest_deploygate import Criterion, gate_criteria

@gate_criteria([Criterion(id="x", query="x", below=1.0)])
def test_x(criterion, gate): ...

@pytest.mark.critical
def test_docs_are_up(): ...
"""


def test_an_id_that_stands_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "test_gate.py").write_text(TWICE, encoding="utf-8")
    done = deploygate("rules", "test_gate.py", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "two criteria have the id 'same'; ids must be unique" in done.stderr


def test_tests_without_a_criterion_are_counted(tmp_path: Path) -> None:
    (tmp_path / "test_gate.py").write_text(PLAIN, encoding="utf-8")
    done = deploygate("rules", "test_gate.py", cwd=tmp_path)
    assert "1 test of this gate without a criterion" in done.stdout


def test_without_grafanas_library_one_line_says_what_to_install(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['grafana_foundation_sdk'] = None;"
        "from pytest_deploygate.cli import main; exit(main(['grafana']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path, timeout=60
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "deploygate grafana: Grafana's library is missing or has another version: "
        "pip install 'pytest-deploygate[grafana]'\n"
    )


def test_the_help_of_the_commands_costs_no_library() -> None:
    program = (
        "import sys; from pytest_deploygate.cli import main;"
        "sys.argv = ['deploygate', '--help']\n"
        "try: main()\n"
        "except SystemExit: print(sorted(set(sys.modules) & {'yaml', 'numpy', 'requests',"
        "'pytest', 'grafana_foundation_sdk'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60
    )
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("number", "text"),
    [(0.005, "0.005"), (2.0, "2"), (1e-9, "1e-9"), (1e22, "1e+22"), (-0.5, "-0.5")],
)
def test_a_number_is_written_as_people_do(number: float, text: str) -> None:
    assert expressions.literal(number) == text
    assert float(text) == number


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(300, "5m"), (7200, "2h"), (90, "1m30s"), (4.5, "4500ms"), (93784, "93784000ms")],
)
def test_a_duration_is_exact(seconds: float, text: str) -> None:
    assert expressions.duration(seconds) == text


@pytest.mark.parametrize(
    ("kind", "rule"),
    [
        (Sustained("5m"), "warning, loss ≤ 4.50 s, a breach if it lasted for 5m; without data GO"),
        (Trend("1h"), "warning, loss ≤ 4.50 s per hour, the slope over 1h; without data GO"),
        (Runaway("2h"), "warning, loss ≤ 4.50 s and ≤ 3 x its 2h average; without data GO"),
    ],
)
def test_a_rule_is_told_in_words(kind: Kind, rule: str) -> None:
    criterion = Criterion(
        id="a",
        query="a",
        kind=kind,
        at_most=4.5,
        unit="seconds",
        quantity="loss",
        severity="warning",
        no_data="go",
    )
    assert wording.rule(criterion) == rule


def test_the_commands_are_told_by_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["rules", "--help"])
    out = capsys.readouterr().out
    assert "[pytest arguments]" in out
    assert "default: those of a bare pytest -p deploygate here" in " ".join(out.split())
    assert "--max-age TIME" in out
