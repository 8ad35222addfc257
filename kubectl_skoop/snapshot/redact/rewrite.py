"""A snapshot written anew with pseudonyms, and what the new one says of itself."""

from collections.abc import Callable, Mapping
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from kubectl_skoop.cluster.raw import Object, Ref, ref_of
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.snapshot.dump import NamespaceDump, NodeDump, NodeFacts, Table
from kubectl_skoop.snapshot.format import Header, pack
from kubectl_skoop.snapshot.index import NodeEntry, damaged_places
from kubectl_skoop.snapshot.limits import unpack
from kubectl_skoop.snapshot.read import PART_OF_FILE
from kubectl_skoop.snapshot.redact.chunks import Chunks
from kubectl_skoop.snapshot.redact.left_out import LeftOut
from kubectl_skoop.snapshot.redact.listed import listed
from kubectl_skoop.snapshot.redact.object import is_known, redact_object
from kubectl_skoop.snapshot.redact.pseudonyms import Pseudonyms, version
from kubectl_skoop.snapshot.redact.repeated import Repeated
from kubectl_skoop.snapshot.redact.table import redact_table
from kubectl_skoop.snapshot.redact.text import INFRA_GONE, REASON_GONE, lost_line, reason, tool
from kubectl_skoop.snapshot.source import Snapshot
from kubectl_skoop.snapshot.write import SnapshotWriter, writing

KNOWN_TOOLS = listed(
    """
    iptables-legacy ip6tables-legacy iptables-nft ip6tables-nft arptables arptables-legacy ebtables-nft nft
    ipset ipvsadm ip iptables ip6tables
    """
)
KNOWN_CLOUDS = frozenset({"infra/aliyun", "infra/aws", "infra/generic"})
"""As they are called in notes; the name of another says who made it."""
MODULES = (
    "nf_",
    "nft_",
    "nfnetlink",
    "xt_",
    "x_tables",
    "ip_",
    "ip6",
    "ipt_",
    "iptable_",
    "arp",
    "ebt",
    "br_netfilter",
    "bridge",
)
"""Beginnings of the names of modules that stay."""


def redact(
    source: Snapshot,
    pseudonyms: Pseudonyms,
    path: Path,
    certify: Callable[[Path, list[str]], Mapping[str, object]],
    watch: Callable[[str, str], None] = lambda node, progress: None,
) -> None:
    """Writes `path`. `certify` is given the file without its certificate, and what is not in it.

    Raises: OSError; SectionDamaged.
    """
    left_out = LeftOut()
    with writing(path, _header(source.header)) as writer:
        _add_objects(writer, source, pseudonyms, left_out)
        _add_nodes(writer, source, pseudonyms, left_out, watch)
        for gap in source.file.lost:
            writer.add_note(_what(gap.what, pseudonyms), gap.state, reason(gap.reason))
        for provider in source.file.index.infra:
            left_out.add("infra", "what a provider gathered")
            writer.add_note(_what(f"infra/{provider}", pseudonyms), "not collected", INFRA_GONE)
        writer.certify(certify(writer.checkpoint(), left_out.lines()))


def _header(header: Header) -> Header:
    told = header.cluster.get("version")
    cluster: dict[str, object] = {"version": version(told)} if isinstance(told, str) else {}
    if isinstance(offset := header.cluster.get("clock_offset"), int | float):
        cluster["clock_offset"] = offset
    return Header(tool=version(header.tool), time=header.time, cluster=cluster)


def _add_objects(writer: SnapshotWriter, source: Snapshot, pseudonyms: Pseudonyms, left_out: LeftOut) -> None:
    """By their new names; packed they take a fifth of the memory."""
    for kind in source.kinds():
        if not is_known(kind):
            left_out.add("objects", "a kind that is not known")
            continue

        def redacted(item: Object, kind: str = kind) -> tuple[Ref, bytes]:
            made = redact_object(kind, item, pseudonyms, left_out)
            return ref_of(made), pack(made, large_as_text=True)

        objects = source.each(kind, redacted)
        if isinstance(objects, NotCollected):
            writer.add_note(f"objects/{kind}", objects.state, reason(objects.reason))
            continue
        stream = writer.objects(kind)
        for _, packed in sorted(objects, key=itemgetter(0)):
            stream.add(_object(packed))
        stream.finish()


def _object(packed: bytes) -> Object:
    found = unpack(packed)
    assert isinstance(found, dict)
    return found


class _Redactor(NamedTuple):
    """What the nodes have in common."""

    pseudonyms: Pseudonyms
    left_out: LeftOut
    pods: Repeated
    chunks: Chunks

    def namespace(self, dump: NamespaceDump) -> NamespaceDump:
        tables = {name: self._table(name, dump) for name in dump.tables}
        return dump._replace(
            pods=tuple(map(self.pseudonyms.names.pod, dump.pods)),
            tables={name: table for name, table in tables.items() if table is not None},
        )

    def _table(self, name: str, dump: NamespaceDump) -> Table | None:
        """None: a table that is not known."""
        if (arranged := self.chunks.table(name, dump.tables)) is not None:
            return arranged
        if dump.kind == "pod":
            return self.pods.table(name, dump.tables[name])
        return redact_table(name, dump.tables[name], self.pseudonyms, self.left_out)


def _add_nodes(
    writer: SnapshotWriter,
    source: Snapshot,
    pseudonyms: Pseudonyms,
    left_out: LeftOut,
    watch: Callable[[str, str], None],
) -> None:
    redactor = _Redactor(pseudonyms, left_out, Repeated(pseudonyms, left_out), Chunks(pseudonyms, writer))
    nodes = source.nodes()
    for number, name in enumerate(nodes, 1):
        watch(name, f"is redacted, {number:,} of {len(nodes):,}")
        _add_node(writer, source, name, redactor)


def _add_node(writer: SnapshotWriter, source: Snapshot, name: str, redactor: _Redactor) -> None:
    pseudonyms = redactor.pseudonyms
    node, dump = source.node(name), source.node_dump(name)
    if isinstance(dump, NotCollected) or not isinstance(node, NodeEntry):
        gap = dump if isinstance(dump, NotCollected) else NotCollected(name, "lost")
        writer.add_missing_node(pseudonyms.name(name), gap.state, reason(gap.reason))
        return
    lost = [lost_line(line, pseudonyms) for line in dump.lost]
    for place in damaged_places(node, dump):
        what = _what(str(place), pseudonyms)
        lost.append(f"{what}: {REASON_GONE}")
        writer.add_note(what, "lost", REASON_GONE)
    writer.add_node(
        NodeDump(
            node=pseudonyms.name(name),
            time=dump.time,
            ended=dump.ended,
            kernel=version(dump.kernel),
            tools={key: tool(text) for key, text in dump.tools.items() if key in KNOWN_TOOLS},
            namespaces=tuple(map(redactor.namespace, dump.namespaces)),
            lost=tuple(lost),
            facts=_facts(dump.facts, pseudonyms),
        )
    )


def _facts(facts: NodeFacts, pseudonyms: Pseudonyms) -> NodeFacts:
    return NodeFacts(
        boot_id=pseudonyms.names.uuid(facts.boot_id) if facts.boot_id else "",
        modules=tuple(name for name in facts.modules if name.startswith(MODULES)),
        iptables=facts.iptables if facts.iptables in ("nf_tables", "legacy") else "",
        clock_offset=facts.clock_offset,
    )


def _what(what: str, pseudonyms: Pseudonyms) -> str:
    """Of what is missing: a part of the file, a kind of objects, a node, a pod, or a node's table."""
    kind, slash, rest = what.partition("/")
    if PART_OF_FILE.fullmatch(what) or (kind == "objects" and is_known(rest)):
        return what
    if what in KNOWN_CLOUDS:
        return what
    if kind in ("node", "pod", "infra"):
        return kind + slash + pseudonyms.names.pod(rest)
    return pseudonyms.names.pod(what)
