"""What kube-proxy's ConfigMap says, unless the user says otherwise."""

import re
from typing import Literal

from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.diagnosis.result import Fact
from kubectl_skoop.model.errors import InputError

Mode = Literal["iptables", "ipvs", "nftables"]
MODES: tuple[Mode, ...] = ("iptables", "ipvs", "nftables")
NAMESPACE, KEY = "kube-system", "config.conf"
NAMES = ("kube-proxy", "kube-proxy-worker")


def proxy_mode(given: str, cluster: Cluster) -> Fact:
    """Raises: InputError."""
    name = "proxy mode"
    if given:
        if given not in MODES:
            raise InputError(f"--proxy-mode: one of {', '.join(MODES)}, not {given!r}")
        return Fact(name=name, value=given, source="--proxy-mode")
    source, config = _read(cluster)
    mode = _scalar(config, "mode")
    if config and not mode:
        return Fact(name=name, value="iptables", source=f"{source} leaves it empty")
    return Fact(name=name, value=mode, source=source)


def cluster_cidr(given: str, cluster: Cluster) -> Fact:
    name = "cluster CIDR"
    if given:
        return Fact(name=name, value=given, source="--cluster-cidr")
    source, config = _read(cluster)
    return Fact(name=name, value=_scalar(config, "clusterCIDR"), source=source)


def _read(cluster: Cluster) -> tuple[str, str]:
    """Where it is from, and the YAML text; empty: there is none."""
    for name in NAMES:
        data = cluster.config_map(NAMESPACE, name)
        if data is not None:
            return f"ConfigMap {NAMESPACE}/{name}", data.get(KEY, "")
    return "no ConfigMap of kube-proxy", ""


def _scalar(config: str, name: str) -> str:
    """One top-level text of a KubeProxyConfiguration."""
    found = re.search(rf"^{name}:[ \t]*[\"']?([^\s\"'#]*)", config, re.MULTILINE)
    return found[1] if found else ""


def masquerades_all(cluster: Cluster) -> bool:
    """Connections of pods to cluster addresses, too (`masqueradeAll`; mode ipvs has it from `iptables`)."""
    _, config = _read(cluster)
    section = "nftables" if _scalar(config, "mode") == "nftables" else "iptables"
    setting = rf"^{section}:[ \t]*\n(?:[ \t].*\n)*?[ \t]+masqueradeAll:[ \t]*true\b"
    return re.search(setting, config, re.MULTILINE) is not None


def node_port_addresses(cluster: Cluster) -> str:
    """What it says of the addresses that node ports are at; empty: nothing."""
    _, config = _read(cluster)
    found = re.search(r"^nodePortAddresses:[ \t]*(\S.*)?\n((?:[ \t]*-.*\n)*)", f"{config}\n", re.MULTILINE)
    if not found or (found[1] or "").strip() in ("null", "[]"):
        return ""
    return found[0].partition(":")[2].strip()
