"""What a snapshot holds and lacks as a whole: read once, as it takes a look at every node."""

from typing import NamedTuple

from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.report.inspect.overview import moments, utc
from kubectl_skoop.snapshot.source import Snapshot
from kubectl_skoop.web.names import Names


class Contents(NamedTuple):
    """In words."""

    about: tuple[tuple[str, str], ...]
    """What, and its value."""
    nodes: tuple[str, ...]
    lacking: tuple[str, ...]
    """Nodes of which something could not be read, as far as the index tells."""
    lost: tuple[str, ...]
    """What else is missing or damaged."""


def contents_of(source: Snapshot, names: Names) -> Contents:
    nodes = tuple(node.removeprefix("node/") for node in names.nodes)
    header = source.header
    about = (
        ("Written", f"{utc(header.time)} by kubectl-skoop {header.tool or '?'}"),
        *(("Read", line) for line in moments(source)),
        ("Holds", f"{len(nodes):,} nodes, {len(names.services):,} services, {len(names.pods):,} pods"),
        ("Kinds of objects", ", ".join(source.kinds()) or "none"),
        *(("Cloud", cloud) for cloud in source.clouds()),
    )
    lacking = tuple(name for name in nodes if _lacks(source, name))
    kinds = (one for one in source.file.index.objects.values() if isinstance(one, NotCollected))
    gaps = dict.fromkeys((*source.missing, *kinds))
    lost = tuple(str(gap) for gap in gaps if not gap.what.startswith("node/"))
    return Contents(about, nodes, lacking, lost)


def _lacks(source: Snapshot, name: str) -> bool:
    node = source.summary(name)
    return isinstance(node, NotCollected) or node.lacking
