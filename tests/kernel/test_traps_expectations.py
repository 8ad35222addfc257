"""What a helper expects is RELATED: the kernel reads FTP, and the agent its expectations."""

import pytest

from kubectl_skoop.testing.trap import Trap, differences, trap
from kubectl_skoop.testing.trap_flow import parse_flow
from kubectl_skoop.testing.trap_lab import Collected, trap_lab
from kubectl_skoop.testing.trap_networks import ROUTED, awaited
from kubectl_skoop.testing.trap_walk import predict

pytestmark = pytest.mark.kernel

TALK = "; ".join(
    (
        "import socket",
        "s = socket.create_connection(('10.2.0.2', 21))",
        r"s.send(b'USER me\r\n')",
        "s.recv(9)",
        r"s.send(b'PORT 10,1,0,2,200,1\r\n')",
        "s.recv(9)",
    )
)
RELATED = """
r: $ iptables-nft -t raw -A PREROUTING -p tcp --dport 21 -j CT --helper ftp
r: $ iptables-nft -A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
r: $ iptables-nft -A FORWARD -p tcp --dport 21 -j ACCEPT
r: $ iptables-nft -A FORWARD -p tcp -j DROP
a: listen tcp 51201
"""
SERVE = "; ".join(
    (
        "import socket",
        "c, _ = socket.create_server(('', 21)).accept()",
        "[c.send(b'2') for _ in iter(lambda: c.recv(99), b'')]",
    )
)
LISTENS = awaited("b", '[ -n "$(ss -Hltn sport = :21)" ]')
ASKED = f"""
b: $ timeout 60 python3 -c "{SERVE}" >/dev/null 2>&1 &
{LISTENS}
a: $ python3 -c "{TALK}"
"""
"""`a` waits for data at 200 · 256 + 1; a helper looks behind the end of a line that it has seen."""
DATA, SERVED = "b tcp 10.1.0.2:51201", "answer, a sees 10.2.0.2"
MASQUERADED = "\nr: $ iptables-nft -t nat -A POSTROUTING -s 10.1.0.2 -j MASQUERADE\n"


def by_helper(rule: str) -> str:
    """Data are let through by what the rule says of the helper alone."""
    return RELATED.replace("-m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT", rule) + (
        "r: $ iptables-nft -I FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT\n" + ASKED
    )


def by_ct_helper(name: str) -> str:
    """The same as a native rule; `nft` asks for the name of the other connection's helper, too."""
    chain = "{ type filter hook forward priority 0; policy accept; }"
    rules = (
        "ct state established accept",
        f'ct helper \\"{name}\\" accept',
        "tcp dport 21 accept",
        "meta l4proto tcp drop",
    )
    added = "; ".join(f"add rule inet t c {rule}" for rule in rules)
    first = RELATED.strip().splitlines()[0]
    listening = RELATED.strip().splitlines()[-1]
    return f'{first}\nr: $ nft "add table inet t; add chain inet t c {chain}; {added}"\n{listening}\n{ASKED}'


TRAPS = (
    trap("-m helper", ROUTED, by_helper("-m helper --helper ftp -j ACCEPT"), {DATA: SERVED}),
    trap("-m helper, of any", ROUTED, by_helper("-m helper --helper '' -j ACCEPT"), {DATA: SERVED}),
    trap("-m helper, another", ROUTED, by_helper("-m helper --helper sip -j ACCEPT"), {DATA: "timeout"}),
    trap(
        "-m helper, a longer name",
        ROUTED,
        by_helper("-m helper --helper ftp-2121 -j ACCEPT"),
        {DATA: SERVED},
    ),
    trap("-m helper, none but", ROUTED, by_helper("-m helper ! --helper sip -j ACCEPT"), {DATA: SERVED}),
    trap("ct helper", ROUTED, by_ct_helper("ftp"), {DATA: SERVED, "b tcp 10.1.0.2": "timeout"}),
    trap("ct helper, another", ROUTED, by_ct_helper("sip"), {DATA: "timeout"}),
    trap("a helper expects it", ROUTED, RELATED + ASKED, {DATA: SERVED, "b tcp 10.1.0.2": "timeout"}),
    trap("nobody asked for it", ROUTED, RELATED, {DATA: "timeout"}),
    trap(
        "expected from another address",
        ROUTED,
        RELATED + ASKED,
        {"r tcp 10.1.0.2:51201": "answer, a sees 10.1.0.1"},
    ),
    trap(
        "the mark of the connection that it belongs to",
        ROUTED,
        RELATED.replace("-p tcp -j DROP", "-m connmark ! --mark 5 -j DROP")
        + "r: $ iptables-nft -t mangle -A PREROUTING -p tcp --dport 21 -j CONNMARK --set-mark 5\n"
        + ASKED,
        {DATA: SERVED},
    ),
    trap(
        "what the helper translates",
        ROUTED,
        RELATED + MASQUERADED + ASKED,
        {"b tcp 10.2.0.1:51201": f"{SERVED} | unknown"},
    ),
)


@pytest.mark.parametrize("tested", TRAPS, ids=lambda one: one.title)
def test_the_walk_says_what_the_kernel_does(tested: Trap) -> None:
    assert not differences(tested)


@pytest.mark.parametrize(
    ("flow", "unknown"), [(DATA, True), ("a tcp 10.2.0.2", True), ("b tcp 10.1.0.1", False)]
)
def test_what_is_expected_is_unknown_of_an_older_agent(flow: str, unknown: bool) -> None:
    """It did not ask, and a helper reads a connection of the receiver; `r` has no part in it."""
    with trap_lab(ROUTED, RELATED + ASKED) as lab:
        dump = lab.dump()
    namespaces = tuple(
        one._replace(tables={name: table for name, table in one.tables.items() if name != "expectations"})
        for one in dump.namespaces
    )
    walked = predict(Collected.of(dump._replace(namespaces=namespaces)), parse_flow(flow))
    assert any("what ftp expects for the connection from 10.1.0.2" in way for way in walked) == unknown
