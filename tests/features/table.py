"""Writes docs/kernel.md: what rules, sets and devices are made of, modelled or unknown, and the proof.

`python -m tests.features.table` prints it; `pytest tests/features --update` writes it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from ipaddress import ip_address, ip_network

from kubectl_skoop.model.packet import Owner, Packet, Passage, Protocol, TcpFlags
from kubectl_skoop.model.place import Place
from kubectl_skoop.model.verdict import Choices, Unknown
from kubectl_skoop.netstack import xmit
from kubectl_skoop.netstack.device import IFF_LOOPBACK, IFF_LOWER_UP, IFF_UP, Bridge, Device, Vlan, Vxlan
from kubectl_skoop.netstack.devices import ip_tunnel
from kubectl_skoop.netstack.devices.ip6_tunnel_types import Ip6Tunnel
from kubectl_skoop.netstack.devices.stacked_types import Bond, Ipvlan, Macvlan
from kubectl_skoop.netstack.devices.team_types import Team
from kubectl_skoop.netstack.devices.tunnel_types import Geneve, IpTunnel
from kubectl_skoop.netstack.devices.wireguard_types import Wireguard
from kubectl_skoop.netstack.ipset.types import TYPES
from kubectl_skoop.netstack.ipvs import forward, schedule
from kubectl_skoop.netstack.ipvs.connection import VirtualConnection
from kubectl_skoop.netstack.ipvs.service import Method, RealServer, VirtualService
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.netfilter import conntrack
from kubectl_skoop.netstack.netfilter.iptables import match, target
from kubectl_skoop.netstack.netfilter.iptables.rule import parse_rule
from kubectl_skoop.netstack.netfilter.nft.datatype import Unmodelled
from kubectl_skoop.netstack.netfilter.nft.expression.parse import Scope, parse_expression
from kubectl_skoop.netstack.netfilter.nft.sets import NamedSet
from kubectl_skoop.netstack.netfilter.nft.statement.match import Undecidable
from kubectl_skoop.netstack.netfilter.nft.statement.opaque import Opaque
from kubectl_skoop.netstack.netfilter.nft.statement.parse import parse_statement
from kubectl_skoop.netstack.netfilter.types import Hook, RuleContext, Stolen
from kubectl_skoop.netstack.routing.types import Nexthop, Route
from kubectl_skoop.netstack.routing.way import Forward
from kubectl_skoop.netstack.stack import Stack
from kubectl_skoop.snapshot.decode.tunnels import TUNNELS
from tests.features import listed

MODELLED, UNKNOWN, NOT_PROVEN = "modelled", "unknown", "not proven"
INDEX, LOWER = 2, 3

HEAD = """# What of the kernel is modelled

Written by `tests/features/table.py`; `pytest tests/features --update` writes it anew, and a test holds it to
the code.

**modelled**: it decides as the kernel does, within the limits that are named. **unknown**: where it may
decide, both ways are followed, and the verdict stands only if they agree; the answer names the rule. The
proof is a test that compares with a kernel; *not proven*: no kernel at hand has it, or no test asks one yet.

## The guest kernel

The kernel of CI has no IPVS. `tests/kernel/guest` boots Debian's user-mode-linux, a kernel that runs as a
process and sees this machine's files; our agent collects there, and what its kernel does with real
connections must be what the tool says from that dump. Its labs of other devices are texts of `ip` arguments,
built, collected and asked inside (`tests/kernel/guest/labs.py`). What that kernel lacks too (WireGuard,
flowtables) is asked in Debian's cloud kernel in an emulated machine (`tests/kernel/guest/emulated.py`), which
is slow. These tests are left out unless asked for, those of user-mode-linux by `make guest`, as `.ci/run`
does: a boot with all cases takes some minutes; those of the emulated machine by `make emulated`. On a
processor with AMX user-mode-linux needs `tests/kernel/guest/registers.c`, and so a C compiler.

```
apt-get install user-mode-linux ipvsadm kmod
make guest
apt-get install --no-install-recommends qemu-system-x86 busybox-static wireguard-tools
apt-get download $(apt-cache depends linux-image-cloud-amd64 | awk '/Depends:/ {print $2}')
dpkg-deb -x linux-image-*.deb kernel
SKOOP_GUEST_KERNEL=$PWD/kernel make emulated
```
"""


def document() -> str:
    parts = [HEAD.rstrip()]
    for title, rows in _sections():
        parts.append(f"\n## {title}\n\n| name | state | limits | proof |\n| --- | --- | --- | --- |")
        parts += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(parts) + "\n"


Row = tuple[str, str, str, str]


def _sections() -> Iterator[tuple[str, list[Row]]]:
    yield "Matches of iptables", _rows(listed.MATCHES, _match_state, listed.MATCH_NOTES)
    yield "Targets of iptables", _rows(listed.TARGETS, _target_state, listed.TARGET_NOTES)
    yield "Expressions of nft", [_native(one, _expression_state) for one in listed.EXPRESSIONS]
    yield "Statements of nft", [_native(one, _statement_state) for one in listed.STATEMENTS]
    yield "Types of ipset", _rows(listed.SET_TYPES, lambda name: MODELLED if name in TYPES else UNKNOWN, {})
    yield "Kinds of devices", _rows(listed.DEVICES, _device_state, listed.DEVICE_NOTES)
    yield "Bridges and vxlan", [_part(one) for one in listed.BRIDGE_PARTS]
    yield "IPsec", [_part(one) for one in listed.IPSEC_PARTS]
    yield "Routing", [_part(one) for one in listed.ROUTING]
    yield "Hooks that see frames", [_part(one) for one in listed.LINK_HOOKS]
    yield "Connections and limits", [_part(one) for one in listed.CONNECTIONS]
    yield "Neighbours", [_part(one) for one in listed.NEIGHBOURS]
    yield "Ways of IPVS to a real server", _rows(listed.IPVS_METHODS, _method_state, {})
    yield "Schedulers of IPVS", _rows(listed.IPVS_SCHEDULERS, _scheduler_state, _scheduler_notes())
    yield "Settings of IPVS (net.ipv4.vs)", [_part(one) for one in listed.IPVS_SETTINGS]


def _rows(proofs: Mapping[str, str], state_of: Callable[[str], str], notes: Mapping[str, str]) -> list[Row]:
    found = [(name, proof) for proof, names in proofs.items() for name in names.split()]
    return [
        _row(name, state_of(name), notes.get(name, ""), proof)
        for name, proof in sorted(found, key=lambda pair: pair[0].lower())
    ]


def _native(one: listed.Native, state_of: Callable[[object], str]) -> Row:
    return _row(one.name, state_of(one.json), one.limits, one.proof)


def _part(one: listed.Part) -> Row:
    return _row(one.name, MODELLED if one.modelled else UNKNOWN, one.limits, one.proof)


def _row(name: str, state: str, note: str, proof: str) -> Row:
    if state == UNKNOWN:
        return f"`{name}`", f"**{UNKNOWN}**", note, ""
    return f"`{name}`", state, note, _proof(proof)


def _proof(path: str) -> str:
    if not path:
        return f"*{NOT_PROVEN}*"
    link = f"[{path.removeprefix('tests/')}](../{path})"
    return link if path.startswith("tests/kernel/") else f"{link}, *{NOT_PROVEN}*"


def _match_state(name: str) -> str:
    return UNKNOWN if match.kind_of(name) is None or name == "cpu" else MODELLED


def _target_state(name: str) -> str:
    """A target that takes the packet away from us is registered, and unknown."""
    if target.kind_of(name) is None:
        return UNKNOWN
    applied = parse_rule(f"-A X -j {name}", 4).if_matched(_context())
    taken = isinstance(applied, Stolen) and "is missing" not in applied.unknown.reason
    options = isinstance(applied, Stolen) and "is not modelled" in applied.unknown.reason
    return UNKNOWN if taken and not options else MODELLED


def _expression_state(json: object) -> str:
    try:
        reading = parse_expression(json, Scope("ip", {})).read(_context())
    except Unmodelled:
        return UNKNOWN
    return UNKNOWN if isinstance(reading, Unknown) else MODELLED


def _statement_state(json: object) -> str:
    found = parse_statement(json, Scope("ip", {"known": NamedSet("known", {"type": "ipv4_addr"})}))
    if isinstance(found, Undecidable | Opaque):
        return UNKNOWN
    return UNKNOWN if isinstance(found.execute(_context()), Unknown | Stolen) else MODELLED


def _device_state(kind: str) -> str:
    """Asked by sending a packet."""
    device = Device(
        index=INDEX,
        name="dev",
        kind="" if kind in ("physical", "loopback") else kind,
        mac="02:00:00:00:00:01",
        flags=IFF_UP | IFF_LOWER_UP | (IFF_LOOPBACK if kind == "loopback" else 0),
        bridge=Bridge() if kind == "bridge" else None,
        vxlan=Vxlan(vni=1) if kind == "vxlan" else None,
        link=INDEX + 1,
        vlan=Vlan(id=7),
        macvlan=Macvlan(mode=4),
        ipvlan=Ipvlan(mode=0),
        bond=Bond(mode=4),
        geneve=Geneve(vni=1, remote=ip_address("10.0.0.1")),
        tunnel=_tunnel(kind),
        vrf_table=10,
        tunnel6=Ip6Tunnel(remote=ip_address("fd00::1")),
        wireguard=Wireguard(key="own"),
        team=Team(mode="roundrobin"),
    )
    stack = Stack(_namespace(device), Choices())
    xmit.transmit(stack, device, _packet(), Passage())
    codes = {loss.because.code for loss in stack.journey.losses}
    return UNKNOWN if "device.unmodelled" in codes else MODELLED


def _tunnel(kind: str) -> IpTunnel | None:
    if kind not in ip_tunnel.KINDS:
        return None
    return IpTunnel(protocol=TUNNELS[kind], remote=ip_address("10.0.0.1"))


def _method_state(name: str) -> str:
    methods: Iterable[Method] = ("masquerade", "local", "tunnel", "route", "bypass")
    (method,) = (one for one in methods if one == name)
    packet = _packet()
    connection = VirtualConnection(
        protocol=packet.protocol,
        client=packet.src,
        client_port=packet.sport,
        virtual=packet.dst,
        virtual_port=packet.dport,
        server=ip_address("10.0.0.9"),
        server_port=80,
        method=method,
        tracked=False,
    )
    return UNKNOWN if isinstance(forward.send_on(_context(), connection), Unknown) else MODELLED


def _scheduler_state(name: str) -> str:
    servers = tuple(RealServer(address=ip_address(f"10.0.0.{host}"), port=80) for host in (8, 9))
    service = VirtualService(address=ip_address("10.0.0.1"), port=80, scheduler=name, servers=servers)
    found = schedule.schedule(_context().stack, service, _packet())
    return UNKNOWN if isinstance(found, Unknown) else MODELLED


def _scheduler_notes() -> dict[str, str]:
    notes = dict.fromkeys(schedule.EQUAL, "a random choice, equal shares")
    notes |= dict.fromkeys(schedule.WEIGHTED, "a random choice, shares by weight")
    for name in schedule.COUNTING:
        notes[name] += "; servers are taken to be evenly busy, said so"
    return notes | {"sh": "computed", "dh": "computed", "fo": "computed", "ovf": "computed"}


def _packet() -> Packet:
    return Packet(
        src=ip_address("10.0.0.2"),
        dst=ip_address("10.0.0.1"),
        protocol=Protocol.TCP,
        sport=40000,
        dport=80,
        flags=TcpFlags.SYN,
        mss=1460,
        src_mac="02:00:00:00:00:02",
        dst_mac="02:00:00:00:00:01",
    )


def _context() -> RuleContext:
    """A SYN at FORWARD that is tracked, with a socket for those that ask for one."""
    device = Device(index=INDEX, name="dev", mac="02:00:00:00:00:01")
    passage = Passage(iif=INDEX, owner=Owner())
    stack = Stack(_namespace(device), Choices())
    conntrack.track(stack, _packet(), passage)
    route = stack.ns.routes[0]
    passage.way = Forward(device=INDEX, nexthop=None, route=route, rule=None)
    return RuleContext(
        stack=stack, hook=Hook.FORWARD, frame=_packet(), passage=passage, indev=INDEX, outdev=INDEX
    )


def _namespace(device: Device) -> NetworkNamespace:
    route = Route(destination=ip_network("10.0.0.0/8"), nexthops=(Nexthop(device=INDEX),))
    return NetworkNamespace(
        id="n/1",
        place=Place("node", "n"),
        node="n",
        devices={INDEX: device, LOWER: Device(index=LOWER, name="lower")},
        routes=(route,),
    )


if __name__ == "__main__":
    print(document(), end="")
