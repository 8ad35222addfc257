"""Nothing of a snapshot does anything in a page, and nobody else sees it."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from selenium.common.exceptions import NoAlertPresentException
from selenium.webdriver import Chrome
from selenium.webdriver.remote.webelement import WebElement

from kubectl_skoop.report.inspect import WHATS
from kubectl_skoop.web.server import Server
from tests.browser.browser import STRANGER, click, complaints, every, offered, one, wait
from tests.browser.hostile import COMMENT, DEVICE, NODE, POD
from tests.cli.run import shell

QUESTION = "s=pod/default/a&d=pod/default/b&p=8080"
INJECTED = (
    "img, iframe, object, embed, base, body b:not([class]), [onerror], [onload], [srcdoc], script:not([src])"
)


def _shows(card: WebElement) -> Callable[[Chrome], object]:
    script = "return arguments[0].closest('a').getAttribute('aria-current')"
    return lambda driver: driver.execute_script(script, card)


def check_harmless(driver: Chrome) -> None:
    """No dialog, no element that came out of a text. That no policy was needed is checked after each test."""
    with pytest.raises(NoAlertPresentException):
        driver.switch_to.alert.accept()
    assert [element.get_attribute("outerHTML") for element in every(driver, INJECTED)] == []


def test_an_answer_full_of_markup_is_text(driver: Chrome, hostile: Server) -> None:
    driver.get(f"{hostile.home}ask?{QUESTION}")
    wait(driver, lambda driver: every(driver, "#verdict"), "an answer")
    check_harmless(driver)
    text = driver.execute_script("return document.body.textContent")
    for said in (NODE, DEVICE, COMMENT.replace("\u202e", "\\u202e")):
        assert said in text
    for card in every(driver, ".canvas .card"):
        click(driver, card)
        # The page scrolls to what the card stands for, under the next click if that comes too soon.
        wait(driver, _shows(card), "the card's panel")
        check_harmless(driver)


@pytest.mark.parametrize("what", WHATS)
def test_a_table_full_of_markup_is_text(driver: Chrome, hostile: Server, what: str) -> None:
    driver.get(f"{hostile.home}place?at={quote(f'node/{NODE}')}&what={what}&{QUESTION}")
    wait(driver, lambda driver: every(driver, ".tabs"), "a table")
    check_harmless(driver)


@pytest.mark.parametrize(
    "page",
    [
        "", "places", "matrix", f"places?q={quote(POD)}", f"?s={quote(POD)}", f"ask?s={quote(POD)}&d=x",
        "cluster", f"cluster?q={quote(NODE)}", f"check?at={quote(POD)}&code={quote(COMMENT)}&ns={quote(POD)}",
        f"codes?code={quote(POD)}",
    ],
)  # fmt: skip
def test_a_page_full_of_markup_is_text(driver: Chrome, hostile: Server, page: str) -> None:
    driver.get(hostile.home + page)
    wait(driver, lambda driver: every(driver, "main > *"), "a page")
    check_harmless(driver)
    # A question that cannot be answered is an error for the browser, and nothing else is.
    assert all("status of 400" in complaint for complaint in complaints(driver))


def test_findings_full_of_markup_are_text(driver: Chrome, hostile: Server) -> None:
    driver.get(f"{hostile.home}check")
    wait(driver, lambda driver: every(driver, ".finding"), "what was found")
    check_harmless(driver)
    said = driver.execute_script("return document.body.textContent")
    assert DEVICE in said
    assert NODE in said
    for address in {link.get_attribute("href") or "" for link in every(driver, ".finding a")}:
        driver.get(address)
        wait(driver, lambda driver: every(driver, "h1"), "a page")
        check_harmless(driver)


def test_names_full_of_markup_are_offered_as_text(driver: Chrome, hostile: Server) -> None:
    driver.get(hostile.home)
    one(driver, "[name=d]").send_keys("iframe")
    wait(driver, lambda driver: offered(driver, "iframe") == [f"pod/default/{POD}"], "the name")
    check_harmless(driver)


def test_a_file_full_of_markup_is_text(driver: Chrome, hostile: Server, tmp_path: Path) -> None:
    file = tmp_path / "answer.html"
    words = ("-s", "pod/default/a", "-d", "pod/default/b", "-p", "8080", "-o", "html")
    file.write_text(shell("diagnose", *words, "--snapshot", hostile.session.path).out, "utf-8")
    driver.get(file.as_uri())
    wait(driver, lambda driver: every(driver, ".panel:not([hidden])"), "the script has run")
    scripts = every(driver, "script")
    assert len(scripts) == 1
    driver.execute_script("arguments[0].remove()", scripts[0])
    check_harmless(driver)


def test_a_name_that_was_made_to_resolve_to_here_sees_nothing(driver: Chrome, pair: Server) -> None:
    home = urlsplit(pair.home)
    driver.get(f"http://{STRANGER}:{home.port}{home.path}")
    assert "not known by that name" in one(driver, "body").text
    assert any("status of 421" in complaint for complaint in complaints(driver))


def test_without_the_token_nothing_is_seen(driver: Chrome, pair: Server) -> None:
    home = urlsplit(pair.home)
    driver.get(f"http://{home.netloc}/")
    assert "lacks the token" in one(driver, "body").text
    assert all("status of 403" in complaint for complaint in complaints(driver))


ROLES = {
    "ask?s=pod/default/a&d=svc/default/pair&p=80": {"link", "button", "combobox", "navigation", "toolbar"},
    "check": {"link", "button", "combobox", "navigation", "textbox"},
    "cluster": {"link", "button", "checkbox", "navigation"},
    "codes": {"link", "button", "navigation"},
}


@pytest.mark.parametrize(("page", "wanted"), ROLES.items(), ids=ROLES)
def test_everything_has_a_name_for_a_screen_reader(
    driver: Chrome, pair: Server, page: str, wanted: set[str]
) -> None:
    driver.get(pair.home + page)
    wait(driver, lambda driver: every(driver, ".panel:not([hidden]), .counts, .nodes, .codes"), "the page")
    nodes = driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    named = {"link", "button", "textbox", "combobox", "checkbox", "navigation", "toolbar", "group"}
    roles = set()
    for node in nodes:
        role = node.get("role", {}).get("value")
        if role in named and not node.get("ignored") and role != "group":
            roles.add(role)
            assert node.get("name", {}).get("value"), node
    assert wanted <= roles
