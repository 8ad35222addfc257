"""The line of a printed table that a packet met."""

from collections.abc import Mapping, Sequence

import pytest

from kubectl_skoop.model.place import Place, Where
from kubectl_skoop.model.suspicion import Level, Suspicion
from kubectl_skoop.model.trace import StepKind, Trace
from kubectl_skoop.report.inspect.marks import Mark, Met, marks, table_of, table_of_finding

NODE = Place("node", "n1")
IPTABLES = """# iptables-nft
*nat
:POSTROUTING ACCEPT [0:0]
[0:0] -A POSTROUTING -j MASQUERADE
COMMIT
*filter
:FORWARD DROP [0:0]
:KUBE-FORWARD - [0:0]
[3:180] -A FORWARD -m comment --comment "-A FORWARD" -j KUBE-FORWARD
[0:0] -A FORWARD -j DROP
[0:0] -A KUBE-FORWARD -j ACCEPT
COMMIT
# ip6tables-nft
*filter
:FORWARD ACCEPT [0:0]
[0:0] -A FORWARD -j ACCEPT
[0:0] -A FORWARD -j DROP
# iptables-legacy
*filter
:FORWARD ACCEPT [0:0]
[0:0] -A FORWARD -j ACCEPT
[0:0] -A FORWARD -j DROP
""".splitlines()
NFT = """table ip filter {
    chain forward {
        type filter hook forward priority 0; policy drop;
        counter jump other # handle 3
        counter accept # handle 9
    }
    chain other {
        counter drop # handle 4
    }
}
table ip6 filter {
    chain forward {
        counter drop # handle 3
    }
}
""".splitlines()
LINKS = ["1: lo: <UP>", "    inet 127.0.0.1/8", "2: eth0@if3: <UP>", "    veth", "3: eth00: <UP>"]
ROUTES = ["10.0.0.0/24 dev eth0", "10.0.0.0/24 dev eth00", "10.0.0.0/24 dev eth0 metric 5"]
SOCKETS = [
    "Netid State Recv-Q Send-Q Local",
    "tcp LISTEN 0 128 0.0.0.0:80 0.0.0.0:*",
    "tcp LISTEN 0 128 0.0.0.0:8080 *:*",
]


def where(device: str = "", table: str = "", chain: str = "", rule: int = 0) -> Where:
    return Where(place=NODE, device=device, table=table, chain=chain, rule=rule)


def step(
    kind: StepKind = "rule",
    text: str = "",
    effect: str = "",
    tool: str = "",
    device: str = "",
    table: str = "",
    chain: str = "",
    rule: int = 0,
) -> Trace:
    return Trace(kind, where(device, table, chain, rule), text, effect, tool)


def finding(message: str, *evidence: str, at: Where) -> Suspicion:
    return Suspicion(code="a.b", level=Level.FATAL, where=at, message=message, evidence=evidence)


CASES: Mapping[str, tuple[str, Sequence[str], Sequence[Trace], Sequence[Suspicion], Mapping[int, Mark]]] = {
    "a rule of iptables, by its table, chain and number": (
        "iptables", IPTABLES,
        [step(tool="iptables-nft", table="filter", chain="FORWARD", rule=2, effect="drop")], [],
        {9: Mark("decided", "drop")},
    ),
    "a jump is passed": (
        "iptables", IPTABLES,
        [step(tool="iptables-nft", table="filter", chain="FORWARD", rule=1, effect="jump KUBE-FORWARD")], [],
        {8: Mark("passed", "jump KUBE-FORWARD")},
    ),
    "legacy's table is another": (
        "iptables", IPTABLES,
        [step(tool="iptables-legacy", table="filter", chain="FORWARD", rule=1, effect="accept")], [],
        {20: Mark("decided", "accept")},
    ),
    "the policy of a chain": (
        "iptables", IPTABLES,
        [step("policy", tool="iptables-nft", table="filter", chain="FORWARD", effect="drop")], [],
        {6: Mark("decided", "drop")},
    ),
    "the cause weighs more": (
        "iptables", IPTABLES,
        [step(tool="iptables-nft", table="filter", chain="FORWARD", rule=2, effect="drop")],
        [finding("it drops", "-A FORWARD -j DROP", at=where(table="filter", chain="FORWARD", rule=2))],
        {9: Mark("cause", "it drops"), 21: Mark("cause", "it drops")},
    ),
    "a rule of nftables": (
        "nftables", NFT,
        [step(tool="nft", table="filter", chain="forward", rule=2, effect="accept"),
         step(tool="nft", table="filter", chain="other", rule=1, effect="drop")], [],
        {4: Mark("decided", "accept"), 7: Mark("decided", "drop")},
    ),
    "the policy of nftables' chain": (
        "nftables", NFT, [step("policy", tool="nft", table="filter", chain="forward", effect="drop")], [],
        {2: Mark("decided", "drop")},
    ),
    "a device, and none whose name begins alike": (
        "links", LINKS, [step("device", "in by eth0", device="eth0")], [], {2: Mark("decided", "in by eth0")},
    ),
    "a route, with what the table says behind it": (
        "routes", ROUTES, [step("route", "10.0.0.0/24 dev eth0", "forwarded", table="main")], [],
        {0: Mark("decided", "forwarded"), 2: Mark("decided", "forwarded")},
    ),
    "a socket, by its whole address": (
        "sockets", SOCKETS, [step("socket", "LISTEN 0.0.0.0:80", "takes it", device="eth0")], [],
        {1: Mark("decided", "takes it")},
    ),
    "steps of other tables mark nothing": (
        "routes", ROUTES, [step("neighbour", "10.0.0.0/24 dev eth0")], [], {},
    ),
    "a step without text marks nothing": ("routes", ROUTES, [step("route", "")], [], {}),
    "the evidence of a cause": (
        "routes", ROUTES, [], [finding("wrong", "10.0.0.0/24 dev eth00", at=where(table="main"))],
        {1: Mark("cause", "wrong")},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("what", "lines", "steps", "causes", "wanted"), CASES.values(), ids=CASES)
def test_marks(
    what: str,
    lines: Sequence[str],
    steps: Sequence[Trace],
    causes: Sequence[Suspicion],
    wanted: Mapping[int, Mark],
) -> None:
    assert marks(what, lines, Met(steps, causes, {4})) == wanted


def test_the_rules_of_the_other_family_are_not_met() -> None:
    met = Met([step(tool="iptables-nft", table="filter", chain="FORWARD", rule=2, effect="drop")], [], {6})
    assert marks("iptables", IPTABLES, met) == {16: Mark("decided", "drop")}


def test_which_table_a_step_is_from() -> None:
    assert [table_of(step(tool=tool)) for tool in ("nft", "iptables-legacy")] == ["nftables", "iptables"]
    assert [table_of(step(kind)) for kind in ("route", "neighbour", "bridge", "conntrack", "nat")] == [
        "routes", "neighbours", "fdb", "", "",
    ]  # fmt: skip


def test_which_table_a_finding_is_about() -> None:
    assert table_of_finding(finding("", "-A X -j DROP", at=where(chain="X"))) == "iptables"
    assert table_of_finding(finding("", "policy drop", at=where(chain="X"))) == "nftables"
    assert table_of_finding(finding("", at=where(table="main"))) == "routes"
    assert table_of_finding(finding("", at=where(device="eth0"))) == "links"
    assert table_of_finding(finding("", at=where())) == ""
