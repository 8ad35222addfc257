"""Lab tests: root, network namespaces, the real kernel."""

pytest_plugins = ["kubectl_skoop.testing.plugin"]
