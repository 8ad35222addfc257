"""Small clusters for policy tests: objects as the API server prints them, and questions about them."""

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import ip_address

from kubectl_skoop.cluster.allow import prune
from kubectl_skoop.cluster.cluster import Cluster, PlainObjects
from kubectl_skoop.cluster.objects import Object
from kubectl_skoop.cluster.policy.address import address_at
from kubectl_skoop.cluster.policy.evaluate import Dialect, PolicySet, policy_set
from kubectl_skoop.cluster.policy.party import Surroundings, pod_party
from kubectl_skoop.cluster.policy.port import NUMBERS, port_at
from kubectl_skoop.cluster.policy.question import Answer, ask
from kubectl_skoop.cluster.raw import text

Labels = Mapping[str, str]
Fields = dict[str, object]


def namespace(name: str, **labels: str) -> Object:
    return {
        "kind": "Namespace",
        "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name, **labels}},
    }


def pod(
    name: str,
    address: str = "",
    labels: Labels | None = None,
    ports: Iterable[tuple[str, int, str]] = (),
    **spec: object,
) -> Object:
    """`name`: `namespace/name`; `ports`: name, number, protocol."""
    scope, _, bare = name.partition("/")
    named = [
        {"name": port, "containerPort": number, "protocol": protocol} for port, number, protocol in ports
    ]
    return {
        "kind": "Pod",
        "metadata": {"name": bare, "namespace": scope, "labels": dict(labels or {})},
        "spec": {"nodeName": "n1", "containers": [{"name": "c", "ports": named}], **spec},
        "status": {"phase": "Running", "podIP": address},
    }


def policy(kind: str, name: str, spec: object, api: str = "networking.k8s.io/v1") -> Object:
    """`name`: with its namespace, if it has one. Cut down as in a snapshot."""
    scope, slash, bare = name.rpartition("/")
    metadata = {"name": bare, **({"namespace": scope} if slash else {})}
    kept = prune({"apiVersion": api, "kind": kind, "metadata": metadata, "spec": spec})
    assert kept is not None, kind
    return kept


def cluster(objects: Iterable[Object]) -> Cluster:
    by_kind: dict[str, list[Object]] = {"Node": [], "Namespace": [], "Pod": []}
    for item in objects:
        by_kind.setdefault(text(item, "kind"), []).append(item)
    return Cluster(PlainObjects({kind: tuple(found) for kind, found in by_kind.items()}))


class World:
    """A cluster whose policies are compiled once."""

    def __init__(self, objects: Iterable[Object], dialect: Dialect | None = None) -> None:
        self.cluster = cluster(objects)
        self.policies: PolicySet = policy_set(self.cluster, dialect)
        self._around = Surroundings.of(self.cluster)

    def answer(self, source: str, destination: str, port: int = 80, protocol: str = "TCP") -> Answer:
        """`namespace/name` of pods, or addresses outside."""
        ends = [
            pod_party(self.cluster.pod(name), self._around) if "/" in name else address_at(ip_address(name))
            for name in (source, destination)
        ]
        at = port_at(NUMBERS[protocol], port)
        return ask(self.policies, ends[0], ends[1], at, same_pod=source == destination)

    def verdict(self, source: str, destination: str, port: int = 80, protocol: str = "TCP") -> str:
        return self.answer(source, destination, port, protocol).verdict.value

    def keys(self) -> Sequence[str]:
        return [one.key for one in self.cluster.pods()]
