"""Addresses and MACs that two places have though only one may."""

from collections.abc import Iterable, Iterator, Mapping

from kubectl_skoop.cluster.objects import PodInfo
from kubectl_skoop.diagnosis.context import Context
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.packet import Address
from kubectl_skoop.model.place import Place, Where
from kubectl_skoop.model.suspicion import Level, Suspicion
from kubectl_skoop.netstack.routing.types import SCOPE_UNIVERSE


def duplicates(ctx: Context, pods: Mapping[str, tuple[PodInfo, ...]]) -> Iterator[Suspicion]:
    """`pods`: by node, those with a namespace of their own."""
    yield from _pod_addresses(ctx, pods)
    yield from _node_addresses(ctx, pods)
    yield from _node_macs(ctx, pods)


def _pod_addresses(ctx: Context, pods: Mapping[str, tuple[PodInfo, ...]]) -> Iterator[Suspicion]:
    """By the status, and by what is on the devices of pods and nodes."""
    owners: dict[Address, dict[str, str]] = {}
    for pod in (pod for found in pods.values() for pod in found):
        for address in pod.addresses:
            owners.setdefault(address, {})[f"pod/{pod.key}"] = f"pod/{pod.key}: status.podIPs {address}"
        for address, line in _configured(ctx, Place("pod", pod.key)):
            owners.setdefault(address, {}).setdefault(f"pod/{pod.key}", line)
    for name in pods:
        for address, line in _configured(ctx, Place("node", name)):
            if address in owners:
                owners[address].setdefault(f"node/{name}", line)
    for address, lines in owners.items():
        if len(lines) > 1:
            yield Suspicion(
                code="pod.duplicate-address",
                level=Level.CRITICAL,
                where=Where(place=Place("pod", next(iter(lines)).removeprefix("pod/"))),
                message=f"{len(lines)} places have the address {address}: {', '.join(lines)}",
                evidence=tuple(lines.values()),
                remedy="delete all but one of the pods; look for leftovers of the CNI's address management",
            )


def _configured(ctx: Context, place: Place) -> Iterator[tuple[Address, str]]:
    """Addresses of global scope, each with its line."""
    ns = ctx.namespace(place)
    if isinstance(ns, NotCollected):
        return
    for entry in ns.addresses:
        if entry.scope == SCOPE_UNIVERSE and not entry.address.is_link_local:
            yield entry.address, f"{place}: {ns.device_name(entry.device)} {entry.address}/{entry.prefix}"


def _node_addresses(ctx: Context, nodes: Iterable[str]) -> Iterator[Suspicion]:
    """By the status, and by what is on the devices."""
    owners: dict[Address, dict[str, str]] = {}
    for name in nodes:
        node = ctx.node(name)
        for address in node.addresses if node is not None else ():
            owners.setdefault(address, {})[name] = f"node/{name}: status.addresses {address}"
    for name in nodes:
        for address, line in _configured(ctx, Place("node", name)):
            if address in owners:
                owners[address].setdefault(name, line)
    for address, lines in owners.items():
        if len(lines) > 1:
            yield Suspicion(
                code="node.duplicate-address",
                level=Level.CRITICAL,
                where=Where(place=Place("node", next(iter(lines)))),
                message=f"{len(lines)} nodes have the address {address}: {', '.join(lines)}",
                evidence=tuple(lines.values()),
                remedy="give each node an address of its own",
            )


def _node_macs(ctx: Context, nodes: Iterable[str]) -> Iterator[Suspicion]:
    """Of the devices with the nodes' addresses: machines that were cloned."""
    owners: dict[str, dict[str, str]] = {}
    for name in nodes:
        node = ctx.node(name)
        for address in node.addresses if node is not None else ():
            device = ctx.device_with(Place("node", name), address)
            if device is not None and device.mac:
                owners.setdefault(device.mac, {})[name] = device.name
    for mac, devices in owners.items():
        if len(devices) > 1:
            yield Suspicion(
                code="node.duplicate-mac",
                level=Level.CRITICAL,
                where=Where(place=Place("node", next(iter(devices)))),
                message=f"{len(devices)} nodes have the MAC {mac}: {', '.join(devices)}",
                evidence=tuple(f"node/{name}: {device} address {mac}" for name, device in devices.items()),
                remedy="give each machine a MAC of its own; they may be clones with one machine-id",
            )
