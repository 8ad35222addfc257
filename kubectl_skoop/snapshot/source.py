"""What a diagnosis may ask of a snapshot: objects, nodes, namespaces. Answers are kept."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from kubectl_skoop.cluster.raw import Object, Ref, ref_of, text
from kubectl_skoop.model.errors import SectionDamaged
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.packet import Address
from kubectl_skoop.model.place import Place
from kubectl_skoop.snapshot import object_sections
from kubectl_skoop.snapshot.dump import NamespaceDump, NodeDump, Table
from kubectl_skoop.snapshot.format import Header
from kubectl_skoop.snapshot.index import NamespaceEntry, NodeEntry, NodeSummary, summary_of
from kubectl_skoop.snapshot.kept import Kept
from kubectl_skoop.snapshot.limits import MIB
from kubectl_skoop.snapshot.moments import Moments
from kubectl_skoop.snapshot.read import SnapshotFile, open_file
from kubectl_skoop.snapshot.tables import Tables

if TYPE_CHECKING:
    from kubectl_skoop.netstack.namespace import NetworkNamespace
    from kubectl_skoop.snapshot.decode import Shared

T = TypeVar("T")
MOST_KEPT = 64 * MIB
"""Raw bytes of the namespaces that are kept; decoded they take several times as much."""
MOST_NODES = 512
"""Whose lists of namespaces are kept: 13 KB each, with twenty pods."""
MOST_PODS = 10_000
"""Whose namespaces' identities are kept."""

NodeState = NodeEntry | NotCollected


class Snapshot:
    """A SnapshotSource over a file."""

    def __init__(self, file: SnapshotFile) -> None:
        self.file = file
        self._nodes: Kept[NodeState] = Kept(MOST_NODES)
        self._objects: dict[tuple[str, str], Sequence[Object] | NotCollected] = {}
        self._dumps: Kept[NamespaceDump | NotCollected] = Kept(MOST_KEPT)
        self._namespaces: Kept[NetworkNamespace] = Kept(MOST_KEPT)
        self._pods: Kept[str] = Kept(MOST_PODS)
        self._shared: Shared | None = None
        self._missed: dict[NotCollected, None] = {}
        self._wanted: dict[str, None] = {}
        self._addresses: dict[str, None] = {}
        self._infra: dict[str, Mapping[str, object]] = {}
        self._wanted_infra: dict[str, None] = {}

    @property
    def header(self) -> Header:
        return self.file.header

    @property
    def missing(self) -> tuple[NotCollected, ...]:
        """Nodes without a dump, what the file lost, and nodes and namespaces that were asked for in vain."""
        absent = [entry for entry in self.file.index.nodes.values() if isinstance(entry, NotCollected)]
        return tuple(dict.fromkeys((*self.file.lost, *absent, *self._missed)))

    @property
    def missing_objects(self) -> tuple[NotCollected, ...]:
        """Kinds that were asked for, and that the file holds damaged or says why it has not."""
        return tuple(gap for gap in self._missed if gap.what.startswith("objects/"))

    @property
    def lost_objects(self) -> tuple[NotCollected, ...]:
        """Kinds that were asked for, and that the file holds damaged."""
        return tuple(gap for gap in self.missing_objects if gap.state == "lost")

    def close(self) -> None:
        self.file.close()

    def nodes(self) -> tuple[str, ...]:
        """Names, also of those that could not be collected."""
        return tuple(sorted(self.file.index.nodes))

    def nodes_with(self, owned: Address | str) -> Collection[str]:
        """Of which one may have an address or a MAC in its own namespace; all, if no index says more."""
        return self.file.nodes_with(str(owned))

    @property
    def wanted(self) -> tuple[str, ...]:
        """Nodes that were asked for and that nobody has tried to collect, in the order of asking."""
        return tuple(self._wanted)

    @property
    def addresses(self) -> tuple[str, ...]:
        """Those, and pairs of those, whose connections matter, as far as somebody said so."""
        return tuple(self._addresses)

    def node(self, name: str) -> NodeState:
        self._want(name)
        known = self._nodes.get(name)
        return self._note(known or self._nodes.put(name, self.file.node(name), 1))

    def summary(self, name: str) -> NodeSummary | NotCollected:
        """Of the index, where it has one: whether the node's own section is whole is not known then."""
        known = self.file.index.summaries.get(name)
        if known is not None and not isinstance(self.file.index.nodes.get(name), NotCollected):
            return known
        node = self.node(name)
        return node if isinstance(node, NotCollected) else summary_of(node)

    def objects(self, kind: str, namespace: str = "") -> Sequence[Object] | NotCollected:
        """All of a kind, or those of one namespace, by namespace and name. Empty: the cluster has none."""
        key = (kind, namespace)
        if key not in self._objects:
            self._objects[key] = object_sections.read_each(self.file, kind, lambda item: item, namespace)
        return self._note(self._objects[key])

    def each(self, kind: str, make: Callable[[Object], T]) -> Sequence[T] | NotCollected:
        """What `make` makes of all objects of a kind, in the order of `objects`; none of these is kept."""
        known = self._objects.get((kind, ""))
        if known is not None:
            return known if isinstance(known, NotCollected) else [make(item) for item in known]
        return self._note(object_sections.read_each(self.file, kind, make))

    def count(self, kind: str) -> int | None:
        """How many objects of the kind there are; None: they were not collected, or are lost."""
        return object_sections.count(self.file, kind)

    def kinds(self) -> tuple[str, ...]:
        return tuple(sorted(self.file.index.objects))

    def owners(self, address: str) -> tuple[Ref, ...]:
        """Every object that has the address (in canonical form). Raises: SectionDamaged."""
        found = self.file.look_up(self.file.index.owners, address)
        return tuple(ref for entry in found if (ref := _ref(entry)) is not None)

    def owner(self, address: str) -> Ref | None:
        """The first of `owners`."""
        return next(iter(self.owners(address)), None)

    def namespaces_of(self, kind: str, name: str) -> tuple[str, ...]:
        """Where there is a Pod or Service of that name. Raises: SectionDamaged."""
        if self.file.index.names:
            found = self.file.look_up(self.file.index.names, f"{kind}/{name}")
            return tuple(namespace for namespace in found if isinstance(namespace, str))
        objects = self.objects(kind)
        refs = () if isinstance(objects, NotCollected) else map(ref_of, objects)
        return tuple(ref.namespace for ref in refs if ref.name == name)

    @property
    def wanted_infra(self) -> tuple[str, ...]:
        """Providers whose cloud was asked for and that nobody has tried to gather."""
        return tuple(self._wanted_infra)

    def keys(self, kind: str) -> tuple[str, ...]:
        """`namespace/name` of all Pods or Services, without reading the objects where the index has them.

        Raises: SectionDamaged.
        """
        if self.file.index.names:
            begin = f"{kind}/"
            return tuple(
                f"{namespace}/{key[len(begin) :]}"
                for key, found in self.file.all_entries(self.file.index.names)
                if key.startswith(begin)
                for namespace in found
                if isinstance(namespace, str)
            )
        objects = self.objects(kind)
        refs = () if isinstance(objects, NotCollected) else map(ref_of, objects)
        return tuple(f"{ref.namespace}/{ref.name}" for ref in refs)

    def collected_pods(self) -> tuple[str, ...]:
        """`namespace/name` of pods whose network namespace a node's dump holds. Raises: SectionDamaged."""
        return tuple(key for key, _ in self.file.all_entries(self.file.index.pods))

    def clouds(self) -> tuple[str, ...]:
        """Providers of which something was gathered, or was to be."""
        noted = (gap.what.removeprefix("infra/") for gap in self.file.lost if gap.what.startswith("infra/"))
        return tuple(sorted({*self.file.index.infra, *noted}))

    def infra(self, provider: str) -> Mapping[str, object] | NotCollected:
        """What was gathered of a cloud."""
        what = f"infra/{provider}"
        if provider in self._infra:
            return self._infra[provider]
        ref = self.file.index.infra.get(provider)
        if ref is None:
            gap = next((gap for gap in self.file.lost if gap.what == what), None)
            if gap is None:
                self._wanted_infra[provider] = None
            return self._note(gap or NotCollected(what, "not collected", "give it with --infra"))
        try:
            content = self.file.content(ref, what)
        except SectionDamaged as damaged:
            return self._note(NotCollected(what, "lost", str(damaged)))
        match content:
            case {"fields": dict(fields)}:
                self._infra[provider] = fields
                return fields
            case _:
                return self._note(NotCollected(what, "lost", "holds no fields"))

    def give_infra(self, provider: str, fields: Mapping[str, object]) -> None:
        """Takes these in place of what the file has of a cloud."""
        self._infra[provider] = fields

    def moments(self) -> Moments | None:
        """When its nodes were read; None: none was."""
        read: list[float] = []
        for name in self.nodes():
            if isinstance(node := self.summary(name), NodeSummary):
                ahead = node.clock_offset or 0.0
                read += (node.time - ahead, (node.ended or node.time) - ahead)
        return Moments(min(read), max(read)) if read else None

    def read_at(self, node: str) -> float:
        """When a node was read, or else when the file was begun: seconds since the epoch, as in `Moments`."""
        read = self.summary(node)
        if isinstance(read, NodeSummary):
            return read.time - (read.clock_offset or 0.0)
        behind = self.header.cluster.get("clock_offset")
        return self.header.time + (behind if isinstance(behind, int | float) else 0.0)

    def prefetch(self, nodes: Iterable[str], addresses: Iterable[str] = ()) -> None:
        """Nodes that will be asked for, and addresses (`ADDRESS-ADDRESS`: pairs) whose connections matter.

        A live cluster is read for them at once; a file has no latency to hide.
        """
        for name in nodes:
            self._want(name)
        self._addresses |= dict.fromkeys(addresses)

    def namespace(self, place: Place) -> "NetworkNamespace | NotCollected":
        """Of a node's host, or of a pod (the host's for pods with hostNetwork)."""
        identity = self.identity(place)
        return identity if isinstance(identity, NotCollected) else self.namespace_by_id(identity)

    def namespace_by_id(self, identity: str) -> "NetworkNamespace | NotCollected":
        """By `NetworkNamespace.id`: node, slash, `NamespaceDump.id`."""
        kept = self._namespaces.get(identity)
        if kept is not None:
            return kept
        dump = self.namespace_dump(identity)
        if isinstance(dump, NotCollected):
            return dump
        from kubectl_skoop.snapshot.decode import Shared, decode_namespace

        self._shared = self._shared or Shared()
        node = identity.partition("/")[0]
        place = Place("pod", dump.pods[0]) if dump.kind == "pod" and dump.pods else Place("node", node)
        return self._namespaces.put(identity, decode_namespace(dump, node, place, self._shared), _size(dump))

    def raw_tables(self, place: Place) -> Mapping[str, Table] | NotCollected:
        """As collected, for people to read."""
        identity = self.identity(place)
        if isinstance(identity, NotCollected):
            return identity
        dump = self.namespace_dump(identity)
        return dump if isinstance(dump, NotCollected) else dump.tables

    def identity(self, place: Place) -> str | NotCollected:
        """`NetworkNamespace.id` of the namespace at a place."""
        match place.kind:
            case "node":
                node = self.node(place.name)
                if isinstance(node, NotCollected):
                    return node
                for entry in node.namespaces:
                    if entry.kind == "host":
                        return f"{node.node}/{entry.id}"
                reason = "; ".join(node.lost) or "the dump has no host namespace"
                return self._note(NotCollected(str(place), "lost" if node.lost else "not collected", reason))
            case "pod":
                return self._identity_of_pod(place)
            case _:
                return NotCollected(str(place), "not collected", "it is outside of what can be collected")

    def namespace_dump(self, identity: str) -> NamespaceDump | NotCollected:
        kept = self._dumps.get(identity)
        if kept is None:
            read = self._read_namespace(identity)
            kept = self._dumps.put(identity, read, _size(read))
        return self._note(kept)

    def keep_at_most(self, size: int) -> None:
        """Raw bytes of the namespaces that are kept from now on."""
        self._dumps.limit(size)
        self._namespaces.limit(size)

    def forget(self, node: str) -> None:
        """For who goes through all nodes: what was read of this one's namespaces is not needed again."""
        entry = self.node(node)
        for namespace in entry.namespaces if isinstance(entry, NodeEntry) else ():
            self._dumps.drop(f"{node}/{namespace.id}")
            self._namespaces.drop(f"{node}/{namespace.id}")

    def node_dump(self, name: str) -> NodeDump | NotCollected:
        """Everything of one node; its namespaces' long tables are read when asked for."""
        node = self.node(name)
        if isinstance(node, NotCollected):
            return node
        read = [self._read_entry(node.node, entry) for entry in node.namespaces]
        return NodeDump(
            node=node.node,
            time=node.time,
            ended=node.ended,
            kernel=node.kernel,
            tools=node.tools,
            namespaces=tuple(entry for entry in read if isinstance(entry, NamespaceDump)),
            lost=node.lost,
            facts=node.facts,
        )

    def _identity_of_pod(self, place: Place) -> str | NotCollected:
        known = self._pods.get(place.name)
        if known is not None:
            return known
        try:
            found = self.file.look_up(self.file.index.pods, place.name)
        except SectionDamaged as damaged:
            return self._note(NotCollected(str(place), "lost", str(damaged)))
        for entry in found:
            match entry:
                case [str(node), str(identity)]:
                    return self._pods.put(place.name, f"{node}/{identity}", 1)
        reason = self._why_not_there(place) or "no node's dump holds its namespace"
        return self._note(NotCollected(str(place), "not collected", reason))

    def _why_not_there(self, pod: Place) -> str:
        """What is known of the pod's node; empty: nothing, or the pod should be in its dump."""
        name = self._node_of_pod(pod.name)
        node = self.node(name) if name else None
        if isinstance(node, NotCollected):
            tried = name in self.file.index.nodes
            return f"its node {name} was not collected" + (f": {node.reason}" if tried else "")
        for line in node.lost if node is not None else ():
            what, _, reason = line.partition(": ")
            if what == str(pod):
                return reason
        return ""

    def _node_of_pod(self, key: str) -> str:
        namespace, _, name = key.partition("/")
        objects = self.objects("Pod", namespace)
        found = () if isinstance(objects, NotCollected) else objects
        return next((text(item, "spec", "nodeName") for item in found if ref_of(item).name == name), "")

    def _want(self, node: str) -> None:
        if node not in self.file.index.nodes:
            self._wanted[node] = None

    def _read_namespace(self, identity: str) -> NamespaceDump | NotCollected:
        name, _, bare = identity.partition("/")
        node = self.node(name)
        if isinstance(node, NotCollected):
            return node
        for entry in node.namespaces:
            if entry.id == bare:
                return self._read_entry(name, entry)
        return NotCollected(f"namespace/{identity}", "not collected", f"not among those of node {name}")

    def _read_entry(self, node: str, entry: NamespaceEntry) -> NamespaceDump | NotCollected:
        where = f"{node}/{'host' if entry.kind == 'host' else ', '.join(entry.pods) or entry.id}"
        try:
            content = self.file.content(entry.section, where)
        except SectionDamaged as damaged:
            return NotCollected(where, "lost", str(damaged))
        match content:
            case {"tables": dict(tables)}:
                return NamespaceDump(
                    id=entry.id, kind=entry.kind, pods=entry.pods, tables=Tables(self.file, where, tables)
                )
            case _:
                return NotCollected(where, "lost", "the section holds no tables")

    def _note(self, answer: T) -> T:
        if isinstance(answer, NotCollected) and not answer.is_unasked_kind:
            self._missed[answer] = None
        return answer


def _size(dump: NamespaceDump | NotCollected) -> int:
    """About, bytes."""
    tables = dump.tables if isinstance(dump, NamespaceDump) else None
    return tables.total if isinstance(tables, Tables) else 0


def _ref(entry: object) -> Ref | None:
    match entry:
        case [str(kind), str(namespace), str(name)]:
            return Ref(kind, namespace, name)
        case _:
            return None


def open_snapshot(path: Path | str) -> Snapshot:
    """Raises: FormatError, one line that says what the file is instead."""
    return Snapshot(open_file(Path(path)))
