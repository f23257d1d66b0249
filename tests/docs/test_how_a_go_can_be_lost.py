"""Every row of the tables names tests, or states of production, that exist."""

from __future__ import annotations

import re

from tests.docs.pages import ROOT, read
from tests.real.scenario import GO
from tests.real.scenarios import SCENARIOS

PAGE = "docs/explanation/how-a-go-can-be-lost.md"


def rows(heading: str) -> list[str]:
    """The rows of the table whose last column has this heading."""
    table = read(PAGE).partition(f"| {heading} |\n")[2].partition("\n\n")[0]
    return [line for line in table.splitlines() if line.startswith("| ")][1:]


def test_every_row_names_a_test_that_exists() -> None:
    sources = "\n".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    defined = set(re.findall(r"^def (test_\w+)\(", sources, re.MULTILINE))
    assert len(rows("held by")) > 20
    for row in rows("held by"):
        named = re.findall(r"`(test_\w+)`", row)
        assert named, row
        assert set(named) <= defined, row


def test_every_row_names_a_state_of_production_that_is_not_go() -> None:
    verdicts = {row.name: row.verdict for row in SCENARIOS}
    assert len(rows("state of production")) > 10
    for row in rows("state of production"):
        [name] = re.findall(r'\| "(.+)" \|$', row)
        assert verdicts[name] != GO, row
