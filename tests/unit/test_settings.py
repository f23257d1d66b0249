"""The settings of a run: which place wins, and what is refused with which message."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_deploygate.config.layers import Layer, command_line, environment, merge
from pytest_deploygate.config.options import OPTIONS
from pytest_deploygate.config.settings import ActionTables, CriterionOverride, Given, Settings
from pytest_deploygate.core.criterion import Criterion, threshold
from pytest_deploygate.core.errors import ConfigurationError
from pytest_deploygate.core.severity import Severity
from pytest_deploygate.engine.run import GateRun
from pytest_deploygate.plugin.run_outputs import pushgateway

HERE = Path("/project/here")


def file(table: dict[str, Any], environment: str = "") -> Layer:
    """A layer of /etc/gate/deploygate.toml."""
    origin = f"deploygate.toml [env.{environment}]" if environment else "deploygate.toml"
    return Layer(origin, table, Path("/etc/gate"), Path("/etc/gate/deploygate.toml"))


def refused(*layers: Layer) -> str:
    """The message that merging these layers ends in."""
    with pytest.raises(ConfigurationError) as refusal:
        merge(*layers)
    message = str(refusal.value)
    assert "\n" not in message
    return message


def test_without_anything_given_every_option_has_its_default() -> None:
    assert merge(command_line({}), environment({})) == Settings()
    assert set(Settings().origins) == {option.name for option in OPTIONS}
    assert set(Settings().origins.values()) == {"default"}


def test_an_option_that_the_parser_leaves_at_none_was_not_given() -> None:
    none = dict.fromkeys((option.name for option in OPTIONS), None)
    assert merge(command_line(none)) == Settings()


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("prometheus-url", "http://a", "http://a"),
        ("prometheus-config", "c.yml", HERE / "c.yml"),
        ("gate-json", "/out/gate.json", Path("/out/gate.json")),
        ("gate-html", "gate.html", HERE / "gate.html"),
        ("gate-set", ["a=1", " b = -2.5e1"], {"a": 1.0, "b": -25.0}),
        ("gate-env", "staging", "staging"),
        ("gate-demo", "no-go", "no-go"),
        ("gate-at", "1790000000.1239", 1790000000.124),
        ("gate-at", "2026-01-31T12:00:00Z", 1769860800.0),
        ("gate-at", "2026-01-31T14:00:00+02:00", 1769860800.0),
        ("gate-act", True, True),
        ("gate-query-timeout", "1m30s", 90.0),
        ("gate-timeout", "500ms", 0.5),
        ("gate-concurrency", "4", 4),
    ],
)
def test_a_value_of_the_command_line_is_converted(name: str, given: Any, expected: object) -> None:
    settings = merge(command_line({name: given}, HERE))
    value = getattr(settings, name.replace("-", "_"))
    assert value == expected
    assert type(value) is type(expected)
    assert settings.origins[name] == f"--{name}"


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        (
            "gate-set",
            ["fast_p95_max=fast"],
            "--gate-set: 'fast_p95_max=fast': 'fast' is not a finite number; write a ratio as a "
            "share of one, such as 0.005 for 0.5 %",
        ),
        (
            "gate-set",
            ["a=1", "fast_p95_max=nan"],
            "--gate-set: 'fast_p95_max=nan': 'nan' is not a finite number; write a ratio as a "
            "share of one, such as 0.005 for 0.5 %",
        ),
        (
            "gate-set",
            ["fast_p95_max"],
            "--gate-set: 'fast_p95_max': write it as KEY=VALUE, such as fast_p95_max=3",
        ),
        ("gate-set", ["=3"], "--gate-set: '=3': write it as KEY=VALUE, such as fast_p95_max=3"),
        *(
            (
                "gate-at",
                text,
                f"--gate-at: {text!r} is not a time; write RFC 3339 (2026-01-31T12:00:00Z) or "
                "Unix seconds",
            )
            for text in ("yesterday", "inf", "nan", "0", "-1", "1790000000000", "0001-01-01T00:00Z")
        ),
        (
            "gate-at",
            "2026-01-31T12:00:00",
            "--gate-at: '2026-01-31T12:00:00' has no offset from UTC; write it as "
            "2026-01-31T12:00:00Z",
        ),
        (
            "gate-query-timeout",
            "soon",
            "--gate-query-timeout: 'soon' is not a duration; write it as '30s', '5m', '2h' or "
            "'1h30m'",
        ),
        (
            "gate-timeout",
            "0s",
            "--gate-timeout: duration '0s' must be above zero, such as '5m' or '2h'",
        ),
        *(
            (
                "gate-concurrency",
                text,
                f"--gate-concurrency: {text!r} is not a whole number above zero",
            )
            for text in ("many", "0", "-1", "1.5", "²")
        ),
    ],
)
def test_a_value_that_cannot_be_used_is_refused(name: str, given: Any, message: str) -> None:
    assert refused(command_line({name: given})) == message


@pytest.mark.parametrize("name", ["gate-env", "gate-pushgateway", "gate-config", "prometheus-url"])
def test_an_empty_value_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        command_line({name: ""})
    assert str(refusal.value) == f"--{name}: is empty; give a value, or leave it out"


def test_the_message_names_the_place_in_the_file() -> None:
    soon = {"gate-timeout": "soon"}
    assert refused(file(soon)).startswith("deploygate.toml: gate-timeout: 'soon' is not")
    named = refused(file(soon, "staging"), file({}))
    assert named.startswith("deploygate.toml [env.staging]: gate-timeout: 'soon' is not")


@pytest.mark.parametrize(
    ("layers", "value", "origin"),
    [
        (0, "http://cli", "--prometheus-url"),
        (1, "http://variable", "$PROMETHEUS_URL"),
        (2, "http://staging", "deploygate.toml [env.staging]: prometheus-url"),
        (3, "http://file", "deploygate.toml: prometheus-url"),
        (4, "http://localhost:9090", "default"),
    ],
)
def test_the_first_place_that_gives_an_option_wins(layers: int, value: str, origin: str) -> None:
    given = [
        command_line({"prometheus-url": "http://cli"}),
        environment({"PROMETHEUS_URL": "http://variable"}),
        file({"prometheus-url": "http://staging"}, "staging"),
        file({"prometheus-url": "http://file"}),
    ]
    settings = merge(*given[layers:])
    assert (settings.prometheus_url, settings.origins["prometheus-url"]) == (value, origin)


def test_an_empty_environment_variable_counts_as_not_set() -> None:
    assert merge(environment({"PROMETHEUS_URL": ""}), file({"prometheus-url": "http://file"})) == (
        merge(file({"prometheus-url": "http://file"}))
    )


def test_an_environment_of_the_file_can_switch_a_flag_off() -> None:
    assert not merge(file({"gate-act": False}, "staging"), file({"gate-act": True})).gate_act


def test_relative_paths_start_where_they_were_given() -> None:
    settings = merge(command_line({"gate-html": "a"}, HERE), file({"gate-json": "b"}))
    assert settings.outputs == {"gate-html": HERE / "a", "gate-json": Path("/etc/gate/b")}


def test_thresholds_are_merged_by_key() -> None:
    settings = merge(
        command_line({"gate-set": ["a=1"]}),
        file({"thresholds": {"a": 2, "b": 2}}, "staging"),
        file({"thresholds": {"a": 3, "b": 3, "c": 3}}),
    )
    assert settings.thresholds == {
        "a": Given(1.0, "command line"),
        "b": Given(2.0, "deploygate.toml [env.staging]"),
        "c": Given(3.0, "deploygate.toml"),
    }
    assert settings.gate_set == {"a": 1.0}


def test_overrides_of_criteria_are_merged_by_field() -> None:
    settings = merge(
        file({"criteria": {"cpu": {"severity": "critical"}}}, "staging"),
        file({"criteria": {"cpu": {"severity": "warning", "query": "up"}, "memory": {}}}),
    )
    changes = {"severity": "critical", "query": "up"}
    assert settings.criteria == {
        "cpu": CriterionOverride(changes, "deploygate.toml [env.staging]"),
        "memory": CriterionOverride({}, "deploygate.toml"),
    }


@pytest.mark.parametrize(
    ("changes", "optional"),
    [({"no_data": "no-go"}, False), ({"no_data": "no-go", "optional": True}, True), ({}, True)],
)
def test_a_policy_for_missing_data_makes_a_check_no_longer_optional(
    changes: dict[str, Any], optional: bool
) -> None:
    criterion = Criterion(id="spare", query="up", below=1, optional=True)
    settings = merge(file({"criteria": {"spare": changes}}))
    assert settings.resolve(criterion).optional is optional


def test_a_criterion_is_resolved_with_its_overrides_and_thresholds() -> None:
    criterion = Criterion(id="p95", query="p95", below=threshold("p95_max", 2.5))
    settings = merge(
        command_line({"gate-set": ["p95_max=3", "other=1"]}),
        file({"criteria": {"p95": {"severity": "warning"}, "other": {"query": "x"}}}),
    )
    resolved = settings.resolve(criterion)
    assert (resolved.limit, resolved.level, resolved.query) == (3.0, Severity.WARNING, "p95")
    assert Settings().resolve(criterion).limit == 2.5


def test_an_action_of_an_environment_replaces_the_one_of_its_name() -> None:
    own, base, other = ({"name": n, "kind": k} for n, k in (("a", "x"), ("a", "y"), ("b", "z")))
    settings = merge(file({"actions": [own]}, "staging"), file({"actions": [base, other]}))
    assert settings.actions == ActionTables((own, other), Path("/etc/gate/deploygate.toml"))
    assert merge(command_line({})).actions == ActionTables()


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (
            [command_line({"gate-replay": "e.json", "gate-demo": "go"})],
            "--gate-replay and --gate-demo: give only one of them",
        ),
        (
            [command_line({"gate-replay": "e.json"}), file({"gate-demo": "go"})],
            "--gate-replay and deploygate.toml: gate-demo: give only one of them",
        ),
        (
            [command_line({"gate-demo": "go", "gate-at": "1790000000"})],
            "--gate-at with --gate-demo: evidence is judged at the time it was recorded; leave "
            "--gate-at out",
        ),
    ],
)
def test_options_that_exclude_each_other_are_refused(layers: list[Layer], message: str) -> None:
    assert refused(*layers) == message


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (
            command_line({"prometheus-url": "prometheus:9090"}),
            "--prometheus-url 'prometheus:9090': is not a valid URL; ",
        ),
        (command_line({"prometheus-url": "ftp://there"}), "--prometheus-url 'ftp://there': is not"),
        (command_line({"prometheus-url": "http://"}), "--prometheus-url 'http://': is not a"),
        (
            command_line({"prometheus-url": "http://host:port"}),
            "--prometheus-url 'http://host:port': is not a valid URL; ",
        ),
        (environment({"PROMETHEUS_URL": "there"}), "$PROMETHEUS_URL 'there': is not a valid URL; "),
        (
            file({"prometheus-url": "there"}),
            "deploygate.toml: prometheus-url 'there': is not a valid URL; ",
        ),
        (
            command_line({"gate-pushgateway": "there"}),
            "--gate-pushgateway 'there': is not a valid URL; ",
        ),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_with_its_place(layer: Layer, message: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        pushgateway(GateRun(merge(layer), {}))
    assert str(refusal.value).startswith(message)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere.json", "nowhere.json: No such file or directory"),
        ("setup.cfg", "setup.cfg: is not evidence; give a file that --gate-record wrote"),
    ],
)
def test_evidence_that_cannot_be_read_is_refused(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "setup.cfg").write_text("[metadata]\n", encoding="utf-8")
    with pytest.raises(ConfigurationError) as refusal:
        GateRun(merge(command_line({"gate-replay": name}, tmp_path)), {})
    assert message in str(refusal.value)


def test_a_run_is_judged_at_the_given_time_else_now(monkeypatch: pytest.MonkeyPatch) -> None:
    assert GateRun(merge(command_line({"gate-at": "1790000000"})), {}).at == 1790000000.0
    monkeypatch.setattr("time.time", lambda: 1790000000.12345)
    assert GateRun(Settings(), {}).at == 1790000000.123


def test_variables_are_merged_by_name() -> None:
    settings = merge(
        command_line({"gate-var": ["app=a=b", "region= x "]}),
        file({"vars": {"app": "c", "team": "d"}}, "staging"),
        file({"vars": {"app": "e", "zone": "f"}}),
    )
    assert {name: given.value for name, given in settings.vars.items()} == {
        **{"app": "a=b", "region": " x ", "team": "d", "zone": "f"}
    }
    assert settings.vars["app"].origin == "command line"
    assert settings.vars["zone"].origin == "deploygate.toml"


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (command_line({"gate-var": ["app"]}), "--gate-var: 'app': write it as NAME=VALUE"),
        (command_line({"gate-var": ["app="]}), "--gate-var: 'app=': the value is empty"),
        (command_line({"gate-var": ["side=x"]}), r"command line: \$side is reserved"),
        (command_line({"gate-var": ["a-b=x"]}), "command line: 'a-b' is not the name of a variab"),
        (file({"vars": {"__x": "1"}}), r"deploygate.toml: \$__x is reserved"),
        (command_line({"gate-select": "app"}), "--gate-select: 'app': .*; write them as in"),
        (file({"gate-select": "a=b"}), "deploygate.toml: gate-select: 'a=b': .*; write them as in"),
    ],
)
def test_a_scope_that_cannot_be_used_is_refused(layer: Layer, message: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{message}"):
        GateRun(merge(layer), {})
