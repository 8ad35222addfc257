"""What kube-proxy's ConfigMap says, unless the user says otherwise."""

import json

from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.cluster.raw import text
from kubectl_skoop.diagnosis.result import Fact
from kubectl_skoop.model.errors import InputError

MODES = ("iptables", "ipvs", "nftables")
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
    if config is None:
        return Fact(name=name, value="", source=source)
    mode = text(config, "mode")
    return Fact(name=name, value=mode or "iptables", source=source if mode else f"{source} leaves it empty")


def cluster_cidr(given: str, cluster: Cluster) -> Fact:
    name = "cluster CIDR"
    if given:
        return Fact(name=name, value=given, source="--cluster-cidr")
    source, config = _read(cluster)
    return Fact(name=name, value=text(config, "clusterCIDR"), source=source)


def _read(cluster: Cluster) -> tuple[str, object]:
    """Where it is from, and the fields that a snapshot keeps of it; None: there is none."""
    for name in NAMES:
        data = cluster.config_map(NAMESPACE, name)
        if data is not None:
            source = f"ConfigMap {NAMESPACE}/{name}"
            try:
                return source, json.loads(data.get(KEY, "{}"))
            except ValueError:
                return f"{source} cannot be read", None
    return "no ConfigMap of kube-proxy", None
