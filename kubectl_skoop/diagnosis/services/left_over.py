"""Rules that kube-proxy, or an earlier one in another mode, left behind."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.cluster.raw import ref_of
from kubectl_skoop.cluster.service import Service
from kubectl_skoop.diagnosis.services.door import Target
from kubectl_skoop.diagnosis.services.kube_proxy_config import node_port_addresses
from kubectl_skoop.diagnosis.services.network import API_SERVICE
from kubectl_skoop.diagnosis.services.present import Present
from kubectl_skoop.diagnosis.services.rules import Entry, Proxy, ServiceRules, restart
from kubectl_skoop.model.packet import Address
from kubectl_skoop.model.place import Place, Where
from kubectl_skoop.model.suspicion import Level, Suspicion

MAX_RULES = 65_536
"""That are remembered."""
_CLEANUP: Mapping[Proxy, str] = {"kube-proxy": "--cleanup", "kube-router": "--cleanup-config"}


@dataclass(frozen=True)
class Known:
    """What the objects have, to tell what they do not have."""

    cluster: Cluster
    services: Sequence[Service]

    rules: set[str] = field(default_factory=set)
    """For addresses and ports that services have: most nodes have the same."""

    @cached_property
    def node_port_addresses(self) -> str:
        return node_port_addresses(self.cluster)

    def has(self, entry: Entry) -> bool:
        return (entry.address, entry.port, entry.protocol) in self._doors

    def should_have(self, entry: Entry) -> bool:
        """The objects of that service's namespace were collected, or there is no such namespace."""
        namespace = entry.service.partition("/")[0]
        if not namespace:
            return API_SERVICE in {(one.namespace, one.name) for one in self.services}
        if namespace in self._namespaces_of_services:
            return True
        return bool(self._namespaces) and namespace not in self._namespaces

    @cached_property
    def _doors(self) -> frozenset[tuple[Address | None, int, str]]:
        doors: set[tuple[Address | None, int, str]] = set()
        for service in self.services:
            addresses = (
                *service.cluster_addresses,
                *service.external_addresses,
                *service.load_balancer_addresses,
            )
            for port in service.ports:
                protocol = port.protocol.lower()
                doors.update((address, port.port, protocol) for address in addresses)
                if port.node_port:
                    doors.add((None, port.node_port, protocol))
        return frozenset(doors)

    @cached_property
    def _namespaces_of_services(self) -> frozenset[str]:
        return frozenset(one.namespace for one in self.services)

    @cached_property
    def _namespaces(self) -> frozenset[str]:
        return frozenset(ref_of(item).name for item in self.cluster.objects("Namespace"))


def left_over(rules: ServiceRules, known: Known, place: Place) -> Iterator[Suspicion]:
    """Rules for an address and port that no service has."""
    entries = {(one.address, one.port, one.protocol): one for one in rules.entries(known.rules)}
    if len(known.rules) > MAX_RULES:
        known.rules.clear()
    for entry in entries.values():
        if known.has(entry):
            known.rules.add(entry.rule)
        elif known.should_have(entry):
            at = entry.address
            end = f"node port {entry.port}" if at is None else str(Target(at, entry.port))
            of = f", of {entry.service}" if entry.service else ""
            yield Suspicion(
                code="service.left-over",
                level=Level.WARNING,
                where=Where(place=place),
                message=f"rules for {end}/{entry.protocol}{of}: no service has it",
                evidence=(entry.rule,),
                remedy=restart(rules.proxy),
            )


def other_modes(found: Present, place: Place, family: int, configured: str) -> Iterator[Suspicion]:
    """The rules are not those of the configured mode, or there are those of another mode, too."""
    used = found.used
    if used is not None and configured and used.mode not in (configured, "kube-router"):
        yield Suspicion(
            code="service.other-mode",
            level=Level.WARNING,
            where=Where(place=place),
            message=f"kube-proxy is to be in mode {configured}, its rules for IPv{family} are of {used.mode}",
            evidence=(used.title,),
            remedy="kube-proxy's log says which mode it took and why; restart it after a change of its mode",
        )
    if used is None:
        return
    for other in found.others:
        yield Suspicion(
            code="service.two-modes",
            level=Level.WARNING,
            where=Where(place=place),
            message=f"beside the rules for services, {used.title}, there are others for IPv{family}, "
            f"{other.title}: which are met first is chance",
            evidence=(used.title, other.title),
            remedy=f"remove what is left of the other: {other.proxy} {_CLEANUP[other.proxy]}, "
            f"then restart {used.proxy}",
        )
