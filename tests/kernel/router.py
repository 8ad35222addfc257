"""A router between a client's and a server's side: the real one, and the hooks of the model.

What is sent from one side comes out at one, or does not; both worlds are asked the same.
"""

import select
import socket
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from ipaddress import ip_address, ip_network

from kubectl_skoop.collect.agent import collect_node
from kubectl_skoop.model.packet import Packet, Passage, Protocol, TcpFlags
from kubectl_skoop.model.place import Place
from kubectl_skoop.netstack.hook_end import REJECT_CODES
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.netfilter import conntrack
from kubectl_skoop.netstack.netfilter.outcome import Passed, Rejected
from kubectl_skoop.netstack.netfilter.traverse import traverse
from kubectl_skoop.netstack.netfilter.types import Hook
from kubectl_skoop.netstack.stack import Journey, Stack
from kubectl_skoop.snapshot.decode import decode_namespace
from kubectl_skoop.testing.frame import checksum, encode
from kubectl_skoop.testing.looking import readable
from kubectl_skoop.testing.netns import Namespace, entered
from kubectl_skoop.testing.rule_lab import FAR_NET, NET, ROUTER_MAC, SENDER_MAC, RuleLab, rule_lab

SERVER_MAC, FAR_ROUTER_MAC = "02:00:00:00:02:02", "02:00:00:00:02:01"
SYN, ACK, FIN, RST, PSH = TcpFlags.SYN, TcpFlags.ACK, TcpFlags.FIN, TcpFlags.RST, TcpFlags.PSH
CLIENT, OTHER_CLIENT, SERVER, OTHER_SERVER = "10.77.1.2", "10.77.1.3", "10.77.2.2", "10.77.2.3"
CLIENT6, SERVER6 = "fd77:1::2", "fd77:2::2"
ROUTER = "10.77.1.1"
VIP, VIP6 = "10.96.0.10", "fd96::10"
_QUIET, PATIENCE = 0.06, 1.0
"""Seconds after which nothing comes out any more; and where something should, on a busy machine."""
_SYSCTLS = {
    "net.ipv4.icmp_ratelimit": 0,
    "net.ipv4.icmp_ratemask": 0,
    "net.ipv6.icmp.ratelimit": 0,
    "net.ipv4.conf.all.send_redirects": 0,
    "net.ipv4.conf.default.send_redirects": 0,
}
_HOP_BY_HOP = 0
"""MLD reports have such a header."""


def tcp(
    src: str = CLIENT, dst: str = SERVER, sport: int = 40000, dport: int = 80, flags: TcpFlags = SYN
) -> Packet:
    return Packet(src=ip_address(src), dst=ip_address(dst), protocol=6, sport=sport, dport=dport, flags=flags)


def udp(src: str = CLIENT, dst: str = SERVER, sport: int = 40000, dport: int = 53) -> Packet:
    return Packet(src=ip_address(src), dst=ip_address(dst), protocol=17, sport=sport, dport=dport)


def echo(src: str = CLIENT, dst: str = SERVER, number: int = 7) -> Packet:
    family = ip_address(src).version
    return Packet(
        src=ip_address(src),
        dst=ip_address(dst),
        protocol=Protocol.ICMP if family == 4 else Protocol.ICMPV6,
        icmp_type=8 if family == 4 else 128,
        icmp_id=number,
    )


@dataclass(frozen=True)
class Send:
    """From the client's side, or from the server's."""

    packet: Packet
    from_server: bool = False


@dataclass(frozen=True)
class Answer:
    """The server answers what it got last."""

    flags: TcpFlags = SYN | ACK


@dataclass(frozen=True)
class Again:
    """The client sends what it sent last, with other flags."""

    flags: TcpFlags = ACK


@dataclass(frozen=True)
class Complain:
    """A router behind sends an ICMP error about what the server got last."""

    source: str = "10.77.2.9"
    code: tuple[int, int] = (3, 1)


Step = Send | Answer | Again | Complain


def decode(data: bytes) -> Packet | None:
    """An IP packet without its Ethernet header, the fields that are compared; None: hosts' own signalling."""
    if data[0] >> 4 == 4:
        size = (data[0] & 15) * 4
        src, dst, protocol, ttl = data[12:16], data[16:20], data[9], data[8]
    else:
        size, src, dst, protocol, ttl = 40, data[8:24], data[24:40], data[6], data[7]
    if protocol == _HOP_BY_HOP:
        return None
    body = data[size:]
    packet = Packet(src=ip_address(src), dst=ip_address(dst), protocol=protocol, ttl=ttl)
    if protocol in (Protocol.ICMP, Protocol.ICMPV6):
        packet = replace(packet, icmp_type=body[0], icmp_code=body[1])
        if body[0] in (0, 8, 128, 129):
            return replace(packet, icmp_id=struct.unpack("!H", body[4:6])[0])
        if protocol == Protocol.ICMPV6 and body[0] > 129:
            return None
        return replace(packet, quoted=decode(body[8:]))
    sport, dport = struct.unpack("!HH", body[:4])
    flags = TcpFlags(body[13] & 0x3F) if protocol == Protocol.TCP and len(body) > 13 else TcpFlags(0)
    return replace(packet, sport=sport, dport=dport, flags=flags)


def to_bytes(packet: Packet, sequence: int) -> bytes:
    if packet.quoted is None:
        return encode(packet, sequence=sequence)
    quoted = encode(replace(packet.quoted, src_mac=SERVER_MAC, dst_mac=SERVER_MAC), sequence=sequence)[14:]
    header = 20 if packet.family == 4 else 40
    whole = bytearray(encode(replace(packet, length=header + 8 + len(quoted)), sequence=sequence))
    start = 14 + header
    whole[start + 8 :] = quoted
    whole[start + 2 : start + 4] = b"\0\0"
    addresses = packet.src.packed + packet.dst.packed
    pseudo = addresses + struct.pack("!II", len(whole) - start, 58) if packet.family == 6 else b""
    whole[start + 2 : start + 4] = struct.pack("!H", checksum((pseudo, bytes(whole[start:]))))
    return bytes(whole)


def comparable(packet: Packet | None, *, ports: bool = True) -> Packet | None:
    """Only what `decode` reads; of ports that the kernel draws the class (K-8), of ids nothing."""
    if packet is None:
        return None
    result = Packet(
        src=packet.src,
        dst=packet.dst,
        protocol=packet.protocol,
        sport=packet.sport,
        dport=packet.dport,
        flags=packet.flags,
        icmp_type=packet.icmp_type,
        icmp_code=packet.icmp_code,
        icmp_id=packet.icmp_id,
        ttl=packet.ttl,
        quoted=replace(quoted, ttl=0) if (quoted := comparable(packet.quoted, ports=ports)) else None,
    )
    if ports:
        return result
    return replace(result, sport=port_class(packet.sport), dport=port_class(packet.dport), icmp_id=0)


def port_class(port: int) -> int:
    return next(low for low in (1024, 512, 0) if port >= low)


Output = tuple[str, Packet]
"""`client` or `server`, and what arrived there."""


def framed(side: str, packet: Packet) -> Packet:
    """As it comes to the router."""
    source, target = (SENDER_MAC, ROUTER_MAC) if side == "client" else (SERVER_MAC, FAR_ROUTER_MAC)
    return replace(packet, src_mac=source, dst_mac=target)


@dataclass
class Kernel:
    lab: RuleLab
    sockets: dict[str, socket.socket]
    sequence: int = 100

    def send(self, side: str, packet: Packet, wait: float = _QUIET) -> Output | None:
        """What came out of the router; None if nothing did for so many seconds."""
        for tap in self.sockets.values():
            self._drain(tap)
        self.sequence += 1
        self.sockets[side].send(to_bytes(framed(side, packet), self.sequence))
        for ready in readable(list(self.sockets.values()), wait):
            for name, tap in self.sockets.items():
                if tap in ready:
                    data, address = tap.recvfrom(2048)
                    outgoing = address[2] == socket.PACKET_OUTGOING
                    if not outgoing and address[1] in (0x0800, 0x86DD) and (got := decode(data[14:])):
                        return name, got
        return None

    def _drain(self, tap: socket.socket) -> None:
        while select.select([tap], [], [], 0)[0]:
            tap.recv(2048)


@dataclass
class Model:
    """The order of hooks in a router, without anything else of the stack."""

    stack: Stack
    devices: dict[str, int]
    delivered: bool = False
    """The router itself got what was sent last; only of TCP is its answer modelled."""

    def send(self, side: str, packet: Packet) -> Output | None:
        passage = Passage(iif=self.devices[side])
        self.delivered = False
        result = self._hook(Hook.PREROUTING, packet, passage, indev=passage.iif)
        if not isinstance(result, Packet):
            return result
        target = self._route(result)
        if target is None:
            return self._deliver(result, passage)
        outdev = self.devices[target]
        result = replace(result, ttl=result.ttl - 1)
        for hook in (Hook.FORWARD, Hook.POSTROUTING):
            forwarded = self._hook(hook, result, passage, indev=passage.iif, outdev=outdev)
            if not isinstance(forwarded, Packet):
                return forwarded
            result = forwarded
        return target, result

    def _hook(
        self, hook: Hook, packet: Packet, passage: Passage, *, indev: int = 0, outdev: int = 0
    ) -> Packet | Output | None:
        end = traverse(self.stack, hook, packet, passage, indev=indev, outdev=outdev)
        match end:
            case Passed(packet=passed):
                return passed
            case Rejected(kind=kind, packet=refused):
                return self._refuse(kind, refused, passage)
        return None

    def _route(self, packet: Packet) -> str | None:
        for side, nets in (("client", NET), ("server", FAR_NET)):
            own = f"{nets[packet.family]}{'.1' if packet.family == 4 else ':1'}"
            length = 24 if packet.family == 4 else 64
            if packet.dst in ip_network(f"{own}/{length}", strict=False):
                return None if packet.dst == ip_address(own) else side
        return "server"

    def _deliver(self, packet: Packet, passage: Passage) -> Output | None:
        """No socket listens: a RST, which looks its connection up itself (K-15)."""
        self.delivered = True
        delivered = self._hook(Hook.INPUT, packet, passage, indev=passage.iif)
        if not isinstance(delivered, Packet):
            return delivered
        if delivered.protocol != Protocol.TCP or delivered.flags & RST:
            return None
        flags = RST if delivered.flags & ACK else RST | ACK
        return self._output(back(delivered, flags), Passage(), passage.iif)

    def _refuse(self, kind: str, packet: Packet, passage: Passage) -> Output | None:
        answer = Passage()
        conntrack.attach(answer, passage)
        if kind == "tcp-reset":
            return self._output(back(packet, RST | ACK), answer, passage.iif)
        number, code = REJECT_CODES[kind]
        source = ROUTER if packet.family == 4 else "fd77:1::1"
        error = Packet(
            src=ip_address(source),
            dst=packet.src,
            protocol=Protocol.ICMP if packet.family == 4 else Protocol.ICMPV6,
            icmp_type=number,
            icmp_code=code,
            quoted=packet,
        )
        return self._output(error, answer, passage.iif)

    def _output(self, packet: Packet, passage: Passage, outdev: int) -> Output | None:
        """An answer of the router's own, which has its own journey."""
        self.stack.journey = Journey()
        result: Packet | Output | None = packet
        for hook in (Hook.OUTPUT, Hook.POSTROUTING):
            if isinstance(result, Packet):
                result = self._hook(hook, result, passage, outdev=outdev)
        return ("client", result) if isinstance(result, Packet) else None


def back(packet: Packet, flags: TcpFlags) -> Packet:
    answers = {8: 0, 128: 129}
    return replace(
        packet,
        src=packet.dst,
        dst=packet.src,
        sport=packet.dport,
        dport=packet.sport,
        flags=flags if packet.protocol == Protocol.TCP else TcpFlags(0),
        icmp_type=answers.get(packet.icmp_type, packet.icmp_type),
        ttl=64,
    )


@contextmanager
def real_router() -> Iterator[Kernel]:
    with rule_lab(_SYSCTLS) as lab:
        lab.router.run("ip", "route", "add", "10.96.0.0/16", "via", SERVER)
        lab.router.run("ip", "route", "add", "fd96::/64", "via", SERVER6)
        sockets = {}
        for side, letter, device in (("client", "s", "out0"), ("server", "d", "in0")):
            with entered(Namespace(lab.router.name[:-1] + letter).path):
                sockets[side] = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
                sockets[side].bind((device, 3))
        yield Kernel(lab, sockets)
        for tap in sockets.values():
            tap.close()


def clear(router: Namespace) -> None:
    router.run("nft", "flush", "ruleset")
    for tool in ("iptables", "ip6tables"):
        names = ("raw", "mangle", "nat", "filter")
        text = "".join(f"*{name}\nCOMMIT\n" for name in names)
        router.run(f"{tool}-legacy-restore", text=text)
    router.run("conntrack", "-F")


def collected(router: Namespace) -> NetworkNamespace:
    dump = collect_node("router", router.path, {})
    return decode_namespace(dump.namespaces[0], dump.node, Place("node", dump.node))


def next_packet(step: Step, sent: Packet | None, got: Packet | None) -> tuple[str, Packet]:
    match step:
        case Send(packet=packet, from_server=True):
            return "server", packet
        case Send(packet=packet):
            return "client", packet
        case Again(flags=flags) if sent:
            return "client", replace(sent, flags=flags)
        case Answer(flags=flags) if got:
            return "server", back(got, flags)
        case Complain(source=source, code=(number, code)) if got:
            protocol = Protocol.ICMP if got.family == 4 else Protocol.ICMPV6
            return "server", Packet(
                src=ip_address(source),
                dst=got.src,
                protocol=protocol,
                icmp_type=number,
                icmp_code=code,
                quoted=got,
            )
    raise AssertionError(f"{step} has nothing to refer to")


def play(world: Kernel | Model, steps: Sequence[Step]) -> list[Output | None]:
    """What came out after each step; answers refer to what this world let through."""
    outputs: list[Output | None] = []
    sent: Packet | None = None
    at_server: Packet | None = None
    for step in steps:
        side, packet = next_packet(step, sent, at_server)
        if side == "client":
            sent = packet
        output = world.send(side, packet)
        if output is not None and output[0] == "server":
            at_server = output[1]
        outputs.append(output)
    return outputs
