"""What ``[[actions]]`` may hold, and what is said of the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_deploygate.actions.base import Context
from pytest_deploygate.actions.registry import known_kinds, schema
from pytest_deploygate.actions.runner import Step, check, prepare
from pytest_deploygate.config.file import load
from pytest_deploygate.config.layers import merge
from pytest_deploygate.config.settings import ActionTables
from pytest_deploygate.core.errors import ConfigurationError
from pytest_deploygate.core.secrets import Redactor

DOWN = '[[actions]]\nname = "down"\nkind = "command"\non = ["NO-GO"]\ncommand = ["true"]\n'


def loaded(directory: Path, text: str, environment: str | None = None) -> ActionTables:
    (directory / "deploygate.toml").write_text(text, encoding="utf-8")
    layers = load(directory / "deploygate.toml", environment, actions=lambda: schema(known_kinds()))
    return merge(*layers).actions


def prepared(directory: Path, text: str, **environ: str) -> tuple[Step, ...]:
    tables = loaded(directory, text)
    context = Context(directory=tables.file.parent, environ=environ, redactor=Redactor())
    return prepare(tables.tables, known_kinds(), context)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('name = "a"\nkind = "comand"\non = ["GO"]', "actions.a.kind: unknown kind 'comand', did"),
        ('name = "a"\nkind = 3\non = ["GO"]', "actions.a.kind: unknown kind 3, known: "),
        ('name = "a"\nkind = "slack"\non = ["GO"]\nurl_evn = "X"', "'actions.a.url_evn', did you"),
        (
            'name = "a"\nkind = "slack"\non = ["GO"]\nurl = "http://x"',
            "unknown key 'actions.a.url",
        ),
        (
            'name = "a"\nkind = "slack"\non = ["NOGO"]',
            "actions.a.on.1: 'NOGO' is not allowed",
        ),
        ('name = "a"\nkind = "slack"\non = []', "actions.a.on: "),
        ('kind = "slack"\non = ["GO"]', "actions.1: 'name' is a required property"),
        ('name = "a"\non = ["GO"]', "actions.a: 'kind' is a required property"),
        ('name = "a"\nkind = "command"\non = ["GO"]', "actions.a: 'command' is a required"),
        ('name = "a"\nkind = "command"\non = ["GO"]\ncommand = "ls -l"', "is not of type 'array'"),
        ('name = "a"\nkind = "command"\non = ["GO"]\ncommand = []', "actions.a.command: "),
        ('name = "a"\nkind = "python"\non = ["GO"]\nfunction = "os.system"', "does not match"),
        (
            'name = "a"\nkind = "downshift"\non = ["GO"]\nfrom = "fast"\nurl = "http://x"',
            "actions.a.from: 'fast' is not allowed, write one of creative, balanced",
        ),
    ],
)
def test_a_table_that_is_not_allowed_is_refused_by_name(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        loaded(tmp_path, f"[[actions]]\n{text}\n")
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        ("slack", "", "actions.a: give exactly one of url_env, url_file; given: none"),
        ("webhook", 'url_env = "X"\nurl_file = "y"', "given: url_env, url_file"),
        (
            "slack",
            'url_env = "X"\ntimeout = "soon"',
            "actions.a: 'soon' is not a duration; write it as",
        ),
        ("slack", 'url_env = "X"\ntimeout = 0', "actions.a: duration 0 must be above zero"),
        ("downshift", 'from = "creative"', "exactly one of url, url_env, url_file, function"),
        (
            "downshift",
            'from = "creative"\nurl = "admin:80"',
            "url is not a valid http or https URL",
        ),
        (
            "downshift",
            'from = "creative"\nurl = "http://me:pw@x"',
            "url contains credentials; give",
        ),
        (
            "downshift",
            'from = "balanced"\nto = "balanced"\nurl = "http://x"',
            "from balanced to balanced is not a downshift; the order is creative → balanced → fast",
        ),
        (
            "checkpoint-rollback",
            'directory = "."\nmin_reward = 31\nreload = ["true"]',
            "min_reward is above max_reward: no checkpoint can be stable",
        ),
        ("checkpoint-rollback", 'directory = "."', "exactly one of reload, reload_url, reload_"),
        ("slack", 'url_env = "X"\nneeds = "b"', "actions.a: needs 'b', but no action before"),
    ],
)
def test_keys_that_contradict_each_other_are_refused_without_looking_at_the_machine(
    tmp_path: Path, kind: str, text: str, message: str
) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        prepared(tmp_path, f'[[actions]]\nname = "a"\nkind = "{kind}"\non = ["GO"]\n{text}\n')
    assert message in str(refusal.value)
    assert "pw" not in str(refusal.value)


def test_needs_names_the_nearest_earlier_action(tmp_path: Path) -> None:
    text = DOWN + DOWN.replace('"down"', '"up"\nneeds = "dwon"')
    with pytest.raises(ConfigurationError, match=r"actions\.up: needs 'dwon', .*mean 'down'\?"):
        prepared(tmp_path, text)


def test_two_actions_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"two actions are named 'down'"):
        loaded(tmp_path, DOWN + DOWN)


def test_an_environment_replaces_actions_by_name_and_adds_others(tmp_path: Path) -> None:
    up = DOWN.replace("down", "up")
    own = (DOWN.replace('"true"', '"false"') + DOWN.replace("down", "page")).replace(
        "[[actions]]", "[[env.production.actions]]"
    )
    found = loaded(tmp_path, DOWN + up + own, "production").tables
    assert [(table["name"], table["command"]) for table in found] == [
        ("down", ["false"]),
        ("up", ["true"]),
        ("page", ["true"]),
    ]


def test_an_unknown_key_in_another_environment_is_refused_too(tmp_path: Path) -> None:
    text = DOWN.replace("[[actions]]", "[[env.staging.actions]]") + "shell = true\n"
    with pytest.raises(ConfigurationError, match=r"'env\.staging\.actions\.down\.shell'"):
        loaded(tmp_path, text)


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        (
            "slack",
            'url_env = "HOOK"',
            "actions.a: url_env: $HOOK is not set; it must contain the URL",
        ),
        ("slack", 'url_env = "BAD"', "url_env: the value of $BAD is not a valid http or https URL"),
        ("slack", 'url_file = "hook"', "url_file: hook cannot be read, or is empty"),
        ("webhook", 'url_env = "GOOD"\ntoken_env = "T"', "token_env: $T is not set"),
        ("command", 'command = ["no-such-command"]', "command 'no-such-command' is not found on"),
        ("command", 'command = ["./no-such"]', "command './no-such' is not found in /"),
        ("python", 'function = "no_such_module:f"', "ModuleNotFoundError: No module named"),
        ("python", 'function = "os:no_such"', "has no attribute 'no_such'"),
        ("python", 'function = "os:sep"', "function 'os:sep' cannot be called"),
        ("downshift", 'from = "creative"\nfunction = "os:no_such"', "has no attribute 'no_such'"),
        (
            "checkpoint-rollback",
            'directory = "gone"\nreload = ["true"]',
            "gone is not a directory",
        ),
        (
            "checkpoint-rollback",
            'directory = "."\nreload = ["no-such-command"]',
            "command 'no-such-command' is not found",
        ),
        (
            "checkpoint-rollback",
            'directory = "."\nreload_url_env = "HOOK"',
            "url_env: $HOOK is not set",
        ),
    ],
)
def test_what_this_machine_lacks_is_found_by_a_check_of_its_own(
    tmp_path: Path, kind: str, text: str, message: str
) -> None:
    text = f'[[actions]]\nname = "a"\nkind = "{kind}"\non = ["GO"]\n{text}\n'
    environ = {"BAD": "hooks.example.com/token", "GOOD": "http://localhost", "PATH": "/bin"}
    steps = prepared(tmp_path, text, **environ)
    with pytest.raises(ConfigurationError) as refusal:
        check(steps)
    assert message in str(refusal.value)
    assert "hooks.example.com" not in str(refusal.value)


def test_what_is_there_passes_the_check(tmp_path: Path) -> None:
    (tmp_path / "hook").write_text("https://hooks.example.com/token\n")
    (tmp_path / "run.sh").write_text("#!/bin/sh\n")
    (tmp_path / "run.sh").chmod(0o755)
    text = DOWN.replace('"true"', '"./run.sh"') + (
        '[[actions]]\nname = "tell"\nkind = "slack"\non = ["GO"]\nurl_file = "hook"\n'
        '[[actions]]\nname = "called"\nkind = "python"\non = ["GO"]\nfunction = "os.path:join"\n'
        '[[actions]]\nname = "back"\nkind = "checkpoint-rollback"\non = ["GO"]\n'
        'directory = "."\nreload = ["true"]\n'
    )
    check(prepared(tmp_path, text, PATH="/bin:/usr/bin"))


def test_a_kind_that_exists_cannot_be_added_again() -> None:
    kinds: Any = known_kinds()
    with pytest.raises(ConfigurationError, match="the kind 'slack' exists"):
        known_kinds([{"slack": kinds["webhook"]}])
