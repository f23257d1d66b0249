"""The pages of the documentation, and the blocks of code in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
_FENCE = re.compile(
    r"^(?P<indent> *)(?P<ticks>```+)(?P<language>\w*)[^\n]*\n(?P<text>.*?)^(?P=indent)(?P=ticks)$",
    re.MULTILINE | re.DOTALL,
)


class Block(NamedTuple):
    """A block of code.

    Attributes:
        page: its file, relative to the repository.
        line: where it begins.
        language: the word after the backticks.
        text: without the indentation of the block.
    """

    page: str
    line: int
    language: str
    text: str

    @property
    def place(self) -> str:
        """For messages, and as the id of a test."""
        return f"{self.page}:{self.line}"


def read(page: str) -> str:
    """The text of a page, by its path in the repository."""
    return (ROOT / page).read_text(encoding="utf-8")


PAGES = (
    *("README.md", "CONTRIBUTING.md", "ARCHITECTURE.md"),
    *(str(path.relative_to(ROOT)) for path in sorted(DOCS.rglob("*.md"))),
)


def blocks(language: str, *, page: str = "", containing: str = "") -> list[Block]:
    """The blocks of a language, of one page or of all; none would be a test of nothing."""
    found = [
        block
        for path in ([page] if page else PAGES)
        for block in _blocks(path)
        if block.language == language and containing in block.text
    ]
    assert found, f"no block of {language} with {containing!r} in {page or 'the documentation'}"
    return found


def block(language: str, *, page: str, containing: str = "") -> str:
    """The text of the one block of a page that contains a text."""
    [one] = blocks(language, page=page, containing=containing)
    return one.text


def every_block() -> list[Block]:
    """All blocks of all pages."""
    return [one for path in PAGES for one in _blocks(path)]


def _blocks(page: str) -> Iterator[Block]:
    text = read(page)
    for match in _FENCE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        inside = re.sub(rf"(?m)^{match['indent']}", "", match["text"])
        yield Block(page, line, match["language"], inside)


def commands(text: str) -> list[str]:
    """The commands of a script: without comments, and with continued lines joined."""
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    return [line for each in lines if (line := re.sub(r"(^|  )#.*$", "", each).strip())]


def written(start: str) -> dict[str, Block]:
    """Every command in a block of bash that begins so, once, with the first block that has it."""
    found: dict[str, Block] = {}
    for one in blocks("bash"):
        for command in commands(one.text):
            if command.startswith(start):
                found.setdefault(command, one)
    assert found, start
    return found


def must_show(text: str, shown: str) -> None:
    """Every line was printed, with other numbers, and with other spaces where they align.

    Raises:
        AssertionError: a line was not.
    """
    for line in text.splitlines():
        words = (re.sub(r"\d+(\\\.\d+)?", r"[\\d.]+", re.escape(word)) for word in line.split())
        pattern = r" +".join(words)
        assert re.search(rf"(?m)^ *{pattern} *$", shown), f"{line}\n\nnot in\n{shown}"
