"""Packets through hooks, conntrack and NAT of a router, against the kernel: what comes out, and where."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import ip_address

import pytest

from kubectl_skoop.model.packet import Packet, TcpFlags
from kubectl_skoop.model.verdict import Choices
from kubectl_skoop.netstack.conntrack_types import Tuple
from kubectl_skoop.netstack.netfilter import conntrack
from kubectl_skoop.netstack.stack import Stack
from kubectl_skoop.testing.netns import Namespace
from tests.kernel.router import (
    ACK,
    CLIENT,
    CLIENT6,
    FIN,
    OTHER_CLIENT,
    PSH,
    ROUTER,
    RST,
    SERVER,
    SERVER6,
    SYN,
    VIP,
    VIP6,
    Again,
    Answer,
    Complain,
    Kernel,
    Model,
    Output,
    Send,
    Step,
    back,
    clear,
    collected,
    comparable,
    echo,
    play,
    real_router,
    tcp,
    udp,
)

pytestmark = pytest.mark.kernel


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    with real_router() as made:
        yield made


@dataclass(frozen=True)
class Case:
    name: str
    steps: Sequence[Step]
    native: str = ""
    """See `ruleset`."""
    both: str = ""
    """iptables-restore text, loaded by each back end in turn."""
    both6: str = ""
    setup: Sequence[str] = field(default_factory=tuple)


Entry = tuple[Tuple, Tuple, int, str, int, int]
_COMPARED = conntrack.IPS_SEEN_REPLY | conntrack.IPS_ASSURED | conntrack.IPS_NAT_MASK


def kernel_entries(router: Namespace) -> set[Entry]:
    return {
        (each.original, each.reply, each.status & _COMPARED, each.tcp_state, each.mark, each.zone)
        for each in collected(router).conntrack
    }


def model_entries(stack: Stack) -> set[Entry]:
    return {
        (each.original, each.reply, each.status & _COMPARED, each.tcp_state, each.mark, each.zone)
        for each in stack.connections
        if not each.dead
    }


def shown(outputs: Sequence[Output | None], *, ports: bool) -> list[tuple[str, Packet | None] | None]:
    return [each and (each[0], comparable(each[1], ports=ports)) for each in outputs]


NAT = "*nat\n{}\nCOMMIT\n"
FILTER = "*filter\n{}\nCOMMIT\n"
HANDSHAKE = (Send(tcp()), Answer(), Again(ACK), Answer(ACK), Again(FIN | ACK), Answer(RST))
TO_VIP = (Send(tcp(dst=VIP, dport=8080)), Answer(), Again(ACK))
DNAT = f"-A PREROUTING -d {VIP}/32 -p tcp -m tcp --dport 8080 -j DNAT --to-destination {SERVER}:80"
NO_PORTS = Packet(src=ip_address(CLIENT), dst=ip_address(SERVER), protocol=99)
MASQUERADE = "-A POSTROUTING -o out0 -j MASQUERADE"
NOT_INVALID = FILTER.format("-A FORWARD -m conntrack --ctstate INVALID -j DROP")

CASES = (
    Case(
        "masquerade takes the out device's address, replies are undone",
        HANDSHAKE,
        both=NAT.format(MASQUERADE),
    ),
    Case(
        "a protocol without ports cannot be masqueraded twice to one server (K-20)",
        (Send(NO_PORTS), Send(replace(NO_PORTS, src=ip_address(OTHER_CLIENT))), Send(NO_PORTS)),
        both=NAT.format(MASQUERADE),
    ),
    Case(
        "one source port for two clients: the second is dropped (K-20)",
        (Send(tcp()), Send(tcp(src=OTHER_CLIENT)), Send(tcp(src=OTHER_CLIENT, dport=81))),
        both=NAT.format(f"-A POSTROUTING -p tcp -j SNAT --to-source {ROUTER}:5000"),
    ),
    Case("dnat to another address and port, replies come from the VIP", TO_VIP, both=NAT.format(DNAT)),
    Case(
        "dnat and masquerade of the same connection",
        TO_VIP,
        both=NAT.format(f"{DNAT}\n{MASQUERADE}"),
    ),
    Case(
        "an error of a router behind a dnat comes from the VIP (K-16)",
        (*TO_VIP[:1], Complain()),
        both=NAT.format(DNAT),
    ),
    Case(
        "an error behind dnat and masquerade",
        (*TO_VIP[:1], Complain(), Complain(code=(11, 0))),
        both=NAT.format(f"{DNAT}\n{MASQUERADE}"),
    ),
    Case(
        "an error about nothing is invalid",
        (Send(tcp()), Answer(), Complain(), Send(tcp(sport=41000))),
        both=FILTER.format("-A FORWARD -p icmp -m conntrack ! --ctstate RELATED -j DROP"),
    ),
    Case(
        "a reject after a dnat comes from the VIP (K-16)",
        (Send(tcp(dst=VIP, dport=8080)),),
        both=NAT.format(DNAT) + FILTER.format("-A FORWARD -p tcp -m tcp --dport 80 -j REJECT"),
    ),
    Case(
        "a reset after a dnat comes from the VIP",
        (Send(tcp(dst=VIP, dport=8080)),),
        both=NAT.format(DNAT)
        + FILTER.format("-A FORWARD -p tcp -m tcp --dport 80 -j REJECT --reject-with tcp-reset"),
    ),
    Case(
        "the answer of a reject is related (K-15)",
        (Send(tcp()),),
        both=FILTER.format(
            "-A FORWARD -p tcp -j REJECT\n"
            "-A OUTPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT\n-A OUTPUT -j DROP"
        ),
    ),
    Case(
        "a reject passes an output that accepts what is related",
        (Send(tcp()),),
        both=FILTER.format(
            "-A FORWARD -p tcp -j REJECT\n"
            "-A OUTPUT -m conntrack --ctstate RELATED -j ACCEPT\n-A OUTPUT -j DROP"
        ),
    ),
    Case(
        "the reset of a closed port is established (K-15)",
        (Send(tcp(dst=ROUTER, dport=81)),),
        both=FILTER.format("-A OUTPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT\n-A OUTPUT -j DROP"),
    ),
    *(
        Case(
            f"a lone packet with {name} and what conntrack calls it (K-19)",
            (Send(tcp(flags=flags)),),
            both=NOT_INVALID,
        )
        for name, flags in {
            "SYN": SYN,
            "ACK": ACK,
            "PSH ACK": PSH | ACK,
            "SYN ACK": SYN | ACK,
            "FIN ACK": FIN | ACK,
            "RST": RST,
            "RST ACK": RST | ACK,
            "nothing": TcpFlags(0),
            "FIN": FIN,
        }.items()
    ),
    Case(
        "a lone ACK is invalid without loose pickup",
        (Send(tcp(flags=ACK)),),
        both=NOT_INVALID,
        setup=("net.netfilter.nf_conntrack_tcp_loose=0",),
    ),
    Case(
        "what FORWARD drops has no entry (K-20)",
        (Send(tcp(dport=81)), Send(replace(back(tcp(dport=81), SYN | ACK)), from_server=True)),
        both=FILTER.format(
            "-A FORWARD -p tcp -m tcp --dport 81 -j DROP\n-A FORWARD -m conntrack --ctstate INVALID -j DROP"
        ),
    ),
    Case(
        "new is accepted, established is not (K-18)",
        (Send(tcp()), Answer(), Again(ACK)),
        both=FILTER.format("-A FORWARD -m conntrack --ctstate NEW -j ACCEPT\n-A FORWARD -j DROP"),
    ),
    Case(
        "a port that clashes without any snat rule is changed (K-7)",
        (Send(tcp(dst=VIP, dport=8080)), Send(tcp()), Answer()),
        both=NAT.format(DNAT),
    ),
    Case(
        "masquerade keeps a free port and changes one that is taken (K-8)",
        (Send(tcp()), Send(tcp(src=OTHER_CLIENT)), Answer()),
        both=NAT.format(MASQUERADE),
    ),
    Case(
        "a low port stays in its class (K-8)",
        (Send(udp(sport=500)), Send(udp(src=OTHER_CLIENT, sport=500)), Answer()),
        both=NAT.format(MASQUERADE),
    ),
    Case(
        "masquerade at random",
        (Send(tcp()), Answer(), Again(ACK)),
        both=NAT.format(f"{MASQUERADE} --random-fully"),
    ),
    Case(
        "echo keeps its id, and a taken one is changed",
        (Send(echo()), Answer(), Send(echo(src=OTHER_CLIENT)), Answer()),
        both=NAT.format(MASQUERADE),
    ),
    Case(
        "snat to a fixed address and port range",
        (Send(udp()), Answer(), Send(udp(src=OTHER_CLIENT)), Answer()),
        both=NAT.format("-A POSTROUTING -p udp -j SNAT --to-source 10.77.2.8:1000-1001"),
    ),
    Case(
        "redirect goes to the in device's first address (K-10)",
        (Send(tcp(dst=VIP, dport=8080)),),
        both=NAT.format("-A PREROUTING -p tcp -m tcp --dport 8080 -j REDIRECT --to-ports 81"),
    ),
    Case(
        "netmap keeps the host part",
        (Send(tcp(dst="10.96.0.3")), Answer()),
        both=NAT.format("-A PREROUTING -d 10.96.0.0/24 -j NETMAP --to 10.77.2.0/24"),
    ),
    Case(
        "an untracked packet is not translated",
        (Send(tcp(dst=VIP, dport=8080)), Send(tcp())),
        both="*raw\n-A PREROUTING -p tcp -j NOTRACK\nCOMMIT\n" + NAT.format(f"{DNAT}\n{MASQUERADE}"),
    ),
    Case(
        "a connection mark is restored on replies",
        (Send(tcp()), Answer(), Send(tcp(sport=40001)), Answer()),
        both="*mangle\n-A PREROUTING -p tcp -m tcp --sport 40000 -j CONNMARK --set-xmark 0x5/0xffffffff\n"
        "-A PREROUTING -j CONNMARK --restore-mark --nfmask 0xffffffff --ctmask 0xffffffff\n"
        "-A POSTROUTING -o in0 -m mark ! --mark 0x5 -j DROP\nCOMMIT\n",
    ),
    Case(
        "nat chains see replies of no connection (K-4)",
        (Send(tcp()), Answer(), Again(ACK)),
        both=NAT.format(f"-A PREROUTING -i out0 -j DNAT --to-destination {OTHER_CLIENT}"),
    ),
    Case(
        "the first nat chain that binds ends the hook (K-3)",
        TO_VIP,
        native=f"""
table ip one
base pre nat prerouting -100
ip daddr {VIP} tcp dport 8080 dnat to {SERVER}:80
table ip two
base pre nat prerouting -99
tcp dport 8080 drop
""",
    ),
    Case(
        "a nat chain that does not bind lets the next one drop",
        TO_VIP[:1],
        native="""
table ip one
base pre nat prerouting -100
tcp dport 81 dnat to 1.1.1.1
table ip two
base pre nat prerouting -99
tcp dport 8080 drop
""",
    ),
    Case(
        "a nat chain's priority sorts only among nat chains (K-2)",
        TO_VIP[:1],
        native=f"""
table ip one
base pre nat prerouting -190
ip daddr {VIP} tcp dport 8080 dnat to {SERVER}:80
base look filter prerouting -150
tcp dport 8080 drop
""",
    ),
    Case(
        "a filter chain behind -100 sees the translated packet",
        TO_VIP[:1],
        native=f"""
table ip one
base pre nat prerouting 0
ip daddr {VIP} tcp dport 8080 dnat to {SERVER}:80
base look filter prerouting -99
tcp dport 8080 drop
""",
    ),
    Case(
        "postrouting knows the in device of what is forwarded (K-22)",
        (Send(tcp()), Send(back(tcp(), SYN), from_server=True)),
        native="""
table ip t
base post filter postrouting 0
iifname "in0" drop
""",
    ),
    Case(
        "in output the in device has no name (K-22)",
        (Send(tcp(dst=ROUTER, dport=81)),),
        native="""
table ip t
base out filter output 0
iifname != "lo" drop
""",
    ),
    Case(
        "an untracked packet is not established (K-22)",
        (Send(tcp()), Send(udp())),
        native="""
table ip t
base raw filter prerouting -300
tcp dport 80 notrack
base forwarded filter forward 0
ct state != established drop
""",
    ),
    Case(
        "ct mark of a packet without a connection matches nothing (K-22)",
        (Send(tcp()), Send(udp())),
        native="""
table ip t
base raw filter prerouting -300
tcp dport 80 notrack
base forwarded filter forward 0
ct mark != 1 drop
""",
    ),
    Case(
        "dnat from a map of addresses and ports",
        TO_VIP,
        native=f"""
table ip t
map vips {{ typeof ip daddr . tcp dport : ip daddr . tcp dport
elements = {{ {VIP} . 8080 : {SERVER} . 80 }}
}}
base pre nat prerouting -100
dnat to ip daddr . tcp dport map @vips
""",
    ),
    Case(
        "verdict maps, jumps, goto and return",
        (Send(tcp()), Send(udp()), Send(echo()), Send(tcp(dport=81)), Send(tcp(dport=82))),
        native="""
table ip t
map kinds { type inet_proto : verdict; elements = { tcp : jump tcps, udp : goto udps, icmp : drop }; }
chain tcps
tcp dport 81 return
tcp dport 82 drop
accept
chain udps
return
base forwarded filter forward 0
meta l4proto vmap @kinds
drop
""",
    ),
    Case(
        "goto returns to the caller of the chain that it left",
        (Send(tcp()), Send(udp())),
        native="""
table ip t
chain b
meta l4proto udp return
accept
chain a
goto b
drop
base forwarded filter forward 0
jump a
drop
""",
    ),
    Case(
        "an inet table sees both families",
        (Send(tcp()), Send(tcp(src=CLIENT6, dst=SERVER6)), Send(udp(src=CLIENT6, dst=SERVER6))),
        native="""
table inet t
base forwarded filter forward 0
meta nfproto ipv6 tcp dport 80 drop
""",
    ),
    Case(
        "inet nat translates each family",
        (
            Send(tcp(src=CLIENT6, dst=VIP6, dport=8080)),
            Answer(),
            Send(tcp(dst=VIP, dport=8080)),
            Answer(),
            Again(ACK),
        ),
        native=f"""
table inet t
base pre nat prerouting -100
ip6 daddr {VIP6} tcp dport 8080 dnat ip6 to [{SERVER6}]:80
ip daddr {VIP} tcp dport 8080 dnat ip to {SERVER}:80
base post nat postrouting 100
oifname "out0" masquerade
""",
    ),
    Case(
        "reject with icmpx and tcp reset",
        (Send(tcp()), Send(udp()), Send(tcp(src=CLIENT6, dst=SERVER6)), Send(udp(src=CLIENT6, dst=SERVER6))),
        native="""
table inet t
base forwarded filter forward 0
meta l4proto tcp reject with tcp reset
reject
""",
    ),
    Case(
        "a dormant table is asleep",
        (Send(tcp()),),
        native="""
table ip t
flags dormant
base forwarded filter forward 0 drop
""",
    ),
    Case(
        "masquerade and errors in IPv6",
        (Send(tcp(src=CLIENT6, dst=VIP6, dport=8080)), Complain(source="fd77:2::9", code=(1, 3)), Answer()),
        both6=NAT.format(
            f"-A PREROUTING -d {VIP6}/128 -p tcp -j DNAT --to-destination [{SERVER6}]:80\n{MASQUERADE}"
        ),
    ),
    Case(
        "rules of iptables-nft and native ones are both there, once",
        (Send(tcp()), Send(udp())),
        both="*mangle\n-A FORWARD -p tcp -j MARK --set-xmark 0x1/0x1\nCOMMIT\n",
        native="""
table ip n
base forwarded filter forward 0
meta mark set meta mark ^ 1
meta mark 1 drop
""",
    ),
    Case(
        "marks, hop limits and addresses that rules set stay",
        (Send(tcp()), Send(udp())),
        native="""
table ip t
base pre filter prerouting -150
tcp dport 80 meta mark set 0x7
udp dport 53 ip daddr set 10.77.2.5
ip ttl set 33
base forwarded filter forward 0
meta mark 0x7 tcp dport set 8000
""",
    ),
    Case(
        "snat from maps of addresses and of prefixes",
        (Send(udp()), Answer(), Send(tcp(src=OTHER_CLIENT)), Answer()),
        native=f"""
table ip t
base post nat postrouting 100
meta l4proto udp snat to ip saddr map {{ {CLIENT} : 10.77.2.7, {OTHER_CLIENT} : 10.77.2.8 }}
meta l4proto tcp snat ip prefix to ip saddr map {{ 10.77.1.0/24 : 10.77.2.0/24 }}
""",
    ),
    Case(
        "a source without a way back is dropped",
        (Send(tcp()), Send(tcp(src="10.77.2.4"))),
        native="""
table inet t
base pre filter prerouting -300
fib saddr . iif oif missing drop
""",
    ),
    Case(
        "local addresses by their type",
        (Send(tcp(dst=ROUTER, dport=81)), Send(tcp())),
        native="""
table ip t
base pre filter prerouting -300
fib daddr type local drop
""",
    ),
    Case(
        "sets with timeouts, meters and ranges in a concatenation",
        (Send(tcp()), Send(udp())),
        native="""
table ip t
set seen { type ipv4_addr; flags dynamic,timeout; timeout 60s; }
base forwarded filter forward 0
update @seen { ip saddr limit rate 10/second burst 5 packets } counter
ip saddr . tcp dport { 10.77.1.0/24 . 80-90 } accept
drop
""",
    ),
)


def ruleset(text: str) -> str:
    """A file of nft: `base NAME TYPE HOOK PRIORITY [POLICY]` stands for a chain with its first line."""
    lines: list[str] = []
    depth = 0
    for line in filter(None, text.splitlines()):
        kind, *words = line.split()
        if kind in ("table", "chain", "base"):
            level = 0 if kind == "table" else 1
            lines += ["}"] * (depth - level)
            depth = level + 1
            lines.append(
                f"{kind if kind == 'table' else 'chain'} {' '.join(words if level == 0 else words[:1])} {{"
            )
            if kind == "base":
                policy = words[4] if len(words) > 4 else "accept"
                lines.append(f"type {words[1]} hook {words[2]} priority {words[3]}; policy {policy};")
        else:
            lines.append(line)
    return "\n".join([*lines, *["}"] * depth, ""])


RUNS = [
    pytest.param(case, engine, id=f"{case.name} [{engine}]")
    for case in CASES
    for engine in (("legacy", "nft") if case.both or case.both6 else ("nft",))
]


@pytest.mark.parametrize(("case", "engine"), RUNS)
def test_what_leaves_the_router_is_what_was_predicted(kernel: Kernel, case: Case, engine: str) -> None:
    router = kernel.lab.router
    clear(router)
    router.set_sysctls({"net.netfilter.nf_conntrack_tcp_loose": 1})
    for setting in case.setup:
        name, value = setting.split("=")
        router.set_sysctls({name: value})
    for family, text in ((4, case.both), (6, case.both6)):
        if text:
            kernel.lab.load(engine, family, text)
    if case.native:
        router.run("nft", "-f", "-", text=ruleset(case.native))
    ns = collected(router)
    stack = Stack(ns, Choices())
    model = Model(stack, {"client": kernel.lab.in_device, "server": kernel.lab.out_device})
    predicted = play(model, case.steps)
    assert not stack.choices.made, stack.choices.made
    real = play(kernel, case.steps)
    exact = not any(each.symbolic_port for each in stack.connections)
    assert shown(predicted, ports=exact) == shown(real, ports=exact), "\n".join(
        f"{step.kind} {step.where} {step.text} | {step.effect}" for step in stack.trace
    )
    if exact:
        assert model_entries(stack) == kernel_entries(router)
