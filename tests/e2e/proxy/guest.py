"""A proxy that uses IPVS, in a guest kernel that has it and stands in a node's place."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.e2e import binaries
from tests.e2e.errors import ClusterError
from tests.e2e.proxy.lab import ProxyLab, ProxyNode, second_address
from tests.e2e.underlay import SERVICE_NETWORK
from tests.kernel.guest import machine

MODULES = (
    "ip_vs",
    "ip_vs_rr",
    "ip_vs_wrr",
    "ip_vs_sh",
    "xt_ipvs",
    "dummy",
    "ip_set",
    "xt_set",
    "inet_diag",
    "nf_conntrack_netlink",
)
LAST_WITH_FIREWALL = 27
"""Of the minor versions, whose kubelet drops what kube-proxy marks for it (kubelet_network_linux.go)."""
KUBE_PROXY_WROTE = ("--match-set KUBE-CLUSTER-IP ", "--match-set KUBE-6-CLUSTER-IP ")
KUBE_ROUTER_WROTE = ("--match-set kube-router-svip ", "--match-set inet6:kube-router-svip ")
TAP = "tap0"


def run(lab: ProxyLab, name: str, faults: Sequence[Mapping[str, object]]) -> Path:
    """The folder with `healthy.dump`, and a dump for each fault, by its number.

    Raises:
        ClusterError: there can be no guest.
        GuestError: it or its job failed.
    """
    if reason := machine.why_no_guest():
        raise ClusterError(reason)
    node = lab.nodes[name]
    folder = node.room.folder / "guest"
    folder.mkdir()
    devices = json.loads(node.room.run("ip", "-j", "address", "show", "dev", "eth0"))
    (address,) = (one for one in devices[0]["addr_info"] if one["family"] == "inet")
    _replace_address(node.room.run)
    of_kube_router = node.proxy.mode == "kube-router"
    addresses = [f"{address['local']}/{address['prefixlen']}"]
    job = {
        "node": name,
        "addresses": [*addresses, f"{second_address(node.number)}/64"] if of_kube_router else addresses,
        "command": _kube_router(node) if of_kube_router else _kube_proxy(node),
        "written": KUBE_ROUTER_WROTE if of_kube_router else KUBE_PROXY_WROTE,
        "kubelet": not of_kube_router and binaries.minor(node.proxy.version) <= LAST_WITH_FIREWALL,
        "faults": list(faults),
    }
    (folder / "job.json").write_text(json.dumps(job))
    inside = ("nsenter", f"--net={node.room.namespace.path}")
    script = Path(__file__).with_name("guest_job.py")
    machine.run(script, folder, MODULES, memory="1G", tap=TAP, inside=inside)
    return folder


def _kube_proxy(node: ProxyNode) -> list[str]:
    program = binaries.built(node.proxy.version, ("kube-proxy",)) / "kube-proxy"
    return [str(program), f"--config={node.room.folder}/kube-proxy.yaml"]


def _kube_router(node: ProxyNode) -> list[str]:
    """Only with its router it knows which pods are the node's own, and what need not be masqueraded."""
    return [
        str(binaries.kube_router_built()),
        f"--kubeconfig={node.kubeconfig}",
        f"--hostname-override={node.name}",
        f"--service-cluster-ip-range={SERVICE_NETWORK}",
        "--run-service-proxy=true",
        "--run-firewall=false",
        "--run-router=true",
        "--enable-ipv6=true",
        "--enable-cni=false",
        "--enable-overlay=false",
        "--enable-ibgp=false",
        "--router-id=1.1.1.1",
        "--v=1",
    ]


def _replace_address(run: Callable[..., str]) -> None:
    """The guest gets the node's address; the room only passes frames on."""
    run("ip", "tuntap", "add", TAP, "mode", "tap")
    run("ip", "link", "add", "br0", "type", "bridge")
    run("ip", "address", "flush", "dev", "eth0")
    for device in ("eth0", TAP):
        run("ip", "link", "set", device, "master", "br0")
    for device in ("br0", TAP):
        run("ip", "link", "set", device, "up")
