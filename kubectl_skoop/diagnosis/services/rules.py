"""What all proxies and modes have in common: questions that are asked of a node's rules of one family."""

from collections.abc import Container, Hashable, Iterable, Iterator, Sequence
from typing import Literal, NamedTuple, Protocol

from kubectl_skoop.diagnosis.services.door import Door
from kubectl_skoop.diagnosis.services.habits import Habits
from kubectl_skoop.diagnosis.services.kube_proxy_config import Mode
from kubectl_skoop.diagnosis.services.walk import Leaf
from kubectl_skoop.model.packet import Address
from kubectl_skoop.model.place import Place
from kubectl_skoop.model.suspicion import Suspicion

SHOWN = 6
"""Rules or endpoints that a finding names."""
KUBE_PROXY_DUMMY, KUBE_ROUTER_DUMMY = "kube-ipvs0", "kube-dummy-if"
"""Devices that have the services' addresses, where IPVS serves them."""
Proxy = Literal["kube-proxy", "kube-router"]
Kind = Mode | Literal["kube-router"]
"""Of rules: the modes of kube-proxy, and kube-router's proxy, which has one."""


def restart(proxy: Proxy = "kube-proxy") -> str:
    """What helps against most faults."""
    return f"see what {proxy}'s log says on this node; restart it: it writes its rules anew when it starts"


class Entry(NamedTuple):
    """An address and port that the rules are for."""

    address: Address | None
    """None: a node port."""
    port: int
    protocol: str
    service: str
    """`namespace/name`, as the rule names it; empty: it does not."""
    rule: str


class ServiceRules(Protocol):
    """The rules of one proxy and mode for one family."""

    @property
    def mode(self) -> Kind: ...
    @property
    def proxy(self) -> Proxy: ...
    @property
    def habits(self) -> Habits: ...
    @property
    def size(self) -> int:
        """About how many services it has."""

    @property
    def title(self) -> str:
        """For a user who has several."""

    @property
    def dispatch(self) -> str:
        """Where connections to services are told apart, for evidence."""

    def told(self, door: Door) -> Hashable | None:
        """Equal for another node's rules that answer everything about the door alike; None: nobody knows."""

    def follow(self, door: Door, source: Address) -> Sequence[Leaf]:
        """Every way of a new connection; the shares add up to 1."""

    def bars(self, door: Door, source: Address) -> bool:
        """The packet is rejected or dropped before it would be translated."""

    def refuses(self, door: Door, source: Address) -> bool:
        """The packet that was not translated is rejected or dropped."""

    def scheduler(self, door: Door) -> str:
        """That IPVS has for it; empty: none, or it is the same for all services."""

    def node_ports(self, own: Iterable[Address]) -> Sequence[Address]:
        """Of the node's addresses those whose ports lead to services."""

    def shared_faults(self, place: Place) -> Iterator[Suspicion]:
        """Of what all services need: the ways in, the mark, the masquerade."""

    def entries(self, known: Container[str] = ()) -> Iterator[Entry]:
        """`known`: rules whose entries may be left out."""
