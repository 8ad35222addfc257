"""Packets through hooks, conntrack and NAT of a router with iptables, against the kernel."""

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address

import pytest

from kubectl_skoop.model.packet import Packet, TcpFlags
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
    Send,
    back,
    echo,
    real_router,
    tcp,
    udp,
)
from tests.kernel.router_case import DNAT, FILTER, MASQUERADE, NAT, TO_VIP, Case, judge, runs

pytestmark = pytest.mark.kernel


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    with real_router() as made:
        yield made


HANDSHAKE = (Send(tcp()), Answer(), Again(ACK), Answer(ACK), Again(FIN | ACK), Answer(RST))
NO_PORTS = Packet(src=ip_address(CLIENT), dst=ip_address(SERVER), protocol=99)
NOT_INVALID = FILTER.format("-A FORWARD -m conntrack --ctstate INVALID -j DROP")

CASES = (
    Case(
        "masquerade takes the out device's address, replies are undone (K-68)",
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
        "masquerade at random (K-70)",
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
        "masquerade and errors in IPv6",
        (Send(tcp(src=CLIENT6, dst=VIP6, dport=8080)), Complain(source="fd77:2::9", code=(1, 3)), Answer()),
        both6=NAT.format(
            f"-A PREROUTING -d {VIP6}/128 -p tcp -j DNAT --to-destination [{SERVER6}]:80\n{MASQUERADE}"
        ),
    ),
)


@pytest.mark.parametrize(("case", "engine"), runs(CASES))
def test_what_leaves_the_router_is_what_was_predicted(kernel: Kernel, case: Case, engine: str) -> None:
    judge(kernel, case, engine)
