"""Compiled templates are kept where that is possible, and the page never depends on them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from jinja2 import DictLoader, Environment

from pytest_deploygate.reports.page_cache import CompiledTemplates


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory in place of ``__pycache__``, and leave to write bytecode."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    return tmp_path


def rendered(directory: Path, template: str = "made of {{ what }}") -> str:
    cache = CompiledTemplates()
    cache.directory = str(directory)
    environment = Environment(loader=DictLoader({"page": template}), bytecode_cache=cache)
    return environment.get_template("page").render(what="text")


def test_a_template_is_compiled_once(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert rendered(directory) == "made of text"
    assert len(list(directory.iterdir())) == 1
    monkeypatch.delattr(Environment, "_generate")  # what compiles
    assert rendered(directory) == "made of text"


def test_a_template_that_was_changed_is_compiled_anew(directory: Path) -> None:
    rendered(directory)
    assert rendered(directory, "now of {{ what }}") == "now of text"


@pytest.mark.parametrize("size", [0, 3, 20, 60, -1])
def test_a_damaged_file_is_replaced(directory: Path, size: int) -> None:
    rendered(directory)
    (file,) = directory.iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[:size])
    assert rendered(directory) == "made of text"
    assert file.read_bytes() == whole


def test_no_bytecode_means_no_file(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert rendered(directory) == "made of text"
    assert list(directory.iterdir()) == []


@pytest.mark.parametrize("place", ["missing", "file/inside"])
def test_a_directory_that_cannot_be_used_is_left_alone(directory: Path, place: str) -> None:
    (directory / "file").touch()
    assert rendered(directory / place) == "made of text"
    assert [one.name for one in directory.iterdir()] == ["file"]
