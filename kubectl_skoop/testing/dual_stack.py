"""The flannel lab with IPv6 beside IPv4: pods on a bridge, nodes by host routes or by a vxlan over IPv6.

As flanneld's `EnableIPv6` does it (pkg/backend/hostgw, pkg/backend/vxlan). There is no duplicate address
detection.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from kubectl_skoop.testing import netns
from kubectl_skoop.testing.cluster_lab import (
    NEIGHBOUR_RETRANSMIT_MS,
    SWITCH,
    ClusterLab,
)
from kubectl_skoop.testing.netns import Namespace
from kubectl_skoop.testing.objects import Object
from kubectl_skoop.testing.topology import VNI, VXLAN_PORT, LabNode, LabPod
from kubectl_skoop.testing.trap_flow import Flow
from kubectl_skoop.testing.trap_lab import TCP_PORT, UDP_PORT, Listener, listen_all

PODS = "fd00:244::/32"
OVERLAY = f"flannel-v6.{VNI}"
OVERLAY_MTU = 1430
_NEW_NAMESPACE = {
    "net.ipv6.conf.all.disable_ipv6": 0,
    "net.ipv6.conf.default.disable_ipv6": 0,
    "net.ipv6.icmp.ratelimit": 0,
    "net.ipv4.ping_group_range": "0 2147483647",
}
_NODE = {"net.ipv6.conf.all.forwarding": 1, "net.bridge.bridge-nf-call-ip6tables": 1}


def node_address(node: LabNode) -> str:
    return f"fd00:10::{node.number}"


def pod_address(pod: LabPod) -> str:
    return f"fd00:244:{pod.node.number}::{pod.slot + 2}"


def gateway(node: LabNode) -> str:
    return f"fd00:244:{node.number}::1"


def pod_range(node: LabNode) -> str:
    return f"fd00:244:{node.number}::/64"


class Sockets(NamedTuple):
    """What `trap_probes.ask` asks."""

    namespaces: Mapping[str, Namespace]
    listeners: Sequence[Listener]


class DualStackLab(ClusterLab):
    """`overlay`: pods of other nodes are behind a vxlan."""

    def __init__(self, *, overlay: bool) -> None:
        super().__init__("flannel-vxlan" if overlay else "flannel-host-gw")
        self.overlay = overlay
        self._listeners6: list[Listener] = []

    @property
    def sockets(self) -> Sockets:
        """Those for IPv6."""
        return Sockets(self.namespaces, self._listeners6)

    def close(self) -> None:
        for listener in self._listeners6:
            listener.socket.close()
        super().close()

    def objects(self) -> list[Object]:
        objects = super().objects()
        for item in objects:
            status: Any = item.get("status")
            if item["kind"] == "Node":
                node = self.topology.node(item["metadata"]["name"])
                status["addresses"].append({"type": "InternalIP", "address": node_address(node)})
                item["spec"]["podCIDRs"].append(pod_range(node))
                item["metadata"]["annotations"] |= self._annotations(node)
            elif item["metadata"]["name"] == "kube-flannel-cfg":
                told = json.loads(item["data"]["net-conf.json"]) | {"EnableIPv6": True, "IPv6Network": PODS}
                item["data"]["net-conf.json"] = json.dumps(told)
            elif item["kind"] == "Pod":
                pod = self.topology.pod(item["metadata"]["name"])
                status["podIPs"].append({"ip": pod_address(pod)})
        return objects

    def _annotations(self, node: LabNode) -> dict[str, str]:
        data = json.dumps({"VNI": VNI, "VtepMAC": _vtep_mac(node)}) if self.overlay else "null"
        prefix = "flannel.alpha.coreos.com/"
        return {f"{prefix}public-ipv6": node_address(node), f"{prefix}backend-v6-data": data}

    def _build(self) -> None:
        super()._build()
        places = {place: namespace for place, namespace in self.namespaces.items() if place != SWITCH}
        for namespace in places.values():
            # First, as addresses that are made later would wait up to a second for a duplicate.
            namespace.set_for_each_device("net.ipv6.conf", "accept_dad", 0)
            namespace.set_sysctls(_NEW_NAMESPACE)
            namespace.set_for_each_device("net.ipv6.conf", "disable_ipv6", 0)
        for node in self.topology.nodes:
            self.namespaces[node.name].set_sysctls(_NODE)
        self._batch("ip", {node.name: self._node_lines(node) for node in self.topology.nodes})
        self._batch("ip", {pod.name: self._pod_lines(pod) for pod in self.topology.pods})
        if self.overlay:
            self._batch("bridge", {node.name: self._fdb_lines(node) for node in self.topology.nodes})
        for node in self.topology.nodes:
            self._write_rules6(node)
        for place, namespace in places.items():
            namespace.set_for_each_device("net.ipv6.neigh", "retrans_time_ms", NEIGHBOUR_RETRANSMIT_MS)
            namespace.set_for_each_device("net.ipv6.neigh", "proxy_delay", 0)
            self._listeners6 += listen_all(place, namespace, "::")
        netns.await_each(places.values(), netns.ready_for_ipv6)
        netns.await_each(places.values(), netns.addresses_settled)

    def _write_rules6(self, node: LabNode) -> None:
        self.namespaces[node.name].run("ip6tables-nft-restore", "--noflush", text=_RULES)

    def _peers(self, node: LabNode) -> Iterator[LabNode]:
        return (peer for peer in self.topology.nodes if peer != node)

    def _node_lines(self, node: LabNode) -> Iterator[str]:
        yield f"addr add {node_address(node)}/64 dev eth0"
        yield f"addr add {gateway(node)}/64 dev cni0"
        if self.overlay:
            yield (
                f"link add {OVERLAY} address {_vtep_mac(node)} mtu {OVERLAY_MTU} type vxlan id {VNI} "
                f"local {node_address(node)} dev eth0 dstport {VXLAN_PORT} nolearning"
            )
            yield f"addr add {_vtep(node)}/128 dev {OVERLAY}"
            yield f"link set {OVERLAY} up"
        for peer in self._peers(node):
            if self.overlay:
                yield f"neigh replace {_vtep(peer)} lladdr {_vtep_mac(peer)} dev {OVERLAY} nud permanent"
                yield f"route add {pod_range(peer)} via {_vtep(peer)} dev {OVERLAY} onlink"
            else:
                yield f"route add {pod_range(peer)} via {node_address(peer)} dev eth0"

    def _pod_lines(self, pod: LabPod) -> Iterator[str]:
        yield f"addr add {pod_address(pod)}/64 dev eth0"
        yield f"route add default via {gateway(pod.node)} dev eth0"

    def _fdb_lines(self, node: LabNode) -> Iterator[str]:
        for peer in self._peers(node):
            yield f"fdb append {_vtep_mac(peer)} dev {OVERLAY} dst {node_address(peer)} self permanent"


def flows(lab: DualStackLab) -> Iterator[Flow]:
    """Each kind of way between pods and nodes; no datagrams where the server would answer from elsewhere."""
    a, a2, b = (pod_address(lab.topology.pod(name)) for name in ("a", "a2", "b"))
    n1, n2 = (node_address(node) for node in lab.topology.nodes[:2])
    for source, target in (
        ("a", a2),
        ("a", b),
        ("b", a),
        ("a", n1),
        ("a", n2),
        ("n1", a),
        ("n1", b),
        ("n1", n2),
    ):
        for protocol, port in (("tcp", TCP_PORT), ("udp", UDP_PORT), ("icmp", 0)):
            if protocol == "udp" and target in (n1, n2):
                continue
            yield Flow(host=source, protocol=protocol, address=target, port=port)


def _vtep(node: LabNode) -> str:
    return f"fd00:244:{node.number}::"


def _vtep_mac(node: LabNode) -> str:
    return f"0e:00:00:00:06:{node.number:02x}"


_RULES = f"""\
*filter
:FLANNEL-FWD - [0:0]
-A FORWARD -m comment --comment "flanneld forward" -j FLANNEL-FWD
-A FLANNEL-FWD -s {PODS} -m comment --comment "flanneld forward" -j ACCEPT
-A FLANNEL-FWD -d {PODS} -m comment --comment "flanneld forward" -j ACCEPT
COMMIT
"""
