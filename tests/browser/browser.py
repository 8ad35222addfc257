"""Chromium without a window, which talks to this machine only."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

NEEDED = ("chromium", "chromedriver")
PATIENCE = 60.0
"""Seconds; the machine may be busy."""
STRANGER = "rebound.example"
"""A name that this browser has resolve to this machine."""
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-default-apps",
    "--disable-dev-shm-usage", "--hide-scrollbars",
    f"--host-resolver-rules=MAP {STRANGER} 127.0.0.1,MAP * ~NOTFOUND,EXCLUDE 127.0.0.1",
)  # fmt: skip


def missing() -> str:
    """What must be installed first; empty: nothing."""
    return ", ".join(name for name in NEEDED if shutil.which(name) is None)


@contextmanager
def browser(width: int = 1280, height: int = 1000, *, home: Path | None = None) -> Iterator[Chrome]:
    """`home`: where it keeps what it remembers; default: a new place."""
    with TemporaryDirectory() as folder:
        options = ChromeOptions()
        options.binary_location = shutil.which("chromium") or ""
        for flag in (*FLAGS, f"--window-size={width},{height}", f"--user-data-dir={home or folder}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        service = ChromeService(shutil.which("chromedriver"), env={**os.environ, "TMPDIR": folder})
        driver = Chrome(options=options, service=service)
        try:
            driver.set_page_load_timeout(PATIENCE)
            yield driver
        finally:
            driver.quit()


def wait(driver: Chrome, condition: Callable[[Chrome], object], what: str) -> None:
    """Until something is so; a page that loads meanwhile takes its elements away. Raises: TimeoutException,
    which says what was waited for."""
    gone = [StaleElementReferenceException]
    WebDriverWait(driver, PATIENCE, poll_frequency=0.05, ignored_exceptions=gone).until(condition, what)


def one(driver: Chrome, selector: str) -> WebElement:
    return driver.find_element(By.CSS_SELECTOR, selector)


def every(driver: Chrome, selector: str) -> list[WebElement]:
    return driver.find_elements(By.CSS_SELECTOR, selector)


def click(driver: Chrome, element: WebElement) -> None:
    """In the middle of the window, where nothing lies over it."""
    driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
    element.click()


_OFFERED = """
const input = document.activeElement, list = document.getElementById(input.getAttribute("aria-controls"));
const there = list && !list.hidden && !list.getAttribute("aria-busy") && input.value === arguments[0];
return there ? [...list.children].map((choice) => choice.textContent) : [];
"""


def offered(driver: Chrome, typed: str) -> list[str]:
    """What is offered where the focus is, once that is for all of what was typed."""
    names: list[str] = driver.execute_script(_OFFERED, typed)
    return names


def complaints(driver: Chrome) -> list[str]:
    """What the browser logged as severe since it was last asked: a policy's refusals, errors of scripts."""
    entries: list[dict[str, str]] = driver.execute("getLog", {"type": "browser"})["value"]
    return [entry["message"] for entry in entries if entry["level"] == "SEVERE"]


def scheme(driver: Chrome, name: str) -> None:
    """What the reader's system prefers: `dark` or `light`, and no motion: clicks meet their aim."""
    features = {"prefers-color-scheme": name, "prefers-reduced-motion": "reduce"}
    media = [{"name": feature, "value": value} for feature, value in features.items()]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": media})
