"""Takes the pictures of docs/tour.md: `make pictures`. They are small, and of shipped snapshots."""

import base64
from pathlib import Path
from tempfile import TemporaryDirectory

from selenium.webdriver import Chrome

from kubectl_skoop.snapshot.assemble import new_header
from kubectl_skoop.snapshot.write import writing
from tests.bench.policies import objects
from tests.browser.browser import browser, click, every, one, scheme, wait
from tests.web.conftest import SNAPSHOTS, serving

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
WIDTH = 1100
QUESTION = "s=pod/default/a&d=svc/default/pair&p=80"
PODS = 40
"""Pods in the matrix: two namespaces of twenty."""


def main() -> None:
    with TemporaryDirectory() as folder, browser(WIDTH, 900) as driver:
        scheme(driver, "light")
        with serving(SNAPSHOTS / "dead-backend.skoop") as server:
            _answer(driver, server.home)
        policies = Path(folder) / "policies.skoop"
        with writing(policies, new_header(0.0)) as writer:
            for kind, found in objects(PODS).items():
                writer.add_objects(kind, found)
        with serving(policies) as server:
            driver.get(f"{server.home}matrix")
            wait(driver, lambda driver: every(driver, ".matrix"), "the matrix")
            _take(driver, "tour-matrix", last=".matrix")


def _answer(driver: Chrome, home: str) -> None:
    driver.get(home)
    one(driver, "[name=s]").send_keys("pod")
    wait(driver, lambda driver: every(driver, "[role=option]"), "names")
    _take(driver, "tour-ask", last=".choices")
    driver.get(f"{home}ask?{QUESTION}")
    _take(driver, "tour-answer", last=".answer > section")
    _take(driver, "tour-picture", ".picture", ".canvas")
    scheme(driver, "dark")
    _take(driver, "tour-dark", ".picture", ".canvas")
    scheme(driver, "light")
    _take(driver, "tour-stop", ".panel:not([hidden])", ".panel:not([hidden]) .trace tr:nth-child(6)")
    click(driver, one(driver, ".canvas .arrow.tunnel text"))
    wait(driver, lambda driver: "tunnel dst" in one(driver, ".panel:not([hidden])").text, "the packet")
    _take(driver, "tour-packet", ".panel:not([hidden])", ".panel:not([hidden])")
    driver.get(f"{home}place?at=node/n1&what=iptables&{QUESTION}")
    _take(driver, "tour-table", ".lines li:nth-child(86)", ".lines li:nth-child(100)")


def _take(driver: Chrome, name: str, first: str = "body", last: str = "body") -> None:
    """From the top of one element to the bottom of another, over the whole width."""
    place = "return document.querySelector(arguments[0]).getBoundingClientRect()[arguments[1]] + scrollY"
    top, bottom = driver.execute_script(place, first, "top"), driver.execute_script(place, last, "bottom")
    above = 0 if first == "body" else 12
    clip = {"x": 0, "y": top - above, "width": WIDTH, "height": bottom - top + above + 12, "scale": 1}
    words = {"clip": clip, "captureBeyondViewport": True}
    picture = driver.execute_cdp_cmd("Page.captureScreenshot", words)["data"]
    (PICTURES / f"{name}.png").write_bytes(base64.b64decode(picture))


if __name__ == "__main__":
    main()
