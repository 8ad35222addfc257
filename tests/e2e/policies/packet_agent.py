"""kube-network-policies as the cluster's policy agent: it judges each packet that begins a connection.

It queues packets by a rule of nftables. A kernel without that (CONFIG_NFT_QUEUE) refuses its table, the agent
goes on, and the lab queues the same packets to it with iptables.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

from tests.cluster.policy.world import Fields
from tests.e2e import binaries
from tests.e2e.cluster import Cluster
from tests.e2e.node import Node
from tests.e2e.node_files import PAUSE_IMAGE

QUEUE = 100
TABLE = "kube-network-policies"
KINDS = ("networkpolicies", "adminnetworkpolicies", "baselineadminnetworkpolicies")
_FOLDER = Path(__file__).parent
_NAME, _NAMESPACE = "kube-network-policies", "kube-system"
_QUEUED = (
    "-m owner --uid-owner 0 -j ACCEPT",
    "-m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
    f"-j NFQUEUE --queue-num {QUEUE}",
)
"""pkg/networkpolicy/controller.go, syncNFTablesRules, in its order and at its hook; the whole of the chain
where it reads policies of administrators, but for DNS and IPv6."""


@dataclass(frozen=True, slots=True)
class PacketAgent:
    cluster: Cluster

    def write(self, policies: Sequence[Fields]) -> None:
        """These policies and no others. Nothing tells when the agent has read them."""
        kubectl = self.cluster.kubectl
        for kind in KINDS:
            kubectl("delete", kind, "--all", "--all-namespaces", "--wait=false")
        if policies:
            kubectl.apply({"apiVersion": "v1", "kind": "List", "items": list(policies)})


def deployed(cluster: Cluster) -> PacketAgent:
    """It runs on all nodes, and is asked.

    Raises:
        ClusterError: it does not.
    """
    kubectl = cluster.kubectl
    kubectl.apply(*(path.read_text() for path in binaries.policy_api_definitions()))
    kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=180s")
    text = Template((_FOLDER / "packet_agent.yaml").read_text()).substitute(
        image=PAUSE_IMAGE, program=binaries.kube_network_policies_built(), queue=QUEUE
    )
    kubectl.apply(text)
    kubectl("rollout", "status", f"daemonset/{_NAME}", f"--namespace={_NAMESPACE}", "--timeout=180s")
    for node in cluster.nodes.values():
        _queue(node)
    return PacketAgent(cluster)


def _queue(node: Node) -> None:
    if TABLE not in node.run("nft", "list", "tables"):
        for rule in _QUEUED:
            node.run("iptables", "-t", "mangle", "-A", "POSTROUTING", *rule.split())
