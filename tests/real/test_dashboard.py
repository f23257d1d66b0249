"""The dashboard that is generated: Grafana's library reads it, Prometheus answers its queries."""

from __future__ import annotations

import json
import re
import warnings
from dataclasses import replace
from typing import Any

import pytest

from pytest_deploygate.cli.exports.exported_gate import ExportedGate
from pytest_deploygate.cli.exports.forms import form_of
from pytest_deploygate.cli.grafana import dashboard
from pytest_deploygate.cli.rules import rule_file
from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.kinds.alerts import no_alerts
from pytest_deploygate.kinds.trend import Trend
from pytest_deploygate.promql.expressions import NotExpressible
from tests.conftest import END
from tests.real.asking import gate_run, instant, judged, ranged
from tests.real.test_scenarios import CRITERIA
from tests.servers import Server

pytest.importorskip("grafana_foundation_sdk", reason="the extra grafana is not installed")

with warnings.catch_warnings():
    # the library warns of its own class while it is imported
    warnings.simplefilter("ignore", DeprecationWarning)
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.cog.plugins import register_default_plugins
    from grafana_foundation_sdk.models.dashboard import Dashboard

GATE = ExportedGate(
    criteria=tuple(criterion.resolved({}) for criterion in CRITERIA), command="deploygate grafana"
)
HIDDEN = {"Time", "Time 1", "Time 2"}


def read(gate: ExportedGate = GATE, title: str = "Deployment gate") -> dict[str, Any]:
    """The dashboard as a JSON document."""
    document: dict[str, Any] = json.loads(dashboard(gate, title))
    return document


def panel(title: str) -> dict[str, Any]:
    """The panel whose title begins so."""
    return next(one for one in read()["panels"] if one["title"].startswith(title))


def filled_in(text: str) -> str:
    """What Grafana sends: its variables replaced by what is chosen."""
    names = [variable["name"] for variable in read()["templating"]["list"]]
    filled = re.sub(rf"\$(?:{{)?({'|'.join(names)})\b}}?", "chosen", text)
    assert "$" not in filled
    return filled


def test_grafanas_own_library_reads_it_back() -> None:
    register_default_plugins()
    written = read()
    again = json.loads(json.dumps(Dashboard.from_json(written), cls=JSONEncoder))
    assert again == written


def test_every_panel_asks_the_chosen_prometheus() -> None:
    [variable] = read()["templating"]["list"]
    assert (variable["type"], variable["query"]) == ("datasource", "prometheus")
    for one in read()["panels"]:
        for asker in (one, *one.get("targets", ())):
            if one["type"] != "row":
                assert filled_in(asker["datasource"]["uid"]) == "chosen"


def test_the_panels_have_numbers_and_places_of_their_own() -> None:
    panels = read()["panels"]
    assert [one["id"] for one in panels] == list(range(1, len(panels) + 1))
    taken = [
        (x, y)
        for one in panels
        for place in [one["gridPos"]]
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(taken) == len(set(taken))
    assert max(x for x, _ in taken) == 23


@pytest.mark.parametrize("title", [one["title"] for one in read()["panels"] if "targets" in one])
def test_prometheus_answers_every_query(title: str, healthy: Server) -> None:
    targets = panel(title)["targets"]
    assert targets
    for target in targets:
        expr = filled_in(target["expr"])
        if target["instant"]:
            assert instant(healthy.url, expr, END)
        elif "deployment_gate_status" not in expr:
            series = ranged(healthy.url, expr, END, last=600, step=60)
            assert series or title.startswith("RL Reward"), expr


def test_the_light_is_green_for_a_healthy_service(healthy: Server) -> None:
    [target] = panel("Deployment gate")["targets"]
    [(labels, value)] = instant(healthy.url, target["expr"], END)
    [mapping, special] = panel("Deployment gate")["fieldConfig"]["defaults"]["mappings"]
    assert labels == {}
    assert mapping["options"][f"{value:g}"] == {"text": "GO 🟢", "color": "green", "index": 0}
    assert {text: one["color"] for text, one in mapping["options"].items()} == {
        "1": "green",
        "0.5": "yellow",
        "0": "red",
    }
    assert special["options"]["match"] == "nan"


def test_the_table_names_every_check_with_state_value_and_limit(healthy: Server) -> None:
    table = panel("Checks")
    states, values = (instant(healthy.url, t["expr"], END) for t in table["targets"])
    results = judged(gate_run(healthy.url, END), CRITERIA)
    assert {labels["criterion"] for labels, _ in states} == set(results)
    assert all(labels["limit"] == labels["criterion"] for labels, _ in states)
    found = {labels["criterion"]: value for labels, value in values}
    assert found["creative_p95_latency"] == pytest.approx(results["creative_p95_latency"].value)
    assert found["cpu_usage"] == pytest.approx(100 * (results["cpu_usage"].value or 0))
    [organized] = [one["options"] for one in table["transformations"] if one["id"] == "organize"]
    assert set(organized["excludeByName"]) == HIDDEN
    columns = {"Value #A", "Value #B", *states[0][0]}
    assert set(organized["renameByName"]) == columns


def test_the_table_says_names_and_limits_as_people_do() -> None:
    overrides = panel("Checks")["fieldConfig"]["overrides"]
    texts = {one["matcher"]["options"]: one["properties"][0]["value"] for one in overrides}
    [names], [limits] = texts["Check"], texts["Limit"]
    assert names["options"]["api_error_rate"]["text"] == "API Error Rate"
    assert limits["options"]["api_error_rate"]["text"] == "< 0.5 % (critical)"
    assert limits["options"]["rl_reward_trend"]["text"] == "≥ 0 per hour (warning)"
    runaway = limits["options"]["rl_loss_runaway"]["text"]
    assert runaway == "≤ 2 and ≤ 3 x its 2h average (critical)"
    assert len(names["options"]) == len(limits["options"]) == len(CRITERIA)


@pytest.mark.parametrize(
    ("title", "unit", "steps"),
    [
        ("API Error Rate", "percentunit", [(None, "green"), (0.005, "red")]),
        ("Creative p95 Latency", "s", [(None, "green"), (4.5, "yellow")]),
        ("VRAM Headroom", "percentunit", [(None, "red"), (0.2, "green")]),
        ("RL Reward Trend", "suffix:/h", [(None, "yellow"), (0.0, "green")]),
    ],
)
def test_a_criterions_panel_shows_its_limit_in_its_unit(
    title: str, unit: str, steps: list[tuple[float | None, str]]
) -> None:
    defaults = panel(title)["fieldConfig"]["defaults"]
    found = [(step["value"], step["color"]) for step in defaults["thresholds"]["steps"]]
    assert (defaults["unit"], found) == (unit, steps)
    assert defaults["custom"]["thresholdsStyle"]["mode"] == "line+area"


def test_the_history_is_that_of_the_gates_own_metric() -> None:
    history = panel("Verdicts")
    assert history["type"] == "state-timeline"
    assert [target["expr"] for target in history["targets"]] == ["deployment_gate_status"]


def test_an_environment_has_a_dashboard_of_its_own() -> None:
    document = read(replace(GATE, environment="Pro duction"), "Gate")
    assert document["title"] == "Gate (Pro duction)"
    [history] = [one for one in document["panels"] if one["type"] == "state-timeline"]
    assert history["targets"][0]["expr"] == 'deployment_gate_status{environment="Pro duction"}'


def test_a_unit_that_grafana_does_not_know_stands_behind_the_number() -> None:
    orders = Criterion(id="orders", query="orders", above=1.0, unit="orders")
    trend = replace(orders, id="trend", kind=Trend("1h"))
    document = read(ExportedGate(criteria=(orders, trend), command=""))
    units = [p["fieldConfig"]["defaults"]["unit"] for p in document["panels"][4:]]
    assert units == ["suffix: orders", "suffix: orders/h"]


def test_tests_without_a_criterion_are_mentioned() -> None:
    [light] = [one for one in read(replace(GATE, others=4))["panels"] if one["type"] == "stat"]
    assert "Not included: 4 tests without a criterion" in light["description"]


def test_what_is_left_out_is_said_with_the_reason() -> None:
    alerts, ratio = no_alerts('severity="page"'), Criterion(id="errors", query="x", at_most=1.25)
    unknown = form_of(alerts)
    assert isinstance(unknown, NotExpressible)
    drawn = NotExpressible("only the ratio is drawn", "x / y")
    gate = replace(GATE, unexpressed=((alerts, unknown), (ratio, drawn)))
    [light] = [one for one in read(gate)["panels"] if one["type"] == "stat"]
    rules = rule_file(gate, interval=60.0, max_age=60.0).replace("\n# ", " ")
    for text in (light["description"], rules):
        assert "waivers and freezes, which hold for a deployment" in text
        assert "PromQL does not know whether alerting rules are loaded" in text
        assert "Errors: only the ratio is drawn" in text
