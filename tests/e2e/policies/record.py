"""Writes what a real kube-router made of some policies into tests/data/kube-router, for tests without one.

`python -m tests.e2e.policies.record`, as root. Only its own rules and sets are kept.
"""

import json
from pathlib import Path

from kubectl_skoop.cluster.allow import prune
from tests.cluster.policy.conformance import base
from tests.cluster.policy.conformance_cluster import IN_AB
from tests.e2e import cluster as clusters
from tests.e2e.node import Node
from tests.e2e.policies import agent as agents
from tests.e2e.policies import scene as scenes
from tests.e2e.policies.sets import OWN, PolicySet
from tests.e2e.proxy.record import kept, write

FOLDER = Path(__file__).parents[2] / "data" / "kube-router"
KINDS = "nodes,namespaces,pods,networkpolicies,daemonsets"
POLICIES: PolicySet = {
    "x/some": base(podSelector=IN_AB),
    "x/nothing": OWN["nothing passes"]["x/nothing"],
    "y/names": OWN["names of ports"]["x/names"],
    "y/hole": OWN["a block with a hole"]["y/hole"],
}


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with clusters.running(2) as cluster, scenes.built(cluster):
        agents.deployed(cluster).enforce(POLICIES)
        objects = json.loads(cluster.kubectl("get", KINDS, "--all-namespaces", "-o", "json"))["items"]
        items = [{"apiVersion": item["apiVersion"], **(prune(item) or {})} for item in kept(objects)]
        write(FOLDER / "objects.json.gz", json.dumps(items, separators=(",", ":")))
        for name, node in cluster.nodes.items():
            write(FOLDER / f"{name}.gz", rules(node))


def rules(node: Node) -> str:
    """The table filter, then the sets."""
    own = own_rules(node.run("iptables-save", "-t", "filter"))
    return "\n".join((*own, *node.run("ipset", "save").splitlines())) + "\n"


def own_rules(saved: str) -> list[str]:
    """Of a table, those of kube-router."""
    return [
        line
        for line in saved.splitlines()
        if not line.startswith(("#", "-A")) or "NWPLCY" in line or _is_own(line)
    ]


def _is_own(rule: str) -> bool:
    return "KUBE-ROUTER" in rule or "KUBE-POD-FW" in rule


if __name__ == "__main__":
    main()
