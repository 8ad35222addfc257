"""All targets: one module each in `targets/`, found by this list."""

from importlib import import_module

from tests.fuzzing.target import Target

NAMES = (
    "answers",
    "bundle",
    "cloud",
    "config",
    "container",
    "ends",
    "ipset",
    "iptables",
    "kubeconfig",
    "link_rules",
    "manifests",
    "netlink",
    "nft",
    "objects",
    "redact",
    "rows",
    "runtime",
    "sections",
)


def load(name: str) -> Target:
    target: Target = import_module(f"tests.fuzzing.targets.{name}").TARGET
    return target
