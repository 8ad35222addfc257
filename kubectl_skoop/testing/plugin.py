"""The pytest plugin: the marker `kernel`, that no lab is left out in CI, and the fixture `compare_lab`.

A project of its own turns it on with `pytest_plugins = ["kubectl_skoop.testing.plugin"]` in its conftest.
"""

import os
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Protocol

import pytest

from kubectl_skoop.testing.breaking import apply
from kubectl_skoop.testing.cluster_lab import ClusterLab
from kubectl_skoop.testing.comparing import Outcomes, check_lab
from kubectl_skoop.testing.faults import Fault
from kubectl_skoop.testing.flows import standard_flows
from kubectl_skoop.testing.netns import why_no_lab
from kubectl_skoop.testing.probes import run_flows


class CompareLab(Protocol):
    """What the tool says otherwise than the kernel or the fault's row, one line each; empty: it is right.

    The lab is built, broken, collected by the agent, and asked with real packets. Without a fault it must be
    silent, too.
    """

    def __call__(self, make: Callable[[], ClusterLab], fault: Fault | None = None) -> list[str]: ...


@pytest.fixture(scope="session")
def healthy_outcomes() -> dict[Callable[[], ClusterLab], Outcomes]:
    """Of labs without a fault, by what makes them."""
    return {}


@pytest.fixture
def compare_lab(tmp_path: Path, healthy_outcomes: dict[Callable[[], ClusterLab], Outcomes]) -> CompareLab:
    def compare(make: Callable[[], ClusterLab], fault: Fault | None = None) -> list[str]:
        if fault is not None and make not in healthy_outcomes:
            with make() as lab:
                healthy_outcomes[make] = run_flows(lab, standard_flows(lab.topology, lab.mode))
        with make() as lab:
            if fault is not None:
                apply(lab, fault)
            return [str(one) for one in check_lab(lab, tmp_path, fault, healthy_outcomes.get(make))]

    return compare


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
