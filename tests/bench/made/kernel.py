"""What the kernels of the made-up cluster hold.

A recorded node's and pod's tables, with addresses, devices, ages and counters of each one's own, and
flannel's routes, neighbours and forwarding entries for all other nodes.
"""

import re
from collections.abc import Iterator, Mapping
from random import Random

from kubectl_skoop.snapshot.dump import NamespaceDump, NodeDump, Table
from tests.bench.made.rules import NodeRules
from tests.bench.made.topology import BROADCAST, CLUSTER_CIDR, GATEWAY, PORT, MadeNode, MadePod, Size, mac_of

CONNECTIONS = 500
"""Conntrack entries of a node."""
_ETH0, _CNI0, _FLANNEL, _FIRST_VETH = 2, 3, 4, 5
_PERMANENT, _REACHABLE, _NOARP, _SELF, _MASTER = 0x80, 0x02, 0x40, 0x02, 0x04
_RECORDED_VETH = "vethacd53aa4"
_RECORDED_MAC = "02:b6:d5:0a:65:86"
Row = dict[str, object]


class Kernels:
    """`recorded`: node n1 of `snapshots/dead-backend.skoop`."""

    def __init__(self, size: Size, recorded: NodeDump) -> None:
        self._size = size
        self._recorded = recorded
        self._rules = NodeRules(size)
        self._routes = [_route_to(node) for node in size.all_nodes]
        random = Random(0)
        self._joined = [random.randrange(50_000_000) for _ in size.all_nodes]
        """When a node heard of each other one, in clock ticks before now."""

    def node(self, number: int) -> NodeDump:
        node = self._size.all_nodes[number]
        pods = list(self._size.pods_of(node))
        random = Random(number)
        begin = 1_790_000_000.0 + random.random() * 60
        host = self._host(node, pods, random, begin)
        return self._recorded._replace(
            node=node.name,
            time=begin,
            ended=begin + 1.5,
            namespaces=(host, *(self._pod(pod, random, begin) for pod in pods)),
        )

    def _host(self, node: MadeNode, pods: list[MadePod], random: Random, begin: float) -> NamespaceDump:
        tables = {name: table.data for name, table in self._recorded.namespaces[0].tables.items()}
        names = _names_of_host(node)
        veths = list(map(_veth, pods))
        own: dict[str, object] = {
            "links": [*_links(tables["links"], names, random), *_veth_links(tables["links"], pods, random)],
            "addresses": _translated(tables["addresses"], names),
            "routes": [*_own_routes(tables["routes"], names), *self._others(node)],
            "neighbours": self._neighbours(node, pods, random),
            "fdb": [*_own_fdb(tables["fdb"], names, pods, random), *self._vteps(node, random)],
            "bridge_vlans": _bridge_ports(tables["bridge_vlans"], names, pods),
            "netnsids": {_identity(pod): pod.slot + 1 for pod in pods},
            "ethtool": _for_devices(tables["ethtool"], veths),
            "sysctls": _host_sysctls(tables["sysctls"], veths),
            "qdiscs": _qdiscs(tables["qdiscs"], len(veths)),
            "counters": _counted(tables["counters"], random),
            "conntrack": [self._connection(pods, random) for _ in range(CONNECTIONS)],
            "sockets": _sockets(tables["sockets"], random),
            "iptables-nft": self._rules.text(node.number),
            "nft": '{"nftables": []}',
        }
        return self._namespace("4:4026531840", 0, own, begin)

    def _pod(self, pod: MadePod, random: Random, begin: float) -> NamespaceDump:
        tables = {name: table.data for name, table in self._recorded.namespaces[1].tables.items()}
        names = {
            "10.244.1.1": f"{pod.node.prefix}.1",
            "10.244.1.2": pod.address,
            "10.244.1.255": f"{pod.node.prefix}.255",
            "10.244.1.0": f"{pod.node.prefix}.0",
            "0a:58:0a:f4:01:02": mac_of(pod.address),
        }
        gateway = _neighbour(
            2, f"{pod.node.prefix}.1", pod.node.bridge_mac, _REACHABLE, random.randrange(3_000)
        )
        own: dict[str, object] = {
            "links": _links(tables["links"], names, random, link=_FIRST_VETH + pod.slot),
            "addresses": _translated(tables["addresses"], names),
            "routes": _own_routes(tables["routes"], names),
            "neighbours": [gateway],
            "counters": _counted(tables["counters"], random),
            "sockets": _sockets(tables["sockets"], random),
            "netnsids": {"4:4026531840": 0},
        }
        return self._namespace(_identity(pod), 1, own, begin)._replace(pods=(pod.key,))

    def _namespace(self, identity: str, place: int, own: Mapping[str, object], begin: float) -> NamespaceDump:
        recorded = self._recorded.namespaces[place]
        tables = {
            name: Table(
                state=table.state,
                reason=table.reason,
                time=round(begin + 0.01 * position, 3),
                data=own.get(name, table.data),
            )
            for position, (name, table) in enumerate(recorded.tables.items())
        }
        # What was recorded is older than this table; without it all connections are searched for helpers.
        tables["expectations"] = Table(data=[])
        return NamespaceDump(id=identity, kind=recorded.kind, tables=tables)

    def _others(self, node: MadeNode) -> list[Row]:
        return self._routes[: node.number] + self._routes[node.number + 1 :]

    def _heard(self, node: MadeNode, random: Random) -> Iterator[tuple[MadeNode, int]]:
        """The other nodes in the order of a hash table, and for how many ticks they have been known."""
        others = [other for other in self._size.all_nodes if other is not node]
        others.sort(key=lambda _: random.random())
        up = random.randrange(10_000_000)
        for other in others:
            yield other, self._joined[other.number] + up + int(200 * random.random())

    def _neighbours(self, node: MadeNode, pods: list[MadePod], random: Random) -> list[Row]:
        rows = [_neighbour(_ETH0, GATEWAY, "02:00:00:00:ff:fe", _REACHABLE, random.randrange(3_000))]
        for pod in pods:
            address = pod.address
            rows.append(_neighbour(_CNI0, address, mac_of(address), _REACHABLE, random.randrange(3_000)))
        for other, age in self._heard(node, random):
            rows.append(_neighbour(_FLANNEL, f"{other.prefix}.0", other.vtep_mac, _PERMANENT, age))
        return rows

    def _vteps(self, node: MadeNode, random: Random) -> Iterator[Row]:
        for other, age in self._heard(node, random):
            yield {
                "family": 7,
                "ifindex": _FLANNEL,
                "state": _PERMANENT | _NOARP,
                "flags": _SELF,
                "type": 1,
                "lladdr": other.vtep_mac,
                "dst": other.address,
                "cacheinfo": {"confirmed": 0, "used": age, "updated": age, "refcnt": 0},
            }

    def _connection(self, pods: list[MadePod], random: Random) -> Row:
        """From a pod of this node to a service."""
        pod, service = random.choice(pods), self._size.service(random.randrange(self._size.services))
        backend, port = random.choice(service.backends), random.randrange(32_768, 61_000)
        there = {"num": 6, "src_port": port, "dst_port": service.port}
        return {
            "family": 2,
            "orig": {"ip": {"src": pod.address, "dst": service.address}, "proto": there},
            "reply": {
                "ip": {"src": backend.address, "dst": pod.address},
                "proto": {"num": 6, "src_port": PORT, "dst_port": port},
            },
            "protoinfo": {
                "tcp": {"state": 3, "wscale_orig": 7, "wscale_reply": 7, "flags_orig": b"\x23\x00"}
            },
            "status": 0x1AE,
            "mark": 0,
            "id": random.getrandbits(32),
            "use": 1,
            "timeout": random.randrange(432_000),
        }


def _identity(pod: MadePod) -> str:
    return f"4:{4026532250 + 138 * (pod.slot + 1)}"


def _veth(pod: MadePod) -> str:
    return f"veth{Random(pod.number).getrandbits(32):08x}"


def _veth_mac(pod: MadePod) -> str:
    return "02:" + ":".join(f"{part:02x}" for part in Random(-pod.number).randbytes(5))


def _names_of_host(node: MadeNode) -> dict[str, str]:
    return {
        "10.0.0.1": node.address,
        "10.0.0.254": GATEWAY,
        "10.0.0.255": BROADCAST,
        "10.244.1.0": f"{node.prefix}.0",
        "10.244.1.1": f"{node.prefix}.1",
        "10.244.1.255": f"{node.prefix}.255",
        "02:00:00:00:00:01": node.mac,
        "0e:00:00:00:00:01": node.vtep_mac,
        "0a:58:0a:f4:01:01": node.bridge_mac,
    }


def _rows(value: object) -> list[Row]:
    assert isinstance(value, list)
    return value


def _translated(value: object, names: Mapping[str, str]) -> object:
    """With other addresses. The nodes share a network of /16, and the pods one of /9."""
    if isinstance(value, str):
        return names.get(value, value)
    if isinstance(value, list):
        return [_translated(item, names) for item in value]
    if not isinstance(value, dict):
        return value
    made = {key: _translated(item, names) for key, item in value.items()}
    if value.get("address") == "10.0.0.1" and "prefixlen" in value:
        made["prefixlen"] = 16
    if value.get("dst") == "10.0.0.0":
        made["dst_len"] = 16
    if value.get("dst") == "10.244.0.0":
        network, _, length = CLUSTER_CIDR.partition("/")
        made |= {"dst": network, "dst_len": int(length)}
    return made


def _links(value: object, names: Mapping[str, str], random: Random, link: int | None = None) -> list[Row]:
    """But the veths to pods. `link`: the index of a pod's other end."""
    found = []
    for row in _rows(_translated(value, names)):
        if str(row["ifname"]).startswith("veth"):
            continue
        made = row if row["ifname"] == "lo" else row | {"stats64": _stats(row["stats64"], random)}
        found.append(made if link is None or "link" not in row else made | {"link": link})
    return found


def _veth_links(value: object, pods: list[MadePod], random: Random) -> Iterator[Row]:
    (recorded,) = (row for row in _rows(value) if row["ifname"] == _RECORDED_VETH)
    for pod in pods:
        yield recorded | {
            "index": _FIRST_VETH + pod.slot,
            "ifname": _veth(pod),
            "address": _veth_mac(pod),
            "link_netnsid": pod.slot + 1,
            "stats64": _stats(recorded["stats64"], random),
        }


def _stats(value: object, random: Random) -> Row:
    assert isinstance(value, dict)
    moved: Row = {}
    for direction in ("rx", "tx"):
        packets = random.randrange(10_000_000)
        moved |= {f"{direction}_packets": packets, f"{direction}_bytes": packets * random.randrange(80, 900)}
    return value | moved


def _route_to(node: MadeNode) -> Row:
    network = f"{node.prefix}.0"
    head = {"family": 2, "dst_len": 24, "src_len": 0, "tos": 0, "table": 254, "protocol": 3, "scope": 0}
    return {**head, "type": 1, "flags": 4, "dst": network, "gateway": network, "oif": _FLANNEL}


def _own_routes(value: object, names: Mapping[str, str]) -> list[Row]:
    return [row for row in _rows(_translated(value, names)) if row.get("dst") != "10.244.2.0"]


def _neighbour(device: int, address: str, mac: str, state: int, age: int) -> Row:
    ages = {"confirmed": age, "used": age, "updated": age, "refcnt": 0}
    row: Row = {"family": 2, "ifindex": device, "state": state, "flags": 0, "type": 1, "dst": address}
    return row | {"lladdr": mac, "probes": 0, "cacheinfo": ages}


def _own_fdb(value: object, names: Mapping[str, str], pods: list[MadePod], random: Random) -> Iterator[Row]:
    for row in _rows(_translated(value, names)):
        if row["ifindex"] in (_ETH0, _CNI0):
            yield row
    for pod in pods:
        head: Row = {
            "family": 7,
            "ifindex": _FIRST_VETH + pod.slot,
            "state": _PERMANENT,
            "flags": 0,
            "type": 0,
        }
        age = random.randrange(10_000_000)
        ages = {"confirmed": 0, "used": age, "updated": age, "refcnt": 0}
        yield head | {"lladdr": _veth_mac(pod), "master": _CNI0, "flags_ext": 0, "cacheinfo": ages}
        age = random.randrange(30_000)
        ages = {"confirmed": 0, "used": age, "updated": age, "refcnt": 0}
        learned = {"lladdr": mac_of(pod.address), "master": _CNI0, "flags_ext": 0, "cacheinfo": ages}
        yield head | {"state": _REACHABLE} | learned
        for group in ("33:33:00:00:00:01", "01:00:5e:00:00:01"):
            yield head | {"flags": _SELF, "lladdr": group}


def _bridge_ports(value: object, names: Mapping[str, str], pods: list[MadePod]) -> list[Row]:
    bridge, port, *_ = _rows(_translated(value, names))
    return [
        bridge,
        *(
            port | {"index": _FIRST_VETH + pod.slot, "ifname": _veth(pod), "address": _veth_mac(pod)}
            for pod in pods
        ),
    ]


def _for_devices(value: object, veths: list[str]) -> Row:
    assert isinstance(value, dict)
    kept = {name: item for name, item in value.items() if not name.startswith("veth")}
    return kept | dict.fromkeys(veths, value[_RECORDED_VETH])


def _host_sysctls(value: object, veths: list[str]) -> Row:
    assert isinstance(value, dict)
    made: Row = {}
    for name, setting in value.items():
        if ".veth" not in name:
            made[name] = setting
        elif _RECORDED_VETH in name:
            made |= {name.replace(_RECORDED_VETH, veth): setting for veth in veths}
    return made


def _qdiscs(value: object, veths: int) -> list[Row]:
    rows = _rows(value)
    kept = [row for row in rows if row["ifindex"] in range(_FIRST_VETH)]
    return kept + [rows[-1] | {"ifindex": _FIRST_VETH + slot} for slot in range(veths)]


def _counted(value: object, random: Random) -> Row:
    """Every fourth counter has moved."""
    assert isinstance(value, dict)

    def moved(found: re.Match[str]) -> str:
        return str(random.randrange(10_000_000)) if random.randrange(4) == 0 else found[0]

    return {name: re.sub(r"\b0\b", moved, text) for name, text in value.items()}


def _sockets(value: object, random: Random) -> list[Row]:
    return [
        row | {"cookie": random.randbytes(3) + bytes(5), "inode": random.randrange(30_000_000)}
        for row in _rows(value)
    ]
