"""Every link leads to something that exists, in a clone of the repository and in the site."""

from __future__ import annotations

import re

from tests.docs.pages import PAGES, ROOT, read

_LINK = re.compile(r"\]\(([^)#:]*)(?:#([\w-]+))?\)")


def anchors(text: str) -> set[str]:
    """The anchors of the headings, as GitHub and mkdocs make them."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_link_leads_to_a_file_and_to_a_heading() -> None:
    links = [(page, *link.groups()) for page in PAGES for link in _LINK.finditer(read(page))]
    assert len(links) > 50
    for page, target, anchor in links:
        path = (ROOT / page).parent / target if target else ROOT / page
        assert path.exists(), f"{page}: {target}"
        if anchor:
            assert anchor in anchors(path.read_text("utf-8")), f"{page}: {target}#{anchor}"
