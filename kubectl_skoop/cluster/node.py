"""Nodes, as a diagnosis needs them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from kubectl_skoop.cluster.addresses import parse_address
from kubectl_skoop.cluster.pod import condition
from kubectl_skoop.cluster.raw import Object, flag, items, labels, ref_of, text, texts
from kubectl_skoop.model.packet import Address

_PREFERRED = ("InternalIP", "ExternalIP")


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeInfo:
    """A Node, as far as networks need it."""

    name: str
    addresses: tuple[Address, ...] = ()
    """InternalIP before ExternalIP, else in the order of the status; host names are left out."""
    pod_cidrs: tuple[str, ...] = ()
    ready: bool | None = None
    """None: the status does not say, or the node's kubelet is silent."""
    not_ready: str = ""
    """The status of the condition and its reason (`Unknown NodeStatusUnknown`), where it is not True; empty:
    the node is ready, or nothing is said."""
    unschedulable: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    kernel: str = ""
    kube_proxy: str = ""
    """Version; empty with newer kubelets."""
    kubelet: str = ""
    """Version."""
    provider_id: str = ""

    @property
    def address(self) -> str:
        """The first address; empty: none."""
        return str(self.addresses[0]) if self.addresses else ""

    @property
    def pod_cidr(self) -> str:
        """The first of the pod networks; empty: none was given."""
        return self.pod_cidrs[0] if self.pod_cidrs else ""


def node_info(item: Object) -> NodeInfo:
    written = sorted(items(item, "status", "addresses"), key=_rank)
    addresses = (parse_address(text(entry, "address")) for entry in written)
    cidrs = texts(item, "spec", "podCIDRs") or (text(item, "spec", "podCIDR"),)
    return NodeInfo(
        name=ref_of(item).name,
        addresses=tuple(dict.fromkeys(address for address in addresses if address is not None)),
        pod_cidrs=tuple(cidr for cidr in cidrs if cidr),
        ready=condition(item, "Ready"),
        not_ready=_not_ready(item),
        unschedulable=flag(item, "spec", "unschedulable"),
        labels=labels(item, "metadata", "labels"),
        annotations=labels(item, "metadata", "annotations"),
        kernel=text(item, "status", "nodeInfo", "kernelVersion"),
        kube_proxy=text(item, "status", "nodeInfo", "kubeProxyVersion"),
        kubelet=text(item, "status", "nodeInfo", "kubeletVersion"),
        provider_id=text(item, "spec", "providerID"),
    )


def _not_ready(item: Object) -> str:
    for entry in items(item, "status", "conditions"):
        if text(entry, "type") == "Ready" and text(entry, "status") != "True":
            return f"{text(entry, 'status')} {text(entry, 'reason')}".strip()
    return ""


def _rank(entry: object) -> int:
    kind = text(entry, "type")
    return _PREFERRED.index(kind) if kind in _PREFERRED else len(_PREFERRED)
