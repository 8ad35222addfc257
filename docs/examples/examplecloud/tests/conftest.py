pytest_plugins = ["kubectl_skoop.testing.plugin"]
