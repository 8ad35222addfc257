"""Which rules switch connection tracking on, though no packet reaches them (K-5)."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from kubectl_skoop.netstack.netfilter.iptables.tracking import needs_conntrack
from kubectl_skoop.testing.rule_lab import DATAGRAM, SENTINEL, RuleLab, rule_lab

pytestmark = pytest.mark.kernel

RULES = (
    ("filter", "-m conntrack --ctstate NEW"),
    ("filter", "-m state --state NEW"),
    ("filter", "-m connmark --mark 1"),
    ("filter", "-m connbytes --connbytes 1 --connbytes-mode packets --connbytes-dir both"),
    ("filter", "-m connlimit --connlimit-above 3"),
    ("filter", "-m helper --helper ftp"),
    ("filter", "-m connlabel --label 1"),
    ("filter", "-p tcp -m cluster --cluster-total-nodes 2 --cluster-local-node 1 --cluster-hash-seed 1"),
    ("filter", "-m mark --mark 1"),
    ("filter", "-m socket"),
    ("filter", "-m recent --set"),
    ("filter", "-m addrtype --dst-type LOCAL"),
    ("filter", "-m statistic --mode random --probability 0.5"),
    ("filter", "-m hashlimit --hashlimit-upto 1/s --hashlimit-name x"),
    ("filter", "-m physdev --physdev-in x"),
    ("filter", '-m comment --comment "-m state -j CT"'),
    ("filter", "-j CONNMARK --set-mark 1"),
    ("filter", "-j REJECT"),
    ("filter", "-j LOG"),
    ("filter", "-j NFQUEUE"),
    ("raw", "-j CT --notrack"),
    ("raw", "-j CT --zone 3"),
    ("raw", "-j CT"),
    ("raw", "-j NOTRACK"),
    ("raw", "-j TRACE"),
    ("raw", "-m rpfilter"),
    ("mangle", "-p tcp -j TPROXY --on-port 3"),
    ("mangle", "-j CLASSIFY --set-class 1:1"),
    ("mangle", "-j CONNSECMARK --save"),
    ("nat", "-j ACCEPT"),
    ("nat", "-p tcp -j DNAT --to-destination 10.77.1.9"),
    ("nat", "-j SNAT --to-source 10.77.1.9"),
    ("nat", "-j MASQUERADE"),
    ("nat", "-p tcp -j REDIRECT --to-ports 3"),
    ("nat", "-j NETMAP --to 10.0.0.0/24"),
)


@pytest.fixture(scope="module")
def lab() -> Iterator[RuleLab]:
    with rule_lab() as made:
        yield made


@pytest.mark.parametrize(("table", "rule"), RULES, ids=[rule for _, rule in RULES])
@pytest.mark.parametrize("engine", ["legacy", "nft"])
def test_conntrack_runs_exactly_where_a_loaded_rule_needs_it(
    lab: RuleLab, engine: str, table: str, rule: str
) -> None:
    lab.router.run("conntrack", "-F")
    tables = {table: [":UNUSED - [0:0]", f"-A UNUSED {rule}"]}
    tables.setdefault("filter", []).append(f"-A FORWARD -m comment --comment {SENTINEL}")
    lab.load(
        engine, 4, "".join("\n".join((f"*{name}", *lines, "COMMIT\n")) for name, lines in tables.items())
    )
    try:
        loaded = [line for line in lab.save(engine, 4).splitlines() if line.startswith("-A ")]
        before = lab.counts(engine, 4)
        lab.send(replace(DATAGRAM, sport=53, dport=1000))
        lab.matched(engine, 4, before, next(n for n, line in enumerate(loaded) if SENTINEL in line))
        tracked = lab.router.run("conntrack", "-C").strip() != "0"
        assert needs_conntrack(lab.save(engine, 4)) == tracked
    finally:
        lab.load(engine, 4, "".join(f"*{name}\nCOMMIT\n" for name in tables))
