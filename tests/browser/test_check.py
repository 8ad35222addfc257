"""From a finding to its entry in a table, to what its code means, and back; by mouse and by keyboard."""

from collections.abc import Iterator
from itertools import pairwise

import pytest
from selenium.webdriver import Chrome, Keys

from kubectl_skoop.web.server import Server
from tests.browser.browser import click, every, offered, one, wait
from tests.browser.test_ask import press, tab_to
from tests.web.conftest import SNAPSHOTS, serving


@pytest.fixture(scope="module")
def unequal() -> Iterator[Server]:
    """Two deviations on n2, none on n1."""
    with serving(SNAPSHOTS / "vtep-mac-changed.skoop") as server:
        yield server


def checked(driver: Chrome) -> None:
    wait(driver, lambda driver: every(driver, ".counts"), "what was found")


def test_a_finding_leads_to_its_entry(driver: Chrome, unequal: Server) -> None:
    driver.get(f"{unequal.home}check")
    checked(driver)
    first, _ = every(driver, ".finding .where")
    click(driver, first)
    wait(driver, lambda driver: every(driver, ".lines .found"), "its table")
    line = one(driver, ".lines .found")
    assert "flannel.1: <BROADCAST" in line.text
    assert "not 0e:00:00:00:00:02" in line.text
    top, height = driver.execute_script(
        "return [arguments[0].getBoundingClientRect().top, innerHeight]", line
    )
    assert 0 < top < height
    click(driver, one(driver, ".legend a"))
    checked(driver)
    assert one(driver, "[name=at]").get_attribute("value") == "node/n2"
    assert len(every(driver, ".finding")) == 2


def test_a_code_leads_to_what_it_means_and_back(driver: Chrome, unequal: Server) -> None:
    driver.get(f"{unequal.home}check")
    checked(driver)
    click(driver, one(driver, ".finding .code a"))
    wait(driver, lambda driver: every(driver, "main > .explained"), "the code")
    assert "Means:" in one(driver, "main").text
    click(driver, one(driver, ".actions a"))
    checked(driver)
    assert len(every(driver, ".finding")) == 1


def test_narrowing_by_the_keyboard_alone(driver: Chrome, unequal: Server) -> None:
    driver.get(f"{unequal.home}check")
    checked(driver)
    tab_to(driver, "[name=at]")
    press(driver, "n1")
    wait(driver, lambda driver: offered(driver, "n1") == ["node/n1"], "the name")
    press(driver, Keys.ARROW_DOWN, Keys.ENTER)
    press(driver, Keys.ENTER)
    wait(driver, lambda driver: "fits" in one(driver, ".counts").text, "nothing")
    assert driver.current_url.endswith("check?at=node%2Fn1")
    tab_to(driver, "[name=code]")
    press(driver, "flannel.d")
    tab_to(driver, "[name=at]")
    press(driver, Keys.CONTROL + "a", Keys.BACKSPACE, Keys.ENTER)
    wait(driver, lambda driver: len(every(driver, ".finding")) == 1, "one code")


@pytest.mark.parametrize("page", ["check", "cluster", "codes", "codes?code=bridge.hairpin"])
@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_is_wider_than_the_window_and_headings_go_down_step_by_step(
    driver: Chrome, unequal: Server, page: str, width: int
) -> None:
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        driver.get(unequal.home + page)
        wait(driver, lambda driver: not every(driver, "meta[http-equiv=refresh]"), "a page")
        assert driver.execute_script("return document.documentElement.scrollWidth") == width
        levels = [int(heading.tag_name[1]) for heading in every(driver, "h1, h2, h3")]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(after - before <= 1 for before, after in pairwise(levels))
    finally:
        driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
