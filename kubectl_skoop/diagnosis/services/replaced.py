"""Agents that serve services in BPF programs, in kube-proxy's place: what they do there is not read."""

from collections.abc import Mapping
from typing import NamedTuple

from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.netstack.namespace import NetworkNamespace

CILIUM_CONFIG, CILIUM_KEY = ("kube-system", "cilium-config"), "kube-proxy-replacement"
REPLACES = frozenset({"true", "strict"})
"""Values of it with which Cilium serves all services (pkg/option/config.go); `strict` up to 1.13."""
CALICO_DEVICE = "bpfin.cali"
"""Of the pair that Felix makes in its eBPF mode (felix/dataplane/linux/dataplanedefs)."""
_AGENTS: Mapping[str, str] = {"cilium_host": "Cilium", CALICO_DEVICE: "Calico"}
"""By a device that each of them makes on a node."""


class Replaced(NamedTuple):
    """Who serves the services in kube-proxy's place."""

    reason: str
    certain: bool
    """Rules of kube-proxy decide nothing, if there are any; else only where there are none."""


def replaced(cluster: Cluster, ns: NetworkNamespace) -> Replaced | None:
    """On one node, as far as settings, devices and programs tell; None: nothing says so."""
    config = cluster.config_map(*CILIUM_CONFIG) or {}
    said = config.get(CILIUM_KEY, "")
    if said in REPLACES:
        source = f"ConfigMap {'/'.join(CILIUM_CONFIG)}: {CILIUM_KEY}: {said}"
        return Replaced(f"Cilium serves them in BPF programs, which are not read ({source})", certain=True)
    programmed = [device.name for device in ns.devices.values() if device.programs]
    if CALICO_DEVICE in ns.device_by_name and programmed:
        why = f"device {CALICO_DEVICE}, BPF programs on {programmed[0]}"
        return Replaced(f"Calico's eBPF mode serves them in BPF programs, which are not read ({why})", True)
    agent = next((name for device, name in _AGENTS.items() if device in ns.device_by_name), "")
    if programmed or "bpf_cgroups" in ns.gaps:
        where = f"programs on {programmed[0]}" if programmed else ns.gaps["bpf_cgroups"]
        return Replaced(
            f"{agent or 'somebody'} may serve them in BPF programs, which are not read ({where})", False
        )
    return None
