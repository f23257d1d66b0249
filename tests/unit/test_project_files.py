"""The files that other tools read: the image, and the hooks of pre-commit."""

from __future__ import annotations

import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "Dockerfile"


def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_dockerfile_has_no_mistake_that_hadolint_knows() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, DOCKERFILE], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_image_is_built_from_all_that_the_package_needs() -> None:
    copied = {
        source
        for line in DOCKERFILE.read_text(encoding="utf-8").splitlines()
        if line.startswith("COPY") and "--from" not in line
        for source in shlex.split(line)[1:-1]
    }
    let_in = (ROOT / ".dockerignore").read_text(encoding="utf-8").split("\n")
    assert copied == {line[1:] for line in let_in if line.startswith("!")}
    project = pyproject()
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert copied == {"pyproject.toml", *project["project"]["license-files"], *packages}


def test_the_extras_of_the_image_exist() -> None:
    extras = pyproject()["project"]["optional-dependencies"]
    assert "[calendar,compare]" in DOCKERFILE.read_text(encoding="utf-8")
    assert {"calendar", "compare"} <= set(extras)


@pytest.mark.parametrize(
    ("check", "code"),
    [
        ("import nothing_of_that_name\n", 2),
        (
            "from pytest_deploygate import Criterion, gate_criteria\n"
            "@gate_criteria([Criterion(id='a', query='up', at_least=1)])\n"
            "def test_a(criterion, gate): gate.check(criterion)\n",
            0,
        ),
    ],
    ids=["broken", "good"],
)
def test_the_hook_of_pre_commit_finds_checks_that_are_broken(
    check: str, code: int, tmp_path: Path
) -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert {"id", "name", "entry", "language", "files"} <= set(hook)
    (tmp_path / "gate_checks").mkdir()
    (tmp_path / "gate_checks" / "test_a.py").write_text(check, encoding="utf-8")
    command, *arguments = shlex.split(hook["entry"])
    script = Path(sys.executable).with_name(command)
    done = subprocess.run([script, *arguments], capture_output=True, cwd=tmp_path, timeout=60)
    assert done.returncode == code
