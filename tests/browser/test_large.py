"""A large cluster: whatever its size, a page has what one can look at."""

from selenium.webdriver import Chrome

from kubectl_skoop.report.html.cluster_page import NODES
from kubectl_skoop.web.server import Server
from tests.bench.large import SERVICE, SOURCE
from tests.browser.browser import every, offered, one, wait


def test_completion_offers_fifty_and_says_that_there_are_more(driver: Chrome, large: Server) -> None:
    driver.get(large.home)
    assert "5,000 nodes, 10,000 services, 100,000 pods" in one(driver, "main").text
    one(driver, "[name=d]").send_keys("team-007")
    wait(driver, lambda driver: offered(driver, "team-007"), "names")
    *names, more = offered(driver, "team-007")
    assert len(names) == 50
    assert all("team-007" in name for name in names)
    assert "more" in more


def test_a_question(driver: Chrome, large: Server) -> None:
    driver.get(f"{large.home}ask?s={SOURCE}&d={SERVICE}&p=80")
    wait(driver, lambda driver: every(driver, "#verdict"), "an answer")
    assert "reachable" in one(driver, "#verdict").text


def test_lists_are_pages(driver: Chrome, large: Server) -> None:
    driver.get(f"{large.home}places?q=worker-4")
    assert len(every(driver, ".places li")) == 50
    assert "There are more" in one(driver, "main").text


def test_nodes_are_pages(driver: Chrome, large: Server) -> None:
    driver.get(f"{large.home}cluster")
    assert len(every(driver, ".nodes tbody tr")) == NODES
    assert "page 1 of 200" in one(driver, "main").text
    driver.get(f"{large.home}cluster?q=worker-49&page=2")
    assert one(driver, ".nodes tbody th").text == "node/worker-4925"


def test_check_does_not_keep_other_pages_waiting(driver: Chrome, large: Server) -> None:
    driver.get(f"{large.home}check")
    assert "Every node is being compared" in one(driver, "main").text
    driver.get(f"{large.home}codes")
    assert "bridge.hairpin" in one(driver, "main").text


def test_the_matrix_is_a_window(driver: Chrome, large: Server) -> None:
    driver.get(f"{large.home}matrix")
    wait(driver, lambda driver: every(driver, ".matrix"), "the matrix, once the policies are read")
    assert 0 < len(every(driver, ".matrix tbody tr")) <= 31
    assert 0 < len(every(driver, ".matrix thead th")) <= 32
