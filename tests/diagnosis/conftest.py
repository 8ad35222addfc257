"""A Context over objects and namespaces that a test makes, without a file."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar, cast

import pytest

from kubectl_skoop.cluster.allow import Allowed, prune
from kubectl_skoop.cluster.cluster import Cluster, PlainObjects
from kubectl_skoop.cluster.raw import Object, Ref, text
from kubectl_skoop.diagnosis.extension.context import Context
from kubectl_skoop.diagnosis.extension.wants import allowed
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.packet import Address
from kubectl_skoop.model.place import Place
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.snapshot.format import SectionRef
from kubectl_skoop.snapshot.index import NamespaceEntry, NodeEntry
from kubectl_skoop.snapshot.source import Snapshot

NO_SECTION = SectionRef(0, 0, 0, b"")
ALLOWED = allowed()
"""With what the plugins here want, whatever a test installs."""
MakeContext = Callable[..., Context]
T = TypeVar("T")


@dataclass
class MadeSource:
    """What a Snapshot answers, from memory."""

    plain: PlainObjects
    namespaces: Mapping[str, NetworkNamespace] = field(default_factory=dict)
    """By place, as text."""
    missing: tuple[NotCollected, ...] = ()
    clouds: Mapping[str, Mapping[str, object]] = field(default_factory=dict)

    def objects(self, kind: str, namespace: str = "") -> Sequence[Object] | NotCollected:
        return self.plain.objects(kind, namespace)

    def each(self, kind: str, make: Callable[[Object], T]) -> Sequence[T] | NotCollected:
        return self.plain.each(kind, make)

    def forget(self, node: str) -> None:
        """Nothing is read."""

    def owners(self, address: str) -> Sequence[Ref]:
        return self.plain.owners(address)

    def nodes(self) -> tuple[str, ...]:
        return tuple(
            sorted(name.removeprefix("node/") for name in self.namespaces if name.startswith("node/"))
        )

    def nodes_with(self, owned: Address | str) -> tuple[str, ...]:
        return self.nodes()

    def node(self, name: str) -> NodeEntry | NotCollected:
        if f"node/{name}" not in self.namespaces:
            return NotCollected(f"node/{name}", "not collected")
        pods = [
            NamespaceEntry(id=ns.id, kind="pod", pods=(place.removeprefix("pod/"),), section=NO_SECTION)
            for place, ns in self.namespaces.items()
            if place.startswith("pod/") and ns.node == name
        ]
        return NodeEntry(node=name, namespaces=tuple(pods))

    def infra(self, provider: str) -> Mapping[str, object] | NotCollected:
        return self.clouds.get(provider) or NotCollected(f"infra/{provider}", "not collected")

    def namespace(self, place: Place) -> NetworkNamespace | NotCollected:
        return self.namespaces.get(str(place)) or NotCollected(str(place), "not collected")


def by_kind(objects: Sequence[Object], allowed: Allowed = ALLOWED) -> PlainObjects:
    found: dict[str, list[Object]] = {}
    for item in objects:
        kept = prune(item, allowed)
        if kept is not None:
            found.setdefault(text(kept, "kind"), []).append(kept)
    return PlainObjects(found)


@pytest.fixture
def make_context() -> MakeContext:
    def make(
        objects: Sequence[Object] = (),
        namespaces: Mapping[str, NetworkNamespace] | None = None,
        options: Options | None = None,
        owner: str = "",
        clouds: Mapping[str, Mapping[str, object]] | None = None,
        allowed: Allowed = ALLOWED,
    ) -> Context:
        source = cast(Snapshot, MadeSource(by_kind(objects, allowed), namespaces or {}, clouds=clouds or {}))
        return Context(source=source, cluster=Cluster(source), options=options or Options(), owner=owner)

    return make
