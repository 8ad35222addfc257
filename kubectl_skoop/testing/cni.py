"""Pods connected by the reference CNI plugins themselves (containernetworking/plugins), called as a kubelet
has them called, and what kindnetd or kube-router add to such a node.

The plugins `bridge`, `ptp` and `host-local` are real. What the agents of kindnet and kube-router write (routes,
sets, rules) is made by hand, from what their documentation and sources say.
"""

# Rules stand as iptables-save prints them.
# ruff: noqa: E501

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from kubectl_skoop.testing.cluster_lab import ClusterLab
from kubectl_skoop.testing.netns import LabError, Namespace, entered
from kubectl_skoop.testing.objects import Object, daemon_set
from kubectl_skoop.testing.restore import Ruleset
from kubectl_skoop.testing.topology import CLUSTER_CIDR, Backend, LabNode, LabPod, Mode, Topology

FOLDERS = (Path("/opt/cni/bin"), Path("/usr/lib/cni"))
BRIDGES: Mapping[Mode, str] = {"bridge": "cni0", "kube-router": "kube-bridge"}
KUBE_ROUTER_PROTOCOL = 17
"""Of its routes (pkg/controllers/routing: zebraRouteOriginator)."""


def programs() -> Path | None:
    """Where the CNI plugins are; None: they are not installed."""
    return next((folder for folder in FOLDERS if (folder / "bridge").exists()), None)


class CniLab(ClusterLab):
    """`with CniLab(mode) as lab`, mode one of `topology.CNI_MODES`."""

    def __init__(
        self, mode: Mode, backend: Backend = "iptables-nft", *, topology: Topology | None = None
    ) -> None:
        super().__init__(mode, backend, topology=topology)
        self._devices: dict[str, str] = {}
        self._state = tempfile.TemporaryDirectory(prefix="skoop-cni-")

    def close(self) -> None:
        super().close()
        self._state.cleanup()

    def host_device(self, pod: LabPod) -> str:
        """As the plugin drew it."""
        return self._devices[pod.name]

    def objects(self) -> list[Object]:
        return [*super().objects(), *agents(self.mode, len(self.topology.nodes))]

    def cni_links(self, node: LabNode) -> list[str]:
        protocol = f" proto {KUBE_ROUTER_PROTOCOL}" if self.mode == "kube-router" else ""
        routes = [
            f"route add {peer.pod_cidr} via {peer.address} dev eth0{protocol}"
            for peer in self.topology.nodes
            if peer != node
        ]
        rules = [f"rule add from {node.pod_cidr} lookup 77"] if self.mode == "kube-router" else []
        return [*routes, *rules]

    def connect_pods(self) -> None:
        """In the order of their slots, so that host-local gives them the topology's addresses."""
        for pod in self.topology.pods:
            self.namespaces[pod.name].run("ip", "link", "set", "lo", "up")
            self._devices[pod.name] = self._add(pod)

    def finish_nodes(self) -> None:
        if self.mode == "kube-router":
            sets = ((("ipset", "restore"), kube_router_sets(self.topology)) for _ in self.topology.nodes)
            self._all({node.name: one for node, one in zip(self.topology.nodes, sets, strict=True)})

    def cni_rules(self, node: LabNode, proxy: Ruleset) -> str:
        match self.mode:
            case "kindnet":
                return proxy.text(kindnet_rules())
            case "kube-router":
                return kube_router_rules().text(proxy)
            case _:
                return proxy.text()

    def _add(self, pod: LabPod) -> str:
        """CNI ADD; the name of the node's end. Raises: LabError."""
        folder = programs()
        if folder is None:
            raise LabError(f"no CNI plugins in {' or '.join(str(each) for each in FOLDERS)}")
        conf = configuration(self.mode, pod.node, f"{self._state.name}/{pod.node.name}")
        result = call(folder, self.namespaces[pod.node.name], self.namespaces[pod.name], conf)
        return node_end(result, BRIDGES.get(self.mode, ""))


def node_end(result: Mapping[str, list[dict[str, str]]], bridge: str) -> str:
    """The name of the node's end, of what CNI ADD told."""
    return next(
        str(each["name"])
        for each in result["interfaces"]
        if not each.get("sandbox") and each["name"] != bridge
    )


def configuration(mode: Mode, node: LabNode, state: str) -> dict[str, object]:
    """The network configuration on a node; host-local notes its leases in the folder `state`."""
    ipam: dict[str, object] = {
        "type": "host-local",
        "dataDir": state,
        "ranges": [[{"subnet": str(node.pod_cidr)}]],
    }
    conf: dict[str, object] = {"cniVersion": "1.0.0", "name": mode}
    if mode in BRIDGES:
        return conf | {
            "type": "bridge",
            "bridge": BRIDGES[mode],
            "isDefaultGateway": True,
            "hairpinMode": True,
            "ipam": ipam,
        }
    return conf | {"type": "ptp", "mtu": 1500, "ipam": ipam | {"routes": [{"dst": "0.0.0.0/0"}]}}


def call(
    folder: Path, node: Namespace, pod: Namespace, conf: Mapping[str, object]
) -> dict[str, list[dict[str, str]]]:
    """CNI ADD of eth0 (containernetworking/cni SPEC.md). Raises: LabError."""
    environment = {
        **os.environ,
        "CNI_COMMAND": "ADD",
        "CNI_CONTAINERID": pod.name,
        "CNI_NETNS": str(pod.path),
        "CNI_IFNAME": "eth0",
        "CNI_PATH": str(folder),
    }
    with entered(node.path):
        done = subprocess.run(
            (folder / str(conf["type"]),),
            input=json.dumps(conf),
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    if done.returncode:
        raise LabError(
            f"CNI ADD of {pod.name} by {conf['type']}: {done.stdout.strip()} {done.stderr.strip()}"
        )
    result: dict[str, list[dict[str, str]]] = json.loads(done.stdout)
    return result


def agents(mode: Mode, count: int) -> Iterator[Object]:
    """The DaemonSet that tells the CNI; bridge and ptp have none."""
    if mode == "kindnet":
        container: Object = {"name": "kindnet-cni", "image": "docker.io/kindest/kindnetd:v20250512-df8de77b"}
        yield daemon_set("kindnet", "kube-system", count, container)
    elif mode == "kube-router":
        container = {
            "name": "kube-router",
            "image": "docker.io/cloudnativelabs/kube-router:v2.1.0",
            "args": ["--run-router=true", "--run-firewall=true", "--run-service-proxy=false"],
        }
        yield daemon_set("kube-router", "kube-system", count, container)


def kindnet_rules() -> Ruleset:
    """Pods' packets to outside of the cluster (kubernetes-sigs/kind, images/kindnetd)."""
    comment = '-m comment --comment "kind-masq-agent:'
    return Ruleset(
        chains={"nat": ("KIND-MASQ-AGENT",)},
        rules={
            "nat": (
                f'-A POSTROUTING -m addrtype ! --dst-type LOCAL {comment} ensure nat POSTROUTING directs all non-LOCAL destination traffic to our custom KIND-MASQ-AGENT chain" -j KIND-MASQ-AGENT',
                f'-A KIND-MASQ-AGENT -d {CLUSTER_CIDR} {comment} local traffic is not subject to MASQUERADE" -j RETURN',
                f'-A KIND-MASQ-AGENT {comment} outbound traffic is subject to MASQUERADE (must be last in chain)" -j MASQUERADE',
            )
        },
    )


def kube_router_sets(topology: Topology) -> str:
    """`ipset restore` input (pkg/controllers/routing)."""
    lines = [
        "create kube-router-pod-subnets hash:net family inet",
        "create kube-router-node-ips hash:ip family inet",
    ]
    for node in topology.nodes:
        lines += [
            f"add kube-router-pod-subnets {node.pod_cidr}",
            f"add kube-router-node-ips {node.address}",
        ]
    return "\n".join(lines) + "\n"


def kube_router_rules() -> Ruleset:
    """Forwarding from and to the bridge, and the pods' way out (pkg/controllers/{routing,netpol})."""
    jump = '-m comment --comment "kube-router netpol"'
    chains = ("KUBE-ROUTER-INPUT", "KUBE-ROUTER-FORWARD", "KUBE-ROUTER-OUTPUT")
    return Ruleset(
        chains={"filter": chains},
        rules={
            "filter": (
                f"-A INPUT {jump} -j KUBE-ROUTER-INPUT",
                f"-A FORWARD {jump} -j KUBE-ROUTER-FORWARD",
                f"-A OUTPUT {jump} -j KUBE-ROUTER-OUTPUT",
                '-A FORWARD -i kube-bridge -m comment --comment "allow outbound traffic from pods" -j ACCEPT',
                '-A FORWARD -o kube-bridge -m comment --comment "allow inbound traffic to pods" -j ACCEPT',
            ),
            "nat": (
                "-A POSTROUTING -m set --match-set kube-router-pod-subnets src -m set ! --match-set kube-router-pod-subnets dst -m set ! --match-set kube-router-node-ips dst -j MASQUERADE --random-fully",
            ),
        },
    )
