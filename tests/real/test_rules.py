"""The rule file that is generated: Prometheus accepts it, and it says what the gate says."""

from __future__ import annotations

import math
import re
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from pytest_deploygate.cli.exports import states as promql
from pytest_deploygate.cli.exports.exported_gate import ExportedGate
from pytest_deploygate.cli.rules import GATE, JUDGED, LAST_RUN, STATUS, rule_file
from pytest_deploygate.core.criterion import Criterion, threshold
from pytest_deploygate.core.result import Result
from pytest_deploygate.core.verdict import Verdict
from tests import servers
from tests.production import openmetrics, production
from tests.real.asking import Samples, gate_run, instant, judged, verdict
from tests.real.scenario import Scenario
from tests.real.scenarios import SCENARIOS, blocks
from tests.real.test_scenarios import CRITERIA

TWO_DAYS = 2 * 86_400
# The gate looks back from its evaluation time in whole steps, Prometheus' subqueries look at times
# that are whole steps themselves. At a whole minute both look at the same times.
WHOLE_MINUTE = 1_700_000_040
ENDS = {row.name: WHOLE_MINUTE + number * TWO_DAYS for number, row in enumerate(SCENARIOS)}
# A state that lies on the edge to within a step may be judged differently at any other time.
EDGES = {
    "creative is slow for exactly five minutes": "creative_p95_sustained",
    "the reward has been measured for half of the window": "rl_reward_trend",
    "the loss is just below three times its average": "rl_loss_runaway",
}
LIGHTS = {Verdict.GO: 1.0, Verdict.WARNING: 0.5, Verdict.NO_GO: 0.0}


def gate(criteria: Sequence[Criterion], environment: str = "") -> ExportedGate:
    """A gate of these criteria, with the thresholds' defaults."""
    resolved = tuple(criterion.resolved({}) for criterion in criteria)
    return ExportedGate(criteria=resolved, command="deploygate rules", environment=environment)


def file_of(criteria: Sequence[Criterion], environment: str = "") -> str:
    """The rule file of these criteria."""
    return rule_file(gate(criteria, environment), interval=60, max_age=90_000)


@cache
def resolved(thresholds: tuple[str, ...]) -> tuple[Criterion, ...]:
    """The criteria that ship with these thresholds."""
    settings = gate_run("http://127.0.0.1", WHOLE_MINUTE, thresholds).settings
    return tuple(map(settings.resolve, CRITERIA))


@cache
def shipped(thresholds: tuple[str, ...]) -> str:
    """Their rule file: most states have the same."""
    return file_of(resolved(thresholds))


@cache
def rules(text: str) -> list[dict[str, Any]]:
    """Every rule of a rule file."""
    return [rule for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """A run of promtool."""
    command = [servers.executable("promtool", "prometheus"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One Prometheus that holds every state of the table, two days apart."""
    with servers.prometheus(blocks(ENDS), tmp_path_factory.mktemp("rules")) as server:
        yield server.url


def recorded(url: str, text: str, at: float) -> dict[str, float]:
    """What the rules of a file record at a time: the status of each criterion, and the gate's.

    The past cannot be recorded, so the recorded samples are written into the last expression.
    """
    samples = {name: samples_of(url, text, name, at) for name in (STATUS, JUDGED)}
    found = {labels["criterion"]: value for labels, value in samples[STATUS]}
    assert len(found) == sum(rule.get("record") == STATUS for rule in rules(text))
    [last] = [rule["expr"] for rule in rules(text) if rule.get("record") == GATE]
    expr = re.sub(rf"({STATUS}|{JUDGED})", lambda m: either(samples[m[1]]), last)
    [(_, found[GATE])] = instant(url, expr, at)
    return found


def samples_of(url: str, text: str, name: str, at: float) -> Samples:
    """What the rules of one name would record, each evaluated by itself as Prometheus does.

    In one query together, every rule would read as far back as the one that reads farthest.
    """
    return [
        ({**labels, "criterion": rule["labels"]["criterion"]}, value)
        for rule in rules(text)
        if rule.get("record") == name
        for labels, value in instant(url, rule["expr"], at)
    ]


def either(samples: Samples) -> str:
    """These samples as an expression."""
    exprs = [labelled(f"vector({value})", labels) for labels, value in samples]
    return f"({' or '.join(exprs or ['vector(1) < 0'])})"


def labelled(expr: str, labels: Mapping[str, str]) -> str:
    """The expression with these labels."""
    for name, text in labels.items():
        expr = f'label_replace({expr}, "{name}", "{text}", "", "")'
    return expr


def states(results: dict[str, Result]) -> dict[str, float]:
    """What the gate says, in the numbers of the rules."""
    found = {id: promql.STATES[result.status] for id, result in results.items()}
    return {**found, GATE: LIGHTS[verdict(results)]}


def comparable(found: dict[str, float]) -> dict[str, float | str]:
    """NaN equals nothing."""
    return {id: "NaN" if math.isnan(value) else value for id, value in found.items()}


@pytest.mark.parametrize("row", SCENARIOS, ids=lambda row: row.name)
def test_rules_and_gate_agree_on_every_state(row: Scenario, url: str) -> None:
    at = math.ceil((ENDS[row.name] + row.later) / 60) * 60
    run = gate_run(url, at, row.settings)
    expected = states(judged(run, CRITERIA))
    assert comparable(recorded(url, shipped(row.settings), at)) == comparable(expected)


@pytest.mark.parametrize("row", SCENARIOS[::5], ids=lambda row: row.name)
def test_the_light_of_the_dashboard_agrees_too(row: Scenario, url: str) -> None:
    at = math.ceil((ENDS[row.name] + row.later) / 60) * 60
    expected = LIGHTS[verdict(judged(gate_run(url, at, row.settings), CRITERIA))]
    assert instant(url, promql.gate_state(resolved(row.settings)), at) == [({}, expected)]


@pytest.mark.parametrize("name", EDGES)
def test_only_what_lies_on_an_edge_depends_on_the_second(name: str, tmp_path: Path) -> None:
    row = next(row for row in SCENARIOS if row.name == name)
    at = WHOLE_MINUTE - 40.0
    with servers.prometheus(openmetrics(row.production(at)), tmp_path) as server:
        expected = states(judged(gate_run(server.url, at), CRITERIA))
        found = recorded(server.url, file_of(CRITERIA), at)
    differing = {id for id in expected if comparable(found)[id] != comparable(expected)[id]}
    assert differing - {GATE} == {EDGES[name]}


def test_prometheus_accepts_the_file(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(file_of(CRITERIA), encoding="utf-8")
    checked = promtool("check", "rules", tmp_path / "rules.yml")
    assert (checked.returncode, checked.stderr) == (0, "")
    number = 2 * len(CRITERIA) + len(promql.seeing(CRITERIA)) + 5
    assert f"SUCCESS: {number} rules found" in checked.stdout


ODD = [
    Criterion(
        id="odd: 'é' \"1\"", title="a\n# b: c\u2028d", query="x # all", below=1.0, unit="#: |"
    ),
    Criterion(
        id="{{ $value }}", query='x{a="}"}', equals=-1.5, quantity="q: {", match={"a": '"$1'}
    ),
    Criterion(id="scalar", query="vector(scalar(x) / 1e9)", at_least=threshold("least", 1e-9)),
    Criterion(id="lines", query="\n  x\n  # half way\n/\n  y\n", above=1.0, no_data="go"),
]


@pytest.mark.parametrize("environment", ["", "production", "it's"])
def test_odd_names_and_queries_do_no_harm(environment: str, tmp_path: Path) -> None:
    text = file_of(ODD, environment)
    (tmp_path / "rules.yml").write_text(text, encoding="utf-8")
    checked = promtool("check", "rules", tmp_path / "rules.yml")
    assert (checked.returncode, checked.stderr) == (0, "")
    ids = [rule["labels"]["criterion"] for rule in rules(text) if rule.get("record") == STATUS]
    assert ids == [criterion.id for criterion in ODD]


def prove(directory: Path, text: str, tests: list[dict[str, Any]]) -> None:
    """Have promtool evaluate a rule file."""
    (directory / "rules.yml").write_text(text, encoding="utf-8")
    document = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": "1m",
        # promtool takes the groups in any order, another one in every run, unless it is given one
        "group_eval_order": [group["name"] for group in yaml.safe_load(text)["groups"]],
        "tests": tests,
    }
    (directory / "test.yml").write_text(yaml.safe_dump(document), encoding="utf-8")
    done = promtool("test", "rules", directory / "test.yml")
    assert done.returncode == 0, done.stdout + done.stderr


def status(at: str, value: float, expr: str = GATE) -> dict[str, Any]:
    """What an expression answers at a time; the gate's status unless another is given."""
    samples = [{"labels": expr if expr == GATE else "{}", "value": value}]
    return {"expr": expr, "eval_time": at, "exp_samples": samples}


def fires(name: str, at: str, labels: dict[str, str], **annotations: str) -> dict[str, Any]:
    """An alert that fires."""
    [rule] = [rule for rule in rules(file_of(SMALL)) if rule.get("alert") == name]
    fired = {
        "exp_labels": {"severity": "warning", **labels},
        "exp_annotations": {**rule["annotations"], **annotations},
    }
    return {"alertname": name, "eval_time": at, "exp_alerts": [fired]}


def silent(name: str, at: str) -> dict[str, Any]:
    """An alert that does not fire."""
    return {"alertname": name, "eval_time": at, "exp_alerts": []}


SMALL = [
    Criterion(id="errors", query="sum(rate(bad[5m])) / sum(rate(all[5m]))", below=0.1),
    Criterion(id="reward", query="reward", at_least=5.0, severity="warning"),
    Criterion(id="vram", query="vram", at_least=0.2, optional=True),
]


def test_promtool_sees_every_verdict(tmp_path: Path) -> None:
    went = [
        {"series": "bad", "values": "0+1x30 30+60x60"},
        {"series": "all", "values": "0+60x90"},
        {"series": 'reward{run="1"}', "values": "9x90"},
        {"series": 'reward{run="2"}', "values": "9x10 1x10 9x70"},
    ]
    expected = [
        status("9m", 1),
        status("15m", 0.5),
        status("25m", 1),
        status("45m", 0),
        status("90m", 0),
    ]
    idle = [
        {"series": "bad", "values": "0x90"},
        {"series": "all", "values": "0x90"},
        {"series": "reward", "values": "9x90"},
        {"series": "vram", "values": "0.5x30 0.1x30 _x30"},
    ]
    prove(
        tmp_path,
        file_of(SMALL),
        [
            {"interval": "1m", "input_series": went, "promql_expr_test": expected},
            {
                "interval": "1m",
                "input_series": idle,
                "promql_expr_test": [status("20m", 0.5), status("40m", 0), status("80m", 0)],
            },
        ],
    )


# one series that has a value, and one that has none
SOME = 'x or label_replace(x / 0, "of", "nothing", "", "")'


@pytest.mark.parametrize(
    ("query", "details", "expected"),
    [
        ("nothing", {"no_data": "go"}, 0),
        ("x", {"no_data": "go"}, 1),
        (SOME, {}, 0.5),
        (SOME, {"no_data": "skip"}, 1),
        (SOME, {"no_data": "no-go"}, 0),
        (SOME, {"optional": True}, 0.5),
        ("x / 0", {}, 0),
        ("nothing", {"severity": "warning"}, 0.5),
        ("nothing", {"severity": "warning", "optional": True}, 0),
        ("x", {"severity": "warning"}, 1),
    ],
)
def test_promtool_sees_whether_a_gate_is_blind(
    query: str, details: dict[str, Any], expected: float, tmp_path: Path
) -> None:
    text = file_of([Criterion(id="only", query=query, below=1.0, **details)])
    given = [{"series": "x", "values": "0x10"}]
    prove(
        tmp_path,
        text,
        [{"interval": "1m", "input_series": given, "promql_expr_test": [status("5m", expected)]}],
    )


def test_promtool_sees_a_verdict_of_one_environment_only(tmp_path: Path) -> None:
    given = [{"series": "x", "values": "1x10"}]
    production, staging = (
        file_of([Criterion(id="a", query="x", below=limit)], name)
        for limit, name in ((2.0, "production"), (1.0, "staging"))
    )
    (tmp_path / "staging.yml").write_text(staging, encoding="utf-8")
    both = [
        {"labels": f'{GATE}{{environment="{name}"}}', "value": value}
        for name, value in (("production", 1), ("staging", 0))
    ]
    (tmp_path / "rules.yml").write_text(production, encoding="utf-8")
    document = {
        "rule_files": ["rules.yml", "staging.yml"],
        "tests": [
            {
                "input_series": given,
                "promql_expr_test": [{"expr": GATE, "eval_time": "5m", "exp_samples": both}],
            }
        ],
    }
    (tmp_path / "test.yml").write_text(yaml.safe_dump(document), encoding="utf-8")
    done = promtool("test", "rules", tmp_path / "test.yml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_sees_the_alerts(tmp_path: Path) -> None:
    given = [
        {"series": 'deployment_gate_status{job="deploygate"}', "values": "1x10 0x60 0.5x2000"},
        {"series": LAST_RUN, "values": "0+60x60 3600x2000"},
        {"series": "x", "values": "0x10 9x60 0x2000"},
    ]
    criteria = [Criterion(id="a", query="x", below=1.0), Criterion(id="b", query="x", below=2.0)]
    alerts = [
        silent("DeploymentGateNoGo", "40m"),
        fires("DeploymentGateNoGo", "41m", {"job": "deploygate"}),
        silent("DeploymentGateNoGo", "80m"),
        silent("DeploymentGateWouldBlock", "40m"),
        fires("DeploymentGateWouldBlock", "41m", {}, action="Fix what is NO-GO: a, b"),
        silent("DeploymentGateNotReporting", "26h"),
        fires("DeploymentGateNotReporting", "26h16m", {}),
        silent("DeploymentGateRulesIncomplete", "2h"),
    ]
    never = [
        silent("DeploymentGateNotReporting", "14m"),
        fires("DeploymentGateNotReporting", "15m", {}),
        fires(
            "DeploymentGateWouldBlock",
            "30m",
            {},
            action="Fix what is NO-GO: no check, the gate is blind",
        ),
    ]
    prove(
        tmp_path,
        file_of(criteria),
        [
            {"interval": "1m", "input_series": given, "alert_rule_test": alerts},
            {"interval": "1m", "input_series": [], "alert_rule_test": never},
        ],
    )


@contextmanager
def recording(state: str, criteria: Sequence[Criterion], directory: Path) -> Iterator[str]:
    """A Prometheus that holds a state and evaluates the rules every second."""
    text = rule_file(gate(criteria), interval=1, max_age=90_000)
    with servers.prometheus(state, directory, "--web.enable-lifecycle") as server:
        (directory / "rules.yml").write_text(text, encoding="utf-8")
        config = {"global": {"evaluation_interval": "1s"}, "rule_files": ["rules.yml"]}
        (directory / "prometheus.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
        with servers.local_session() as session:
            session.post(f"{server.url}/-/reload", timeout=10).raise_for_status()
        yield server.url


def awaited(url: str, expr: str) -> list[float]:
    """The first answer of an expression, within half a minute."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if found := instant(url, expr, time.time()):
            return [value for _, value in found]
        time.sleep(0.2)
    raise TimeoutError(f"{expr} was never recorded")


def test_a_running_prometheus_records_the_verdict(tmp_path: Path) -> None:
    state = openmetrics(production(time.time()).with_error_rate(0.02))
    with recording(state, CRITERIA, tmp_path) as url:
        assert awaited(url, GATE) == [0.0]
        found = instant(url, STATUS, time.time())
    states = {labels["criterion"]: value for labels, value in found}
    assert {id for id, value in states.items() if value != 1} == {"api_error_rate"}
    assert len(states) == len(CRITERIA)


def test_a_rule_that_cannot_be_evaluated_makes_no_go(tmp_path: Path) -> None:
    # matching many to many is an error that only the data can bring
    broken = Criterion(id="broken", query="up * on () up", below=9.0, severity="warning")
    whole = Criterion(id="whole", query="up", below=9.0)
    state = openmetrics(production(time.time()))
    with recording(state, [whole, broken], tmp_path) as url:
        assert awaited(url, GATE) == [0.0]
        assert awaited(url, f"min({STATUS})") == [1.0]
        assert awaited(url, 'ALERTS{alertname="DeploymentGateRulesIncomplete"}') == [1.0]


def test_the_file_tells_what_made_it_and_what_is_not_in_it() -> None:
    text = rule_file(replace(gate(SMALL), others=3), interval=30, max_age=3600)
    assert text.startswith(
        "# The deployment gate as Prometheus rules, written by\n#\n#   deploygate rules\n"
    )
    assert "3 tests of this gate without a criterion" in text
    assert "interval: 30s" in text
    sustained = next(one for one in CRITERIA if one.id == "creative_p95_sustained")
    assert "# evaluated every 15s at round times: up to 15s earlier" in file_of([sustained])
