"""Options of all tests, and those that run only when asked for."""

import pytest

pytest_plugins = ["kubectl_skoop.testing.plugin"]

LEFT_OUT = "left out, as a boot takes minutes on a busy machine; to run it: pytest -m guest"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="write golden files anew from today's answers")


def pytest_report_header(config: pytest.Config) -> str:
    return "" if _asked(config) else f"guest kernel: {LEFT_OUT}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if _asked(config):
        return
    left_out = [item for item in items if item.get_closest_marker("guest")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def _asked(config: pytest.Config) -> bool:
    return "guest" in str(config.option.markexpr)
