"""Small networks in one exact condition: hosts, wires and settings as text, collected before any packet."""

import socket
import struct
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby

from kubectl_skoop.collect.agent import collect_node
from kubectl_skoop.diagnosis.limits.measured import Measured, measure
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.packet import Address
from kubectl_skoop.model.place import Place
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.snapshot.decode import decode_namespace
from kubectl_skoop.snapshot.dump import NodeDump
from kubectl_skoop.snapshot.format import SectionRef
from kubectl_skoop.snapshot.index import NamespaceEntry, NodeEntry
from kubectl_skoop.testing import netns
from kubectl_skoop.testing.netns import Namespace, entered

TCP_PORT, UDP_PORT = 80, 53
RETRANSMIT_MS = 15
"""Between the three questions for a neighbour."""
NODE = "lab"
"""All hosts are collected as pods of one node, whose own namespace is the first host's."""
_NEW_HOST = {
    "net.ipv4.icmp_ratelimit": 0,
    "net.ipv4.icmp_ratemask": 0,
    "net.ipv4.ping_group_range": "0 2147483647",
    "net.ipv4.tcp_timestamps": 0,
    "net.ipv6.conf.default.accept_dad": 0,
    "net.ipv6.icmp.ratelimit": 0,
}
_UDP_ENCAP, _UDP_ENCAP_ESPINUDP, _IP_XFRM_POLICY, _IPV6_XFRM_POLICY = 100, 2, 17, 35
"""include/uapi/linux/udp.h, in.h, in6.h"""
_XFRM_POLICY_IN, _XFRM_POLICY_OUT = 0, 1
_WITHOUT_IPV6 = {"net.ipv6.conf.all.disable_ipv6": 1, "net.ipv6.conf.default.disable_ipv6": 1}


@dataclass(frozen=True, slots=True)
class Listener:
    host: str
    protocol: str
    socket: socket.socket


@dataclass(slots=True)
class TrapLab:
    """`namespaces` by host; `listeners` are open before anything is collected."""

    namespaces: dict[str, Namespace] = field(default_factory=dict)
    listeners: list[Listener] = field(default_factory=list)
    kept: list[socket.socket] = field(default_factory=list)

    def dump(self) -> NodeDump:
        paths = {host: namespace.path for host, namespace in self.namespaces.items()}
        first = next(iter(paths.values()))
        return collect_node(NODE, first, {f"lab/{host}": path for host, path in paths.items()})

    def settle(self) -> None:
        """Waits until changes of carrier have had their effect. Raises: LabError."""
        netns.await_each(self.namespaces.values())

    def close(self) -> None:
        for listener in self.listeners:
            listener.socket.close()
        for kept in self.kept:
            kept.close()
        netns.delete(namespace.name for namespace in self.namespaces.values())


def measured_at(dump: NodeDump, host: str) -> Measured:
    """What a host's namespace counted."""
    found = next(one for one in dump.namespaces if one.pods == (f"lab/{host}",))
    return measure(decode_namespace(found, NODE, Place("pod", f"lab/{host}")), found.tables)


class Collected:
    """What a walk asks for: the hosts of one lab."""

    def __init__(self, namespaces: Iterable[NetworkNamespace]) -> None:
        self._by_id = {ns.id: ns for ns in namespaces}

    @classmethod
    def of(cls, dump: NodeDump) -> "Collected":
        return cls(
            decode_namespace(namespace, NODE, Place("pod", namespace.pods[0]))
            for namespace in dump.namespaces
        )

    def __iter__(self) -> Iterator[NetworkNamespace]:
        return iter(self._by_id.values())

    def nodes_with(self, owned: Address | str) -> Collection[str]:
        return ()

    def namespace(self, place: Place) -> NetworkNamespace | NotCollected:
        found = next((ns for ns in self if ns.place == place), None)
        return found or NotCollected(str(place), "not collected")

    def pod_of_address(self, address: Address) -> tuple[Place, str] | None:
        return next(((ns.place, NODE) for ns in self if address in ns.local_addresses), None)

    def node(self, name: str) -> NodeEntry:
        inside = (NamespaceEntry(ns.id.partition("/")[2], "pod", (), SectionRef(0, 0, 0, b"")) for ns in self)
        return NodeEntry(node=name, namespaces=tuple(inside))

    def namespace_by_id(self, identity: str) -> NetworkNamespace | NotCollected:
        return self._by_id.get(identity) or NotCollected(identity, "not collected")


@contextmanager
def trap_lab(network: str, *conditions: str, ipv6: bool = False) -> Iterator[TrapLab]:
    """Lines of the texts. Those of the conditions are in order; of a network's, each host's own follow each
    other, as few processes are started so.

    - `wire a:eth0 r:p0` a veth pair between two hosts (or inside one), both ends up, MACs by order
    - `a: addr add 10.1.0.2/24 dev eth0` an argument list of ip(8)
    - `a: sysctl net.ipv4.ip_forward=1`
    - `a: listen tcp 80`, `a: listen udp 53 10.1.0.2 dev=eth0 v6only backlog=0`
    - `a: listen udp 4500 espinudp bypass`: as the socket of an IKE daemon, which takes ESP out of UDP and has
      IPsec policies of its own
    - `a: connected udp 53 10.1.0.9` a socket on the port that is connected to the address
    - `a: fill tcp 81` a listener whose queue is full
    - `a: no-listeners`: otherwise each host listens on TCP 80 and UDP 53
    - `a: $ nft …` any other command

    Raises:
        LabError: a line failed.
    """
    lab = TrapLab()
    try:
        in_order = [line for text in conditions for line in _lines(text)]
        _build(lab, _lines(network), in_order, ipv6=ipv6)
        for namespace in lab.namespaces.values():
            for tree in ("ipv4", "ipv6"):
                namespace.set_for_each_device(f"net.{tree}.neigh", "proxy_delay", 0)
                namespace.set_for_each_device(f"net.{tree}.neigh", "retrans_time_ms", RETRANSMIT_MS)
        netns.await_each(lab.namespaces.values(), netns.ready_for_ipv6 if ipv6 else netns.ports_settled)
        yield lab
    finally:
        lab.close()


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines() if line.strip()]


def _build(lab: TrapLab, network: Sequence[str], in_order: Sequence[str], *, ipv6: bool) -> None:
    prefix = netns.lab_prefix()
    wires = [line.split()[1:] for line in (*network, *in_order) if _is_wire(line)]
    own, conditions = [*_by_host(_entries(network))], _entries(in_order)
    rest = [*own, *conditions]
    ends = [tuple(end.split(":")) for wire in wires for end in wire]
    hosts = dict.fromkeys([host for host, _ in ends] + [host for host, _ in rest])
    lab.namespaces |= {host: Namespace(prefix + host) for host in hosts}
    netns.create(namespace.name for namespace in lab.namespaces.values())
    for namespace in lab.namespaces.values():
        namespace.set_sysctls(_NEW_HOST if ipv6 else {**_NEW_HOST, **_WITHOUT_IPV6})
    by_host = sorted(enumerate(wires), key=lambda numbered: list(hosts).index(_host(numbered[1][0])))
    netns.run_batch(_veth(lab, number, wire) for number, wire in by_host)
    for host in hosts:
        lab.namespaces[host].set_up(["lo", *(device for where, device in ends if where == host)])
    quiet = {host for host, line in rest if line == "no-listeners"}
    for host in hosts.keys() - quiet:
        lab.listeners += listen_all(host, lab.namespaces[host], "0.0.0.0")
    _perform_all(lab, own)
    if ipv6:
        netns.await_each(lab.namespaces.values(), netns.addresses_settled)
    _perform_all(lab, conditions)


def _perform_all(lab: TrapLab, entries: Sequence[tuple[str, str]]) -> None:
    for (host, kind), group in groupby(entries, key=lambda entry: (entry[0], _kind(entry[1]))):
        _perform(lab, host, kind, [line for _, line in group])


def _is_wire(line: str) -> bool:
    return line.startswith("wire ")


def _entries(lines: Sequence[str]) -> list[tuple[str, str]]:
    """Host and line of each that is no wire."""
    split = (line.partition(": ") for line in lines if not _is_wire(line))
    return [(host, line) for host, _, line in split]


def _by_host(entries: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """The hosts' own lines gathered as far as no line reaches into another host."""
    for reaching, group in groupby(entries, key=lambda entry: _reaches_out(entry[1])):
        stage = list(group)
        hosts = list(dict.fromkeys(host for host, _ in stage))
        yield from stage if reaching else sorted(stage, key=lambda entry: hosts.index(entry[0]))


def _reaches_out(line: str) -> bool:
    """A command may look at what it likes, and a placeholder names another namespace."""
    return _kind(line) == "$" or "{" in line


def _kind(line: str) -> str:
    first = line.split()[0]
    return first if first in {"sysctl", "listen", "connected", "fill", "no-listeners", "$"} else "ip"


def _perform(lab: TrapLab, host: str, kind: str, lines: Sequence[str]) -> None:
    namespace = lab.namespaces[host]
    match kind:
        case "ip":
            _ip(lab, host, lines)
        case "sysctl":
            pairs = [line.split(" ", 1)[1].split("=", 1) for line in lines]
            namespace.set_sysctls(dict(pairs))
        case "listen":
            for line in lines:
                lab.listeners.append(_listener(host, lab.namespaces[host], line.split()[1:]))
        case "connected":
            for line in lines:
                _connected(lab, host, *line.split()[2:])
        case "fill":
            for line in lines:
                _fill(lab, host, int(line.split()[-1]))
        case "$":
            for line in lines:
                namespace.run("sh", "-c", line[2:])


def _ip(lab: TrapLab, host: str, lines: Sequence[str]) -> None:
    names = {other: namespace.name for other, namespace in lab.namespaces.items()}
    text = "".join(line.format(**names) + "\n" for line in lines)
    lab.namespaces[host].run("ip", "-batch", "-", text=text)


def _host(end: str) -> str:
    return end.partition(":")[0]


def _veth(lab: TrapLab, number: int, wire: Sequence[str]) -> str:
    (host, device), (other, peer) = (end.split(":") for end in wire)
    return (
        f"link add {device} address {mac(number, 0)} netns {lab.namespaces[host].name} type veth "
        f"peer name {peer} address {mac(number, 1)} netns {lab.namespaces[other].name}"
    )


def mac(wire: int, end: int) -> str:
    """Of an end (0 or 1) of a wire, counted from 0 in order of the lines."""
    return f"02:00:00:00:{wire + 1:02x}:{end + 1:02x}"


def listen_all(host: str, namespace: Namespace, address: str) -> list[Listener]:
    """On the ports that flows ask by default."""
    ports = (("tcp", TCP_PORT), ("udp", UDP_PORT))
    return [_listener(host, namespace, [protocol, str(port), address]) for protocol, port in ports]


def _listener(host: str, namespace: Namespace, words: Sequence[str]) -> Listener:
    protocol, port, *options = words
    address = next((word for word in options if word[0].isdigit() or ":" in word), "0.0.0.0")
    settings = dict(word.split("=", 1) for word in options if "=" in word)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with entered(namespace.path):
        opened = socket.socket(family, socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, "v6only" in options)
    if "dev" in settings:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, settings["dev"].encode())
    if "mark" in settings:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, int(settings["mark"]))
    opened.bind((address, int(port)))
    if "espinudp" in options:
        opened.setsockopt(socket.IPPROTO_UDP, _UDP_ENCAP, _UDP_ENCAP_ESPINUDP)
    if "bypass" in options:
        _bypass(opened)
    if protocol == "tcp":
        opened.listen(int(settings.get("backlog", 16)))
    opened.setblocking(False)
    return Listener(host, protocol, opened)


def _bypass(opened: socket.socket) -> None:
    """Whatever comes in by the socket and leaves by it is let pass (struct xfrm_userpolicy_info)."""
    level, option = (
        (socket.IPPROTO_IPV6, _IPV6_XFRM_POLICY)
        if opened.family == socket.AF_INET6
        else (socket.IPPROTO_IP, _IP_XFRM_POLICY)
    )
    for direction in (_XFRM_POLICY_IN, _XFRM_POLICY_OUT):
        opened.setsockopt(level, option, struct.pack("=40xH118xB7x", opened.family, direction))


def _connected(lab: TrapLab, host: str, port: str, peer: str) -> None:
    with entered(lab.namespaces[host].path):
        opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    lab.kept.append(opened)
    opened.bind(("0.0.0.0", int(port)))
    opened.connect((peer, 9))


def _fill(lab: TrapLab, host: str, port: int) -> None:
    """One waiting connection more than the backlog of 0 takes."""
    with entered(lab.namespaces[host].path):
        server = socket.socket()
        server.bind(("0.0.0.0", port))
        server.listen(0)
        client = socket.create_connection(("127.0.0.1", port), timeout=1)
    lab.kept += [server, client]
