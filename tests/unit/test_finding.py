"""Which configuration file is read does not depend on where pytest's root directory is."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_deploygate.config.finding import Found, find
from pytest_deploygate.core.errors import ConfigurationError

SECTION = "[tool.deploygate]\n"


@pytest.fixture
def service(tmp_path: Path) -> Path:
    """A directory in a repository."""
    (tmp_path / "repo" / ".git").mkdir(parents=True)
    directory = tmp_path / "repo" / "services" / "orders"
    directory.mkdir(parents=True)
    return directory


def written(directory: Path, name: str = "deploygate.toml", text: str = "") -> Path:
    directory.mkdir(exist_ok=True, parents=True)
    path = directory / name
    path.write_text(text)
    return path


def found(start: Path, *named: Path, root: Path | None = None, given: Path | None = None) -> Found:
    return find(start, given, root=root or start, named=named)


@pytest.mark.parametrize("above", [0, 1, 2])
def test_the_nearest_file_upwards_is_read(service: Path, above: int) -> None:
    file = written((service, *service.parents)[above])
    assert found(service) == Found(file)
    nearer = written(service, "pyproject.toml", SECTION)
    assert found(service).file == (file if above == 0 else nearer)


def test_nothing_above_the_repository_is_read(service: Path) -> None:
    written(service.parents[2])
    assert found(service) == Found(None)
    (service.parents[1] / ".git").rmdir()
    assert found(service).file == service.parents[2] / "deploygate.toml"


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("[tool.deploygate]\n", True),
        ("[ tool . deploygate ]\n", True),
        ("[tool]\ndeploygate = {}\n", True),
        ('[tool."deploygate"]\n', True),
        ("[tool.other]\n", False),
        ("# tool.deploygate\n", False),
        ("[project]\ndependencies = ['pytest-deploygate']\n", False),
    ],
)
def test_a_project_file_counts_if_it_has_the_section(
    service: Path, text: str, counts: bool
) -> None:
    project = written(service, "pyproject.toml", text)
    above = written(service.parent)
    assert found(service).file == (project if counts else above)


def test_a_broken_link_is_not_passed_over(service: Path) -> None:
    (service / "deploygate.toml").symlink_to("nowhere")
    written(service.parent)
    assert found(service).file == service / "deploygate.toml"


def test_other_files_that_may_be_meant_are_named(service: Path) -> None:
    own = written(service)
    project = written(service, "pyproject.toml", SECTION)
    root = written(service.parent)
    beside = written(service.parent / "users")
    checks = service.parent / "users" / "gate_checks"
    checks.mkdir()
    test = written(checks, "test_it.py")
    assert found(service, checks, test, root=root.parent) == Found(own, (project, root, beside))
    assert found(service, service / "gate_checks") == Found(own, (project,))


@pytest.mark.parametrize("where", ["root", "beside", "within"])
def test_a_file_elsewhere_is_refused_where_there_is_none_upwards(service: Path, where: str) -> None:
    other = service.parent / "users"
    checks = other / "gate_checks"
    checks.mkdir(parents=True)
    file = written(checks if where == "within" else other)
    arguments = [] if where == "root" else [checks]
    with pytest.raises(ConfigurationError, match=rf"{file}: is not read, .*--gate-config {file}"):
        found(service, *arguments, root=other if where == "root" else None)


def test_the_file_that_was_given_is_read(service: Path) -> None:
    own, given = written(service), written(service / "ci", "gate.toml")
    assert found(service, given=given) == Found(given, (own,))
    assert found(service, given=service / "." / "deploygate.toml").others == ()
