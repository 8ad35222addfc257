"""What all modes of kube-proxy have in common: questions that are asked of a node's rules of one family."""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

from kubectl_skoop.diagnosis.kube_proxy_config import Mode
from kubectl_skoop.diagnosis.services.door import Door
from kubectl_skoop.diagnosis.services.walk import Leaf
from kubectl_skoop.model.packet import Address
from kubectl_skoop.model.place import Place
from kubectl_skoop.model.suspicion import Suspicion

SHOWN = 6
"""Rules or endpoints that a finding names."""
RESTART = "see what kube-proxy's log says on this node; restart it: it writes its rules anew when it starts"


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
    """The rules of one mode for one family."""

    @property
    def mode(self) -> Mode: ...
    @property
    def size(self) -> int:
        """About how many services it has."""

    @property
    def title(self) -> str:
        """For a user who has several."""

    @property
    def dispatch(self) -> str:
        """Where connections to services are told apart, for evidence."""

    @property
    def local_or_all(self) -> bool:
        """With a policy Local and no endpoint on the node, all endpoints are used."""

    @property
    def drops_without_local(self) -> bool:
        """Connections to a cluster address with a policy Local and no endpoint on the node are dropped."""

    def told(self, door: Door) -> Hashable | None:
        """Equal for another node's rules that answer everything about the door alike; None: nobody knows."""

    def follow(self, door: Door, source: Address) -> Sequence[Leaf]:
        """Every way of a new connection; the shares add up to 1."""

    def bars(self, door: Door, source: Address) -> bool:
        """The packet is rejected or dropped before it would be translated."""

    def refuses(self, door: Door, source: Address) -> bool:
        """The packet that was not translated is rejected or dropped."""

    def node_ports(self, own: Iterable[Address]) -> Sequence[Address]:
        """Of the node's addresses those whose ports lead to services."""

    def shared_faults(self, place: Place) -> Iterator[Suspicion]:
        """Of what all services need: the ways in, the mark, the masquerade."""

    def entries(self) -> Iterator[Entry]: ...
