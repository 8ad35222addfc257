"""What the index of a snapshot says: which section holds what."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, get_args

from kubectl_skoop.model.missing import MissingState, NotCollected
from kubectl_skoop.model.place import Place
from kubectl_skoop.snapshot.dump import NamespaceKind, NodeDump, NodeFacts
from kubectl_skoop.snapshot.format import SectionRef, parse_ref
from kubectl_skoop.snapshot.limits import Refused, seconds


class NamespaceEntry(NamedTuple):
    """A network namespace of a node, and where its section is."""

    id: str
    """As in `NamespaceDump`: without the node's name."""
    kind: NamespaceKind
    pods: tuple[str, ...]
    section: SectionRef


class NodeEntry(NamedTuple):
    """A node as its section describes it."""

    node: str
    time: float = 0.0
    ended: float = 0.0
    kernel: str = ""
    tools: Mapping[str, str] = {}
    namespaces: tuple[NamespaceEntry, ...] = ()
    lost: tuple[str, ...] = ()
    """What the agent could not read of this node, or a damaged file no longer holds, in words."""
    facts: NodeFacts = NodeFacts()


class NodeSummary(NamedTuple):
    """What the index tells of a node, so that an overview need not read its section."""

    time: float
    ended: float
    """0: not known."""
    clock_offset: float | None
    lacking: bool
    """Something of it could not be read."""


def summary_of(node: NodeEntry) -> NodeSummary:
    return NodeSummary(node.time, node.ended, node.facts.clock_offset, bool(node.lost))


def damaged_places(node: NodeEntry, dump: NodeDump) -> tuple[Place, ...]:
    """Whose network namespace the node's section names, and its dump, as it could be read, does not hold."""
    whole = {namespace.id for namespace in dump.namespaces}
    return tuple(
        place
        for entry in node.namespaces
        if entry.id not in whole
        for place in (
            [Place("node", node.node)] if entry.kind == "host" else [Place("pod", pod) for pod in entry.pods]
        )
    )


class ObjectShard(NamedTuple):
    """Objects of one kind, sorted by namespace: from the first to the last namespace, both included."""

    first: str
    last: str
    section: SectionRef


Lookup = Sequence[SectionRef] | Mapping[str, object]
"""Shards by the key's checksum; or, of a file whose index is lost, all of it."""


class Index(NamedTuple):
    """The last section: what leads to all others."""

    header: bytes = b""
    """SHA-256 of the header; empty if the index is lost."""
    nodes: Mapping[str, SectionRef | NodeEntry | NotCollected] = {}
    summaries: Mapping[str, NodeSummary] = {}
    """Of nodes; files of older versions have none."""
    objects: Mapping[str, Sequence[ObjectShard] | NotCollected] = {}
    """Kinds that were asked for; an empty one: the cluster has none."""
    owners: Lookup = ()
    """Address → [[kind, namespace, name]]."""
    names: Lookup = ()
    """`Kind/name` → [namespace], of the kinds that `write.NAMED` lists; empty: ask the objects."""
    pods: Lookup = ()
    """`namespace/name` → [[node, namespace id]]."""
    hosts: Lookup | None = None
    """Address or MAC of a device in the nodes' own namespaces → names of nodes, no more than
    `hosts.MOST_NODES` of them where all are told; None: only the nodes themselves tell."""
    infra: Mapping[str, SectionRef] = {}
    notes: tuple[NotCollected, ...] = ()
    certificate: Mapping[str, object] = {}
    """Of a redacted file: how it was made, and that it answers as the original does."""


def parse_index(value: object) -> Index:
    """Raises: Refused."""
    match value:
        case {
            "header": bytes(header),
            "nodes": dict(nodes),
            "objects": dict(objects),
            "owners": list(owners),
            "pods": list(pods),
            "infra": dict(infra),
            "notes": list(notes),
            **rest,
        }:
            return Index(
                header=header,
                nodes={name: _node_place(name, entry) for name, entry in nodes.items()},
                summaries={name: _summary(entry) for name, entry in _map(rest.get("summaries", {})).items()},
                objects={
                    kind: [_shard(entry) for entry in _list(shards)] for kind, shards in objects.items()
                },
                owners=[parse_ref(entry) for entry in owners],
                names=[parse_ref(entry) for entry in _list(rest.get("names", []))],
                pods=[parse_ref(entry) for entry in pods],
                hosts=[parse_ref(entry) for entry in _list(rest["hosts"])] if "hosts" in rest else None,
                infra={name: parse_ref(entry) for name, entry in infra.items()},
                notes=tuple(_note(entry) for entry in notes),
                certificate=_map(rest.get("certificate", {})),
            )
        case _:
            raise Refused("is no index")


def parse_node(value: object) -> NodeEntry:
    """Raises: Refused."""
    match value:
        case {
            "node": str(node),
            "time": time,
            "kernel": str(kernel),
            "tools": dict(tools),
            "namespaces": list(namespaces),
            "lost": list(lost),
            **rest,
        }:
            return NodeEntry(
                node=node,
                time=seconds(time),
                kernel=kernel,
                tools={str(key): str(version) for key, version in tools.items()},
                namespaces=tuple(_namespace(entry) for entry in namespaces),
                lost=tuple(str(entry) for entry in lost),
                ended=seconds(rest.get("ended", 0.0)),
                facts=_facts(rest.get("facts", {})),
            )
        case _:
            raise Refused("does not describe a node")


def parse_namespace_kind(value: object) -> NamespaceKind:
    match value:
        case "host" | "pod":
            return value
        case _:
            raise Refused(f"has the unknown kind {value!r}")


def parse_state(value: object) -> MissingState:
    for state in get_args(MissingState):
        if value == state:
            known: MissingState = state
            return known
    raise Refused(f"has the unknown state {value!r}")


def _facts(value: object) -> NodeFacts:
    match value:
        case dict(fields):
            offset = fields.get("clock_offset")
            return NodeFacts(
                boot_id=str(fields.get("boot_id", "")),
                modules=tuple(str(name) for name in _list(fields.get("modules", []))),
                iptables=str(fields.get("iptables", "")),
                clock_offset=None if offset is None else seconds(offset),
            )
        case _:
            raise Refused("holds bad facts")


def _namespace(value: object) -> NamespaceEntry:
    match value:
        case {"id": str(identity), "kind": kind, "pods": list(pods), "section": section}:
            return NamespaceEntry(
                id=identity,
                kind=parse_namespace_kind(kind),
                pods=tuple(str(pod) for pod in pods),
                section=parse_ref(section),
            )
        case _:
            raise Refused("holds a bad namespace")


def _node_place(name: str, value: object) -> SectionRef | NotCollected:
    match value:
        case {"state": state, "reason": str(reason)}:
            return NotCollected(f"node/{name}", parse_state(state), reason)
        case _:
            return parse_ref(value)


def _summary(value: object) -> NodeSummary:
    match value:
        case [time, ended, offset, bool(lacking)]:
            clock_offset = None if offset is None else seconds(offset)
            return NodeSummary(seconds(time), seconds(ended), clock_offset, lacking)
        case _:
            raise Refused("holds a bad summary")


def _shard(value: object) -> ObjectShard:
    match value:
        case [str(first), str(last), section]:
            return ObjectShard(first=first, last=last, section=parse_ref(section))
        case _:
            raise Refused("holds a bad shard")


def _note(value: object) -> NotCollected:
    match value:
        case [str(what), state, str(reason)]:
            return NotCollected(what, parse_state(state), reason)
        case _:
            raise Refused("holds a bad note")


def _map(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise Refused("holds no map where one belongs")
    return value


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise Refused("holds no list where one belongs")
    return value
