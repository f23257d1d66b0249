"""The tables of the reference are those that the code makes, and nothing is missing."""

from __future__ import annotations

import re

import pytest

import pytest_deploygate
from gate_checks import criteria
from pytest_deploygate import Criterion
from pytest_deploygate.cli import COMMANDS
from tests import reference
from tests.docs.pages import DOCS, PAGES, read

TABLES = [page for page in PAGES if reference.TABLE.search(read(page))]


@pytest.mark.parametrize("page", TABLES)
def test_every_table_is_up_to_date(page: str) -> None:
    assert read(page) == reference.made(read(page)), "run python -m tests.reference"


def test_every_command_and_every_place_of_the_file_has_a_table() -> None:
    text = "".join(read(page) for page in TABLES)
    named = {name for _, name, _ in reference.TABLE.findall(text)}
    with_options = set(COMMANDS) - {"doctor", "schema"}
    assert {f"command {name}" for name in with_options} <= named
    assert {"options", "file-options", "shipped", "metrics", "actions"} <= named


def test_every_criterion_that_ships_is_described() -> None:
    page = (DOCS / "reference" / "shipped-criteria.md").read_text(encoding="utf-8")
    found = [one for value in vars(criteria).values() if isinstance(value, list) for one in value]
    shipped = [one for one in found if isinstance(one, Criterion)]
    assert len(shipped) == 14
    for one in shipped:
        assert page.count(f"`{one.id}`") >= 3, one.id


def test_every_public_name_is_described() -> None:
    described = {
        place.rpartition(".")[2]
        for page in PAGES
        for place in re.findall(r"^::: ([\w.]+)$", read(page), re.MULTILINE)
    }
    assert set(pytest_deploygate.__all__) - described == set()
