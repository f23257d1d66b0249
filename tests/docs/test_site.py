"""The site in a browser: it fits a phone, can be read in the dark, and prints without buttons."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.browser import chromium
from tests.docs.pages import ROOT

WIDTH = 375
LEAST_CONTRAST = 4.5  # WCAG 2, level AA
HIDDEN = "Skip to content"  # until the tab key finds it
SPLIT = """
return [...document.querySelectorAll('td.name code')]
  .filter(one => one.getClientRects().length > 1).map(one => one.innerText);
"""
BUTTONS = """
return [...document.querySelectorAll('.md-clipboard, .md-code__nav')]
  .filter(one => one.checkVisibility()).length;
"""


def test_every_page_can_be_read(tmp_path: Path) -> None:
    site = built(tmp_path / "site")
    pages = [one for one in sorted(site.rglob("*.html")) if one.name != "404.html"]
    assert len(pages) > 30
    problems = []
    with chromium(tmp_path / "profile") as browser:
        for page in pages:
            name = page.relative_to(site)
            browser.open(page, width=WIDTH, height=800, colours="dark")
            problems += [f"{name}: {text}" for text in browser.complaints()]
            wide = browser.run("return document.documentElement.scrollWidth")
            if wide > WIDTH:
                problems.append(f"{name}: {wide} px wide on a phone")
            problems += [f"{name}: {text} is split" for text in browser.run(SPLIT)]
            problems += [
                f"{name}: {text!r} has a contrast of {contrast:.2f}"
                for text, contrast in browser.contrasts().items()
                if contrast < LEAST_CONTRAST and text != HIDDEN
            ]
        browser.open(site / "tutorial.html")
        assert browser.run(BUTTONS) > 0
        browser.print()
        if printed := browser.run(BUTTONS):
            problems.append(f"{printed} buttons are printed")
    assert not problems, "\n".join(problems)


def built(site: Path) -> Path:
    """Build the site; ``make check`` looks at the warnings."""
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "-d", str(site)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return site
