"""Names and addresses as a user writes them → the ends of a flow that policies judge.

Unlike `cluster.resolve` a pod needs no address here: manifests have none.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kubectl_skoop.cluster.addresses import parse_address
from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.cluster.objects import PodInfo
from kubectl_skoop.cluster.policy.address import address_at
from kubectl_skoop.cluster.policy.evaluate import PolicySet, selecting
from kubectl_skoop.cluster.policy.party import Surroundings, node_party, pod_party
from kubectl_skoop.cluster.policy.port import NUMBERS, port_at
from kubectl_skoop.cluster.policy.question import Answer, ask
from kubectl_skoop.cluster.policy.rule import Direction, Verdict
from kubectl_skoop.cluster.policy.tiers import stages
from kubectl_skoop.cluster.policy.universe import Party, Universe
from kubectl_skoop.cluster.ports import in_range, service_port
from kubectl_skoop.cluster.service import usable
from kubectl_skoop.model.errors import InputError, NoVerdict
from kubectl_skoop.model.packet import Address
from kubectl_skoop.model.place import Endpoint

OWNERS = {
    **dict.fromkeys(("deploy", "deployment", "deployments"), "Deployment"),
    **dict.fromkeys(("sts", "statefulset", "statefulsets"), "StatefulSet"),
    **dict.fromkeys(("ds", "daemonset", "daemonsets"), "DaemonSet"),
    **{kind.lower(): kind for kind in ("ReplicaSet", "Job", "CronJob", "ReplicationController")},
}
PODS = frozenset({"pod", "pods", "po"})
SERVICES = frozenset({"svc", "service", "services"})
NODES = frozenset({"node", "nodes", "no"})


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """One side of a flow."""

    name: str
    """`pod/shop/web-0`, `node/n1`, or an address outside."""
    party: Party | int
    """An address outside as `address_at`."""
    node: str = ""
    """That it is on; empty: none, or not known."""
    port: int = 0
    """Of the backend, where a service translates it; 0: the one that was asked for."""

    @property
    def on_host(self) -> bool:
        return isinstance(self.party, Party) and self.party.kind != "pod"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """A question with one sender and one receiver, and its answer."""

    source: End
    destination: End
    port: int
    protocol: str
    """TCP, UDP, SCTP, ICMP."""
    answer: Answer


def flows(
    cluster: Cluster,
    policies: PolicySet,
    source: str,
    destination: str,
    port: str,
    protocol: str,
    namespace: str = "",
) -> tuple[Flow, ...]:
    """One flow, or one for each backend of a service. Raises: InputError."""
    around = Surroundings.of(cluster)
    sources = list(_ends(cluster, around, source, namespace, "", protocol))
    receivers = list(_ends(cluster, around, destination, namespace, port, protocol))
    return tuple(
        _flow(policies, sender, receiver, receiver.port or _number(receiver, port, protocol), protocol)
        for sender in sources[:1]
        for receiver in receivers
    )


def flows_between(
    cluster: Cluster,
    around: Surroundings,
    policies: PolicySet,
    source: Endpoint,
    destination: Endpoint,
    port: int,
    protocol: str,
) -> tuple[Flow, ...]:
    """`flows` for ends that were made out before. Raises: InputError (a service without such endpoints)."""
    sender = next(_of_endpoint(cluster, around, source, port, protocol))
    return tuple(
        _flow(policies, sender, receiver, receiver.port or port, protocol)
        for receiver in _of_endpoint(cluster, around, destination, port, protocol)
    )


def namespaces_of(
    cluster: Cluster,
    source: str,
    destination: str,
    port: str = "",
    protocol: str = "tcp",
    namespace: str = "",
) -> frozenset[str]:
    """Of the pods on both sides of `flows` or `selected_by`: policies of others say nothing of them.

    Raises: InputError.
    """
    around = Surroundings.of(cluster)
    found = [
        *(_ends(cluster, around, source, namespace, "", protocol) if source else ()),
        *(_ends(cluster, around, destination, namespace, port, protocol) if destination else ()),
    ]
    return frozenset(end.party.namespace for end in found if isinstance(end.party, Party)) - {""}


@dataclass(frozen=True, slots=True, kw_only=True)
class Selected:
    """The policies that select one side, in the order in which they are asked."""

    name: str
    direction: Direction
    policies: tuple[str, ...]


def selected_by(
    cluster: Cluster, policies: PolicySet, source: str, destination: str, namespace: str = ""
) -> tuple[Selected, ...]:
    """For the side or sides that are named; addresses outside have none. Raises: InputError."""
    around = Surroundings.of(cluster)
    sides: tuple[tuple[str, Direction], ...] = ((source, "egress"), (destination, "ingress"))
    found: list[Selected] = []
    for written, direction in sides:
        for end in _ends(cluster, around, written, namespace, "", "tcp") if written else ():
            keys: dict[str, None] = {}
            if isinstance(end.party, Party):
                own = selecting(policies.candidates(end.party.namespace), Universe([end.party]), 0)
                for stage in stages(own, direction):
                    keys.update((policy.key, None) for rank in stage.ranks for policy, _ in rank)
            found.append(Selected(name=end.name, direction=direction, policies=tuple(keys)))
    return tuple(found)


def verdict_of(found: Sequence[Flow]) -> Verdict:
    """Of all of them: denied if one of them is."""
    given = {flow.answer.verdict for flow in found}
    return next(verdict for verdict in (Verdict.DENY, Verdict.UNKNOWN, Verdict.ACCEPT) if verdict in given)


def _flow(policies: PolicySet, sender: End, receiver: End, number: int, protocol: str) -> Flow:
    return Flow(
        source=sender,
        destination=receiver,
        port=number,
        protocol=protocol.upper(),
        answer=_answer(policies, sender, receiver, number, protocol),
    )


def _answer(policies: PolicySet, sender: End, receiver: End, number: int, protocol: str) -> Answer:
    row = NUMBERS[protocol.upper()]
    if row == NUMBERS["ICMP"] and _version(receiver) == 6:
        row = NUMBERS["ICMPV6"]
    same_node = bool(sender.node) and sender.node == receiver.node and (sender.on_host or receiver.on_host)
    return ask(
        policies,
        sender.party,
        receiver.party,
        port_at(row, number),
        same_pod=sender.name == receiver.name,
        same_node=same_node,
    )


def _version(end: End) -> int:
    at = end.party.address if isinstance(end.party, Party) else end.party
    return 6 if at >= 1 << 32 else 4


def _ends(
    cluster: Cluster, around: Surroundings, written: str, namespace: str, port: str, protocol: str
) -> Iterator[End]:
    address = parse_address(written)
    if address is not None:
        yield _of_address(cluster, around, address)
        return
    head, slash, rest = written.partition("/")
    word = head.lower()
    if not slash:
        raise _no_form(written)
    if word not in {*PODS, *SERVICES, *NODES, *OWNERS}:
        word, rest = "pod", written
    scope, _, name = rest.rpartition("/")
    scope = scope or namespace
    if not name or "/" in scope:
        raise _no_form(written)
    if word in NODES:
        node = cluster.node(name)
        yield End(name=f"node/{name}", party=node_party(node), node=name)
    elif word in SERVICES:
        name, _, own_port = name.partition(":")
        yield from _backends(
            cluster, around, f"{_scope(cluster, 'Service', scope, name)}/{name}", own_port or port, protocol
        )
    elif word in PODS:
        yield _pod(cluster.pod(f"{_scope(cluster, 'Pod', scope, name)}/{name}"), around)
    else:
        yield _workload(cluster, around, OWNERS[word], scope, name)


def _scope(cluster: Cluster, kind: str, scope: str, name: str) -> str:
    """The only namespace in which there is such an object. Raises: InputError."""
    if scope:
        return scope
    spaces = sorted(cluster.source.namespaces_of(kind, name))
    if len(spaces) > 1:
        raise InputError(
            f"{kind.lower()} {name} is in several namespaces: {', '.join(spaces[:10])}",
            hint="name the namespace, or -n",
        )
    return spaces[0] if spaces else "default"


def _of_endpoint(
    cluster: Cluster, around: Surroundings, endpoint: Endpoint, port: int, protocol: str
) -> Iterator[End]:
    match endpoint.kind:
        case "pod":
            yield _pod(cluster.pod(endpoint.name), around, endpoint.address)
        case "node":
            party = node_party(cluster.node(endpoint.name), endpoint.address)
            yield End(name=f"node/{endpoint.name}", party=party, node=endpoint.name)
        case "service" | "lb":
            yield from _backends(cluster, around, endpoint.name, str(port), protocol)
        case _:
            yield End(name=str(endpoint.address), party=address_at(endpoint.address))


def _of_address(cluster: Cluster, around: Surroundings, address: Address) -> End:
    found = cluster.endpoint(address)
    if found.kind in ("service", "lb"):
        raise InputError(f"{address} belongs to service {found.name}", hint=f"svc/{found.name}")
    return next(_of_endpoint(cluster, around, found, 0, ""))


def _pod(pod: PodInfo, around: Surroundings, address: Address | None = None) -> End:
    if pod.finished:
        raise InputError(f"pod {pod.key} has ended ({pod.phase}): it has no network any more")
    return End(name=f"pod/{pod.key}", party=pod_party(pod, around, address), node=pod.node)


def _workload(cluster: Cluster, around: Surroundings, kind: str, scope: str, name: str) -> End:
    own = [
        pod
        for pod in cluster.pods(scope)
        if (pod.controller.kind, pod.controller.name) == (kind, name) and not pod.finished
    ]
    if not own:
        known = (pod.controller.name for pod in cluster.pods(scope) if pod.controller.kind == kind)
        raise cluster.unknown("Pod", name, known, what=f"pod of {kind}")
    if len({pod.namespace for pod in own}) > 1:
        raise InputError(f"{kind} {name} is in several namespaces", hint="name the namespace, or -n")
    return _pod(min(own, key=lambda pod: pod.name), around)


def _backends(cluster: Cluster, around: Surroundings, key: str, port: str, protocol: str) -> Iterator[End]:
    """Policies see the backends, never the service's address."""
    service = cluster.service(key)
    if port.isdecimal():
        entry = next((one for one in service.ports if one.port == in_range(port)), None)
        if entry is None:
            raise InputError(f"service {key} has no port {port}")
    else:
        entry = service_port(service, port, protocol)
    found = usable(cluster.backends(service, entry))
    if not found and (gap := cluster.unlisted(service)) is not None:
        raise NoVerdict(f"who serves {key} is not known: {gap}")
    if not found:
        raise InputError(f"service {key} has no endpoint that is ready")
    for backend in found:
        end = _of_address(cluster, around, backend.address)
        yield End(name=end.name, party=end.party, node=end.node, port=backend.port)


def _number(end: End, port: str, protocol: str) -> int:
    if protocol == "icmp":
        return 0
    if port.isdecimal():
        return in_range(port)
    if not port:
        raise InputError(f"which port of {end.name}?", hint="-p PORT")
    named = end.party.ports if isinstance(end.party, Party) else ()
    for name, its_protocol, number in named:
        if (name, its_protocol) == (port, protocol.upper()):
            return number
    listed = ", ".join(f"{name} ({number}/{its_protocol})" for name, its_protocol, number in named)
    raise InputError(f"{end.name} has no port {port} of {protocol.upper()}: {listed or 'it names none'}")


def _no_form(written: str) -> InputError:
    return InputError(
        f"{written!r} is no name that can be looked up",
        hint="pod/NAME, NAMESPACE/POD, svc/NAME[:PORT], node/NAME, deploy/NAME, ADDRESS",
    )
