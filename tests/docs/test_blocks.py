"""Every block of code in the documentation is run, or held against what reads it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from pytest_deploygate.actions.registry import known_kinds, schema
from pytest_deploygate.config.file import load
from pytest_deploygate.http import promtool_file
from tests.conftest import Gate
from tests.docs.pages import Block, block, blocks, every_block
from tests.reference import SCHEMA

LANGUAGES = {"bash", "csv", "json", "python", "text", "toml", "yaml"}
"""``text`` is a sketch, or what a program prints: README's and the tutorial's tests look for it."""
WITH_FILES = ("docs/how-to/monorepo.md", "docs/how-to/objectives.md")
"""The pages whose examples need files beside them; they have tests of their own."""


def test_every_block_names_a_language_that_is_tested() -> None:
    assert len(every_block()) > 40
    assert [one.place for one in every_block() if one.language not in LANGUAGES] == []


def test_every_example_of_a_check_is_collected(pytester: pytest.Pytester, run_gate: Gate) -> None:
    examples = [
        one for one in blocks("python", containing="def test_") if one.page not in WITH_FILES
    ]
    for number, one in enumerate(examples):
        Path(f"test_example_{number}.py").write_text(one.text, encoding="utf-8")
    result = run_gate("--gate-demo=go", "--collect-only", "-q", ".")
    assert "could not be collected" not in result.stdout.str()
    for number, one in enumerate(examples):
        assert f"test_example_{number}.py::test_" in result.stdout.str(), one.place


def test_every_other_example_of_python_runs() -> None:
    others = [one for one in blocks("python") if "def test_" not in one.text]
    assert others
    for one in others:
        exec(compile(one.text, one.place, "exec"), {"__name__": "example"})


def configurations() -> list[Block]:
    return [one for one in blocks("toml") if "[tool.pytest" not in one.text]


@pytest.mark.parametrize("one", configurations(), ids=lambda one: one.place)
def test_every_configuration_is_valid(tmp_path: Path, one: Block) -> None:
    file = tmp_path / "deploygate.toml"
    text = re.sub(r"2026-09-\d\dT12", "2099-09-18T12", one.text)  # a waiver that has not expired
    file.write_text(text, encoding="utf-8")
    for environment in [None, *tomllib.loads(text).get("env", {})]:
        load(file, environment, actions=lambda: schema(known_kinds()))
    command = [sys.executable, "-m", "check_jsonschema", "--schemafile", str(SCHEMA), str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout


def test_every_yaml_and_json_is_read() -> None:
    for one in blocks("yaml"):
        assert list(yaml.safe_load_all(one.text)), one.place
    for one in every_block():
        if one.language == "json":
            json.loads(one.text)


def test_the_client_configuration_is_promtools(tmp_path: Path) -> None:
    file = tmp_path / "prometheus-client.yml"
    text = block("yaml", page="docs/how-to/secrets.md")
    file.write_text(text, encoding="utf-8")
    assert {"basic_auth", "http_headers"} <= set(promtool_file.load(file))


def test_every_script_is_bash() -> None:
    for one in blocks("bash"):
        done = subprocess.run(["bash", "-n"], input=one.text, capture_output=True, text=True)
        assert done.returncode == 0, f"{one.place}: {done.stderr}"
