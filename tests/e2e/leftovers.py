"""What a run may not leave: objects in the cluster, changes on the nodes."""

import time
from collections.abc import Mapping
from pathlib import Path

from kubectl_skoop.collect.live.manifest import NAME, NAME_LABEL
from tests.e2e.cluster import Cluster

GONE = 180
"""Seconds that the controllers may take to remove a namespace with what is in it."""
_COMMANDS = (
    "ip -details link show",
    "ip address show",
    "ip rule show",
    "ip -6 rule show",
    "ip route show table all",
    "ip -6 route show table all",
    "nft list tables",
    "iptables-legacy-save",
    "ipset list -name",
)
_TABLES = ("ip_tables_names", "ip6_tables_names")
_MOVING = ("nf_conntrack_count", ".conf.veth", ".neigh.veth")
"""Settings that change by themselves, and those of pods that come and go."""


def objects(cluster: Cluster, *kinds: str) -> list[str]:
    """Those with our label, in all namespaces."""
    return _named(cluster, ",".join(kinds), "-A")


def standing_namespaces(cluster: Cluster) -> list[str]:
    """Ours that nobody has begun to remove. A run that is killed while it cleans up has begun it."""
    return _named(cluster, "namespaces", "--field-selector=status.phase=Active")


def gone(cluster: Cluster, *kinds: str, within: float = GONE) -> list[str]:
    """What is still there when time is up."""
    end = time.monotonic() + within
    while (left := objects(cluster, *kinds)) and time.monotonic() < end:
        time.sleep(0.5)
    return left


def state(cluster: Cluster) -> Mapping[str, str]:
    """Of each node, what a collector could have changed."""
    listed = Path("/proc/modules")
    modules = listed.read_text().splitlines() if listed.exists() else []
    found = {"modules": "\n".join(sorted(line.split()[0] for line in modules))}
    for node in cluster.nodes.values():
        for command in _COMMANDS:
            found[f"{node.name}: {command}"] = node.namespace.run(*command.split())
        for table in _TABLES:
            found[f"{node.name}: {table}"] = node.namespace.run("cat", f"/proc/net/{table}")
        settings = node.namespace.run("sysctl", "--all", "--pattern", "^net\\.", "--ignore").splitlines()
        kept = [line for line in settings if not any(part in line for part in _MOVING)]
        found[f"{node.name}: sysctls"] = "\n".join(sorted(kept))
    return found


def _named(cluster: Cluster, *which: str) -> list[str]:
    return cluster.kubectl("get", *which, f"--selector={NAME_LABEL}={NAME}", "-o", "name").split()
