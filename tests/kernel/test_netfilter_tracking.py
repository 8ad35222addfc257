"""Where conntrack runs (K-5), and hooks of equal priority (K-1), against the kernel."""

from collections.abc import Iterator
from ipaddress import ip_address

import pytest

from kubectl_skoop.collect.agent import collect_node
from kubectl_skoop.model.packet import Packet, Passage
from kubectl_skoop.model.place import Place
from kubectl_skoop.model.verdict import Choices
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.netfilter.outcome import Passed
from kubectl_skoop.netstack.netfilter.traverse import traverse
from kubectl_skoop.netstack.netfilter.types import Hook
from kubectl_skoop.netstack.stack import Stack
from kubectl_skoop.snapshot.decode import decode_namespace
from kubectl_skoop.testing.netns import Namespace
from kubectl_skoop.testing.rule_lab import FAR_NET, NET, ROUTER_MAC, SENDER_MAC, RuleLab, rule_lab

pytestmark = pytest.mark.kernel

TABLES = ("raw", "mangle", "nat", "filter")


@pytest.fixture
def lab() -> Iterator[RuleLab]:
    """A namespace of its own: what was switched on once stays on for a while."""
    with rule_lab() as made:
        yield made


def collected(router: Namespace) -> NetworkNamespace:
    dump = collect_node("router", router.path, {})
    return decode_namespace(dump.namespaces[0], dump.node, Place("node", dump.node))


def datagram(family: int) -> Packet:
    src, dst = (f"{net[family]}{'.' if family == 4 else ':'}2" for net in (NET, FAR_NET))
    return Packet(
        src=ip_address(src),
        dst=ip_address(dst),
        protocol=17,
        sport=4000,
        dport=53,
        src_mac=SENDER_MAC,
        dst_mac=ROUTER_MAC,
    )


IPTABLES = (
    ("no rule", "*filter\nCOMMIT\n"),
    ("a nat table without rules", "*nat\nCOMMIT\n"),
    ("a filter rule without conntrack", "*filter\n-A FORWARD -p udp -j ACCEPT\nCOMMIT\n"),
    ("NOTRACK only", "*raw\n-A PREROUTING -p tcp -j CT --notrack\nCOMMIT\n"),
    ("a CT zone", "*raw\n-A PREROUTING -p tcp -j CT --zone 3\nCOMMIT\n"),
    ("a state match", "*filter\n-A FORWARD -m state --state NEW\nCOMMIT\n"),
    (
        "a state match that nothing refers to",
        "*filter\n:unused -\n-A unused -m conntrack --ctstate NEW\nCOMMIT\n",
    ),
    ("a connection mark", "*mangle\n-A FORWARD -p tcp -j CONNMARK --save-mark\nCOMMIT\n"),
    ("a connmark match", "*mangle\n-A FORWARD -m connmark --mark 0x1\nCOMMIT\n"),
    ("a masquerade that never matches", "*nat\n-A POSTROUTING -o lo -j MASQUERADE\nCOMMIT\n"),
    ("a redirect", "*nat\n-A PREROUTING -p tcp -j REDIRECT\nCOMMIT\n"),
    ("a comment that looks like one", '*filter\n-A FORWARD -m comment --comment "-m state"\nCOMMIT\n'),
)
FORWARD = "chain fw1 {{ type filter hook forward priority 0; {} ; }}"
NATIVE = (
    ("ct state", FORWARD.format("ct state new")),
    ("ct mark set", FORWARD.format("ct mark set 1")),
    ("a counter", FORWARD.format("counter")),
    ("notrack", "chain raw1 { type filter hook prerouting priority -300; tcp dport 80 notrack ; }"),
    ("an empty nat chain", "chain pre { type nat hook prerouting priority -100; }"),
    ("a nat chain that accepts", "chain pre { type nat hook prerouting priority -100; accept ; }"),
    ("masquerade", 'chain post { type nat hook postrouting priority 100; oifname "lo" masquerade ; }'),
    ("a chain that nothing refers to", "chain unused { ct state new ; }"),
    ("a map of states", FORWARD.format("ct state vmap { invalid : drop }")),
)
CASES = [
    *(
        pytest.param("", engine, text, id=f"{name} [iptables-{engine}]")
        for name, text in IPTABLES
        for engine in ("legacy", "nft")
    ),
    *(
        pytest.param(family, "", text, id=f"{name} [nft {family}]")
        for name, text in NATIVE
        for family in ("ip", "inet")
    ),
]


@pytest.mark.parametrize(("table", "engine", "text"), CASES)
def test_conntrack_has_entries_where_it_is_said_to_run(
    lab: RuleLab, table: str, engine: str, text: str
) -> None:
    if engine:
        lab.load(engine, 4, text)
    else:
        lab.router.run("nft", "-f", "-", text=f"table {table} t {{\n{text}\n}}\n")
    families = collected(lab.router).netfilter.conntrack_families
    for family in (4, 6):
        lab.send(datagram(family))
    entries = {each.original.src.version for each in collected(lab.router).conntrack}
    assert families == entries


def test_the_kernels_order_at_equal_priority_is_among_the_predicted(lab: RuleLab) -> None:
    """Two tools at -150: whichever came last runs first, and that shows in no listing of rules."""
    native = (
        "table ip t { chain pre { type filter hook prerouting priority -150; meta mark 1 counter drop; }\n}"
    )
    legacy = "*mangle\n-A PREROUTING -j MARK --set-mark 1\nCOMMIT\n"
    kernel, predicted = set(), set()
    for native_first in (True, False):
        lab.router.run("nft", "flush", "ruleset")
        if native_first:
            lab.router.run("nft", "-f", "-", text=native)
            lab.load("legacy", 4, legacy)
        else:
            lab.load("legacy", 4, legacy)
            lab.router.run("nft", "-f", "-", text=native)
        lab.send(datagram(4))
        kernel.add("packets 1" in lab.router.run("nft", "list", "ruleset"))
        ns = collected(lab.router)
        for answer in (0, 1):
            stack = Stack(ns, Choices(script=(answer,)))
            end = traverse(stack, Hook.PREROUTING, datagram(4), Passage(), indev=lab.in_device, outdev=0)
            predicted.add(not isinstance(end, Passed))
        lab.load("legacy", 4, "*mangle\nCOMMIT\n")
    assert kernel <= predicted
