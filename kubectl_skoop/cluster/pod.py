"""Pods, as a diagnosis needs them."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, TypeVar, cast

from kubectl_skoop.cluster.addresses import FINISHED, parse_address
from kubectl_skoop.cluster.raw import Object, Ref, dig, flag, items, labels, mapping, number, text
from kubectl_skoop.cluster.secondary import SecondaryNetwork, secondary_networks
from kubectl_skoop.model.packet import Address

T = TypeVar("T")


class ContainerPort(NamedTuple):
    """A port that a container declares."""

    name: str
    port: int
    protocol: str
    """TCP, UDP or SCTP."""
    host_port: int = 0


class Container(NamedTuple):
    """A container of a pod, init containers left out."""

    name: str
    ready: bool | None = None
    """None: the status does not say."""
    ports: tuple[ContainerPort, ...] = ()
    probe: str = ""
    """Its readiness probe, as `httpGet 8080`; empty: none."""
    waiting: str = ""
    """Why it does not run: CrashLoopBackOff and the like."""
    restarts: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PodInfo:
    """A Pod, as far as networks need it."""

    name: str
    namespace: str
    uid: str = ""
    node: str = ""
    """Empty: not scheduled yet."""
    host_network: bool = False
    addresses: tuple[Address, ...] = ()
    """`podIPs`, the primary one first; with hostNetwork those of the node."""
    secondary: tuple[SecondaryNetwork, ...] = ()
    """Networks beside the primary one, which Multus adds."""
    phase: str = ""
    ready: bool | None = None
    """The condition Ready; None: the status does not say."""
    deleted: bool = False
    """Terminating: it has a deletionTimestamp."""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    owner_kind: str = ""
    owner_name: str = ""
    containers: tuple[Container, ...] = ()
    service_account: str = ""

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def ip(self) -> str:
        """The primary address; empty: none yet."""
        return str(self.addresses[0]) if self.addresses else ""

    @property
    def finished(self) -> bool:
        """Its network namespace is gone and its address may be another's by now."""
        return self.phase in FINISHED

    @property
    def controller(self) -> Ref:
        """What a user calls its owner: the Deployment instead of its ReplicaSet."""
        suffix = f"-{self.labels.get('pod-template-hash', '')}"
        if self.owner_kind == "ReplicaSet" and len(suffix) > 1 and self.owner_name.endswith(suffix):
            return Ref("Deployment", self.namespace, self.owner_name.removesuffix(suffix))
        return Ref(self.owner_kind, self.namespace, self.owner_name)


def pod_info(item: Object) -> PodInfo:
    return _pod_info(item, _as_it_is)


class Sharing:
    """Makes out many pods: what they have alike is one object, as most of them come from few templates."""

    def __init__(self) -> None:
        self._known: dict[Hashable, object] = {}

    def pod_info(self, item: Object) -> PodInfo:
        return _pod_info(item, self._one)

    def _one(self, value: T) -> T:
        key = ("map", *value.items()) if isinstance(value, dict) else cast(Hashable, value)
        return cast(T, self._known.setdefault(key, value))


def _as_it_is(value: T) -> T:
    return value


class _Share(Protocol):
    def __call__(self, value: T, /) -> T:
        """One that is equal."""


def _pod_info(item: Object, share: _Share) -> PodInfo:
    metadata, spec, status = mapping(item, "metadata"), mapping(item, "spec"), mapping(item, "status")
    written = dict.fromkeys((text(status, "podIP"), *[text(one, "ip") for one in items(status, "podIPs")]))
    owners = items(metadata, "ownerReferences")
    owner = owners[0] if owners else None
    statuses = {text(one, "name"): one for one in items(status, "containerStatuses")}
    containers = [_container(one, statuses.get(text(one, "name"), {})) for one in items(spec, "containers")]
    annotations = labels(metadata, "annotations")
    return PodInfo(
        name=text(metadata, "name"),
        namespace=share(text(metadata, "namespace")),
        uid=text(metadata, "uid"),
        node=share(text(spec, "nodeName")),
        host_network=flag(spec, "hostNetwork"),
        addresses=tuple([found for one in written if (found := parse_address(one)) is not None]),
        secondary=tuple(secondary_networks(annotations)),
        phase=share(text(status, "phase")),
        ready=condition(item, "Ready"),
        deleted=bool(text(metadata, "deletionTimestamp")),
        labels=share(labels(metadata, "labels")),
        annotations=share(annotations),
        owner_kind=text(owner, "kind"),
        owner_name=text(owner, "name"),
        service_account=share(text(spec, "serviceAccountName")),
        containers=share(tuple(containers)),
    )


def condition(item: object, kind: str) -> bool | None:
    """A condition of the status; None: Unknown, or not there."""
    for entry in items(item, "status", "conditions"):
        if text(entry, "type") == kind:
            return {"True": True, "False": False}.get(text(entry, "status"))
    return None


def _container(item: object, status: object) -> Container:
    ready = dig(status, "ready")
    return Container(
        name=text(item, "name"),
        ready=ready if isinstance(ready, bool) else None,
        ports=tuple([_port(one) for one in items(item, "ports")]),
        probe=_probe(mapping(item, "readinessProbe")),
        waiting=text(status, "state", "waiting", "reason"),
        restarts=number(status, "restartCount"),
    )


def _port(item: object) -> ContainerPort:
    return ContainerPort(
        name=text(item, "name"),
        port=number(item, "containerPort"),
        protocol=text(item, "protocol") or "TCP",
        host_port=number(item, "hostPort"),
    )


def _probe(item: Object) -> str:
    for kind in ("httpGet", "tcpSocket", "grpc") if item else ():
        port = dig(item, kind, "port")
        if isinstance(port, int | str):
            return f"{kind} {port}"
    return "exec" if dig(item, "exec") else ""
