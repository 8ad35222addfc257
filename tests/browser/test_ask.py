"""Asking, the picture, a stop, and sharing, as a person does it."""

from selenium.webdriver import ActionChains, Chrome, Keys
from selenium.webdriver.common.by import By

from kubectl_skoop.web.server import Server
from tests.browser.browser import click, every, offered, one, scheme, wait

QUESTION = "ask?s=pod%2Fdefault%2Fa&d=svc%2Fdefault%2Fpair&p=80"
TABS = 60
"""Times that Tab is pressed at most to get somewhere."""


def press(driver: Chrome, *keys: str) -> None:
    """On whatever has the focus."""
    ActionChains(driver).send_keys(*keys).perform()


def tab_to(driver: Chrome, selector: str) -> None:
    """By the keyboard alone."""
    for _ in range(TABS):
        if driver.execute_script("return document.activeElement.matches(arguments[0])", selector):
            return
        press(driver, Keys.TAB)
    raise AssertionError(f"Tab does not lead to {selector}")


def choose(driver: Chrome, typed: str, name: str) -> None:
    """The first of the names that fit."""
    press(driver, typed)
    wait(driver, lambda driver: offered(driver, typed)[:1] == [name], f"{name} is offered first")
    press(driver, Keys.ARROW_DOWN)
    assert driver.switch_to.active_element.get_attribute("aria-activedescendant")
    press(driver, Keys.ENTER)


def answered(driver: Chrome) -> None:
    wait(driver, lambda driver: every(driver, "#verdict"), "an answer")


def test_a_question_by_the_keyboard_alone(driver: Chrome, pair: Server) -> None:
    driver.get(pair.home)
    wait(driver, lambda driver: driver.switch_to.active_element.get_attribute("name") == "s", "the focus")
    choose(driver, "default/a", "pod/default/a")
    assert one(driver, "[name=s]").get_attribute("value") == "pod/default/a"
    tab_to(driver, "[name=d]")
    choose(driver, "pair", "svc/default/pair")
    tab_to(driver, "[name=p]")
    press(driver, "80", Keys.ENTER)
    answered(driver)
    assert "50 % of connections fail" in one(driver, "#verdict").text
    assert driver.current_url.endswith(QUESTION)
    tab_to(driver, ".canvas")
    before = one(driver, ".canvas svg").size["width"]
    press(driver, "0", "+", "+")
    wait(driver, lambda driver: one(driver, ".canvas svg").size["width"] > before, "a larger picture")
    press(driver, "f")
    wait(driver, lambda driver: one(driver, ".canvas svg").size["width"] == before, "the picture as it was")
    tab_to(driver, ".canvas svg a")
    press(driver, Keys.ENTER)
    wait(driver, lambda driver: driver.switch_to.active_element.get_attribute("class") == "panel", "a stop")
    assert driver.current_url.endswith(f"#{driver.switch_to.active_element.get_attribute('id')}")


def test_escape_leaves_the_names_alone(driver: Chrome, pair: Server) -> None:
    driver.get(pair.home)
    wait(driver, lambda driver: driver.switch_to.active_element.get_attribute("name") == "s", "the focus")
    press(driver, "b2")
    wait(driver, lambda driver: offered(driver, "b2"), "names")
    press(driver, Keys.ESCAPE)
    assert not any(option.is_displayed() for option in every(driver, "[role=option]"))
    assert one(driver, "[name=s]").get_attribute("value") == "b2"


def test_the_picture_marks_how_each_way_ends(driver: Chrome, pair: Server) -> None:
    driver.get(pair.home + QUESTION)
    answered(driver)
    for selector, words in ((".card.dropped", "ends here"), (".card.arrives", "arrives")):
        card = one(driver, f".canvas {selector}")
        assert words in card.text
        assert card.find_element(By.CSS_SELECTOR, ".symbol").is_displayed()


def test_a_click_on_a_place_shows_its_rules_and_the_rule_leads_to_its_table(
    driver: Chrome, pair: Server
) -> None:
    driver.get(pair.home + QUESTION)
    answered(driver)
    click(driver, one(driver, ".canvas .card.dropped"))
    wait(driver, lambda driver: [e for e in every(driver, ".panel") if e.is_displayed()], "a stop")
    (shown,) = [panel for panel in every(driver, ".panel") if panel.is_displayed()]
    assert "node/n2" in shown.text
    assert "-A FORWARD" in shown.text
    click(driver, one(driver, ".canvas .card.cause"))
    wait(driver, lambda driver: "KUBE-SEP" in one(driver, ".panel:not([hidden])").text, "another stop")
    rules = every(driver, ".panel:not([hidden]) .trace a")
    (rule,) = [rule for rule in rules if "DNAT --to-destination 10.244.2.77:8080" in rule.text]
    click(driver, rule)
    wait(driver, lambda driver: every(driver, ".lines .cause"), "its table")
    line = one(driver, ".lines .cause")
    assert "10.244.2.77:8080" in line.text
    top, height = driver.execute_script(
        "return [arguments[0].getBoundingClientRect().top, innerHeight]", line
    )
    assert 0 < top < height


def test_a_click_on_an_arrow_shows_the_packet(driver: Chrome, pair: Server) -> None:
    driver.get(pair.home + QUESTION)
    answered(driver)
    arrow = one(driver, ".canvas .arrow.tunnel text")
    click(driver, arrow)
    wait(driver, lambda driver: "tunnel dst" in one(driver, ".panel:not([hidden])").text, "the packet")
    assert "vni" in one(driver, ".panel:not([hidden])").text


def test_a_link_asks_the_same_again(driver: Chrome, pair: Server) -> None:
    driver.get(pair.home + QUESTION)
    answered(driver)
    asked = [one(driver, "article").get_attribute("innerHTML"), one(driver, "#command").text]
    link = one(driver, "#share").get_attribute("href") or ""
    driver.switch_to.new_window("window")
    driver.get(link)
    answered(driver)
    again = [one(driver, "article").get_attribute("innerHTML"), one(driver, "#command").text]
    driver.close()
    driver.switch_to.window(driver.window_handles[0])
    assert again == asked


def test_dark_and_light(driver: Chrome, pair: Server) -> None:
    def shades() -> list[float]:
        """How bright the page, a card of the picture and its text are, from 0 to 765."""
        return [
            sum(map(float, driver.execute_script(
                "return getComputedStyle(document.querySelector(arguments[0]))[arguments[1]]", selector, field
            ).removeprefix("rgb(").removesuffix(")").split(",")))
            for selector, field in (
                ("body", "backgroundColor"), (".card rect", "fill"), (".card text", "fill"),
            )
        ]  # fmt: skip

    driver.get(pair.home + QUESTION)
    answered(driver)
    light = shades()
    assert light[0] > 600
    assert light[1] > 600
    assert light[2] < 300
    scheme(driver, "dark")
    dark = shades()
    assert dark[0] < 150
    assert dark[1] < 200
    assert dark[2] > 500
    click(driver, one(driver, "#theme"))
    assert shades() == light
    driver.refresh()
    answered(driver)
    assert shades() == light
    scheme(driver, "light")
    click(driver, one(driver, "#theme"))
    assert shades() == dark
    driver.execute_script("localStorage.clear()")


def test_it_works_without_a_script(driver: Chrome, pair: Server) -> None:
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        driver.get(pair.home)
        one(driver, "[name=s]").send_keys("pod/default/a")
        one(driver, "[name=d]").send_keys("svc/default/pair")
        one(driver, "[name=p]").send_keys("80", Keys.ENTER)
        answered(driver)
        panels = every(driver, ".panel")
        assert len(panels) > 5
        assert all(panel.is_displayed() for panel in panels)
        click(driver, one(driver, ".canvas .card.dropped"))
        assert "-node-" in driver.current_url.partition("#")[2]
    finally:
        driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
