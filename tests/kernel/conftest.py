"""Lab tests: root, network namespaces, the real kernel."""

from kubectl_skoop.testing.plugin import pytest_runtest_setup

__all__ = ["pytest_runtest_setup"]
