"""Files of every format version are kept here and must be read for ever."""

import io
import os
from pathlib import Path

import msgpack
import pytest

from kubectl_skoop.cluster.objects import Object, Ref
from kubectl_skoop.model.place import Place
from kubectl_skoop.snapshot.dump import NamespaceDump, NodeDump, Table
from kubectl_skoop.snapshot.format import FORMAT, Header, parse_section
from kubectl_skoop.snapshot.source import open_snapshot
from kubectl_skoop.snapshot.write import writing

FORMATS = Path(__file__).parent / "formats"
LONG = "".join(f"-A KUBE-SVC-{n:04} -j KUBE-SEP-{n * 7919 % 10_000:04}\n" for n in range(600))
TABLES = {
    "links": Table(time=1.5, data=[{"index": 1, "ifname": "lo", "raw": b"\x00\xff"}]),
    "iptables-nft": Table(time=2.5, data=LONG),
    "ipset": Table(state="forbidden", reason="not root"),
}
POD: Object = {
    "kind": "Pod",
    "metadata": {"name": "a", "namespace": "shop"},
    "spec": {"nodeName": "n1"},
    "status": {"phase": "Running", "podIP": "10.0.0.1"},
}


def write_sample(path: Path) -> None:
    """What is in the files of `formats`."""
    host = NamespaceDump(id="4:1", kind="host", tables=TABLES)
    pod = NamespaceDump(id="4:2", kind="pod", pods=("shop/a",), tables=TABLES)
    with writing(path, Header(tool="0.1.0", time=3.0, cluster={"version": "1.36"})) as writer:
        writer.add_objects("Pod", [POD])
        writer.add_objects("Service", [])
        writer.add_node(
            NodeDump(node="n1", time=1.0, kernel="6.1", tools={"nft": "1"}, namespaces=(host, pod))
        )
        writer.add_missing_node("n2", "failed", "no answer")
        writer.add_infra("examplecloud", {"groups": ["web"]})
        writer.add_note("objects/Secret", "forbidden", "never collected")


@pytest.mark.parametrize("path", sorted(FORMATS.glob("?.skoop")), ids=lambda path: path.name)
def test_a_file_of_this_format_is_read(path: Path) -> None:
    snapshot = open_snapshot(path)
    assert (snapshot.header.tool, snapshot.header.cluster) == ("0.1.0", {"version": "1.36"})
    for place in (Place("node", "n1"), Place("pod", "shop/a")):
        tables = snapshot.raw_tables(place)
        assert dict(tables) == TABLES  # type: ignore[arg-type]
    assert snapshot.objects("Pod") == (POD,)
    assert snapshot.objects("Service") == ()
    assert snapshot.owner("10.0.0.1") == Ref("Pod", "shop", "a")
    assert snapshot.namespaces_of("Pod", "a") == ("shop",)
    assert snapshot.infra("examplecloud") == {"groups": ["web"]}
    assert [(entry.what, entry.state) for entry in snapshot.missing] == [
        ("objects/Secret", "forbidden"),
        ("node/n2", "failed"),
    ]
    snapshot.close()


def test_the_format_that_is_written_is_kept_and_has_not_changed(tmp_path: Path) -> None:
    kept = FORMATS / f"{FORMAT}.skoop"
    if os.environ.get("SKOOP_UPDATE_FORMATS"):
        write_sample(kept)
    write_sample(tmp_path / "now")
    assert shape(tmp_path / "now") == shape(kept), "a changed format needs a new version"


def shape(path: Path) -> list[object]:
    """The sections by kind and name, and the fields inside: another zstd compresses to other bytes."""
    header, *sections, _ = msgpack.Unpacker(io.BytesIO(path.read_bytes()))
    found: list[object] = [sorted(header)]
    for fields in sections:
        content = parse_section(msgpack.packb(fields)).content()
        inside = sorted(content) if isinstance(content, dict) else type(content).__name__
        found.append((sorted(fields), fields["kind"], fields["name"], inside))
    return found
