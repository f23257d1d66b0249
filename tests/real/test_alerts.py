"""``no_alerts`` on a real Prometheus: rules loaded, not loaded, failing and stale."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from pytest_deploygate import ConfigurationError, no_alerts
from pytest_deploygate.config.layers import command_line, merge
from pytest_deploygate.core.criterion import Criterion
from pytest_deploygate.core.result import Result
from pytest_deploygate.core.waivers import Waiver
from pytest_deploygate.engine.run import GateRun
from tests import servers
from tests.conftest import Gate
from tests.faults import Exchange, Fault, faulty
from tests.real.asking import instant
from tests.servers import local_session

ALWAYS, NEVER = "vector(1)", "vector(1) > 2"
TWICE = 'label_replace(vector(1), "a", "1", "", "") or label_replace(vector(1), "a", "2", "", "")'
RULES: list[tuple[str, str, dict[str, str]]] = [
    ("Loud", ALWAYS, {"team": "a", "severity": "critical"}),
    ("Louder", ALWAYS, {"team": "a", "severity": "critical"}),
    ("Known", ALWAYS, {"team": "a", "severity": "warning"}),
    ("Quiet", NEVER, {"team": "b", "severity": "critical"}),
    ("DeploymentGateNoGo", ALWAYS, {"team": "b", "severity": "critical"}),
    ("Watchdog", ALWAYS, {"team": "b"}),
    ("Broken", f"({TWICE}) * on () ({TWICE})", {"team": "c"}),
    ("Templated", NEVER, {"team": "d", "severity": "{{ $labels.severity }}"}),
    ("DeploymentGateBlind", ALWAYS, {"team": "e"}),
]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Prometheus that evaluates the rules every second, when it has written its alerts."""
    directory = tmp_path_factory.mktemp("alerts")
    rules = [{"alert": name, "expr": expr, "labels": labels} for name, expr, labels in RULES]
    groups = [{"name": rule["alert"], "interval": "1s", "rules": [rule]} for rule in rules]
    (directory / "rules.yml").write_text(yaml.safe_dump({"groups": groups}), "utf-8")
    config = directory / "prometheus.yml"
    config.write_text("rule_files: [rules.yml]\n", "utf-8")
    program = servers.executable("prometheus", "prometheus")
    arguments = [program, f"--config.file={config}", f"--storage.tsdb.path={directory / 'data'}"]
    started = servers.Program(
        lambda port: [*arguments, f"--web.listen-address=127.0.0.1:{port}"],
        up="Server is ready to receive web requests",
        log=directory / "prometheus.log",
    )
    with servers.running(started) as server:
        evaluated(server.url)
        just_started(server.url)
        firing = sum(expr == ALWAYS for _, expr, _ in RULES)
        wait_for(lambda: instant(server.url, f"count(ALERTS) == {firing}", time.time()))
        yield server.url


def just_started(url: str) -> None:
    """Before the server writes ALERTS, no alert there is no good news."""
    if not instant(url, "ALERTS", time.time()):
        found = judged(url, no_alerts('team="a"'))
        assert found.reason == "breach" or "ALERTS does not say so yet" in found.message


def wait_for(there: Callable[[], object]) -> None:
    end = time.monotonic() + 30
    while not there():
        assert time.monotonic() < end
        time.sleep(0.1)


def evaluated(url: str) -> None:
    def is_done() -> bool:
        body = local_session().get(f"{url}/api/v1/rules", timeout=5).json()
        groups = body["data"]["groups"]
        return bool(groups) and all(
            rule["health"] != "unknown" for one in groups for rule in one["rules"]
        )

    wait_for(is_done)


def gate(url: str, at: float | None = None, **options: Any) -> GateRun:
    given = {"prometheus-url": url, "gate-at": str(at or time.time()), **options}
    return GateRun(merge(command_line(given)), {})


def judged(url: str, given: Criterion, later: float = 0.0, **options: Any) -> Result:
    run = gate(url, time.time() + later, **options)
    return run.judge(given, run.at)


def test_each_alert_that_is_firing_is_named(url: str) -> None:
    found = judged(url, no_alerts('team="a"', ignore=["Known"], id="no_critical_alerts"))
    assert (found.id, found.status, found.reason) == ("no_critical_alerts", "NO_GO", "breach")
    assert (found.value, found.failing) == (2, 2)
    assert re.fullmatch(
        r"2 alerts are firing: Loud \(severity=critical, team=a\) since [-0-9]+ [:0-9]+ UTC; "
        r"Louder \(severity=critical, team=a\) since [-0-9]+ [:0-9]+ UTC",
        found.message,
    )
    assert "Known" not in found.message
    found = judged(url, no_alerts('team="a",severity="warning"', severity="warning"))
    assert (found.status, found.message[:24]) == ("WARNING", "1 alert is firing: Known")


def test_the_gates_own_alerts_do_not_lock_it(url: str) -> None:
    found = judged(url, no_alerts('team="b"'))
    assert (found.status, found.message) == ("GO", "no alert is firing")


@pytest.mark.parametrize(
    ("matching", "words"),
    [
        ('team="z"', "none of 9 alerting rules could fire an alert with team=z"),
        ('team="e"', "none of 9 alerting rules could fire an alert with team=e"),
        ('team="b",severity="warning"', "none of 9 alerting rules could fire an alert with"),
        ('team="c"', "the rule Broken (group Broken) fails: found duplicate series"),
    ],
)
def test_without_rules_that_work_there_is_no_data(url: str, matching: str, words: str) -> None:
    found = judged(url, no_alerts(matching))
    assert (found.status, found.reason, found.evaluated) == ("WARNING", "no-data", False)
    assert f"no data: no alert is firing, but {words}" in found.message
    assert judged(url, no_alerts(matching, no_data="no-go")).status == "NO_GO"
    assert judged(url, no_alerts(matching, rules_checked=False)).status == "GO"


def test_labels_that_are_not_fixed_can_be_any(url: str) -> None:
    assert judged(url, no_alerts('team="d",severity="critical",pod="x"')).status == "GO"
    assert judged(url, no_alerts('team=~"b|d",alertname!="Templated"')).status == "GO"


@pytest.mark.parametrize(("later", "status"), [(590, "GO"), (620, "WARNING")])
def test_rules_that_are_not_evaluated_any_more_say_nothing(
    url: str, later: float, status: str
) -> None:
    """As if this much later Prometheus had not evaluated them again."""
    found = judged(url, no_alerts('team="b"'), later)
    assert found.status == status
    assert ("was evaluated 10m" in found.message) is (status == "WARNING")


def test_of_the_past_rules_cannot_be_checked(url: str) -> None:
    found = judged(url, no_alerts('team="z"'), -3600)
    assert (found.status, found.reason) == ("GO", "ok")
    assert found.message == (
        "no alert is firing; whether alerting rules were loaded then cannot be checked"
    )


def test_a_selection_narrows_the_alerts(url: str) -> None:
    select: dict[str, Any] = {"gate-select": 'team="b"'}
    assert judged(url, no_alerts(), **select).status == "GO"
    assert judged(url, no_alerts(), **{**select, "gate-select": 'team="a"'}).status == "NO_GO"
    assert judged(url, no_alerts(select=""), **select).status == "NO_GO"


def test_an_alert_can_be_waived_by_its_labels(url: str) -> None:
    run = gate(url)
    by = Waiver("no_alerts", "Dana", "known", run.at + 60, labels=(("alertname", "Loud"),))
    run.waivers = (by,)
    found = run.judge(no_alerts('team="a",severity="critical"'), run.at)
    assert (found.status, found.message[:25]) == ("NO_GO", "1 alert is firing: Louder")
    assert "1 of 2 series waived by Dana" in found.message
    run.waivers = (by, by._replace(labels=(("alertname", "Louder"),)))
    found = run.judge(no_alerts('team="a",severity="critical"'), run.at)
    assert found.status == "WAIVED"
    assert found.message.startswith("2 alerts are firing: Loud (")


def test_a_server_without_that_endpoint_is_no_data(url: str) -> None:
    def inject(exchange: Exchange) -> None:
        assert exchange.request is not None
        if "/rules" in exchange.request.path:
            exchange.send(404)
        else:
            exchange.pass_on()

    with faulty(url, Fault(inject)) as proxy:
        found = judged(proxy.url, no_alerts('team="b"'))
        assert (found.status, found.reason) == ("WARNING", "no-data")
        assert "answers 404 to /api/v1/rules" in found.message
        assert judged(proxy.url, no_alerts('team="b"', rules_checked=False)).status == "GO"


@pytest.mark.parametrize("body", [b"", b"{}", b'{"status":"error","error":"x"}', b"[]"])
def test_an_answer_of_another_form_is_no_data(url: str, body: bytes) -> None:
    def inject(exchange: Exchange) -> None:
        assert exchange.request is not None
        if "/rules" in exchange.request.path:
            exchange.send(200, body)
        else:
            exchange.pass_on()

    with faulty(url, Fault(inject)) as proxy:
        found = judged(proxy.url, no_alerts('team="b"'))
        assert (found.status, found.reason) == ("WARNING", "no-data")


def test_evidence_keeps_the_rules(url: str, run_gate: Gate, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest
        from pytest_deploygate import gate_criteria, no_alerts
        TEAMS = [no_alerts(f'team="{one}"', id=f"alerts_{one}") for one in "abcz"]

        @gate_criteria(TEAMS)
        def test_alerts(criterion, gate): gate.check(criterion)
        """
    )

    def checks(*options: str) -> list[dict[str, Any]]:
        assert run_gate("--gate-json=gate.json", *options, ".").ret == 2
        report = json.loads(Path("gate.json").read_text("utf-8"))
        found: list[dict[str, Any]] = report["checks"]
        return found

    recorded = checks(f"--prometheus-url={url}", "--gate-record=evidence.json")
    assert [one["status"] for one in recorded] == ["NO_GO", "GO", "WARNING", "WARNING"]
    assert checks("--gate-replay=evidence.json") == recorded


def test_alerts_alone_are_no_sight(url: str, run_gate: Gate, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest
        from pytest_deploygate import no_alerts

        @pytest.mark.critical
        def test_alerts(gate): gate.check(no_alerts('team="b"', id="quiet"))

        @pytest.mark.critical
        def test_orders(gate): gate.check("orders", above=1)
        """
    )
    done = run_gate(f"--prometheus-url={url}", ".")
    assert done.ret == 2
    done.stdout.fnmatch_lines(["*the gate is blind: the only critical check could not be*"])


def test_matchers_that_are_not_valid_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"no_alerts\('severity=critical'\)"):
        no_alerts("severity=critical")
    assert replace(no_alerts(), id="x").severity == "critical"
