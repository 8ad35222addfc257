"""Real packets in random tables and rules: each table that the kernel looked up for them, in its order, with
what it found: on input, for the way back of the source, for the answer, on output."""

import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import partial
from ipaddress import ip_address
from random import Random
from typing import Any

import pytest

from kubectl_skoop.model.packet import Packet, Passage, Protocol
from kubectl_skoop.netstack import receive
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.netfilter.outcome import Passed
from kubectl_skoop.netstack.netfilter.traverse import traverse
from kubectl_skoop.netstack.netfilter.types import Hook
from kubectl_skoop.netstack.routing import lookup
from kubectl_skoop.netstack.routing.flow import LOOPBACK_INDEX, FlowKey
from kubectl_skoop.netstack.routing.input import route_input
from kubectl_skoop.netstack.routing.lookup import Failed, Found
from kubectl_skoop.netstack.routing.output import route_output
from kubectl_skoop.netstack.routing.types import TABLE_LOCAL, PolicyRule
from kubectl_skoop.netstack.stack import Stack
from kubectl_skoop.testing.frame import encode
from kubectl_skoop.testing.netns import (
    Namespace,
    await_each,
    create,
    delete,
    entered,
    lab_prefix,
    ready_for_ipv6,
)
from kubectl_skoop.testing.route_lab import DEVICES, MARKS, PORTS, TOS, RouteLab, Universe
from tests.kernel import test_routing_oracle
from tests.kernel.fib_trace import FibTrace, Lookup, fib_trace
from tests.kernel.router import collected
from tests.kernel.volume import VOLUME

pytestmark = pytest.mark.kernel

SEEDS = range(6)
PACKETS = 80 * VOLUME
ATTEMPTS = 4
_ERRNO = {
    4: {"no-route": -11, "blackhole": -22, "unreachable": -113, "prohibit": -13},
    6: {"no-route": -113, "blackhole": -22, "unreachable": -113, "prohibit": -13},
}
THROWN = -11
ICMP = {4: (Protocol.ICMP, 8), 6: (Protocol.ICMPV6, 128)}
_UNSPECIFIED = {4: ip_address("0.0.0.0"), 6: ip_address("::")}
WAY_BACK = "ip6tables-legacy -t raw -A PREROUTING -m rpfilter -j ACCEPT"
"""Only by such a rule IPv6 looks up the way back of a source."""
FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
HEADER = {
    4: (socket.SOL_IP, socket.IP_TOS, socket.IP_TTL),
    6: (socket.IPPROTO_IPV6, socket.IPV6_TCLASS, socket.IPV6_UNICAST_HOPS),
}
UP = ("v0", "p0", "v1", "p1", "v2", "p2")
PEER = {device: {"v": "p", "p": "v"}[device[0]] + device[1] for device in UP}


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("seed", SEEDS)
def test_the_tables_are_looked_up_as_the_kernel_does(
    seed: int, family: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = Random(f"packets {seed} {family}")
    differences = []
    seen: dict[str, int] = {}
    asked = 0
    looked_up = recording(monkeypatch)
    with RouteLab(seed, rules=True, family=family) as lab, fib_trace(family) as trace:
        if family == 6 and seed % 2:
            lab.namespace.run(*WAY_BACK.split())
        ns = collected(lab.namespace)
        assert family == 6 or not ns.fib.has_default_rules
        with taps(lab) as sockets:
            for _ in range(PACKETS):
                kind, send, walk = question(random, ns, sockets, family)
                expected = list(each_way(ns, looked_up, walk))
                found = difference(ns, trace, send, expected)
                asked += sum(bool(one.iif) for one in trace.lookups())
                seen[kind] = seen.get(kind, 0) + max(map(len, expected))
                if found:
                    differences.append(f"{kind}\n  kernel {found}\n  ours   {expected}")
    assert not differences, f"{len(differences)} differ (seed {seed}):\n" + "\n".join(differences[:3])
    # The first rules of another seed may end nearly all before a table is asked.
    assert seed not in SEEDS or min(seen.values()) > PACKETS // 8 or not asked, seen


Walk = Callable[[Stack], object]
Question = tuple[str, Callable[[], object], Walk]


@contextmanager
def taps(lab: RouteLab) -> Iterator[dict[str, socket.socket]]:
    """By device: what is sent there comes in at the other end of its pair."""
    with ExitStack() as stack, entered(lab.namespace.path):
        made = {}
        for device in UP:
            made[device] = stack.enter_context(socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0))
            made[device].bind((device, 0))
        yield made


def question(
    random: Random, ns: NetworkNamespace, sockets: Mapping[str, socket.socket], family: int
) -> Question:
    universe = Universe(random, family)
    icmp, echo = ICMP[family]
    if random.random() < 0.3:
        return "output", *outgoing(random, ns, universe)
    device = random.choice(UP)
    index, answered = ns.device_by_name[device].index, random.random() < 0.4
    packet = Packet(
        src=ip_address(universe.address()),
        dst=ip_address(universe.own() if answered else universe.address()),
        protocol=icmp if answered else Protocol.UDP,
        icmp_type=echo if answered else 0,
        icmp_id=7 if answered else 0,
        sport=0 if answered else random.choice(PORTS),
        dport=0 if answered else random.choice(PORTS),
        tos=random.choice(TOS),
        ttl=64 if answered else 1,
        length=60,
        src_mac="02:00:00:00:00:99",
        dst_mac=ns.devices[index].mac,
    )
    send = partial(sockets[PEER[device]].send, encode(packet))
    if answered:
        return "answer", send, partial(receive.receive, index=index, frame=packet)
    return "input", send, partial(incoming, packet=packet, device=index)


def incoming(stack: Stack, packet: Packet, device: int) -> None:
    """PREROUTING, where a rule may look up the way back, then the route."""
    passed = traverse(stack, Hook.PREROUTING, packet, Passage(iif=device), indev=device, outdev=0)
    assert isinstance(passed, Passed)
    route_input(stack, packet=packet, device=device, mark=0)


def outgoing(random: Random, ns: NetworkNamespace, universe: Universe) -> tuple[Callable[[], object], Walk]:
    """A datagram of our own, whose socket is bound to an address, a device, both or nothing."""
    unbound = str(_UNSPECIFIED[universe.family])
    source = random.choice((unbound, universe.own()))
    device = random.choice((*DEVICES, *[""] * 20))
    key = FlowKey(
        dst=ip_address(universe.address()),
        oif=ns.device_by_name[device].index if device else 0,
        mark=random.choice(MARKS),
        tos=random.choice(TOS),
        protocol=Protocol.UDP,
        sport=random.choice(PORTS),
        dport=random.choice(PORTS),
    )

    def send() -> None:
        with socket.socket(FAMILIES[key.family], socket.SOCK_DGRAM) as made, suppress(OSError):
            for option in (socket.SO_BROADCAST, socket.SO_REUSEADDR):
                made.setsockopt(socket.SOL_SOCKET, option, 1)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, key.mark)
            level, tos, hops = HEADER[key.family]
            made.setsockopt(level, tos, key.tos)
            made.setsockopt(level, hops, 1)
            if device:
                made.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
            made.bind((source, key.sport))
            made.sendto(b"", (str(key.dst), key.dport))

    bound = ip_address(source) if source != unbound else None
    return send, partial(route_output, key=key, bound_source=bound)


def recording(monkeypatch: pytest.MonkeyPatch) -> list[Lookup]:
    """Filled with the tables that the model asks, as the kernel tells them.

    Nobody asks for a neighbour, which the kernel would not do again for each packet, nor sends an ICMP error:
    the kernel sends five at once to one source (ip_error).
    """
    asked: list[Lookup] = []
    ask = lookup._Walk._in_table

    def in_table(walk: Any, table: int, rule: PolicyRule) -> Found | Failed | None:
        result: Found | Failed | None = ask(walk, table, rule)
        if walk.key.family == 6 or walk.stack.ns.fib.table(4, table) is not None:
            asked.append(_as_traced(walk.stack.ns, walk.key, table, result))
        return result

    monkeypatch.setattr("kubectl_skoop.netstack.routing.lookup._Walk._in_table", in_table)
    for asking in ("arp", "discovery"):
        monkeypatch.setattr(f"kubectl_skoop.netstack.neighbours.{asking}.solicit", lambda *_: None)
    monkeypatch.setattr("kubectl_skoop.netstack.l4.icmp.send_error", lambda *_, **__: None)
    return asked


def _as_traced(ns: NetworkNamespace, key: FlowKey, table: int, result: Found | Failed | None) -> Lookup:
    found = result if isinstance(result, Found) else None
    failed = "lo" if key.family == 6 else ""
    return Lookup(
        table=table,
        src=key.src or _UNSPECIFIED[key.family],
        dst=key.dst,
        iif=key.iif or LOOPBACK_INDEX,
        oif=key.oif,
        device=ns.device_name(found.nexthop.device) if found else failed,
        gateway=found.nexthop.gateway if found else None,
        errno=0 if found else _ERRNO[key.family][result.kind if isinstance(result, Failed) else "no-route"],
    )


def each_way(ns: NetworkNamespace, asked: list[Lookup], walk: Walk) -> Iterator[list[Lookup]]:
    """What is asked where chance decides otherwise."""

    def route(stack: Stack) -> list[Lookup]:
        asked.clear()
        walk(stack)
        return list(asked)

    return test_routing_oracle.each_way(ns, route)


def test_a_table_that_lost_its_last_route_is_asked_in_vain() -> None:
    """No dump shows that it is still there, so the model does not ask it."""
    node = Namespace(f"{lab_prefix()}ft")
    create([node.name])
    try:
        lines = "link set lo up\nrule add lookup 101 priority 7\nroute add 10.9.0.0/16 dev lo table 101\n"
        node.run("ip", "-batch", "-", text=f"{lines}route del 10.9.0.0/16 table 101\n")
        ns = collected(node)
        with entered(node.path), fib_trace(4) as trace, socket.socket(type=socket.SOCK_DGRAM) as made:
            send = partial(made.connect_ex, ("10.9.0.1", 9))
            send()
            asked = trace.lookups()
            assert 101 in [one.table for one in asked]
            assert difference(ns, trace, send, [[one for one in asked if one.table == TABLE_LOCAL]]) == []
            assert difference(ns, trace, send, [[replace(asked[0], table=7)]])
    finally:
        delete([node.name])


NO_CARRIER = """link set lo up
link add v0 type veth peer name p0
link set v0 up
link set p0 up
link add v1 type veth peer name p1
link set v1 up
addr add 10.1.0.1/24 dev v0
addr add 10.2.0.1/24 dev v1
addr add fd01::1/64 dev v0 nodad
addr add fd02::1/64 dev v1 nodad
rule add to 192.0.2.1 lookup 100 priority 7
"""
"""With a rule, so that IPv4 looks up its tables one by one."""


@pytest.mark.parametrize(("family", "away", "here"), [(4, "10.2.0.9", "10.1.0.1"), (6, "fd02::9", "fd01::1")])
def test_a_way_back_without_carrier_counts_whatever_the_sysctl_says(
    family: int, away: str, here: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dump calls it dead if it is to be passed over; `-m rpfilter` does not pass over it."""
    looked_up = recording(monkeypatch)
    node = Namespace(f"{lab_prefix()}nc")
    create([node.name])
    try:
        node.set_sysctls({f"net.ipv{family}.conf.default.ignore_routes_with_linkdown": 1})
        node.run("ip", "-batch", "-", text=NO_CARRIER)
        node.run(*WAY_BACK.replace("ip6tables", {4: "iptables", 6: "ip6tables"}[family]).split())
        await_each([node], ready_for_ipv6)
        ns = collected(node)
        device = ns.device_by_name["v0"]
        packet = Packet(
            src=ip_address(away),
            dst=ip_address(here),
            protocol=Protocol.UDP,
            sport=PORTS[0],
            dport=PORTS[0],
            length=60,
            src_mac="02:00:00:00:00:99",
            dst_mac=device.mac,
        )
        walk = partial(incoming, packet=packet, device=device.index)
        with (
            fib_trace(family) as trace,
            entered(node.path),
            socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as tap,
        ):
            tap.bind(("p0", 0))
            expected = list(each_way(ns, looked_up, walk))
            assert any(one.device == "v1" for way in expected for one in way)
            assert difference(ns, trace, partial(tap.send, encode(packet)), expected) == []
    finally:
        delete([node.name])


def difference(
    ns: NetworkNamespace, trace: FibTrace, send: Callable[[], object], ways: list[list[Lookup]]
) -> list[Lookup]:
    """What the kernel looked up instead; empty: one of these ways.

    What it asks for an ICMP error or the next device comes after; what has no `iif` asks whose an address is
    (inet_addr_type_table); tables without a route are in no dump. A softirq that another process did is
    missed, so it is sent again.
    """
    for _ in range(ATTEMPTS):
        trace.clear()
        send()
        found = [one for one in trace.lookups() if one.iif and not _in_an_empty_table(ns, one)]
        if any(len(found) >= len(way) and all(map(_agree, found, way)) for way in ways):
            return []
        time.sleep(0.01)
    return found


def _in_an_empty_table(ns: NetworkNamespace, told: Lookup) -> bool:
    """Of IPv6 ours has these look-ups, too."""
    return (
        told.src.version == 4 and told.errno == _ERRNO[4]["no-route"] and ns.fib.table(4, told.table) is None
    )


def _agree(told: Lookup, ours: Lookup) -> bool:
    """Of a way without a gateway the kernel tells whatever stood in the buffer; IPv6 tells a `throw`, which
    leaves the table as well, from a table without a route."""
    if ours.src.version == 6 and told.errno == THROWN:
        told = replace(told, errno=_ERRNO[6]["no-route"])
    return told == (ours if ours.gateway else replace(ours, gateway=told.gateway))
