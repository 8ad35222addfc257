"""Nodes, as a diagnosis needs them."""

from collections.abc import Mapping
from datetime import datetime
from functools import cached_property

from kubectl_skoop.cluster.addresses import parse_address
from kubectl_skoop.cluster.pod import condition
from kubectl_skoop.cluster.raw import Object, flag, items, labels, ref_of, text, texts
from kubectl_skoop.model.packet import Address

_PREFERRED = ("InternalIP", "ExternalIP")


class NodeInfo:
    """A Node, as far as networks need it; not to be changed.

    Made out of the object as far as it is asked for: one thing is asked of each of thousands, all of few.
    """

    def __init__(self, item: Object) -> None:
        self._item = item
        self.name = ref_of(item).name

    def __repr__(self) -> str:
        return f"NodeInfo({self.name!r})"

    @property
    def written_addresses(self) -> tuple[str, ...]:
        """All of the status as they are written there, host names, too."""
        return tuple(text(entry, "address") for entry in items(self._item, "status", "addresses"))

    @cached_property
    def addresses(self) -> tuple[Address, ...]:
        """InternalIP before ExternalIP, else in the order of the status; host names are left out."""
        written = sorted(items(self._item, "status", "addresses"), key=_rank)
        addresses = (parse_address(text(entry, "address")) for entry in written)
        return tuple(dict.fromkeys(address for address in addresses if address is not None))

    @property
    def internal_addresses(self) -> tuple[Address, ...]:
        """Those of type InternalIP."""
        entries = items(self._item, "status", "addresses")
        written = (text(entry, "address") for entry in entries if text(entry, "type") == "InternalIP")
        return tuple(address for address in map(parse_address, written) if address is not None)

    @property
    def address(self) -> str:
        """The first address; empty: none."""
        return str(self.addresses[0]) if self.addresses else ""

    @cached_property
    def pod_cidrs(self) -> tuple[str, ...]:
        cidrs = texts(self._item, "spec", "podCIDRs") or (text(self._item, "spec", "podCIDR"),)
        return tuple(cidr for cidr in cidrs if cidr)

    @property
    def pod_cidr(self) -> str:
        """The first of the pod networks; empty: none was given."""
        return self.pod_cidrs[0] if self.pod_cidrs else ""

    @property
    def ready(self) -> bool | None:
        """None: the status does not say, or the node's kubelet is silent."""
        return condition(self._item, "Ready")

    @property
    def not_ready(self) -> str:
        """The status of the condition and its reason (`Unknown NodeStatusUnknown`), where it is not True;
        empty: the node is ready, or nothing is said."""
        for entry in items(self._item, "status", "conditions"):
            if text(entry, "type") == "Ready" and text(entry, "status") != "True":
                return f"{text(entry, 'status')} {text(entry, 'reason')}".strip()
        return ""

    @property
    def created(self) -> float | None:
        """Seconds since the epoch, by the API server's clock; None: that is not told."""
        try:
            told = datetime.fromisoformat(text(self._item, "metadata", "creationTimestamp"))
        except ValueError:
            return None
        return told.timestamp() if told.tzinfo is not None else None

    @property
    def unschedulable(self) -> bool:
        return flag(self._item, "spec", "unschedulable")

    @cached_property
    def labels(self) -> Mapping[str, str]:
        return labels(self._item, "metadata", "labels")

    @cached_property
    def annotations(self) -> Mapping[str, str]:
        return labels(self._item, "metadata", "annotations")

    @property
    def kernel(self) -> str:
        return text(self._item, "status", "nodeInfo", "kernelVersion")

    @property
    def kube_proxy(self) -> str:
        """Version; empty with newer kubelets."""
        return text(self._item, "status", "nodeInfo", "kubeProxyVersion")

    @property
    def kubelet(self) -> str:
        """Version."""
        return text(self._item, "status", "nodeInfo", "kubeletVersion")

    @property
    def provider_id(self) -> str:
        return text(self._item, "spec", "providerID")


def _rank(entry: object) -> int:
    kind = text(entry, "type")
    return _PREFERRED.index(kind) if kind in _PREFERRED else len(_PREFERRED)
