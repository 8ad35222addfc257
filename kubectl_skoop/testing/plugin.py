"""The pytest plugin: the marker `kernel`, and that no lab is left out in CI.

A project of its own turns it on with `pytest_plugins = ["kubectl_skoop.testing.plugin"]` in its conftest.
"""

import os
from collections.abc import Generator

import pytest

from kubectl_skoop.testing.netns import why_no_lab


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "kernel: needs root and network namespaces (a lab with the real kernel)"
    )


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Where no lab can start, a lab test is skipped, with the reason."""
    if _needs_kernel(item) and (reason := why_no_lab()):
        pytest.skip(reason)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With CI=true a lab test that is skipped, for whatever reason, has failed."""
    report = yield
    expected = hasattr(report, "wasxfail")
    if report.skipped and not expected and _needs_kernel(item) and os.environ.get("CI") == "true":
        report.outcome = "failed"
        report.longrepr = f"a lab test is skipped in CI: {_reason(report)}"
    return report


def _needs_kernel(item: pytest.Item) -> bool:
    return item.get_closest_marker("kernel") is not None


def _reason(report: pytest.TestReport) -> str:
    """Of a skip the long form is file, line and reason."""
    return str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
