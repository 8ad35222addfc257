"""A snapshot in which names, devices and comments are markup that would do something."""

from collections.abc import Mapping
from pathlib import Path

from kubectl_skoop.cluster.raw import Object
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.snapshot.assemble import new_header
from kubectl_skoop.snapshot.dump import NodeDump, Table
from kubectl_skoop.snapshot.source import open_snapshot
from kubectl_skoop.snapshot.write import writing

ORIGINAL = Path(__file__).parents[2] / "snapshots" / "forward-drop.skoop"
"""A rule with the comment `site firewall` drops what comes from n1 in FORWARD of n2."""
DEVICE = 'cni0"><img src=x onerror=alert(1)>'
NODE = "n2'\"><svg onload=alert(2)>"
POD = "b2</title><iframe srcdoc=x>"
COMMENT = "</code></script><script>alert(3)</script><img src=x onerror='alert(4)'> \u202e javascript:alert(5)"
WORDS: Mapping[str, str] = {"site firewall": COMMENT, "cni0": DEVICE}
"""Put in place of these, wherever they stand in a text."""
WHOLE: Mapping[str, str] = {"n2": NODE, "b2": POD, "default/b2": f"default/{POD}"}
"""Put in place of these where they are a whole text."""


def hostile_snapshot(path: Path) -> None:
    source = open_snapshot(ORIGINAL)
    try:
        with writing(path, new_header(0.0)) as writer:
            for kind in source.kinds():
                found = source.objects(kind)
                assert not isinstance(found, NotCollected)
                writer.add_objects(kind, [_object(item) for item in found])
            for name in source.nodes():
                dump = source.node_dump(name)
                assert not isinstance(dump, NotCollected)
                writer.add_node(_node(dump))
    finally:
        source.close()


def _object(item: Object) -> Object:
    changed = _changed(item)
    assert isinstance(changed, dict)
    return changed


def _node(dump: NodeDump) -> NodeDump:
    namespaces = tuple(
        one._replace(
            pods=tuple(str(_changed(pod)) for pod in one.pods),
            tables={name: _table(table) for name, table in one.tables.items()},
        )
        for one in dump.namespaces
    )
    return dump._replace(node=str(_changed(dump.node)), namespaces=namespaces)


def _table(table: Table) -> Table:
    return table._replace(data=_changed(table.data))


def _changed(value: object) -> object:
    match value:
        case str():
            text = WHOLE.get(value, value)
            for old, new in WORDS.items():
                text = text.replace(old, new)
            return text
        case Mapping():
            return {_changed(key): _changed(item) for key, item in value.items()}
        case list() | tuple():
            return [_changed(item) for item in value]
        case _:
            return value
