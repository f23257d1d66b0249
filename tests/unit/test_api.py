"""The public names of the package."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import pytest_deploygate

ROOT = Path(__file__).parents[2]


def imported(file: Path, module: str) -> set[str]:
    """The names that a file imports from a module."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == module
        for alias in node.names
    }


@pytest.mark.parametrize("name", pytest_deploygate.__all__)
def test_every_public_name_can_be_imported(name: str) -> None:
    assert getattr(pytest_deploygate, name) is not None


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Creterion'"):
        _ = pytest_deploygate.Creterion  # type: ignore[attr-defined]


def test_mypy_knows_every_public_name() -> None:
    stub = Path(pytest_deploygate.__file__).with_suffix(".pyi")
    typed = ast.parse(stub.read_text(encoding="utf-8"))
    names = {
        alias.asname: node.module
        for node in typed.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    homes = {
        name: f"pytest_deploygate.{home}"
        for home, exported in pytest_deploygate._HOMES.items()
        for name in exported.split()
    }
    assert names == homes


EXAMPLES = [
    file for file in sorted((ROOT / "examples").rglob("*.py")) if "deploygate" in file.read_text()
]


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: str(file.relative_to(ROOT)))
def test_the_examples_import_only_public_names(file: Path) -> None:
    assert "pytest_deploygate." not in file.read_text(encoding="utf-8")
    assert imported(file, "pytest_deploygate") <= set(pytest_deploygate.__all__)


def test_the_example_of_a_plugin_uses_the_public_names() -> None:
    names = imported(ROOT / "examples" / "plugin" / "conftest.py", "pytest_deploygate")
    assert {"Settings", "ActionKind", "GateReport"} <= names


def test_the_package_alone_imports_nothing_of_its_own() -> None:
    code = "import sys, pytest_deploygate; print([m for m in sys.modules if 'deploygate.' in m])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
