"""etcd, an API server, and a kube-proxy a node: no kubelet and no pods, what is compared are rules.

Nodes and endpoints are objects that nobody stands behind, so each node can have another kube-proxy.
"""

import json
import operator
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from kubectl_skoop.collect.agent import collect_node
from kubectl_skoop.snapshot.assemble import assemble, write_node_dump
from kubectl_skoop.snapshot.objects_file import read_objects
from kubectl_skoop.snapshot.source import Snapshot, open_snapshot
from kubectl_skoop.testing.netns import Namespace
from tests.e2e import binaries, control_plane, slot, underlay
from tests.e2e.errors import ClusterError
from tests.e2e.kubectl import Kubectl
from tests.e2e.proxy.shapes import LAST_NODE_PORT, NAMESPACE, last_shape, name_of, shapes, zone
from tests.e2e.room import Room, open_room

POD_NETWORKS = f"{underlay.POD_NETWORK},fd00:244::/48"
SERVICE_NETWORKS = f"{underlay.SERVICE_NETWORK},fd00:96::/112"
KINDS = "nodes,services,endpointslices,namespaces"
WRITTEN = (str(LAST_NODE_PORT), "fd00:96:")
"""Of IPv4 and IPv6: what is in the rules once there are any of services."""
SETTLED_TIMEOUT = 180
_MOUNTS = ("mkdir -p {run}", "mount --bind {run} /run", "mount -t sysfs sysfs /sys")
"""/run has the lock of iptables, /sys the devices of the namespace."""


class Proxy(NamedTuple):
    """Which kube-proxy a node has."""

    mode: Literal["iptables", "ipvs", "nftables", "kube-router"]
    version: str = binaries.VERSION
    settings: Mapping[str, Any] = {}
    """Beyond those that all have, as in a KubeProxyConfiguration."""

    @property
    def in_guest(self) -> bool:
        """It needs IPVS, so a guest kernel is started in the node's room later (tests.e2e.proxy.guest)."""
        return self.mode in ("ipvs", "kube-router")


KUBE_ROUTER = Proxy("kube-router", binaries.KUBE_ROUTER_VERSION)


@dataclass(frozen=True, slots=True)
class ProxyNode:
    name: str
    proxy: Proxy
    room: Room
    kubeconfig: Path
    """Of somebody who may do everything."""

    @property
    def number(self) -> int:
        return int(self.name.removeprefix("node"))

    def start(self) -> None:
        program = binaries.built(self.proxy.version, ("kube-proxy",)) / "kube-proxy"
        self.room.start(str(program), f"--config={self.room.folder}/kube-proxy.yaml")

    def stop(self) -> None:
        """Its rules stay."""
        self.room.daemons.pop("kube-proxy").stop()

    def rules(self) -> list[str]:
        """Of IPv4 and of IPv6, without times and counters."""
        if self.proxy.mode == "nftables":
            return [
                self.room.run("nft", "--stateless", "list", "ruleset", family) for family in ("ip", "ip6")
            ]
        saved = (self.room.run(f"{tool}-save") for tool in ("iptables", "ip6tables"))
        return [
            "\n".join(line for line in text.splitlines() if not line.startswith(("#", ":"))) for text in saved
        ]


@dataclass(frozen=True, slots=True)
class ProxyLab:
    folder: Path
    nodes: Mapping[str, ProxyNode]
    kubectl: Kubectl
    outside: Namespace
    """The switch between the nodes: a client that is not part of the cluster."""

    def objects(self) -> str:
        """JSON of all that the comparison reads."""
        return self.kubectl("get", KINDS, "--all-namespaces", "-o", "json")

    def snapshot(self, name: str) -> Snapshot:
        """One node as our agent reads it, with the objects."""
        dump = self.folder / f"{name}.dump"
        write_node_dump(collect_node(name, Path(self.nodes[name].room.namespace.path), {}), dump)
        return self.snapshot_of(name, dump)

    def snapshot_of(self, name: str, dump: Path) -> Snapshot:
        """A dump of the node with the objects."""
        objects, whole = (self.folder / f"{name}.{end}" for end in ("json", "snapshot"))
        objects.write_text(self.objects())
        assemble([dump], read_objects([objects]), whole, time=time.time())
        return open_snapshot(whole)


@contextmanager
def running(proxies: Sequence[Proxy], *, without: Sequence[str] = ()) -> Iterator[ProxyLab]:
    """One node for each, `node1` and on, whose rules are written. `without`: services that are left out.

    Raises:
        ClusterError: it cannot be had.
    """
    programs = binaries.built(programs=("kube-apiserver", "kubectl"))
    with slot.taken() as place, ExitStack() as stack:
        outside = underlay.build(place, len(proxies))
        names = [underlay.node_name(number) for number in range(1, len(proxies) + 1)]
        plane = control_plane.start_api_server(place, programs, names, services=SERVICE_NETWORKS)
        stack.callback(plane.room.close)
        kubectl = Kubectl(programs / "kubectl", plane.kubeconfig())
        write(kubectl, [_node(place, number, proxy) for number, proxy in enumerate(proxies, start=1)])
        write(kubectl, [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}])
        write(kubectl, [item for shape in shapes() if name_of(shape) not in without for item in shape])
        write(kubectl, last_shape())
        nodes: dict[str, ProxyNode] = {}
        for name, proxy in zip(names, proxies, strict=True):
            run = place.folder / name / "run"
            room = open_room(place, name, [line.format(run=run) for line in _MOUNTS])
            stack.callback(room.close)
            settings = _settings(proxy, name, plane.kubeconfig("system:kube-proxy"))
            (room.folder / "kube-proxy.yaml").write_text(json.dumps(settings, indent=1))
            nodes[name] = ProxyNode(name, proxy, room, plane.kubeconfig())
            if not proxy.in_guest:
                nodes[name].start()
        for node in nodes.values():
            if not node.proxy.in_guest:
                settle(node)
        yield ProxyLab(place.folder, nodes, kubectl, outside)


def settle(node: ProxyNode) -> None:
    """Returns once the rules of both families, written one after the other, are all there and change no more.

    Raises:
        ClusterError: they are not there in time.
    """
    end = time.monotonic() + SETTLED_TIMEOUT
    before: list[str] = []
    while time.monotonic() < end:
        node.room.check()
        rules = node.rules()
        if all(map(operator.contains, rules, WRITTEN)) and rules == before:
            return
        before = rules
        time.sleep(1)
    words = node.room.daemons["kube-proxy"].last_words()
    raise ClusterError(f"{node.name}: {node.proxy}: its rules do not settle: {words}")


def write(kubectl: Kubectl, objects: Sequence[Mapping[str, Any]]) -> None:
    """Create or change objects, and then their status."""
    listed = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
    kubectl("apply", "--server-side", "-f", "-", text=json.dumps(listed))
    stated = [item for item in objects if "status" in item]
    if stated:
        text = json.dumps({**listed, "items": stated})
        kubectl("apply", "--server-side", "--subresource=status", "-f", "-", text=text)


def second_address(number: int) -> str:
    """Of IPv6; only kube-router's nodes have one."""
    return f"fd00:10::{number:x}"


def _node(place: slot.Slot, number: int, proxy: Proxy) -> dict[str, Any]:
    addresses = {"InternalIP": str(underlay.node_address(place, number))}
    pods = [str(underlay.pod_range(number))]
    if proxy.mode == "kube-router":
        addresses["ExternalIP"] = second_address(number)
        pods.append(f"fd00:244:{number}::/64")
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": underlay.node_name(number),
            "labels": {"topology.kubernetes.io/zone": zone(number)},
        },
        "spec": {"podCIDR": pods[0], "podCIDRs": pods},
        "status": {"addresses": [{"type": kind, "address": one} for kind, one in addresses.items()]},
    }


def _settings(proxy: Proxy, name: str, kubeconfig: Path) -> Mapping[str, Any]:
    """conntrack limits belong to the whole machine: 0 leaves them alone."""
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": proxy.mode,
        "hostnameOverride": name,
        "clusterCIDR": POD_NETWORKS,
        "clientConnection": {"kubeconfig": str(kubeconfig)},
        "conntrack": {"maxPerCore": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
        **({"featureGates": {"NFTablesProxyMode": True}} if _gated(proxy) else {}),
        **proxy.settings,
    }


def _gated(proxy: Proxy) -> bool:
    """Alpha in 1.29 and 1.30."""
    return proxy.mode == "nftables" and proxy.version.startswith(("v1.29.", "v1.30."))
