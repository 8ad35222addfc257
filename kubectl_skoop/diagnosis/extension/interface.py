"""What a CNI plugin and a cloud provider implement. The original's names; `docs/architecture.md` says why
the kernel's state makes the transmissions and a plugin's methods return wishes."""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Protocol

from kubectl_skoop.cluster.objects import NodeInfo, PodInfo, Service
from kubectl_skoop.cluster.raw import Ref
from kubectl_skoop.diagnosis.expectations.expectation import Expectation
from kubectl_skoop.diagnosis.extension.options import ConfigBinder, NoOptions
from kubectl_skoop.model.packet import Address, Packet
from kubectl_skoop.model.path import Link
from kubectl_skoop.model.place import Place
from kubectl_skoop.model.suspicion import Suspicion
from kubectl_skoop.model.verdict import Unknown

if TYPE_CHECKING:
    from kubectl_skoop.diagnosis.extension.context import Context

Wishes = Iterable[Expectation | Suspicion]
"""What a CNI wants to be there. A Suspicion is for what is seen in objects only."""


class Passing(NamedTuple):
    """What the walk saw of one packet at one NetNode, for the plugin to say what it wants there."""

    upstream: Link | None
    """None: the packet was made here."""
    arrived: Packet
    """As it came, or as it was made."""
    left: tuple[Packet, ...]
    """As it went on, innermost; empty: it stayed."""


class Wants(NamedTuple):
    """What a plugin needs collected of the Kubernetes objects, beside what every snapshot has."""

    kinds: tuple[str, ...] = ()
    """Custom resources, as `Kind.group`."""
    annotations: tuple[str, ...] = ()
    config_maps: tuple[str, ...] = ()
    """`namespace/name`."""


class InfraFile(NamedTuple):
    """What a cloud's command line printed, for a provider to read in place of the cloud."""

    name: str
    """For messages."""
    content: bytes


class Detected(NamedTuple):
    """Why a plugin or provider is the one, or a setting has its value."""

    value: str
    source: str
    general: bool = False
    """It fits several CNIs: whoever else knows the cluster stands before it."""
    agent: Ref | None = None
    """The DaemonSet that sets the nodes up."""


class Setting(NamedTuple):
    """Something that was found out about a cluster, as `plugins --detect` shows it."""

    name: str
    value: str
    """Empty: not known."""
    source: str
    option: str = ""
    """The one that overrides it, without dashes; empty: none does."""


class NetNodeAction(Protocol):
    """One pod or node as its CNI sees it."""

    @property
    def place(self) -> Place: ...

    def always(self) -> Wishes:
        """Whatever the packet; `check` asks this too."""
        ...

    def wishes(self, passing: Passing) -> Wishes:
        """For this packet."""
        ...


class SimplePluginNode:
    """What a CNI wants on a node, by kind of destination. Each method may be left out.

    `to_service` is asked for the address that a packet comes with; `to_pod`, `to_host`, `to_external` for the
    one it leaves with, after translation, innermost; `serve` if it stays.
    """

    def always(self) -> Wishes:
        return ()

    def to_pod(self, upstream: Link | None, packet: Packet, pod: PodInfo) -> Wishes:
        return ()

    def to_host(self, upstream: Link | None, packet: Packet, node: NodeInfo) -> Wishes:
        return ()

    def to_service(self, upstream: Link | None, packet: Packet, service: Service) -> Wishes:
        return ()

    def to_external(self, upstream: Link | None, packet: Packet) -> Wishes:
        return ()

    def serve(self, upstream: Link | None, packet: Packet) -> Wishes:
        return ()


class Plugin(Protocol):
    """Knowledge of one CNI. Made once for a diagnosis, with its Context."""

    name: ClassVar[str]
    options: ClassVar[type[ConfigBinder]] = NoOptions
    wants: ClassVar[Wants] = Wants()
    enforces: ClassVar[frozenset[str]] = frozenset()
    """Kinds of policy that it enforces (`NetworkPolicy` …)."""
    pods_in_underlay: bool = False
    """Pods have addresses of the nodes' own network, which leads them to the pods' nodes."""
    companions: ClassVar[tuple[str, ...]] = ()
    """Plugins that it is made of, by name: their options hold, too."""

    def __init__(self, ctx: "Context") -> None: ...

    @classmethod
    def detect(cls, ctx: "Context") -> Detected | None:
        """Told by the objects."""
        ...

    @classmethod
    def guess(cls, ctx: "Context") -> Detected | None:
        """Concluded from the kernel's state: asked only where the objects tell no plugin."""
        return None

    def settings(self) -> Iterable[Setting]:
        """How the CNI is set up here: its mode, and what else a user may want to see or override."""
        return ()

    def serves_services(self) -> bool:
        """By programs: a node without rules of kube-proxy may be as it should be."""
        return False

    def create_pod(self, pod: PodInfo) -> NetNodeAction: ...

    def create_node(self, node: NodeInfo) -> NetNodeAction: ...


class Tracked(NamedTuple):
    """Where packets of the same connection passed before, either way: what a stateful filter knows."""

    source: bool = False
    """At the interface that this packet leaves by."""
    destination: bool = False
    """At the interface that it comes in by."""


class Balanced(NamedTuple):
    """One target of a load balancer."""

    share: Fraction
    """Of new connections; those of all targets add up to 1."""
    address: Address
    port: int
    source: Address | None = None
    """The load balancer's own address, in place of the client's; None: the client's is kept."""


class InfraShim:
    """The underlay: it may stop a packet on its way between nodes, or make its fate unknown.

    It answers with findings: `effect="stops"` ends the packet there, `effect="unknown"` leaves its fate open,
    any other is a remark. A packet is as on the wire, in its tunnel if it is in one. As it stands the class
    is `generic`: the underlay carries everything that the nodes' own addresses lead to, and knows no more.
    """

    def node_to_node(
        self, src: NodeInfo, oif: str, dst: NodeInfo, packet: Packet, tracked: Tracked
    ) -> Sequence[Suspicion]:
        return ()

    def node_to_external(
        self, src: NodeInfo, oif: str, packet: Packet, tracked: Tracked
    ) -> Sequence[Suspicion]:
        return ()

    def external_to_node(self, dst: NodeInfo, packet: Packet, tracked: Tracked) -> Sequence[Suspicion]:
        return ()

    def external_to_load_balancer(self, packet: Packet) -> Sequence[Suspicion]:
        """For an address that `balance` knows."""
        return ()

    def load_balancer_to_node(
        self, balancer: Address, dst: NodeInfo, packet: Packet, tracked: Tracked
    ) -> Sequence[Suspicion]:
        """`packet`: as the load balancer with this address sends it on."""
        return ()

    def node_to_load_balancer(
        self, src: NodeInfo, oif: str, balancer: Address, packet: Packet, tracked: Tracked
    ) -> Sequence[Suspicion]:
        """An answer to what a load balancer sent."""
        return ()

    def balance(self, packet: Packet) -> Sequence[Balanced] | Unknown | None:
        """Where a packet from outside goes on from its destination; None: that is no load balancer."""
        return None

    def addresses_of(self, name: str) -> Sequence[Address] | Unknown:
        """Of a load balancer, by the host name that is in a Service's status."""
        return Unknown(f"which addresses {name} has is not known")

    def interface_of(self, src: NodeInfo | None, packet: Packet) -> str:
        """MAC of the node's interface that the underlay leads a packet for a pod or node to, beyond what the
        nodes' own addresses tell; also for an address that no object tells, as of a node's further interface;
        empty: it knows none. `src`: None for a packet of a load balancer."""
        return ""

    def on_link(self, src: NodeInfo, mac: str, dst: NodeInfo, address: Address) -> bool | None:
        """Whether a question (ARP, neighbour solicitation) of the interface with this MAC gets to the node
        that has the address, where the two are in networks apart. None: that is not known."""
        return None

    def router_asks(self, dst: NodeInfo) -> bool | None:
        """Whether a router asks (ARP) for the node's address before it leads a packet to the node: one that
        gets no answer drops the packet. None: that is not known."""
        return None

    def kind_of(self, node: NodeInfo) -> str:
        """What the underlay tells senders apart by, as text: a subnet, security groups. `check` sends to each
        node from one of each kind; empty: nothing between nodes is ever stopped."""
        return ""

    def see(self, ctx: "Context", node: NodeInfo) -> None:
        """`check` shows each node that was read, one after another, before it asks `of_cluster`: what that
        wants of all nodes' states is taken here, as each is dropped when the next one comes."""

    def of_cluster(self, ctx: "Context") -> Iterable[Suspicion]:
        """Without a packet: where the underlay is not as this cluster needs it. `check` asks it."""
        return ()


class Network(NamedTuple):
    """Provider × plugin, wired: what a diagnosis runs on (`diagnosis.diagnose`)."""

    plugin: Plugin
    shim: InfraShim


class Provider(Protocol):
    """Knowledge of one cloud."""

    name: ClassVar[str]
    options: ClassVar[type[ConfigBinder]] = NoOptions
    wants: ClassVar[Wants] = Wants()

    @classmethod
    def detect(cls, ctx: "Context") -> Detected | None: ...

    def gather(self, ctx: "Context", files: Sequence[InfraFile]) -> Mapping[str, object]:
        """The cloud's network settings for the snapshot, as plain data without keys: of the files, or without
        files asked of the cloud. Empty: this provider needs none.

        Raises: InputError (a file), NoVerdict (the cloud does not answer).
        """
        ...

    def create_network(self, ctx: "Context") -> Network: ...
