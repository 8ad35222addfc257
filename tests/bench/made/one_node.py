"""Snapshots of two nodes with the rules of many services, or with those of a large Calico."""

import json
from collections.abc import Callable
from hashlib import sha1
from pathlib import Path

from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.snapshot.assemble import new_header
from kubectl_skoop.snapshot.dump import NodeDump
from kubectl_skoop.snapshot.source import open_snapshot
from kubectl_skoop.snapshot.write import writing
from tests.bench.large import RECORDED, write_large
from tests.bench.made.topology import Size
from tests.bench.services import listed

CHAINS, MEMBERS, WORKLOADS, POLICIES = 3_000, 5_000, 110, 20
"""Of Calico: policies' chains, members of their set, pods of the node, and policies of each."""
_SET = "cali40s:peers"
_DISPATCH = "[0:0] -A cali-to-wl-dispatch"


def write_services(path: Path, services: int, mode: str) -> None:
    """`mode`: iptables, or nftables as kube-proxy has it."""
    size = Size(nodes=2, pods=40, services=services, namespaces=5)
    if mode == "nftables":
        write_large(path, size, change=_native(size))
    else:
        write_large(path, size)


def _native(size: Size) -> Callable[[NodeDump], NodeDump]:
    rules = json.dumps(listed(tuple(map(size.service, range(size.services)))))

    def change(dump: NodeDump) -> NodeDump:
        host, *pods = dump.namespaces
        tables = dict(host.tables)
        tables["iptables-nft"] = tables["iptables-nft"]._replace(data="")
        tables["nft"] = tables["nft"]._replace(data=rules)
        return dump._replace(namespaces=(host._replace(tables=tables), *pods))

    return change


def write_calico(path: Path) -> None:
    """The recorded cluster with policies on each way: those of a pod all ask a set of 5,000 members."""
    source = open_snapshot(RECORDED.with_name("healthy-calico.skoop"))
    with writing(path, new_header(0.0)) as writer:
        for kind in source.kinds():
            found = source.objects(kind)
            writer.add_objects(kind, () if isinstance(found, NotCollected) else found)
        for name in source.nodes():
            dump = source.node_dump(name)
            assert not isinstance(dump, NotCollected)
            writer.add_node(_with_policies(dump))
    source.close()


def _with_policies(dump: NodeDump) -> NodeDump:
    host, *pods = dump.namespaces
    tables = dict(host.tables)
    rules, sets = tables["iptables-legacy"], tables["ipset"]
    tables["iptables-legacy"] = rules._replace(data=_calico_rules(str(rules.data)))
    tables["ipset"] = sets._replace(data=f"{sets.data}{_members()}")
    return dump._replace(namespaces=(host._replace(tables=tables), *pods))


def _members() -> str:
    addresses = [f"10.244.{n >> 8 & 255}.{n & 255}" for n in range(1, MEMBERS + 1)]
    create = f"create {_SET} hash:net family inet hashsize 4096 maxelem 1048576 bucketsize 12 initval 0x1\n"
    return create + "".join(f"add {_SET} {address}\n" for address in addresses)


def _calico_rules(saved: str) -> str:
    """With more workloads, and a chain for each policy, as Felix writes them."""
    policies = [f"cali-pi-{sha1(str(n).encode()).hexdigest()[:20]}" for n in range(CHAINS)]
    others = [f"cali{sha1(str(n).encode()).hexdigest()[:11]}" for n in range(WORKLOADS)]
    before, filtered, rest = saved.partition("*filter\n")
    lines = rest.split("\n")
    end = lines.index("COMMIT")
    more: list[str] = []
    dispatched = [f"{_DISPATCH} -o {device} -g cali-tw-{device[4:]}" for device in others]
    for line in lines[:end]:
        if line.startswith(_DISPATCH):
            more += dispatched
            dispatched = []
        more.append(line)
        if "-A cali-tw-" in line and "--ctstate RELATED,ESTABLISHED" in line:
            chain = line.split()[2]
            more += [f"[0:0] -A {chain} -j {policy}" for policy in policies[-POLICIES:]]
    for number, device in enumerate(others):
        first = number * POLICIES % CHAINS
        chain = f"[0:0] -A cali-tw-{device[4:]}"
        more += [f"{chain} -j {policy}" for policy in policies[first : first + POLICIES]] + [
            f"{chain} -j DROP"
        ]
    for number, policy in enumerate(policies):
        more += [
            f"[0:0] -A {policy} -p tcp -m set --match-set {_SET} src -m multiport --dports {20_000 + number} "
            "-j MARK --set-xmark 0x10000/0x10000",
            f"[0:0] -A {policy} -m mark --mark 0x10000/0x10000 -j RETURN",
        ]
    chains = [*policies, *(f"cali-tw-{device[4:]}" for device in others)]
    declared = "".join(f":{chain} - [0:0]\n" for chain in chains)
    return f"{before}{filtered}{declared}" + "\n".join([*more, *lines[end:]])
