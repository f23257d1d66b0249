"""The project's own pipelines run what CONTRIBUTING.md asks of a contributor."""

from __future__ import annotations

import re
import tomllib

import pytest

from tests.pipelines import ROOT, schema_errors

PIPELINES = {"github-workflows": ".github/workflows/ci.yml", "gitlab-ci": ".gitlab-ci.yml"}


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize(("schema", "path"), PIPELINES.items(), ids=PIPELINES)
def test_the_platforms_schema_accepts_the_pipeline(schema: str, path: str) -> None:
    assert schema_errors(schema, ROOT / path) == ""


@pytest.mark.parametrize("path", [*PIPELINES.values(), ".ci/run"])
def test_every_pipeline_runs_the_commands_of_a_contributor(path: str) -> None:
    commands = re.findall(r"make \w+", text(path))
    assert commands == ["make gate", "make check", "make test"]


@pytest.mark.parametrize("path", PIPELINES.values())
def test_every_pipeline_tests_each_supported_python(path: str) -> None:
    classifiers = tomllib.loads(text("pyproject.toml"))["project"]["classifiers"]
    supported = re.findall(r":: (3\.\d+)", " ".join(classifiers))
    assert supported
    [matrix] = re.findall(r"(?i)\bpython\w*: \[(.*)\]", text(path))
    assert re.findall(r"3\.\d+", matrix) == supported


def test_make_check_runs_every_static_check() -> None:
    recipe = text("Makefile").partition("\ncheck:")[2].partition("\n\n")[0]
    assert set(re.findall(r"bin/([\w-]+)", recipe)) == {"ruff", "mypy", "lint-imports"}
    assert "$(SITE)" in recipe
    assert (
        text("Makefile").count("bin/mkdocs build --strict\n") == 1
    )  # --quiet hides warnings from it


@pytest.mark.parametrize("path", ["CONTRIBUTING.md", "README.md"])
def test_every_make_target_in_the_documentation_exists(path: str) -> None:
    targets = re.findall(r"^make (\w+)", text(path), re.MULTILINE)
    assert targets
    for target in targets:
        assert f"\n{target}:" in text("Makefile")
