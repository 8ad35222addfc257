"""A small cluster made of network namespaces on this machine: real devices, routes, rules, listeners.

The settings are those of a node with systemd's defaults (`rp_filter` 2 for each device, 0 for `all`), as
kubelet, kube-proxy and the CNI leave it. Five things differ from a real node, so that a test has one answer:
ICMP errors are not rate limited, neighbours are given up after 3 × 50 ms instead of 3 × 1 s, so who answers
ARP for others (`proxy_arp`) does so at once instead of within 0.8 s, IPv6 is off, and the connection tracking
of all nodes shares this machine's limit.
"""

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from kubectl_skoop.testing import calico, flannel, kube_proxy, netns
from kubectl_skoop.testing.capture import keep_timestamps
from kubectl_skoop.testing.flows import LARGE
from kubectl_skoop.testing.listeners import Listeners
from kubectl_skoop.testing.netns import Namespace, finish
from kubectl_skoop.testing.nfacct import create_counters
from kubectl_skoop.testing.objects import Object, cluster_objects
from kubectl_skoop.testing.restore import Ruleset
from kubectl_skoop.testing.topology import (
    APISERVER_PORT,
    BY_FELIX,
    CALICO_MODES,
    DNS_PORT,
    GATEWAY,
    KUBELET_PORT,
    POD_PORT,
    TUNNELS,
    Backend,
    LabNode,
    LabPod,
    Mode,
    Topology,
    standard,
)

SWITCH = "switch"

NEW_NAMESPACE: Mapping[str, object] = {
    "net.ipv4.conf.all.rp_filter": 0,
    "net.ipv4.conf.default.rp_filter": 2,
    "net.ipv4.icmp_ratelimit": 0,
    "net.ipv4.icmp_ratemask": 0,
    "net.ipv6.conf.all.disable_ipv6": 1,
    "net.ipv6.conf.default.disable_ipv6": 1,
}
NEIGHBOUR_RETRANSMIT_MS = 50
NODE: Mapping[str, object] = {
    "net.ipv4.ip_forward": 1,
    "net.ipv4.conf.all.route_localnet": 1,
    "net.bridge.bridge-nf-call-iptables": 1,
}
ROUTER: Mapping[str, object] = {
    "net.ipv4.ip_forward": 1,
    "net.ipv4.conf.default.rp_filter": 0,
    "net.ipv4.conf.all.send_redirects": 0,
    "net.ipv4.conf.default.send_redirects": 0,
}
"""The switch is the nodes' default gateway, too: it forwards what is for nodes, whoever sends, and discards
the rest."""


class ClusterLab:
    """Built by `with ClusterLab(mode, backend) as lab`; everything is gone after it."""

    def __init__(
        self, mode: Mode, backend: Backend = "iptables-nft", *, topology: Topology | None = None
    ) -> None:
        self.mode = mode
        self.backend = backend
        self.topology = topology or standard()
        self.prefix = netns.lab_prefix()
        places = [
            SWITCH,
            *(node.name for node in self.topology.nodes),
            *(pod.name for pod in self.topology.pods),
        ]
        self.namespaces = {place: Namespace(self.prefix + place) for place in places}
        self.listeners = Listeners()
        self._timestamps = keep_timestamps()

    def __enter__(self) -> Self:
        with ExitStack() as undo:
            undo.callback(self.close)
            self._build()
            undo.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._timestamps.close()
        self.listeners.close()
        netns.delete(namespace.name for namespace in self.namespaces.values())

    def namespace(self, place: str) -> Namespace:
        """Of a node or a pod, by its short name, or of the `switch` between the nodes."""
        return self.namespaces[place]

    def host_device(self, pod: LabPod) -> str:
        return pod.host_device(self.mode)

    def objects(self) -> list[Object]:
        return cluster_objects(self.mode, self.topology)

    def infra(self) -> tuple[str, Mapping[str, object]] | None:
        """What the cloud says, for the snapshot: the provider's name, and its fields; None: nothing."""
        return None

    def values(self) -> Mapping[str, str]:
        """What steps of faults may say of this kind of lab alone, by the placeholder's name."""
        return {}

    def _build(self) -> None:
        netns.create(namespace.name for namespace in self.namespaces.values())
        for namespace in self.namespaces.values():
            namespace.set_sysctls(NEW_NAMESPACE)
        for node in self.topology.nodes:
            self.namespaces[node.name].set_sysctls(NODE)
        self.namespaces[SWITCH].set_sysctls(ROUTER)
        self._batch("ip", {SWITCH: self.switch_links()})
        self._batch("ip", {node.name: self.node_links(node) for node in self.topology.nodes})
        self.connect_pods()
        for namespace in self.namespaces.values():
            namespace.set_for_each_device("net.ipv4.neigh", "retrans_time_ms", NEIGHBOUR_RETRANSMIT_MS)
            namespace.set_for_each_device("net.ipv4.neigh", "proxy_delay", 0)
        self.finish_nodes()
        self._write_rules()
        self._listen()
        netns.await_each(self.namespaces.values())

    def connect_pods(self) -> None:
        """Give each pod its eth0, with what the CNI plugin sets up on it."""
        self._batch("ip", {pod.name: self.pod_links(pod) for pod in self.topology.pods})

    def finish_nodes(self) -> None:
        """What the CNI's agent sets up beside links and routes, before the rules are written."""
        if self.mode in BY_FELIX:
            for node in self.topology.nodes:
                self.namespaces[node.name].set_sysctls(calico.node_sysctls(self.topology, node))
            self._all({node.name: (("ipset", "restore"), calico.ipsets()) for node in self.topology.nodes})
        if self.mode in TUNNELS:
            device = TUNNELS[self.mode]
            fdb = {
                node.name: flannel.fdb_entries(self.topology, node, device=device)
                for node in self.topology.nodes
            }
            self._batch("bridge", fdb)

    def acquaint(self) -> None:
        """Let nodes that share no secret yet agree on one, before all flows are sent at once."""

    def cni_links(self, node: LabNode) -> list[str]:
        """`ip -batch` lines for a node, beside its uplink."""
        namespace_of = {pod.key: self.namespaces[pod.name].name for pod in self.topology.pods}
        if self.mode == "calico":
            return calico.node_links(self.topology, node, namespace_of)
        if self.mode in BY_FELIX:
            mtu = LARGE[self.mode]
            tunnel_links = {
                "canal": flannel.tunnel_links,
                "calico-vxlan": calico.tunnel_links,
                "calico-ipip": calico.ipip_links,
            }[self.mode]
            pods = calico.workload_links(self.topology, node, namespace_of, mtu=mtu)
            return tunnel_links(self.topology, node) + pods
        return flannel.node_links(self.mode, self.topology, node, namespace_of)

    def proxy_rules(self) -> Ruleset:
        """Those of kube-proxy, alike on each node."""
        return kube_proxy.rules(self.topology.services)

    def cni_rules(self, node: LabNode, proxy: Ruleset) -> str:
        """A node's rules, kube-proxy's at their place among them."""
        if self.mode in CALICO_MODES:
            return calico.rules(self.topology, node).text(proxy, calico.appended())
        if self.mode == "canal":
            return calico.rules(self.topology, node).text(proxy, flannel.rules(node), calico.appended())
        return proxy.text(flannel.rules(node))

    def switch_links(self) -> list[str]:
        lines = [
            "link set lo up",
            "link add br0 type bridge",
            f"addr add {GATEWAY}/24 dev br0",
            "link set br0 up",
            "route add blackhole default",
        ]
        for node in self.topology.nodes:
            peer = self.namespaces[node.name].name
            lines += [
                f"link add u{node.number} type veth peer name eth0 address {node.mac} netns {peer}",
                f"link set u{node.number} master br0 up",
            ]
            if self.mode == "flannel-alloc":
                lines.append(f"route add {node.pod_cidr} via {node.address} dev br0")
        return lines

    def node_links(self, node: LabNode) -> list[str]:
        lines = [
            "link set lo up",
            f"addr add {node.address}/24 brd 10.0.0.255 dev eth0",
            "link set eth0 up",
            f"route add default via {GATEWAY} dev eth0",
        ]
        return lines + self.cni_links(node)

    def pod_links(self, pod: LabPod) -> list[str]:
        lines = calico.pod_links(pod) if self.mode in BY_FELIX else flannel.pod_links(pod)
        return ["link set lo up", *lines]

    def _write_rules(self) -> None:
        proxy = self.proxy_rules()
        commands: dict[str, tuple[tuple[str, ...], str]] = {}
        for node in self.topology.nodes:
            create_counters(self.namespaces[node.name], kube_proxy.NFACCT_COUNTERS)
            commands[node.name] = ((f"{self.backend}-restore", "--noflush"), self.cni_rules(node, proxy))
        self._all(commands)

    def _listen(self) -> None:
        for pod in self.topology.pods:
            self.listeners.open(self.namespaces[pod.name], pod.name, "tcp", POD_PORT)
            self.listeners.open(self.namespaces[pod.name], pod.name, "udp", DNS_PORT)
        for node in self.topology.nodes:
            self.listeners.open(self.namespaces[node.name], node.name, "tcp", KUBELET_PORT)
        first = self.topology.nodes[0].name
        self.listeners.open(self.namespaces[first], first, "tcp", APISERVER_PORT)

    def _batch(self, tool: str, lines: Mapping[str, Iterable[str]]) -> None:
        self._all({place: ((tool, "-batch", "-"), "\n".join(text) + "\n") for place, text in lines.items()})

    def _all(self, commands: Mapping[str, tuple[tuple[str, ...], str]]) -> None:
        """Run one command in each place, at the same time."""
        started = [
            (self.namespaces[place].start(*command), text) for place, (command, text) in commands.items()
        ]
        for process, text in started:
            finish(process, text)
