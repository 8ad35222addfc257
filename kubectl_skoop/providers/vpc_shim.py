"""A cloud's network as the underlay of the nodes: which checks a packet meets on which of its ways."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, Protocol, TypeVar

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
from kubectl_skoop.providers.collected import Collected
from kubectl_skoop.providers.finding import not_told
from kubectl_skoop.providers.judged import judged

Section = Mapping[str, object] | NotCollected
Known = TypeVar("Known", bound=Collected)
Answer = TypeVar("Answer")
Asked = TypeVar("Asked", bound=Collected, contravariant=True)


class Crossing(Protocol[Asked]):
    """A module: what becomes of a packet between interfaces. Its checks raise ValueError for an answer that
    is none of the API's."""

    def between(
        self, known: Asked, src: NodeInfo, dst: NodeInfo, packet: Packet, tracked: Tracked
    ) -> Iterator[Suspicion]: ...
    def leaving(
        self, known: Asked, src: NodeInfo, packet: Packet, tracked: Tracked
    ) -> Iterator[Suspicion]: ...
    def entering(
        self, known: Asked, dst: NodeInfo, packet: Packet, tracked: Tracked
    ) -> Iterator[Suspicion]: ...
    def anywhere(self, known: Asked, address: Address) -> str: ...
    def next_interface(self, known: Asked, packet: Packet) -> str: ...
    def on_link(self, known: Asked, mac: str, address: Address) -> bool | None: ...


class Balancers(Protocol[Asked]):
    """A module: what load balancers do with a packet. `address` is the load balancer's."""

    def entering(self, known: Asked, packet: Packet) -> Iterator[Suspicion]: ...
    def onward(
        self, known: Asked, address: Address, dst: NodeInfo, packet: Packet, tracked: Tracked
    ) -> Iterator[Suspicion]: ...
    def back(self, known: Asked, address: Address, src: NodeInfo, packet: Packet) -> Iterator[Suspicion]: ...
    def targets(self, known: Asked, packet: Packet) -> Sequence[Balanced] | Unknown | None: ...
    def addresses_of(self, known: Asked, name: str) -> Sequence[Address] | Unknown: ...


class Whole(Protocol[Asked]):
    """A module: what is found without a packet."""

    def kind_of(self, known: Asked, node: NodeInfo) -> str: ...
    def of_cluster(self, known: Asked, ctx: Context) -> Iterator[Suspicion]: ...


@dataclass(frozen=True, kw_only=True)
class VpcShim(InfraShim, Generic[Known]):
    """Made of the snapshot's section, which is asked for when the first packet needs it."""

    provider: str
    """Its name, in codes."""
    read: Callable[[Mapping[str, object], Mapping[str, str]], Known]
    """The inventory, of resources and gaps."""
    cloud: str
    """Its name in messages."""
    crossing: Crossing[Known]
    balancers: Balancers[Known]
    whole: Whole[Known]
    section: Callable[[], Section]
    exposed: Callable[[], frozenset[Address]] = frozenset
    """Addresses that only the cloud can have given the cluster's services: if no load balancer that was
    collected has one, nobody knows where it leads."""

    @cached_property
    def inventory(self) -> Known | Unknown:
        section = self.section()
        if isinstance(section, NotCollected):
            return Unknown(str(section))
        gaps = {key: str(reason) for key, reason in raw.mapping(section, "gaps").items()}
        return self.read(raw.mapping(section, "resources"), gaps)

    def node_to_node(
        self, src: NodeInfo, oif: str, dst: NodeInfo, packet: Packet, tracked: Tracked
    ) -> Sequence[Suspicion]:
        return self._answer(src, lambda known: self.crossing.between(known, src, dst, packet, tracked))

    def router_asks(self, dst: NodeInfo) -> bool | None:
        """Never: the cloud made the interfaces, and knows where each address is."""
        return False

    def node_to_external(
        self, src: NodeInfo, oif: str, packet: Packet, tracked: Tracked
    ) -> Sequence[Suspicion]:
        return self._answer(src, lambda known: self.crossing.leaving(known, src, packet, tracked))

    def external_to_node(self, dst: NodeInfo, packet: Packet, tracked: Tracked) -> Sequence[Suspicion]:
        return self._answer(dst, lambda known: self.crossing.entering(known, dst, packet, tracked))

    def external_to_load_balancer(self, packet: Packet) -> Sequence[Suspicion]:
        return self._answer(None, lambda known: self.balancers.entering(known, packet), balanced=True)

    def load_balancer_to_node(
        self, balancer: Address, dst: NodeInfo, packet: Packet, tracked: Tracked
    ) -> Sequence[Suspicion]:
        return self._answer(
            dst, lambda known: self.balancers.onward(known, balancer, dst, packet, tracked), balanced=True
        )

    def node_to_load_balancer(
        self, src: NodeInfo, oif: str, balancer: Address, packet: Packet, tracked: Tracked
    ) -> Sequence[Suspicion]:
        return self._answer(
            src, lambda known: self.balancers.back(known, balancer, src, packet), balanced=True
        )

    def balance(self, packet: Packet) -> Sequence[Balanced] | Unknown | None:
        known = self.inventory
        found = self._told(lambda known: self.balancers.targets(known, packet), None)
        if found is None and packet.dst in self._exposed:
            why = f": {known.reason}" if isinstance(known, Unknown) else ""
            return Unknown(f"no load balancer with the address {packet.dst} was collected{why}")
        return found

    @cached_property
    def _exposed(self) -> frozenset[Address]:
        return self.exposed()

    def addresses_of(self, name: str) -> Sequence[Address] | Unknown:
        known = self.inventory
        return known if isinstance(known, Unknown) else self.balancers.addresses_of(known, name)

    def interface_of(self, src: NodeInfo | None, packet: Packet) -> str:
        if src is None:
            return self._told(lambda known: self.crossing.anywhere(known, packet.dst), "")
        return self._told(lambda known: self.crossing.next_interface(known, packet), "")

    def on_link(self, src: NodeInfo, mac: str, dst: NodeInfo, address: Address) -> bool | None:
        return self._told(lambda known: self.crossing.on_link(known, mac, address), None)

    def kind_of(self, node: NodeInfo) -> str:
        return self._told(lambda known: self.whole.kind_of(known, node), "")

    def _told(self, ask: Callable[[Known], Answer], silence: Answer) -> Answer:
        """`silence`: nothing was collected, or an answer is none of the API's, which the checks tell."""
        known = self.inventory
        try:
            return silence if isinstance(known, Unknown) else ask(known)
        except ValueError:
            return silence

    def of_cluster(self, ctx: Context) -> Sequence[Suspicion]:
        known = self.inventory
        if isinstance(known, Unknown):
            reason = Unknown(f"the network of {self.cloud} was not checked: {known.reason}")
            return [not_told(f"{self.provider}.not-collected", reason)]
        return self._answer(None, lambda known: self.whole.of_cluster(known, ctx))

    def _answer(
        self,
        node: NodeInfo | None,
        checks: Callable[[Known], Iterator[Suspicion]],
        *,
        balanced: bool = False,
    ) -> Sequence[Suspicion]:
        return judged(self.cloud, self.provider, node, self.inventory, checks, balanced=balanced)
