"""Networks that a pod has beside its primary one, as Multus notes them.

The annotation `k8s.v1.cni.cncf.io/network-status` (Kubernetes Network Custom Resource Definition De-facto
Standard, section 5): a JSON list, one entry an attachment; the one of the cluster's own network is `default`.
"""

import json
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from kubectl_skoop.cluster.raw import flag, text, texts

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


def secondary_networks(annotations: Mapping[str, str]) -> Iterator[SecondaryNetwork]:
    """By those of a pod. What cannot be read is left out."""
    written = annotations.get(STATUS) or annotations.get(OLD_STATUS)
    if not written:
        return
    try:
        entries = json.loads(written)
    except (ValueError, RecursionError):
        return
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and not flag(entry, "default"):
            yield SecondaryNetwork(text(entry, "name"), text(entry, "interface"), texts(entry, "ips"))
