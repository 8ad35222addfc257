"""Pods, as a diagnosis needs them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeVar, cast

from kubectl_skoop.cluster.addresses import FINISHED, parse_address
from kubectl_skoop.cluster.raw import Object, Ref, dig, flag, items, labels, number, ref_of, text
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
    ref = ref_of(item)
    written = (
        text(item, "status", "podIP"),
        *(text(entry, "ip") for entry in items(item, "status", "podIPs")),
    )
    addresses = (parse_address(entry) for entry in dict.fromkeys(written))
    owner = next(iter(items(item, "metadata", "ownerReferences")), None)
    statuses = {text(status, "name"): status for status in items(item, "status", "containerStatuses")}
    return PodInfo(
        name=ref.name,
        namespace=ref.namespace,
        uid=text(item, "metadata", "uid"),
        node=text(item, "spec", "nodeName"),
        host_network=flag(item, "spec", "hostNetwork"),
        addresses=tuple(address for address in addresses if address is not None),
        secondary=tuple(secondary_networks(item)),
        phase=text(item, "status", "phase"),
        ready=condition(item, "Ready"),
        deleted=bool(text(item, "metadata", "deletionTimestamp")),
        labels=labels(item, "metadata", "labels"),
        annotations=labels(item, "metadata", "annotations"),
        owner_kind=text(owner, "kind"),
        owner_name=text(owner, "name"),
        service_account=text(item, "spec", "serviceAccountName"),
        containers=tuple(
            _container(entry, statuses.get(text(entry, "name")))
            for entry in items(item, "spec", "containers")
        ),
    )


class Sharing:
    """Makes out many pods: what they have alike is one object, as most of them come from few templates."""

    def __init__(self) -> None:
        self._known: dict[object, object] = {}

    def pod_info(self, item: Object) -> PodInfo:
        pod = pod_info(item)
        return replace(
            pod,
            namespace=self._one(pod.namespace),
            node=self._one(pod.node),
            phase=self._one(pod.phase),
            labels=self._one_map(pod.labels),
            annotations=self._one_map(pod.annotations),
            containers=self._one(pod.containers),
            service_account=self._one(pod.service_account),
        )

    def _one(self, value: T) -> T:
        return cast(T, self._known.setdefault(value, value))

    def _one_map(self, value: Mapping[str, str]) -> Mapping[str, str]:
        return cast(Mapping[str, str], self._known.setdefault(("map", *value.items()), value))


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
        ports=tuple(
            ContainerPort(
                name=text(entry, "name"),
                port=number(entry, "containerPort"),
                protocol=text(entry, "protocol") or "TCP",
                host_port=number(entry, "hostPort"),
            )
            for entry in items(item, "ports")
        ),
        probe=_probe(dig(item, "readinessProbe")),
        waiting=text(status, "state", "waiting", "reason"),
        restarts=number(status, "restartCount"),
    )


def _probe(item: object) -> str:
    for kind in ("httpGet", "tcpSocket", "grpc"):
        port = dig(item, kind, "port")
        if isinstance(port, int | str):
            return f"{kind} {port}"
    return "exec" if dig(item, "exec") else ""
