"""The gate's own metrics as text: what the readers of it take, and what they must not choke on."""

from __future__ import annotations

import math
import subprocess
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from pytest_deploygate.core.report import GateReport
from pytest_deploygate.core.result import Status
from pytest_deploygate.core.severity import Severity
from pytest_deploygate.core.verdict import Verdict
from pytest_deploygate.reports.metrics import render
from tests import servers
from tests.made import END, report, result

HOSTILE = [
    'a"b',
    "a\\b",
    "a\nb",
    "a b",
    "a#b",
    "a'b` $(x) }{",
    "a\x00\x1b[31m\r",
    "\ud800",
    "🔴" * 300,
    "",
    "a\n# TYPE deployment_gate_status counter\ndeployment_gate_status 1",
]
GITLAB = """
require "shellwords"
STDIN.read.each_line do |line|
  name, value = line.gsub(/#.*$/, "").shellsplit
  puts [name, Float(value.sub("NaN", "0").sub("+Inf", "0"))].inspect if name
end
"""  # how GitLab's parser of metrics reports takes a line apart


def samples(made: GateReport) -> dict[tuple[str, ...], float]:
    """Every sample by its name and the values of its labels; two alike would be one."""
    families = text_string_to_metric_families(render(made))
    all_of_them = [sample for family in families for sample in family.samples]
    found = {
        (sample.name.removeprefix("deployment_gate_"), *sample.labels.values()): sample.value
        for sample in all_of_them
    }
    assert len(found) == len(all_of_them)
    return found


@pytest.mark.parametrize(
    ("verdict", "value"), [(Verdict.GO, 1), (Verdict.WARNING, 0.5), (Verdict.NO_GO, 0)]
)
def test_the_verdict_is_a_number(verdict: Verdict, value: float) -> None:
    assert samples(report(verdict=verdict))[("status",)] == value


def test_every_check_that_was_judged_has_samples() -> None:
    found = samples(
        report(
            result(id="good", value=1, threshold=2),
            result(Status.WARNING, id="doubtful", value=math.nan, threshold=3),
            result(Status.NO_GO, id="bad", value=math.inf, threshold=None),
            result(Status.WAIVED, id="waived", value=None, severity=Severity.WARNING),
            result(Status.SKIPPED, id="absent"),
        )
    )
    statuses = {key[1:]: value for key, value in found.items() if key[0] == "check_status"}
    values = {key[1]: value for key, value in found.items() if key[0] == "check_value"}
    limits = {key[1]: value for key, value in found.items() if key[0] == "check_threshold"}
    assert statuses == {
        ("good", "critical"): 1,
        ("doubtful", "warning"): 0.5,
        ("bad", "critical"): 0,
        ("waived", "warning"): 1,
    }
    assert values == {"good": 1, "doubtful": pytest.approx(math.nan, nan_ok=True), "bad": math.inf}
    assert limits == {"good": 2, "doubtful": 3, "waived": 2.5}


def test_the_run_itself_has_metrics() -> None:
    found = samples(report(result(), duration=4.5, partial="2 checks were deselected"))
    assert found[("duration_seconds",)] == 4.5
    assert found[("last_run_timestamp_seconds",)] == END + 1 + 4.5
    assert found[("partial",)] == 1


def test_the_environment_is_a_label_only_if_there_is_one() -> None:
    assert "environment" not in render(report(result()))
    text = render(report(result(), environment="production"))
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert all('environment="production"' in line for line in lines)


def hostile() -> GateReport:
    ids = [*HOSTILE, "twice", "twice", "twice-2", "a b"]
    checks = [result(id=one, value=math.nan) for one in ids]
    return report(*checks, environment=HOSTILE[4] + HOSTILE[0])


def test_hostile_ids_stay_labels_of_their_own() -> None:
    text = render(hostile())
    assert len(text.splitlines()) == 2 * 7 + 4 + 3 * (len(HOSTILE) + 4)
    found = samples(hostile())
    assert sum(key[0] == "check_status" for key in found) == len(HOSTILE) + 4


def run(*command: str, given: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, input=given, capture_output=True, text=True, timeout=60)


@pytest.fixture(params=[hostile, lambda: report(result()), lambda: report(problems=("none",))])
def text(request: pytest.FixtureRequest) -> str:
    made: Any = request.param
    return render(made())


@pytest.fixture
def promtool() -> str:
    return servers.executable("promtool", "prometheus")


@pytest.fixture
def ruby() -> str:
    return servers.executable("ruby", "ruby")


def test_promtool_finds_nothing_wrong(promtool: str, text: str) -> None:
    checked = run(promtool, "check", "metrics", given=text)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


def test_gitlab_reads_every_line(ruby: str, text: str) -> None:
    read = run(ruby, "-e", GITLAB, given=text)
    assert read.returncode == 0, read.stderr
    wanted = [line for line in text.splitlines() if not line.startswith("#")]
    assert len(read.stdout.splitlines()) == len(wanted)
