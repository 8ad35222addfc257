"""What a CNI plugin and a cloud provider implement. The original's names; `docs/architecture.md` says why
the kernel's state makes the transmissions and a plugin's methods return wishes."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Protocol

from kubectl_skoop.cluster.objects import NodeInfo, PodInfo, Service
from kubectl_skoop.diagnosis.expectation import Expectation
from kubectl_skoop.diagnosis.options import ConfigBinder, NoOptions
from kubectl_skoop.model.packet import Packet
from kubectl_skoop.model.path import Link
from kubectl_skoop.model.place import Place
from kubectl_skoop.model.suspicion import Suspicion

if TYPE_CHECKING:
    from kubectl_skoop.diagnosis.context import Context

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


class Detected(NamedTuple):
    """Why a plugin or provider is the one, or a setting has its value."""

    value: str
    source: str
    general: bool = False
    """It fits several CNIs: whoever else knows the cluster stands before it."""


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

    def create_pod(self, pod: PodInfo) -> NetNodeAction: ...

    def create_node(self, node: NodeInfo) -> NetNodeAction: ...


class InfraShim:
    """The underlay: it may stop a packet between nodes or make its fate unknown, not redirect it.

    As it stands it is `generic`: the underlay carries everything.
    """

    def node_to_node(self, src: NodeInfo, oif: str, dst: NodeInfo, packet: Packet) -> Sequence[Suspicion]:
        return ()

    def node_to_external(self, src: NodeInfo, oif: str, packet: Packet) -> Sequence[Suspicion]:
        return ()

    def external_to_node(self, dst: NodeInfo, packet: Packet) -> Sequence[Suspicion]:
        return ()

    def external_to_load_balancer(self, packet: Packet) -> Sequence[Suspicion]:
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

    def gather(self, ctx: "Context", files: Sequence[bytes]) -> Mapping[str, object]:
        """The cloud's network settings for the snapshot, without keys."""
        ...

    def create_network(self, ctx: "Context") -> Network: ...
