"""Every message on the page about troubles is one that the gate prints."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.docs.pages import ROOT, read

PAGE = "docs/troubleshooting.md"


def messages() -> list[str]:
    """What stands in the column "you see"."""
    return re.findall(r"^\| `(.+?)` \|", read(PAGE), re.MULTILINE)


def printed() -> Iterator[str]:
    """Every text of the package, with ``…`` for each value that is put into it."""
    for path in (ROOT / "pytest_deploygate").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                values = (
                    one.value if isinstance(one, ast.Constant) else "…" for one in node.values
                )
                yield "".join(map(str, values))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield re.sub(r"\{\w*\}", "…", node.value)


def _part(node: ast.expr) -> str:
    return str(node.value) if isinstance(node, ast.Constant) else "…"


def test_every_message_is_one_of_the_gates() -> None:
    texts = "\n".join(printed())
    assert len(messages()) > 30
    for message in messages():
        assert message in texts, message


def test_every_row_says_why_and_what_to_do() -> None:
    rows = [line for line in read(PAGE).splitlines() if line.startswith("| `")]
    assert len(rows) == len(messages())
    for row in rows:
        assert all(cell.strip() for cell in row.strip("|").split("|")), row
