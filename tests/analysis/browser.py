"""A page in Debian's chromium, driven over DevTools: what its console says, and how it looks at some width."""

from __future__ import annotations

import base64
import tempfile
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

CHROMIUM, DRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"

# What a person would call ugly: text too small to read, labels of a figure that cover each other, a page that is wider
# than the screen, a table that doesn't scroll by itself.
_LOOK = """
const screen_width = arguments[0];  // the window's own width grows with the page on a phone
const problems = [];
const wide = document.documentElement.scrollWidth - screen_width;
if (wide > 0) problems.push(`the page is ${wide} px wider than the screen`);
for (const element of document.querySelectorAll('main *')) {
  const box = element.getBoundingClientRect();
  const scroller = element.closest('.scroll, pre, svg');
  if (scroller && (scroller.tagName === 'svg' || getComputedStyle(scroller).overflowX === 'auto')) continue;
  if (box.width && box.right > screen_width + 1)
    problems.push(`${element.tagName} ends at ${Math.round(box.right)} px`);
}
const plots = [...document.querySelectorAll('svg.plot')];
let labels = 0;
for (const plot of plots) {
  const frame = plot.getBoundingClientRect();
  if (frame.width < 200 || frame.height < 100) problems.push(`a figure is ${frame.width} x ${frame.height} px`);
  const name = plot.getAttribute('aria-label');
  const texts = [...plot.querySelectorAll('text')].filter(t => t.textContent.trim());
  labels += texts.length;
  const boxes = texts.map(t => [t.textContent, t.getBoundingClientRect(), t]);
  for (const [text, box, node] of boxes) {
    const size = parseFloat(getComputedStyle(node).fontSize) * frame.width / plot.viewBox.baseVal.width;
    if (size < 10) problems.push(`${name}: "${text}" is ${size.toFixed(1)} px`);
    if (box.right > frame.right + 4 || box.left < frame.left - 4)
      problems.push(`${name}: "${text}" leaves the figure`);
  }
  for (let i = 0; i < boxes.length; i++) for (let j = 0; j < i; j++) {
    const [a, b] = [boxes[i][1], boxes[j][1]];
    const x = Math.min(a.right, b.right) - Math.max(a.left, b.left);
    const y = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    if (x > 1 && y > 3) problems.push(`${name}: "${boxes[i][0]}" covers "${boxes[j][0]}"`);
  }
}
return {problems, plots: plots.length, labels, background: getComputedStyle(document.body).backgroundColor,
        ink: plots.length ? getComputedStyle(plots[0].querySelector('text')).fill : '',
        foreign: performance.getEntriesByType('resource').map(entry => entry.name)};
"""


class Browser:
    """A headless chromium; use it with `with`."""

    def __enter__(self) -> "Browser":
        self._profile = tempfile.TemporaryDirectory()
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM
        # --no-sandbox: root's chromium has none; --disable-dev-shm-usage: a container's /dev/shm may be small.
        for argument in (
            "--headless",
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--hide-scrollbars",
            f"--user-data-dir={self._profile.name}",
        ):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self._driver = webdriver.Chrome(service=Service(DRIVER), options=options)
        return self

    def __exit__(self, *_: object) -> None:
        self._driver.quit()
        self._profile.cleanup()

    def open(self, page: Path, width: int, scheme: str, medium: str = "") -> None:
        """Opens a page at a width of so many CSS pixels; scheme is light or dark, medium "" or print."""
        self._driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 600},
        )
        self._driver.execute_cdp_cmd(
            "Emulation.setEmulatedMedia",
            {"media": medium, "features": [{"name": "prefers-color-scheme", "value": scheme}]},
        )
        self._width = width
        self._driver.get(page.resolve().as_uri())

    def complaints(self) -> list[str]:
        """What the console was told since the last call: errors and warnings."""
        return [
            f"{entry['level']}: {entry['message']}"
            for entry in self._driver.get_log("browser")
            if entry["level"] in ("SEVERE", "WARNING")
        ]

    def look(self) -> dict[str, Any]:
        found: dict[str, Any] = self._driver.execute_script(_LOOK, self._width)
        return found

    def screenshot(self, path: Path) -> None:
        """Of the whole page."""
        size = self._driver.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        image = self._driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True, "clip": clip})
        path.write_bytes(base64.b64decode(image["data"]))
