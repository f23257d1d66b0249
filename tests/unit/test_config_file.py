"""The configuration file: where it is found, and what is refused with which message."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_deploygate.config.file import load
from pytest_deploygate.config.finding import Found, find
from pytest_deploygate.config.layers import Layer, merge
from pytest_deploygate.core.errors import ConfigurationError


def read(root: Path, *, given: Path | None = None, environment: str | None = None) -> Any:
    """The layers of the configuration in a directory."""
    file = find(root, given, root=root, named=()).file
    return load(file, environment, actions=lambda: {"type": "array"})


def write(root: Path, text: str, name: str = "deploygate.toml") -> Path:
    """Write a file and return its path."""
    path = root / name
    path.write_text(text, encoding="utf-8")
    return path


def refused(root: Path, **given: Any) -> str:
    """The message that reading a configuration ends in, without the directory."""
    with pytest.raises(ConfigurationError) as refusal:
        read(root, **given)
    message = str(refusal.value).replace(f"{root}/", "")
    assert "\n" not in message
    return message


def test_without_a_file_there_is_no_layer_and_jsonschema_is_not_needed(tmp_path: Path) -> None:
    def unused() -> dict[str, Any]:
        raise AssertionError

    write(tmp_path, "[tool.other]\n", "pyproject.toml")
    found = find(tmp_path, None, root=tmp_path, named=[tmp_path])
    assert found == Found(None)
    assert load(found.file, None, actions=unused) == ()


def test_deploygate_toml_wins_over_pyproject(tmp_path: Path) -> None:
    write(tmp_path, "[tool.deploygate]\ngate-act = true\n", "pyproject.toml")
    [layer] = read(tmp_path)
    assert (layer.origin, layer.table) == ("pyproject.toml", {"gate-act": True})
    own = write(tmp_path, "gate-act = false\n")
    assert read(tmp_path) == (Layer("deploygate.toml", {"gate-act": False}, tmp_path, own),)


@pytest.mark.parametrize(
    ("name", "text"),
    [("other.toml", "gate-act = true"), ("pyproject.toml", "[tool.deploygate]\ngate-act = true")],
)
def test_a_given_file_is_read_instead(tmp_path: Path, name: str, text: str) -> None:
    write(tmp_path, "gate-act = false\n")
    (tmp_path / "conf").mkdir()
    [layer] = read(tmp_path, given=write(tmp_path / "conf", text, name))
    assert (layer.table, layer.directory) == ({"gate-act": True}, tmp_path / "conf")


ENVIRONMENTS = 'gate-env = "staging"\n[env.staging]\ngate-act = true\n[env.production]\n'


@pytest.mark.parametrize(
    ("environment", "chosen"), [(None, "staging"), ("", "staging"), ("production", "production")]
)
def test_an_environment_is_a_layer_over_the_file(
    tmp_path: Path, environment: str | None, chosen: str
) -> None:
    write(tmp_path, ENVIRONMENTS)
    layers = read(tmp_path, environment=environment)
    assert [layer.origin for layer in layers] == [
        f"deploygate.toml [env.{chosen}]",
        "deploygate.toml",
    ]
    settings = merge(*layers)
    assert (settings.gate_env, settings.gate_act) == (chosen, chosen == "staging")


@pytest.mark.parametrize(
    ("text", "environment", "message"),
    [
        (None, "staging", "--gate-env 'staging': there is no configuration with an [env.staging]"),
        ("", "staging", "deploygate.toml: no [env.staging], none is known"),
        (
            ENVIRONMENTS,
            "stagin",
            "deploygate.toml: no [env.stagin], did you mean 'staging'?",
        ),
        ('gate-env = "x"\n[env.y]', None, "deploygate.toml: no [env.x], known: y"),
    ],
)
def test_an_environment_that_does_not_exist_is_refused(
    tmp_path: Path, text: str | None, environment: str | None, message: str
) -> None:
    if text is not None:
        write(tmp_path, text)
    assert refused(tmp_path, environment=environment).startswith(message)


def test_a_given_file_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    message = refused(tmp_path, given=tmp_path / "nowhere.toml")
    assert message == "nowhere.toml: cannot be read: No such file or directory"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gate-jsn = 'x'", "unknown key 'gate-jsn', did you mean 'gate-json'?"),
        ("gate-advisory = 'yes'", "gate-advisory: 'yes' is not of type 'boolean'"),
        ("gate-demo = 'maybe'", "gate-demo: 'maybe' is not allowed, write one of go, warning, no-"),
        ("gate-concurrency = 0", "gate-concurrency: 0 is less than the minimum of 1"),
        ("gate-json = ''", "gate-json: '' "),
        (
            "gate-set = ['a=1']",
            "'gate-set' is not a key of the file; give it on the command line",
        ),
        (
            "[env.x]\ngate-config = 'y'",
            "'env.x.gate-config' is not a key of the file; give it on the command line",
        ),
        (
            "[thresholds]\nfast_p95_max = 'slow'",
            "thresholds.fast_p95_max: 'slow' is not of type 'number'",
        ),
        (
            "[criteria.cpu_usage]\nseverity = 'fatal'",
            "criteria.cpu_usage.severity: 'fatal' is not allowed, write one of critical, warning",
        ),
        ("[criteria.cpu_usage]\nquery = ' '", "criteria.cpu_usage.query: ' ' does not match"),
        (
            "[env.staging.criteria.cpu_usage]\nno_dat = 'go'",
            "unknown key 'env.staging.criteria.cpu_usage.no_dat', did you mean 'no_data'?",
        ),
        (
            "gate-jsn = 'x'\ngate-act = 1",
            "unknown key 'gate-jsn', did you mean 'gate-json'?; gate-act: 1 is not of type",
        ),
        ("[thresholds", "is not valid TOML: Expected ']'"),
    ],
)
def test_what_a_file_may_not_contain_is_refused_with_its_place(
    tmp_path: Path, text: str, message: str
) -> None:
    write(tmp_path, text)
    assert refused(tmp_path).startswith(f"deploygate.toml: {message}")


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1" + "0" * 400])
@pytest.mark.parametrize("table", ["thresholds", "env.other.thresholds"])
def test_a_threshold_that_is_not_a_finite_number_is_refused(
    tmp_path: Path, table: str, value: str
) -> None:
    write(tmp_path, f"[{table}]\nfast_p95_max = {value}\n")
    message = refused(tmp_path)
    assert message == f"deploygate.toml: thresholds.fast_p95_max: {value} is not a finite number"


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "deploygate.toml").write_bytes(b"\xff\xfe")
    assert refused(tmp_path).startswith("deploygate.toml: is not valid TOML: ")
