"""How plugins find out whether theirs is the CNI of the cluster."""

import re
from collections.abc import Callable, Iterator
from itertools import islice

from kubectl_skoop.cluster.raw import ref_of
from kubectl_skoop.diagnosis.extension.context import Context
from kubectl_skoop.diagnosis.extension.interface import Detected
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.place import Place
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.namespace import NetworkNamespace

SAMPLE = 3
"""Collected nodes that are looked at."""


def by_daemon_set(ctx: Context, plugin: str, *patterns: str) -> Detected | None:
    """A DaemonSet of any namespace has a name that fits one of the regular expressions as a whole."""
    for item in ctx.cluster.objects("DaemonSet"):
        ref = ref_of(item)
        if any(re.fullmatch(pattern, ref.name) for pattern in patterns):
            return Detected(plugin, f"DaemonSet {ref.namespace}/{ref.name}", agent=ref)
    return None


def is_cni(ctx: Context, plugin: str, *patterns: str) -> bool:
    """This plugin's CNI is the cluster's: as `--network-plugin` says, else by a DaemonSet."""
    named = ctx.options.network_plugin
    return named == plugin if named else by_daemon_set(ctx, plugin, *patterns) is not None


def by_annotation(ctx: Context, plugin: str, key: str) -> Detected | None:
    """A node has the annotation. It may be left over from another CNI: who is surer stands before it."""
    for node in ctx.cluster.nodes():
        if key in node.annotations:
            return Detected(plugin, f"annotation {key} of node {node.name}", general=True)
    return None


def by_device(ctx: Context, plugin: str, fits: Callable[[Device], bool]) -> Detected | None:
    """One of the first nodes has such a device."""
    for ns in states(ctx):
        for device in ns.devices.values():
            if fits(device):
                return Detected(plugin, f"{device.name} on {ns.place}")
    return None


def states(ctx: Context) -> Iterator[NetworkNamespace]:
    """The host namespaces of the first nodes that were collected."""
    found = (ctx.namespace(Place("node", name)) for name in ctx.source.nodes())
    return islice((ns for ns in found if not isinstance(ns, NotCollected)), SAMPLE)
