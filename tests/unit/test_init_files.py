"""The files of ``deploygate init``: all of them or none, and never over what is there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from pytest_deploygate import cli
from pytest_deploygate.actions.registry import known_kinds, schema
from pytest_deploygate.cli.init.project import write_all
from pytest_deploygate.config.schema import refuse_invalid
from pytest_deploygate.core.errors import ConfigurationError

CHECKS, SETTINGS = "gate_checks/test_service_health.py", "deploygate.toml"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project in a repository, in which commands are started."""
    (tmp_path / ".git").mkdir()
    directory = tmp_path / "project"
    directory.mkdir()
    monkeypatch.chdir(directory)
    return directory


def files_in(directory: Path) -> set[str]:
    return {one.relative_to(directory).as_posix() for one in directory.rglob("*") if one.is_file()}


def test_without_a_server_there_is_a_bare_start(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["init", "--no-server"]) == 0
    assert files_in(here) == {CHECKS, SETTINGS}
    assert capsys.readouterr().out == (
        "Written\n"
        "  gate_checks/test_service_health.py  targets_up\n"
        "  deploygate.toml\n"
        "\n"
        "What to do next\n"
        "  deploygate doctor     does the server have the metrics? set prometheus-url first\n"
        "  pytest -p deploygate  ask for the verdict\n"
    )


def test_what_is_given_is_written(here: Path, tmp_path: Path) -> None:
    given = ["--prometheus-url=http://p:9090/x", '--gate-select=app="a$b"']
    (tmp_path / "http.yml").write_text("{}")
    assert cli.main(["init", "--no-server", *given, "--prometheus-config=../http.yml"]) == 0
    assert tomllib.loads((here / SETTINGS).read_text()) == {
        "prometheus-url": "http://p:9090/x",
        "prometheus-config": "../http.yml",
        "gate-select": 'app="a$b"',
    }


def test_what_is_commented_out_can_be_used(here: Path) -> None:
    assert cli.main(["init", "--no-server"]) == 0
    text = re.sub(r"(?m)^# (?=[\[a-z][\w.-]*(]| = ))", "", (here / SETTINGS).read_text())
    table = tomllib.loads(text)
    assert set(table) == {"prometheus-url", "gate-html", "required", "thresholds", "env"}
    refuse_invalid(Path(SETTINGS), table, schema(known_kinds()))


@pytest.mark.parametrize(
    ("existing", "text", "named"),
    [
        ("gate_checks/test_orders.py", "", "gate_checks"),
        ("deploygate.toml", "", "deploygate.toml"),
        ("pyproject.toml", "[tool.deploygate]", "pyproject.toml"),
        ("../deploygate.toml", "", "deploygate.toml"),
    ],
)
def test_nothing_is_written_where_something_is(
    here: Path, capsys: pytest.CaptureFixture[str], existing: str, text: str, named: str
) -> None:
    path = here / existing
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    before = files_in(here)
    assert cli.main(["init", "--no-server"]) == 4
    out, err = capsys.readouterr()
    assert (out, err.count("\n"), files_in(here)) == ("", 1, before)
    assert re.match(rf"deploygate init: \S*{re.escape(named)}: ", err)


def test_a_project_of_something_else_is_no_obstacle(here: Path) -> None:
    (here / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
    assert cli.main(["init", "--no-server"]) == 0


def test_a_directory_that_is_not_there_is_refused(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["init", "--no-server", "--directory", "shop"]) == 4
    assert capsys.readouterr().err == (
        "deploygate init: --directory shop: is not a directory; make it first\n"
    )


@pytest.mark.parametrize(
    "given",
    ["--gate-select=job=", "--prometheus-url=", "--prometheus-url=p:9090", "--gate-at=yesterday"],
)
def test_what_cannot_be_used_is_refused(
    here: Path, capsys: pytest.CaptureFixture[str], given: str
) -> None:
    assert cli.main(["init", "--no-server", given]) == 4
    assert capsys.readouterr().err.startswith(f"deploygate init: {given.partition('=')[0]}")
    assert not files_in(here)


@pytest.mark.parametrize("last", ["b/c/d.py", "gate_checks/x.py"])
def test_all_files_are_written_or_none(here: Path, last: str) -> None:
    texts = {"gate_checks/x.py": "x", SETTINGS: "y", last: "z"}
    if last in ("gate_checks/x.py",):
        texts = {SETTINGS: "y", last: "z"}
        (here / "gate_checks").mkdir()
        (here / last).write_text("of somebody else")
    with pytest.raises(ConfigurationError, match=f"{last}: cannot be written: "):
        write_all(here, texts)
    assert files_in(here) <= {"gate_checks/x.py"}
    assert (here / "gate_checks").exists() is (here / last).exists()
    assert not (here / last).exists() or (here / last).read_text() == "of somebody else"
