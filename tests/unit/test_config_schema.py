"""The published JSON Schema of ``deploygate.toml`` refuses what a run refuses by its shape."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from pytest_deploygate.actions.registry import known_kinds, schema
from pytest_deploygate.cli import main
from pytest_deploygate.config.options import OPTIONS
from pytest_deploygate.config.schema import refuse_invalid
from pytest_deploygate.core.errors import ConfigurationError
from tests.reference import SCHEMA

PUBLISHED = json.loads(SCHEMA.read_text(encoding="utf-8"))
WAIVER = 'check = "x"\nreason = "r"\nby = "b"\nuntil = 2026-09-22T00:00:00Z\n'
ACTION = 'name = "a"\non = ["NO-GO"]\n'


def as_json(table: Any) -> Any:
    """What tools make of TOML before they hold it against a schema: a date becomes a text."""
    if isinstance(table, dict):
        return {key: as_json(value) for key, value in table.items()}
    if isinstance(table, list):
        return [as_json(value) for value in table]
    return table.isoformat() if isinstance(table, date) else table


def is_valid(text: str) -> bool:
    """Whether the published schema accepts a file."""
    return bool(Draft7Validator(PUBLISHED).is_valid(as_json(tomllib.loads(text))))


def is_accepted(text: str, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether a run accepts the file, in a month in which the waivers hold."""
    monkeypatch.setattr("pytest_deploygate.config.schema.time.time", lambda: 1_789_000_000.0)
    try:
        refuse_invalid(Path("deploygate.toml"), tomllib.loads(text), schema(known_kinds()))
    except ConfigurationError:
        return False
    return True


GOOD = [
    "",
    'prometheus-url = "http://p:9090"\ngate-concurrency = 3\ngate-act = true\ngate-watch = "5m"',
    'gate-demo = "no-go"\nrequired = ["a", "b_*"]\n[defaults]\nno_data = "no-go"',
    '[thresholds]\na = 1\nb = 0.5\n[vars]\nx = "y"\n[criteria.z]\nenabled = false\nselect = ""',
    '[criteria."a b"]\nseverity = "warning"\nquery = "up"\nno_data = "skip"\noptional = true',
    f"[[waivers]]\n{WAIVER}",
    f'[[waivers]]\n{WAIVER}from = "2026-09-20T00:00:00Z"\nat_most = 3\nat_least = 1.5\n'
    'no_data = true\nticket = "T"\nlabels = { a = "b" }',
    '[[freezes]]\nname = "f"\nfrom = 2026-11-27T00:00:00+01:00\nto = 2026-11-30T00:00:00+01:00',
    '[[freezes]]\nname="f"\nfrom = 2026-11-27T10:00:00\nto = 2026-11-30T10:00:00\ntimezone = "UTC"',
    '[[freezes]]\nname = "f"\nweekly = "fri 16:00 - mon 08:00"\ntimezone = "Europe/Berlin"',
    '[[freezes]]\ncalendar = "f.ics"\ntimezone = "Europe/Berlin"\nseverity = "warning"',
    f'[[actions]]\n{ACTION}kind = "slack"\nurl_env = "X"\ntimeout = 3\nfor = ["x"]',
    f'[[actions]]\n{ACTION}kind = "command"\ncommand = ["a"]\nreasons = ["error"]\nneeds = "b"',
    f'[[actions]]\n{ACTION}kind = "downshift"\nfrom = "creative"\nurl = "http://x"',
    f"[env.x]\ngate-select = 'a=\"b\"'\n[env.x.thresholds]\na = 1\n[[env.x.waivers]]\n{WAIVER}",
]
BAD = [
    "gate-jsn = 'x'",
    "gate-advisory = 'yes'",
    "gate-demo = 'maybe'",
    "gate-concurrency = 0",
    "gate-concurrency = 1.5",
    "gate-json = ''",
    "gate-json = 3",
    "gate-watch = 300",
    "gate-set = ['a=1']",
    "gate-config = 'x'",
    "gate-var = ['a=b']",
    "prometheus-url = ['x']",
    "required = 'x'",
    "required = ['']",
    "required = [' ']",
    "thresholds = 1",
    "[thresholds]\na = 'slow'",
    "[thresholds]\na = true",
    "[vars]\na = 1",
    "[vars]\na = ''",
    "[defaults]\nno_data = 'go'",
    "[defaults]\nseverity = 'warning'",
    "[criteria]\nx = 1",
    "[criteria.x]\nseverity = 'fatal'",
    "[criteria.x]\nquery = ' '",
    "[criteria.x]\nno_dat = 'go'",
    "[criteria.x]\nenabled = 'no'",
    "[criteria.x]\nselect = 1",
    "[criteria.x]\nid = 'y'",
    "[env]\nx = 1",
    "[env.x]\ngate-config = 'y'",
    "[env.x.env.y]",
    "[env.x.criteria.y]\nno_dat = 'go'",
    "[waivers]\na = 1",
    *(f"[[waivers]]\n{re.sub(f'(?m)^{key} = .*$', '', WAIVER)}" for key in ("check", "reason")),
    *(f"[[waivers]]\n{re.sub(f'(?m)^{key} = .*$', '', WAIVER)}" for key in ("by", "until")),
    f"[[waivers]]\n{WAIVER}untli = 1",
    f"[[waivers]]\n{WAIVER}at_most = '3'",
    f"[[waivers]]\n{WAIVER}no_data = 1",
    f"[[waivers]]\n{WAIVER}labels = {{ a = 1 }}",
    f"[[waivers]]\n{WAIVER}from = 5",
    f"[[waivers]]\n{WAIVER.replace('2026-09-22T00:00:00Z', '1789000001')}",
    "[[freezes]]",
    "[[freezes]]\nname = 'f'",
    "[[freezes]]\nname = 'f'\nfrom = 2026-11-27T00:00:00Z",
    "[[freezes]]\nname = 'f'\nto = 2026-11-27T00:00:00Z",
    "[[freezes]]\nfrom = 2026-11-27T00:00:00Z\nto = 2026-11-28T00:00:00Z",
    "[[freezes]]\nname = 'f'\nfrom = 5\nto = 6",
    "[[freezes]]\nname = 'f'\nweekly = 'fri 16:00 - mon 08:00'",
    "[[freezes]]\nweekly = 'fri 16:00 - mon 08:00'\ntimezone = 'UTC'",
    "[[freezes]]\nname = 'f'\nweekly = 'fri 16:00 - mon 08:00'\ntimezone = 'UTC'\ncalendar = 'x'",
    "[[freezes]]\nname = 'f'\nweekly = 'fri 16:00 - mon 08:00'\ntimezone = 'UTC'\n"
    "to = 2026-11-27T00:00:00Z",
    "[[freezes]]\nname = 'f'\ncalendar = 'f.ics'",
    "[[freezes]]\ncalendar = 'f.ics'\nto = 2026-11-27T00:00:00Z",
    "[[freezes]]\ncalendar = ' '",
    "[[freezes]]\ncalendar = 'f.ics'\nseverity = 'high'",
    "[[freezes]]\ncalendar = 'f.ics'\nuntil = 2026-11-27T00:00:00Z",
    f"[[actions]]\n{ACTION}",
    f"[[actions]]\n{ACTION}kind = 'slac'\nurl_env = 'X'",
    f"[[actions]]\n{ACTION}kind = 'slack'\nurl = 'http://x'",
    f"[[actions]]\n{ACTION}kind = 'slack'\nurl_env = ''",
    f"[[actions]]\n{ACTION}kind = 'command'",
    f"[[actions]]\n{ACTION}kind = 'command'\ncommand = 'a b'",
    f"[[actions]]\n{ACTION}kind = 'command'\ncommand = []",
    f"[[actions]]\n{ACTION}kind = 'python'\nfunction = 'a.b'",
    f"[[actions]]\n{ACTION}kind = 'downshift'\nfrom = 'fast'\nurl = 'http://x'",
    "[[actions]]\nname = 'a'\nkind = 'slack'\non = ['BAD']\nurl_env = 'X'",
    "[[actions]]\nname = 'a'\nkind = 'slack'\non = []\nurl_env = 'X'",
    "[[actions]]\nkind = 'slack'\non = ['GO']\nurl_env = 'X'",
    f"[[actions]]\n{ACTION}kind = 'slack'\nurl_env = 'X'\nreasons = ['ok']",
]


@pytest.mark.parametrize("text", GOOD)
def test_both_accept(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (is_valid(text), is_accepted(text, monkeypatch)) == (True, True)


@pytest.mark.parametrize("text", BAD)
def test_both_refuse(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (is_valid(text), is_accepted(text, monkeypatch)) == (False, False)


def test_the_example_is_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    file = Path(__file__).parents[2] / "examples" / "auto-rollback" / "deploygate.toml"
    text = file.read_text(encoding="utf-8")
    assert (is_valid(text), is_accepted(text, monkeypatch)) == (True, True)


def test_the_file_is_up_to_date_and_what_the_command_prints(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["schema"]) == 0
    assert SCHEMA.read_text(encoding="utf-8") == capsys.readouterr().out, (
        "run python -m tests.reference"
    )


def test_it_keeps_to_its_metaschema() -> None:
    assert PUBLISHED["$schema"] == "http://json-schema.org/draft-07/schema#"
    command = [sys.executable, "-m", "check_jsonschema", "--check-metaschema", str(SCHEMA)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_option_is_described_by_its_help() -> None:
    found = {name: one["description"] for name, one in PUBLISHED["properties"].items()}
    of_options = {option.name: option.help for option in OPTIONS if option.in_file}
    assert of_options.items() <= found.items()


def test_every_key_is_described_and_no_other_is_allowed() -> None:
    tables = list(_tables(PUBLISHED, "file"))
    assert len(tables) > 10
    for place, table in tables:
        closed = table.get("additionalProperties") is False or "allOf" in table
        assert closed, place
        named = [name for name, one in table["properties"].items() if not _is_described(one)]
        assert not named, place


def _is_described(key: Any) -> bool:
    """Whether it says what it means; ``true`` stands for a key that is described elsewhere."""
    return key is True or bool(key.get("description"))


def _tables(found: dict[str, Any], place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every table whose keys are known."""
    if "properties" in found:
        yield place, found
    for name, key in found.get("properties", {}).items():
        if key is True:
            continue
        yield from _tables(key, f"{place}.{name}")
    for name in ("additionalProperties", "items"):
        if isinstance(found.get(name), dict):
            yield from _tables(found[name], f"{place}.{name}")
    for of_kind in found.get("allOf", ()):
        yield from _tables(of_kind["then"], f"{place}.{of_kind['if']['properties']['kind']}")
