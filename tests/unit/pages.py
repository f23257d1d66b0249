"""The page read as a browser reads it, and the most hostile report there is."""

from __future__ import annotations

from html.parser import HTMLParser

from pytest_deploygate.core.report import ActionResult, ActionStatus, Change, GateReport, SourceInfo
from pytest_deploygate.reports.html import render
from tests.made import ERROR, FAILED, measured, report, result

VOID = {"meta", "link", "rect", "path", "use", "circle", "img", "br"}
HOSTILE = (
    '<img src=x onerror="alert(1)">"\'><script>alert(1)</script></style></title>]]>-->'
    "{{ 7*7 }}{% raw %}\u202egnp.exe\u2066\x00\x1b[31m\ud800&lt;\nnext"
)


class Page(HTMLParser):
    """Every tag with its attributes, every text, and whether all that was opened was closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.titles: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] != "style" and data.strip():
            self.texts.append(data.strip())
            for tag in self._open:
                self.titles.setdefault(tag, []).append(data.strip())

    def with_class(self, name: str) -> list[str]:
        return [tag for tag, attrs in self.tags if name in (attrs.get("class") or "").split()]

    def values(self, attribute: str) -> list[str]:
        return [attrs[attribute] or "" for _, attrs in self.tags if attribute in attrs]

    @property
    def text(self) -> str:
        return " ".join(self.texts)


def page(given: GateReport) -> Page:
    return Page(render(given))


def hostile_report() -> GateReport:
    bad = measured(
        1.0,
        3.0,
        **FAILED,
        id=HOSTILE,
        name=HOSTILE,
        message=HOSTILE,
        labels={HOSTILE: HOSTILE},
        query=HOSTILE,
        unit=HOSTILE,
        comparison=HOSTILE,
        nodeid=HOSTILE,
        warnings=(HOSTILE,),
    )
    action = ActionResult(
        name=HOSTILE, kind=HOSTILE, status=ActionStatus.FAILED, message=HOSTILE, output=HOSTILE
    )
    change = Change(name=HOSTILE, value=HOSTILE, default=HOSTILE, origin=HOSTILE)
    return report(
        bad,
        result(name=HOSTILE, labels={HOSTILE: HOSTILE}, query=HOSTILE),
        result(name=HOSTILE, **{**ERROR, "message": HOSTILE}),
        environment=HOSTILE,
        problems=(HOSTILE, HOSTILE),
        blind=HOSTILE,
        notices=(HOSTILE,),
        partial=HOSTILE,
        changes=(change,),
        actions=(action,),
        source=SourceInfo(kind="prometheus", location="javascript:alert(1)//" + HOSTILE),
    )
