"""One browser for all tests; what it complained of fails the test."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver import Chrome

from kubectl_skoop.web.server import Server
from tests.bench.large import NODES, write_large
from tests.bench.made.topology import sized
from tests.browser.browser import browser, complaints, missing, scheme
from tests.browser.hostile import hostile_snapshot
from tests.web.conftest import SNAPSHOTS, serving


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chrome]:
    if lacking := missing():
        reason = f"there is no {lacking}; on Debian: apt install chromium chromium-driver"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with browser() as driver:
        yield driver


@pytest.fixture
def driver(chromium: Chrome) -> Iterator[Chrome]:
    """With a light scheme and nothing remembered. After the test: nothing was refused by a page's policy."""
    scheme(chromium, "light")
    chromium.get("about:blank")
    complaints(chromium)
    yield chromium
    assert complaints(chromium) == []


@pytest.fixture(scope="module")
def pair() -> Iterator[Server]:
    """Half of the connections to the service `pair` fail."""
    with serving(SNAPSHOTS / "dead-backend.skoop") as server:
        yield server


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """5,000 nodes, 100,000 pods, 10,000 services; the nodes of the question have state of their own."""
    path = tmp_path_factory.mktemp("large") / "large.skoop"
    write_large(path, sized(NODES), made={1, 1001})
    with serving(path) as server:
        yield server


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    path = tmp_path_factory.mktemp("hostile") / "hostile.skoop"
    hostile_snapshot(path)
    with serving(path) as server:
        yield server
