"""Names and addresses as a user writes them → what they stand for, with an address of either family.

pod/NAME  NAMESPACE/POD  pod/NAMESPACE/NAME  deploy/ sts/ ds/ (one of their pods)
svc/NAME[:PORT]  node/NAME  NAME.NAMESPACE.svc[:PORT]  an address  fe80::1%DEVICE
"""

from collections.abc import Iterable
from typing import Literal, NamedTuple

from kubectl_skoop.cluster.addresses import parse_address
from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.cluster.pod import PodInfo
from kubectl_skoop.cluster.ports import in_range, service_port
from kubectl_skoop.cluster.service import Service, usable
from kubectl_skoop.model.errors import InputError, NoVerdict
from kubectl_skoop.model.listed import listed
from kubectl_skoop.model.packet import Address
from kubectl_skoop.model.place import Endpoint, EndpointKind

_WORDS = {
    **dict.fromkeys(("pod", "pods", "po"), "pod"),
    **dict.fromkeys(("svc", "service", "services"), "service"),
    **dict.fromkeys(("node", "nodes", "no"), "node"),
    **dict.fromkeys(("deploy", "deployment", "deployments", "deployment.apps"), "Deployment"),
    **dict.fromkeys(("sts", "statefulset", "statefulsets", "statefulset.apps"), "StatefulSet"),
    **dict.fromkeys(("ds", "daemonset", "daemonsets", "daemonset.apps"), "DaemonSet"),
}
_LISTED = 10
_SHORT = {"Pod": "pod", "Service": "svc"}


class Target(NamedTuple):
    """What a name of the request stands for."""

    kind: EndpointKind
    name: str
    """`namespace/name` for pods and services, as in Endpoint."""
    addresses: tuple[Address, ...]
    """At least one; the preferred one first."""
    port: int = 0
    """That the name bore; 0: none."""
    scope: str = ""
    """Device that the name bore, of a link-local address."""
    note: str = ""
    """What was chosen where the name fits several: one pod of a Deployment."""

    def endpoint(self, family: int) -> Endpoint | None:
        """With the first address of the family (4 or 6); None: it has none."""
        for address in self.addresses:
            if address.version == family:
                return Endpoint(self.kind, self.name, address)
        return None


def resolve(cluster: Cluster, written: str, namespace: str = "") -> Target:
    """`namespace`: for names that bear none; empty: the name must fit exactly one object.

    Raises: UnknownName, InputError (several fit, no address, no form of a name).
    """
    bare, percent, scope = written.partition("%")
    address = parse_address(bare)
    if address is not None and (not percent or (scope and address.version == 6 and address.is_link_local)):
        found = cluster.endpoint(address)
        return Target(kind=found.kind, name=found.name, addresses=(address,), scope=scope)
    head, slash, rest = written.partition("/")
    if not slash:
        return _dns(cluster, written)
    kind = _WORDS.get(head.lower())
    if kind is None:
        kind, rest = "pod", written
    scope, _, name = rest.rpartition("/")
    name, _, port = name.partition(":")
    if not name or "/" in scope or (port and kind != "service"):
        raise _no_form(written)
    match kind:
        case "node" if not scope:
            return _node(cluster, name)
        case "pod":
            return _pod(cluster.pod(_key(cluster, "Pod", scope or namespace, name)))
        case "service":
            return _service(
                cluster, cluster.service(_key(cluster, "Service", scope or namespace, name)), port
            )
        case "Deployment" | "StatefulSet" | "DaemonSet":
            return _workload(cluster, kind, scope or namespace, name)
        case _:
            raise _no_form(written)


def pair(source: Target, destination: Target) -> tuple[Endpoint, Endpoint]:
    """Both with addresses of one family: the first that the destination has and the source, too.

    Raises: InputError.
    """
    for address in destination.addresses:
        here, there = source.endpoint(address.version), destination.endpoint(address.version)
        if here is not None and there is not None:
            return here, there
    raise InputError(
        f"{source.name} has only IPv{source.addresses[0].version} addresses, "
        f"{destination.name} only IPv{destination.addresses[0].version}"
    )


def _dns(cluster: Cluster, written: str) -> Target:
    host, _, port = written.partition(":")
    match host.removesuffix(".").split("."):
        case [name, namespace, "svc", *_] if name and namespace:
            return _service(cluster, cluster.service(f"{namespace}/{name}"), port)
        case _:
            raise _no_form(written)


def _no_form(written: str) -> InputError:
    return InputError(
        f"{written!r} is no name that can be looked up",
        hint="pod/NAME, NAMESPACE/POD, svc/NAME[:PORT], node/NAME, deploy/NAME, web.shop.svc, ADDRESS",
    )


def _key(cluster: Cluster, kind: Literal["Pod", "Service"], namespace: str, name: str) -> str:
    """`namespace/name` of the one object that the name fits. Raises: UnknownName, InputError."""
    if namespace:
        return f"{namespace}/{name}"
    match sorted(cluster.source.namespaces_of(kind, name)):
        case [only]:
            return f"{only}/{name}"
        case []:
            known = cluster.pods() if kind == "Pod" else cluster.services()
            raise cluster.unknown(kind, name, {item.name: None for item in known})
        case several:
            listed = (f"{_SHORT[kind]}/{namespace}/{name}" for namespace in several)
            raise _ambiguous(f"{kind.lower()} {name}", listed)


def _ambiguous(what: str, candidates: Iterable[str]) -> InputError:
    return InputError(
        f"{what} is in several namespaces: {listed(list(candidates), _LISTED)}",
        hint="name the namespace, or -n",
    )


def _node(cluster: Cluster, name: str) -> Target:
    node = cluster.node(name)
    if not node.addresses:
        raise InputError(f"node {name} has no address in its status")
    return Target(kind="node", name=name, addresses=node.addresses)


def _pod(pod: PodInfo, note: str = "") -> Target:
    if pod.finished:
        raise InputError(f"pod {pod.key} has ended ({pod.phase}): it has no network any more")
    if not pod.addresses:
        raise InputError(f"pod {pod.key} has no address yet ({pod.phase or 'no status'})")
    return Target(kind="pod", name=pod.key, addresses=pod.addresses, note=note)


def _workload(cluster: Cluster, kind: str, namespace: str, name: str) -> Target:
    """Its first pod by name, those that run and are ready before the others."""
    pods = [pod for pod in cluster.pods(namespace) if pod.controller.kind == kind]
    own = [pod for pod in pods if pod.controller.name == name]
    if not own:
        known = {pod.controller.name: None for pod in pods}
        raise cluster.unknown("Pod", name, known, what=f"pod of {kind}")
    if len({pod.namespace for pod in own}) > 1:
        owners = sorted({f"{kind.lower()}/{pod.namespace}/{name}" for pod in own})
        raise _ambiguous(f"{kind} {name}", owners)
    first = min(own, key=_preference)
    return _pod(first, note=f"pod {first.key} for {kind} {name}, which has {len(own)}")


def _preference(pod: PodInfo) -> tuple[bool, bool, bool, bool, str]:
    return not pod.addresses, pod.finished, pod.deleted, pod.ready is False, pod.name


def _service(cluster: Cluster, service: Service, port: str) -> Target:
    number = 0
    if port:
        number = in_range(port) if port.isdecimal() else service_port(service, port).port
    if service.type == "ExternalName":
        raise InputError(
            f"service {service.key} stands for the name {service.external_name}: ask for its address"
        )
    if not service.headless:
        return Target(kind="service", name=service.key, addresses=service.cluster_addresses, port=number)
    backends = [backend for entry in service.ports for backend in usable(cluster.backends(service, entry))]
    if not backends and (gap := cluster.unlisted(service)) is not None:
        raise NoVerdict(f"who serves the headless service {service.key} is not known: {gap}")
    if not backends:
        raise InputError(f"service {service.key} is headless and has no endpoint that is ready")
    first = min(backends, key=lambda backend: (backend.address.version, int(backend.address)))
    found = cluster.endpoint(first.address)
    note = f"endpoint {first.address} of the headless service {service.key}"
    return Target(kind=found.kind, name=found.name, addresses=(first.address,), port=number, note=note)
