"""The pytest plugin: the marker `kernel`, and the options of the labs.

A project of its own turns it on with `pytest_plugins = ["kubectl_skoop.testing.plugin"]` in its conftest.
"""

import os

import pytest

from kubectl_skoop.testing.netns import why_no_lab


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "kernel: needs root and network namespaces (a lab with the real kernel)"
    )


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Without root a lab test is skipped, with the reason; in CI that is a failure."""
    if item.get_closest_marker("kernel") is None:
        return
    reason = why_no_lab()
    if reason and os.environ.get("CI") == "true":
        pytest.fail(f"a lab cannot start: {reason}", pytrace=False)
    if reason:
        pytest.skip(reason)
