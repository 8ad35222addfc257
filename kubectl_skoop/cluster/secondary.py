"""Networks that a pod has beside its primary one, as Multus notes them.

The annotation `k8s.v1.cni.cncf.io/network-status` (Kubernetes Network Custom Resource Definition De-facto
Standard, section 5): a JSON list, one entry an attachment; the one of the cluster's own network is `default`.
"""

import json
from collections.abc import Iterator
from typing import NamedTuple

from kubectl_skoop.cluster.raw import Object, flag, labels, text, texts

STATUS = "k8s.v1.cni.cncf.io/network-status"
OLD_STATUS = "k8s.v1.cni.cncf.io/networks-status"
"""The name of former versions."""


class SecondaryNetwork(NamedTuple):
    """One attachment of a pod."""

    name: str
    """Of the NetworkAttachmentDefinition, with its namespace; empty: not told."""
    interface: str
    addresses: tuple[str, ...]
    """As they are written."""


def secondary_networks(item: Object) -> Iterator[SecondaryNetwork]:
    """What cannot be read is left out."""
    written = labels(item, "metadata", "annotations")
    try:
        entries = json.loads(written.get(STATUS) or written.get(OLD_STATUS) or "null")
    except (ValueError, RecursionError):
        return
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and not flag(entry, "default"):
            yield SecondaryNetwork(text(entry, "name"), text(entry, "interface"), texts(entry, "ips"))
