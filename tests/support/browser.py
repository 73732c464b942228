"""A real browser for tests of pages: headless Chromium through selenium, and what is asked of every
page in it.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

BROWSERS, DRIVERS = ("chromium", "chromium-browser", "google-chrome"), ("chromedriver",)
PATIENCE = 60.0  # seconds until a page must have drawn its figures
# --no-sandbox, because root has no sandbox. The others, because containers have little shared
# memory and no display.
OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--force-prefers-reduced-motion",
)

# Lists faults of the open page in words: names, identities, headings, landmarks, tables,
# contrast, and network requests.
AUDIT = (Path(__file__).parent / "page_audit.js").read_text(encoding="utf-8")


def browser_there() -> tuple[str, str] | None:
    """Paths of the browser and its driver, if both are installed."""
    found = [
        next((path for name in names if (path := shutil.which(name))), None)
        for names in (BROWSERS, DRIVERS)
    ]
    return (found[0], found[1]) if found[0] and found[1] else None


def wanted() -> tuple[str, str]:
    """Paths of the browser and its driver.

    Without them the test is skipped, but where CI says that it is CI, fails.
    """
    there = browser_there()
    if there is None:
        words = (
            "pages must be tested in a browser, but chromium and chromedriver are not both"
            " installed"
        )
        if os.environ.get("CI") == "true":
            pytest.fail(words)
        pytest.skip(words)
    return there


class Browser:
    """One session; each page that is shown takes the place of the one before."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def show(self, page: Path, width: int = 1200, height: int = 1000) -> None:
        """Open a page and wait until its figures are drawn.

        Fails if they are not, with what is said instead.
        """
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.driver.get_log("browser")
        self.driver.get(page.resolve().as_uri())
        end = time.monotonic() + PATIENCE
        while (
            told := self.run("return document.body.dataset.rendered || ''")
        ) == "" and time.monotonic() < end:
            time.sleep(0.05)
        assert told == "yes", (
            f"figures are not drawn: {told or 'no word of them'}; {self.complaints()}"
        )

    def run(self, script: str, *arguments: Any) -> Any:
        """Return the result of a script."""
        return self.driver.execute_script(script, *arguments)

    def audit(self) -> list[str]:
        """Faults of the page."""
        found: list[str] = self.run(AUDIT)
        return found

    def complaints(self) -> list[str]:
        """Errors and refusals that the browser logged since the last call."""
        return [
            entry["message"]
            for entry in self.driver.get_log("browser")
            if entry["level"] == "SEVERE" or "Content Security Policy" in entry["message"]
        ]

    def keys(self, *keys: str) -> None:
        """Press keys, one after the other, wherever the focus is."""
        from selenium.webdriver.common.action_chains import ActionChains

        ActionChains(self.driver).send_keys(*keys).perform()

    def hover(self, selector: str) -> None:
        """Move the pointer to the middle of the first such element."""
        from selenium.webdriver.common.action_chains import ActionChains
        from selenium.webdriver.common.by import By

        element = self.driver.find_element(By.CSS_SELECTOR, selector)
        self.run("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", element)
        ActionChains(self.driver).move_to_element(element).perform()


@contextmanager
def session() -> Iterator[Browser]:
    """A browser while the block lasts."""
    binary, driver = wanted()
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service

    options = Options()
    options.binary_location = binary
    for option in OPTIONS:
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = webdriver.Chrome(options=options, service=Service(driver))
    try:
        yield Browser(chrome)
    finally:
        chrome.quit()


def data_of(page: str) -> Any:
    """The data that a page holds."""
    return json.loads(page.split('id="data">', 1)[1].split("</script>", 1)[0])
