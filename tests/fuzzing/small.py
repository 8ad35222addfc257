"""A snapshot of two nodes in a few kilobytes, with one of each kind of section."""

from functools import cache

from kubectl_skoop.cluster.raw import Object
from kubectl_skoop.snapshot.assemble import assemble, write_node_dump
from kubectl_skoop.snapshot.dump import NamespaceDump, NodeDump, NodeFacts, Table
from tests.fuzzing import scratch

PODS: list[Object] = [
    {
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"nodeName": node},
        "status": {"podIP": address},
    }
    for name, node, address in (("a", "n1", "10.0.0.1"), ("b", "n2", "10.0.0.2"))
]
TABLES = {
    "links": Table(time=1.0, data=[{"index": 1, "ifname": "lo", "flags": 73, "mtu": 65536}]),
    "addresses": Table(time=1.5, data=[{"index": 1, "family": 2, "address": "127.0.0.1", "prefixlen": 8}]),
    "iptables-nft": Table(time=1.0, data="*filter\n:FORWARD ACCEPT [0:0]\n" + "-A FORWARD -j DROP\n" * 300),
    "sysctls": Table(time=1.0, data={"net.ipv4.ip_forward": "1"}),
    "ipset": Table(state="absent", reason="no ipset"),
}


@cache
def small_snapshot() -> bytes:
    dumps = []
    for node, pods in (("n1", ("default/a",)), ("n2", ("default/b",))):
        namespaces = (
            NamespaceDump(id="4:1", kind="host", tables=TABLES),
            NamespaceDump(id="4:2", kind="pod", pods=pods, tables=TABLES),
        )
        dump = NodeDump(
            node=node,
            time=1.0,
            ended=2.0,
            kernel="6.1",
            namespaces=namespaces,
            lost=("pod/default/c: gone",),
            facts=NodeFacts(modules=("br_netfilter",), iptables="nf_tables", clock_offset=0.5),
        )
        dumps.append(scratch.folder() / f"{node}.dump")
        write_node_dump(dump, dumps[-1])
    path = scratch.folder() / "small.skoop"
    nodes: list[Object] = [{"kind": "Node", "metadata": {"name": name}} for name in ("n1", "n2", "n3")]
    cloud: dict[str, object] = {"resources": {"Vpcs": []}, "gaps": {}}
    objects = {"Pod": PODS, "Node": nodes, "Service": []}
    assemble(dumps, objects, path, time=3.0, infra=lambda _: ("aws", cloud))
    return path.read_bytes()
