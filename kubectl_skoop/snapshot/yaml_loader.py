"""YAML as Kubernetes reads it: dates stay text."""

import yaml

if hasattr(yaml, "CSafeLoader"):
    from yaml import CSafeLoader as SafeLoader
else:
    from yaml import SafeLoader  # type: ignore[assignment]


class Loader(SafeLoader):
    """Safe, and the C one where PyYAML was built with it."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in SafeLoader.yaml_implicit_resolvers.items()
}
