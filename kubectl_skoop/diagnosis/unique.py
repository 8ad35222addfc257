"""Addresses and MACs that two places have though only one may."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from kubectl_skoop.cluster.objects import PodInfo
from kubectl_skoop.diagnosis.extension.context import Context
from kubectl_skoop.model.listed import bounded, listed
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.packet import Address
from kubectl_skoop.model.place import Place, Where
from kubectl_skoop.model.suspicion import Level, Suspicion
from kubectl_skoop.netstack.routing.types import SCOPE_UNIVERSE

K = TypeVar("K")


class _Owners(dict[K, "dict[str, str] | tuple[str, str]"]):
    """Of each value the places that have it, and what says so; one place is no dictionary, for memory."""

    def enter(self, value: K, place: str, line: str) -> None:
        """The first line of a place stays."""
        found = self.get(value)
        if found is None:
            self[value] = (place, line)
        elif isinstance(found, dict):
            found.setdefault(place, line)
        elif found[0] != place:
            self[value] = {found[0]: found[1], place: line}

    def several(self) -> Iterator[tuple[K, Mapping[str, str]]]:
        return ((value, places) for value, places in self.items() if isinstance(places, dict))


class Duplicates:
    """What is gathered while nodes are read, one after another."""

    def __init__(self, ctx: Context, pods: Mapping[str, Iterable[PodInfo]]) -> None:
        """`pods`: by node, those with a namespace of their own."""
        self._ctx = ctx
        self._of_pods: _Owners[Address] = _Owners()
        self._of_nodes: _Owners[Address] = _Owners()
        self._macs: _Owners[str] = _Owners()
        self._elsewhere: dict[Address, tuple[str, str]] = {}
        """On a node's device, and no pod's as far as is known; the first such node."""
        for name, found in pods.items():
            for pod in found:
                for address in pod.addresses:
                    self._of_pods.enter(address, f"pod/{pod.key}", f"status.podIPs {address}")
            node = ctx.node(name)
            for address in node.addresses if node is not None else ():
                self._of_nodes.enter(address, f"node/{name}", f"status.addresses {address}")

    def see(self, name: str, pods: Iterable[PodInfo]) -> None:
        """A node that was collected, and its pods."""
        node, place = self._ctx.node(name), Place("node", name)
        for pod in pods:
            inside = Place("pod", pod.key)
            for address, line in _configured(self._ctx, inside):
                self._of_pods.enter(address, str(inside), line)
        for address, line in _configured(self._ctx, place):
            if address in self._of_nodes:
                self._of_nodes.enter(address, str(place), line)
            if address in self._of_pods:
                self._of_pods.enter(address, str(place), line)
            else:
                self._elsewhere.setdefault(address, (str(place), line))
        for address in node.addresses if node is not None else ():
            device = self._ctx.device_with(place, address)
            if device is not None and device.mac:
                self._macs.enter(device.mac, str(place), f"{device.name} address {device.mac}")

    def findings(self) -> Iterator[Suspicion]:
        """After all nodes."""
        for address in self._elsewhere.keys() & self._of_pods.keys():
            self._of_pods.enter(address, *self._elsewhere[address])
        for address, lines in self._of_pods.several():
            yield _finding(
                "pod.duplicate-address",
                lines,
                f"{len(lines):,} places have the address {address}",
                "delete all but one of the pods; look for leftovers of the CNI's address management",
            )
        for address, lines in self._of_nodes.several():
            yield _finding(
                "node.duplicate-address",
                lines,
                f"{len(lines):,} nodes have the address {address}",
                "give each node an address of its own",
            )
        for mac, lines in self._macs.several():
            yield _finding(
                "node.duplicate-mac",
                lines,
                f"{len(lines):,} nodes have the MAC {mac}",
                "give each machine a MAC of its own; they may be clones with one machine-id",
            )


def _configured(ctx: Context, place: Place) -> Iterator[tuple[Address, str]]:
    """Addresses of global scope, each with its line."""
    ns = ctx.namespace(place)
    if isinstance(ns, NotCollected):
        return
    for entry in ns.addresses:
        if entry.scope == SCOPE_UNIVERSE and not entry.address.is_link_local:
            yield entry.address, f"{ns.device_name(entry.device)} {entry.address}/{entry.prefix}"


def _finding(code: str, lines: Mapping[str, str], what: str, remedy: str) -> Suspicion:
    named = lines if code.startswith("pod.") else [place.removeprefix("node/") for place in lines]
    return Suspicion(
        code=code,
        level=Level.CRITICAL,
        where=Where(place=_place(next(iter(lines)))),
        message=f"{what}: {listed(named)}",
        evidence=bounded([f"{place}: {line}" for place, line in lines.items()]),
        remedy=remedy,
        about=tuple(map(_place, lines)),
    )


def _place(written: str) -> Place:
    kind, _, name = written.partition("/")
    return Place("node" if kind == "node" else "pod", name)
