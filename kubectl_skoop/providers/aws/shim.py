"""The VPC as the underlay of the nodes: which checks a packet meets on which of its ways."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from kubectl_skoop.api import (
    Address,
    Balanced,
    Context,
    InfraShim,
    NodeInfo,
    NotCollected,
    Packet,
    Suspicion,
    Tracked,
    Unknown,
    raw,
)
from kubectl_skoop.providers.aws import balancers, crossing, whole
from kubectl_skoop.providers.aws.inventory import Inventory
from kubectl_skoop.providers.finding import not_told
from kubectl_skoop.providers.judged import judged

Section = Mapping[str, object] | NotCollected


@dataclass(frozen=True)
class Shim(InfraShim):
    """Made of the snapshot's section, which is asked for when the first packet needs it."""

    section: Callable[[], Section]

    @cached_property
    def inventory(self) -> Inventory | Unknown:
        section = self.section()
        if isinstance(section, NotCollected):
            return Unknown(str(section))
        gaps = {key: str(reason) for key, reason in raw.mapping(section, "gaps").items()}
        return Inventory(raw.mapping(section, "resources"), gaps)

    def node_to_node(
        self, src: NodeInfo, oif: str, dst: NodeInfo, packet: Packet, tracked: Tracked
    ) -> Sequence[Suspicion]:
        return self._answer(src, lambda known: crossing.between(known, src, dst, packet, tracked))

    def node_to_external(
        self, src: NodeInfo, oif: str, packet: Packet, tracked: Tracked
    ) -> Sequence[Suspicion]:
        return self._answer(src, lambda known: crossing.leaving(known, src, packet, tracked))

    def external_to_node(self, dst: NodeInfo, packet: Packet, tracked: Tracked) -> Sequence[Suspicion]:
        return self._answer(dst, lambda known: crossing.entering(known, dst, packet, tracked))

    def external_to_load_balancer(self, packet: Packet) -> Sequence[Suspicion]:
        return self._answer(None, lambda known: balancers.entering(known, packet), balanced=True)

    def load_balancer_to_node(
        self, balancer: Address, dst: NodeInfo, packet: Packet, tracked: Tracked
    ) -> Sequence[Suspicion]:
        return self._answer(
            dst, lambda known: balancers.onward(known, balancer, dst, packet, tracked), balanced=True
        )

    def node_to_load_balancer(
        self, src: NodeInfo, oif: str, balancer: Address, packet: Packet, tracked: Tracked
    ) -> Sequence[Suspicion]:
        return self._answer(src, lambda known: balancers.back(known, balancer, src, packet), balanced=True)

    def balance(self, packet: Packet) -> Sequence[Balanced] | Unknown | None:
        known = self.inventory
        return None if isinstance(known, Unknown) else balancers.targets(known, packet)

    def addresses_of(self, name: str) -> Sequence[Address] | Unknown:
        known = self.inventory
        return known if isinstance(known, Unknown) else balancers.addresses_of(known, name)

    def interface_of(self, src: NodeInfo | None, packet: Packet) -> str:
        known = self.inventory
        if isinstance(known, Unknown):
            return ""
        return crossing.anywhere(known, packet.dst) if src is None else crossing.next_interface(known, packet)

    def kind_of(self, node: NodeInfo) -> str:
        known = self.inventory
        return "" if isinstance(known, Unknown) else whole.kind_of(known, node)

    def of_cluster(self, ctx: Context) -> Sequence[Suspicion]:
        known = self.inventory
        if isinstance(known, Unknown):
            reason = Unknown(f"the network of {Inventory.cloud} was not checked: {known.reason}")
            return [not_told("aws.not-collected", reason)]
        return self._answer(None, lambda known: whole.of_cluster(known, ctx))

    def _answer(
        self,
        node: NodeInfo | None,
        checks: Callable[[Inventory], Iterator[Suspicion]],
        *,
        balanced: bool = False,
    ) -> Sequence[Suspicion]:
        return judged(Inventory.cloud, "aws", node, self.inventory, checks, balanced=balanced)
