"""The page in a real browser: what a release manager, a keyboard and a small screen get of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

from pytest_deploygate.core.result import Reason, Status
from pytest_deploygate.reports.backtest.page import render as render_backtest
from pytest_deploygate.reports.html import render
from tests.browser import Browser, chromium
from tests.made import FAILED, measured, report, result
from tests.made_backtest import everything
from tests.picture import END, no_go_page, troubled
from tests.production import openmetrics, production
from tests.servers import prometheus
from tests.unit.pages import HOSTILE, hostile_report


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with chromium(tmp_path_factory.mktemp("profile")) as one:
        yield one


@pytest.fixture(scope="module")
def no_go(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """The page of a NO-GO run, while the server that it was judged from still runs."""
    directory = tmp_path_factory.mktemp("no-go")
    with prometheus(openmetrics(troubled(production(END))), directory) as server:
        yield no_go_page(directory, server.url), server.url


@pytest.fixture
def written(tmp_path: Path) -> Any:
    """Write a report's page and name the file."""

    def write(given: Any) -> Path:
        path = tmp_path / "page.html"
        path.write_text(render(given), encoding="utf-8")
        return path

    return write


def test_the_verdict_the_culprit_and_the_chart_are_there(
    browser: Browser, no_go: tuple[Path, str]
) -> None:
    browser.open(no_go[0])
    assert browser.driver.title == "NO-GO · production · deployment gate"
    assert browser.text("h1") == "NO-GO"
    assert browser.text(".advice") == "Deployment blocked"
    sentence = browser.text(".sentence")
    assert sentence.startswith("Creative p95 Sustained: p95 4.87 s, limit 4.60 s")
    assert "; worst: 5.40 s, instance=app-1:8000" in sentence
    assert browser.text("article.NO_GO h3") == "Creative p95 Sustained"
    assert "(job=app, mode=creative)" in browser.text("article.NO_GO .message")
    assert "beyond the limit since 13:5" in browser.text("article.NO_GO figcaption")
    height, width, length = browser.run(
        """
        const line = document.querySelector("article.NO_GO .line").getBoundingClientRect();
        const path = document.querySelector("article.NO_GO defs path");
        return [line.height, line.width, path.getTotalLength()];
        """
    )
    assert height > 50
    assert width > 300
    assert length > 1000
    assert browser.complaints() == []


def test_the_verdict_is_visible_without_scrolling(
    browser: Browser, no_go: tuple[Path, str]
) -> None:
    for width, height in ((1200, 700), (375, 667)):
        browser.open(no_go[0], width=width, height=height)
        bottom = browser.run(
            "return document.querySelector('.sentence').getBoundingClientRect().bottom"
        )
        assert 0 < bottom < height


def test_the_link_opens_the_query_in_prometheus(browser: Browser, no_go: tuple[Path, str]) -> None:
    page, url = no_go
    browser.open(page)
    link = browser.run("return document.querySelector('article.NO_GO a.graph').href")
    assert link.startswith(f"{url}/graph?g0.expr=histogram_quantile")
    browser.driver.get(link)
    assert browser.driver.title.startswith("Prometheus")


@pytest.mark.parametrize("width", [320, 375, 768])
def test_nothing_scrolls_sideways(
    browser: Browser, no_go: tuple[Path, str], written: Any, width: int
) -> None:
    for page in (no_go[0], written(hostile_report())):
        browser.open(page, width=width, height=812)
        browser.run("document.querySelectorAll('details').forEach(one => one.open = true)")
        assert browser.run("return document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_every_text_has_the_contrast_of_wcag_aa(
    browser: Browser, written: Any, colours: str
) -> None:
    for verdict in (Status.GO, Status.WARNING, Status.NO_GO):
        checks = [measured(1.0, 3.0, **{**FAILED, "status": s}, id=s, name=s) for s in Status]
        kept = [one for one in checks if one.status != verdict]
        given = report(*kept, measured(1.0, 2.0, status=verdict), notices=("a notice",))
        browser.open(written(given), colours=colours)
        browser.run("document.querySelectorAll('details').forEach(one => one.open = true)")
        contrasts = browser.contrasts()
        assert len(contrasts) > 30
        assert {text: ratio for text, ratio in contrasts.items() if ratio < 4.5} == {}


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 360])
def test_a_burning_budget_a_freeze_and_a_waiver_are_told_apart(
    browser: Browser, written: Any, width: int, colours: str
) -> None:
    usual: dict[str, Any] = {"unit": "x", "threshold": 14.4, "comparison": "≤", "query": "burn"}
    message = "burn rate 20.9 x, limit 14.4 x over 1h and 5m; at this rate a budget of 30 days is "
    rates = [0.1] * 100 + [float(n) for n in range(1, 22)]
    burn = measured(*rates, **usual, **FAILED, name="Burn", message=f"{message}gone in 1 day")
    freeze = result(id="freeze[x]", name="Freeze x", nodeid="", query="", value=None, **FAILED)
    left = (1 - n / 100 for n in range(121))
    waived: dict[str, Any] = {"status": Status.WAIVED, "waived": Reason.BREACH}
    limit: dict[str, Any] = {"unit": "ratio", "threshold": 0.0, "comparison": "≥"}
    budget = measured(*left, name="Budget", **limit, **waived)
    browser.open(written(report(burn, freeze, budget)), width=width, colours=colours)
    browser.run("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert browser.run("return document.documentElement.scrollWidth") <= width
    assert min(browser.contrasts().values()) >= 4.5
    tags = browser.run(
        """
        return [...document.querySelectorAll("article")].map(
          one => [...one.querySelectorAll(".tag, summary")].map(tag => tag.innerText));
        """
    )
    assert [[one.split("\n")[0] for one in each] for each in tags] == [
        ["critical", "limit not kept", "Query"],
        ["critical", "change freeze", "Check"],
    ]
    caption = browser.text("article figcaption")
    assert caption.startswith("Last 2h: 0.1 x to 21 x; beyond the limit since ")
    assert browser.complaints() == []


def test_light_and_dark_follow_the_reader(browser: Browser, no_go: tuple[Path, str]) -> None:
    seen = {}
    for colours in ("light", "dark"):
        browser.open(no_go[0], colours=colours)
        colour = browser.run("return getComputedStyle(document.body).backgroundColor")
        seen[colours] = sum(int(part) for part in colour[4:-1].split(","))
    assert seen["light"] > 600
    assert seen["dark"] < 150


def test_no_status_is_told_by_colour_alone(browser: Browser, written: Any) -> None:
    checks = [result(id=status, name=status, status=status) for status in Status]
    browser.open(written(report(*checks)))
    badges = browser.run(
        """
        return [...document.querySelectorAll(".check .badge")].map(
          one => [one.innerText.trim(), one.querySelector("use").getAttribute("href")]);
        """
    )
    assert sorted(badges) == sorted([s.replace("_", "-"), f"#{s}"] for s in Status)


def test_every_detail_is_reached_and_opened_by_keyboard(
    browser: Browser, no_go: tuple[Path, str]
) -> None:
    browser.open(no_go[0])
    wanted = browser.run("return document.querySelectorAll('summary').length")
    body = browser.driver.switch_to
    reached = 0
    for _ in range(100):
        body.active_element.send_keys(Keys.TAB)
        at, outline = browser.run(
            "const e = document.activeElement;return [e.tagName, getComputedStyle(e).outlineStyle]"
        )
        if at == "BODY":
            break
        assert outline != "none"
        if at == "SUMMARY":
            reached += 1
            body.active_element.send_keys(Keys.ENTER)
            assert browser.run("return document.activeElement.parentElement.open")
    assert reached == wanted > 10


def test_a_screen_reader_finds_landmarks_headings_and_names(
    browser: Browser, no_go: tuple[Path, str]
) -> None:
    browser.open(no_go[0])
    nodes = browser.accessibility()
    roles = [role for role, _ in nodes]
    assert {"banner", "main", "navigation", "contentinfo", "region", "article"} <= set(roles)
    headings = [name for role, name in nodes if role == "heading"]
    assert headings[:3] == ["NO-GO", "NO-GO 1 check", "Creative p95 Sustained"]
    assert all(name for role, name in nodes if role in ("link", "article", "region", "navigation"))
    assert ("article", "Creative p95 Sustained") in nodes


def test_a_printed_page_shows_what_is_folded(browser: Browser, no_go: tuple[Path, str]) -> None:
    browser.open(no_go[0], colours="dark")
    folded = "return [...document.querySelectorAll('pre')].filter(one => !one.checkVisibility())"
    assert len(browser.run(folded)) == 14
    browser.print()
    # the browser opens them with the next frame that it paints
    WebDriverWait(browser.driver, 10).until(lambda _: browser.run(folded) == [])


def test_hostile_text_is_shown_and_does_nothing(browser: Browser, written: Any) -> None:
    browser.open(written(hostile_report()))
    counted = browser.run(
        """
        const all = [...document.querySelectorAll("*")];
        return {
          scripts: document.scripts.length,
          images: document.images.length,
          handlers: all.filter(e => e.getAttributeNames().some(n => n.startsWith("on"))).length,
          links: [...document.links].filter(a => !a.href.startsWith(document.URL)).length,
          footer: document.querySelectorAll("footer").length,
          checks: document.querySelectorAll(".check").length,
        };
        """
    )
    assert counted == {
        "scripts": 0,
        "images": 0,
        "handlers": 0,
        "links": 0,
        "footer": 1,
        "checks": 3,
    }
    shown = HOSTILE.partition("\u202e")[0]
    assert shown in browser.text("article h3")
    assert shown in browser.text("article .labels")
    assert browser.complaints() == []


def test_the_policy_refuses_a_script_even_if_one_got_in(browser: Browser, tmp_path: Path) -> None:
    html = render(report(result()))
    page = tmp_path / "page.html"
    page.write_text(
        html.replace(
            "</main>", "<script>document.title='in'</script><img src=http://[::1]/></main>"
        )
    )
    browser.open(page)
    assert browser.driver.title == "GO · deployment gate"
    assert len([text for text in browser.complaints() if "Content Security Policy" in text]) == 2


def test_without_its_style_the_page_can_still_be_read(
    browser: Browser, no_go: tuple[Path, str], tmp_path: Path
) -> None:
    """Jenkins serves artifacts with a policy that refuses styles."""
    html = no_go[0].read_text(encoding="utf-8")
    bare = tmp_path / "bare.html"
    bare.write_text(html.replace("style-src 'unsafe-inline'; ", ""), encoding="utf-8")
    browser.open(bare)
    assert browser.text("h1") == "NO-GO"
    tallest = browser.run(
        "return Math.max(...[...document.querySelectorAll('svg')].map(one =>"
        " one.getBoundingClientRect().height))"
    )
    assert tallest <= 150
    assert browser.run("return document.documentElement.scrollWidth") <= 1200
    browser.complaints()


@pytest.mark.parametrize(("width", "colours"), [(320, "light"), (1200, "dark")])
def test_the_list_of_what_failed_leads_to_the_check(
    browser: Browser, written: Any, width: int, colours: str
) -> None:
    checks = [result(id=f"b{n}", name=f"{HOSTILE} {n}", **FAILED) for n in range(30)]
    browser.open(written(report(*checks)), width=width, colours=colours)
    assert browser.run("return document.documentElement.scrollWidth") <= width
    assert min(browser.contrasts().values()) >= 4.5
    top = """
        document.querySelectorAll('.index a')[20].click();
        return document.querySelectorAll('article h3')[20].getBoundingClientRect().top"""
    assert 20 < browser.run(top) < 100  # below the line with its status


def test_thousands_of_checks_stay_one_page(browser: Browser, written: Any) -> None:
    checks = [measured(1.0, 2.0, id=f"c{n}", name=f"Check {n}") for n in range(6450)]
    bad = [measured(1.0, 3.0, **FAILED, id=f"b{n}", name=f"Bad {n}") for n in range(50)]
    browser.open(written(report(*checks, *bad)))
    assert browser.text("article h3") == "Bad 0"
    assert browser.run("return document.querySelectorAll('article.check').length") == 50
    assert "5,950 more" in browser.text(".omitted")


@pytest.fixture
def calendar(tmp_path: Path) -> Path:
    """The page of a backtest that has all there can be, with hostile names."""
    path = tmp_path / "backtest.html"
    path.write_text(render_backtest(everything(HOSTILE)), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("width", "colours"), [(320, "light"), (768, "light"), (1200, "light"), (1200, "dark")]
)
def test_the_page_of_a_backtest_fits_and_can_be_read(
    browser: Browser, calendar: Path, width: int, colours: str
) -> None:
    browser.open(calendar, width=width, height=812, colours=colours)
    browser.run("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert browser.run("return document.documentElement.scrollWidth") <= width
    contrasts = browser.contrasts()
    assert len(contrasts) > 40
    assert {text: ratio for text, ratio in contrasts.items() if ratio < 4.5} == {}
    assert browser.complaints() == []


def test_a_calendar_tells_its_statuses_by_height_and_by_words(
    browser: Browser, calendar: Path
) -> None:
    browser.open(calendar)
    found = browser.run(
        """
        return [...document.querySelectorAll('.row.first .strip rect')].map(one =>
          [one.getAttribute('class'), Math.round(one.getBoundingClientRect().height),
           one.querySelector('title').textContent]);
        """
    )
    heights = {status: height for status, height, _ in found}
    assert heights["NO_GO"] > heights["WARNING"] + 8 > heights["GO"] + 16
    assert any(title.endswith("UTC: NO-GO at 3 of 3 steps") for _, _, title in found)
    roles = dict(browser.accessibility())
    assert {"banner", "main", "image", "table", "heading"} <= set(roles)
    named = [name for role, name in browser.accessibility() if role == "image"]
    assert named[0] == "Verdict: GO 97.7 %, WARNING 0.7 %, NO-GO 1.7 %"


def test_a_printed_calendar_keeps_its_cells(browser: Browser, calendar: Path) -> None:
    browser.open(calendar, colours="dark")
    browser.print()
    colour = "getComputedStyle(document.querySelector('.strip rect.NO_GO')).fill"
    assert browser.run(f"return {colour}") == "rgb(179, 32, 15)"
    assert browser.run("return getComputedStyle(document.body).backgroundColor") == (
        "rgb(255, 255, 255)"
    )
