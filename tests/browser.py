"""A real browser for the tests: Debian's chromium without a window, driven through chromedriver."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

from tests.servers import executable

OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
    "--hide-scrollbars",
)

# Every text with its colour and what lies behind it; transparent backgrounds are looked through.
_CONTRASTS = """
const luminance = ([r, g, b]) => [r, g, b].map(v => v / 255)
  .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const parts = colour => colour.match(/[\\d.]+/g).map(Number);
const behind = element => {
  for (let e = element; e; e = e.parentElement) {
    const colour = parts(getComputedStyle(e).backgroundColor);
    if (colour.length === 3 || colour[3] === 1) return colour;
  }
  return [255, 255, 255];
};
const found = {};
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  if (!walker.currentNode.textContent.trim() || !element.checkVisibility()) continue;
  const [a, b] = [parts(getComputedStyle(element).color), behind(element)].map(luminance);
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  found[walker.currentNode.textContent.trim()] = ratio;
}
return found;
"""


class Browser:
    """One window; every page is loaded with the width, the colours and the medium wanted."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def open(
        self, page: Path, *, width: int = 1200, height: int = 900, colours: str = "light"
    ) -> None:
        """Load a file."""
        self._tell("Emulation.setDeviceMetricsOverride", **_metrics(width, height))
        preference = {"name": "prefers-color-scheme", "value": colours}
        self._tell("Emulation.setEmulatedMedia", media="", features=[preference])
        self.complaints()
        self.driver.get(page.resolve().as_uri())

    def run(self, script: str, *arguments: Any) -> Any:
        """What a script of the test's own returns; the page's policy does not apply to it."""
        return self.driver.execute_script(script, *arguments)

    def text(self, selector: str) -> str:
        """The visible text of the first element that matches."""
        text: str = self.run(f"return document.querySelector({selector!r}).innerText")
        return text

    def print(self) -> None:
        """Show the page as it would be printed."""
        self._tell("Emulation.setEmulatedMedia", media="print", features=[])

    def complaints(self) -> list[str]:
        """What the browser has logged since: refused scripts and styles, failed requests."""
        return [str(entry["message"]) for entry in self._log()]

    def accessibility(self) -> list[tuple[str, str]]:
        """Role and name of everything that a screen reader reads, in the order of the page."""
        tree = self._tell("Accessibility.getFullAXTree")
        nodes = {node["nodeId"]: node for node in tree["nodes"]}

        def read(node: dict[str, Any]) -> Iterator[tuple[str, str]]:
            if not node["ignored"]:
                yield node["role"]["value"], node.get("name", {}).get("value", "")
            for child in node.get("childIds", ()):
                if child in nodes:
                    yield from read(nodes[child])

        return list(read(next(iter(nodes.values()))))

    def contrasts(self) -> dict[str, float]:
        """Every visible text and its contrast, as WCAG 2 defines it."""
        found: dict[str, float] = self.run(_CONTRASTS)
        return found

    def picture(self, *, whole: bool = False) -> bytes:
        """A PNG of what is visible, or of the whole page."""
        answer = self._tell("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        return base64.b64decode(answer["data"])

    def _log(self) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = self.driver.get_log("browser")  # type: ignore[no-untyped-call]
        return entries

    def _tell(self, command: str, **parameters: Any) -> Any:
        return self.driver.execute_cdp_cmd(command, parameters)


@contextmanager
def chromium(profile: Path) -> Iterator[Browser]:
    """Run the browser with a new profile in this directory."""
    options = Options()
    options.binary_location = executable("chromium", "chromium")
    for option in (*OPTIONS, f"--user-data-dir={profile}"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = Service(executable("chromedriver", "chromium-driver"))
    driver = webdriver.Chrome(options=options, service=service)
    try:
        yield Browser(driver)
    finally:
        driver.quit()


def _metrics(width: int, height: int) -> dict[str, Any]:
    return {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
