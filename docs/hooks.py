"""What mkdocs does besides: above all, a linked file of the repository becomes a page of the site.

The pages link examples, schemas and benchmarks where they are, so that a link works in a clone too.
The site has nothing beyond its pages: each file that is linked is shown on a page ``source/...``.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

_LINK = re.compile(r"\]\((\.\./[^)#:]+)")
_ROLE = re.compile(r":\w+:<code>~?[\w.]*?(\w+)</code>")
_NAME = re.compile(r"<td>(?=<code>[^\s<]{1,40}</code></td>)")
_LANGUAGES = {".py": "python", ".toml": "toml", ".json": "json", ".yml": "yaml", ".sh": "bash"}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page for every file outside of ``docs`` that a page links."""
    root = Path(config.docs_dir).parent
    for page in list(files.documentation_pages()):
        for target in _LINK.findall(page.content_string):
            path = _outside(page.src_uri, target)
            if path and _shown(path) not in files.src_uris and (root / path).is_file():
                files.append(File.generated(config, _shown(path), content=_page(root, path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let the links to files outside of ``docs`` lead to their pages; mkdocs refuses the rest."""
    here = page.file.src_uri

    def changed(link: re.Match[str]) -> str:
        path = _outside(here, link[1])
        if not path or _shown(path) not in files.src_uris:
            return link[0]
        return f"]({posixpath.relpath(_shown(path), posixpath.dirname(here) or '.')}"

    return _LINK.sub(changed, markdown)


def on_page_content(html: str, **_: object) -> str:
    """Take the roles of Sphinx out of docstrings, and mark cells that are a name for the style."""
    return _NAME.sub('<td class="name">', _ROLE.sub(r"<code>\1</code>", html))


def _outside(page: str, target: str) -> str:
    """The path in the repository; nothing for a file in ``docs``."""
    path = posixpath.normpath(posixpath.join("docs", posixpath.dirname(page), target))
    return "" if path.startswith(("docs/", "../")) else path


def _shown(path: str) -> str:
    return f"source/{path}" if path.endswith(".md") else f"source/{path}.md"


def _page(root: Path, path: str) -> str:
    """The page of a file, which the search leaves out."""
    head = "---\nsearch:\n  exclude: true\n---\n"
    text = (root / path).read_text(encoding="utf-8")
    if path.endswith(".md"):
        return head + text
    return f"{head}# `{path}`\n\n````{_LANGUAGES.get(Path(path).suffix, 'text')}\n{text}````\n"
