"""Options of all tests, and those that run only when asked for."""

import gc
from collections.abc import Mapping

import pytest
from hypothesis import HealthCheck, settings

from kubectl_skoop.cli.start import GARBAGE_THRESHOLD

settings.register_profile(
    "steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("steady")
"""Of hypothesis: the same examples each time, however busy the machine is."""

pytest_plugins = ["kubectl_skoop.testing.plugin"]

LEFT_OUT: Mapping[str, str] = {
    "guest": "as a boot takes minutes on a busy machine",
    "emulated": "as each of its labs takes half a minute",
    "browser": "as it needs a browser",
    "e2e": "as Kubernetes is built first, which takes minutes once",
}
"""Why tests with this marker run only when asked for."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="write golden files anew from today's answers")


def pytest_report_header(config: pytest.Config) -> list[str]:
    return [
        f"{marker}: left out, {LEFT_OUT[marker]}; to run it: pytest -m {marker}"
        for marker in _left_out(config)
    ]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    markers = _left_out(config)
    left_out = [item for item in items if any(item.get_closest_marker(marker) for marker in markers)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_collection_finish() -> None:
    """The garbage collector looks as rarely as in the program, and not at thousands of tests."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_THRESHOLD)


def _left_out(config: pytest.Config) -> list[str]:
    return [marker for marker in LEFT_OUT if marker not in str(config.option.markexpr)]
