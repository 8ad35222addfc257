"""The wish for a rule of iptables: found whatever its comment, and written where it belongs."""

from ipaddress import IPv4Address, IPv4Network

import pytest

from kubectl_skoop.diagnosis.expectations import expect
from kubectl_skoop.diagnosis.expectations.expectation import Expectation
from kubectl_skoop.model.place import Place
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.netfilter.iptables.save import parse_save
from kubectl_skoop.netstack.netfilter.types import Netfilter
from kubectl_skoop.netstack.routing.types import SCOPE_LINK, Nexthop, Route

SAVED = """*nat
:PREROUTING ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:MASQ - [0:0]
[1:60] -A POSTROUTING -m comment --comment "the CNI's" -j MASQ
[0:0] -A MASQ -d 10.0.0.0/8 -j RETURN
[2:90] -A MASQ -m comment --comment "all else" -j MASQUERADE --random-fully
COMMIT
"""


def node(saved: str = SAVED, legacy: str = "") -> NetworkNamespace:
    chains = [*parse_save(saved, 4, "iptables-nft"), *parse_save(legacy, 4, "iptables-legacy")]
    rules = Netfilter(base_chains=tuple(chains))
    return NetworkNamespace(id="n1/4:1", place=Place("node", "n1"), node="n1", netfilter=rules)


def lines(ns: NetworkNamespace, chain: str) -> list[str]:
    table = ns.netfilter.base_chains[0].table
    return [text for text in getattr(table, "text", "").split("\n") if f"-A {chain} " in text]


THERE = {
    "with another comment": expect.iptables("nat", "POSTROUTING", "-j MASQ", because="x"),
    "one of several": expect.iptables(
        "nat", "MASQ", "-j MASQUERADE", "-j MASQUERADE --random-fully", because="x"
    ),
}


@pytest.mark.parametrize("wish", THERE.values(), ids=THERE)
def test_a_rule_that_is_there_is_silent(wish: Expectation) -> None:
    assert wish.compare(node()) is None
    assert wish.compare(node("", SAVED)) is None, "in either back end"


def test_a_missing_rule_is_named_with_the_rest_of_its_chain() -> None:
    wish = expect.iptables(
        "nat", "MASQ", "-d 192.0.2.0/24 -j RETURN", first=True, because="the CNI writes it"
    )
    deviation = wish.compare(node())
    assert deviation is not None
    assert deviation.problem == "the rule `-A MASQ -d 192.0.2.0/24 -j RETURN` of table nat is missing"
    assert deviation.found[0] == "-A MASQ -d 10.0.0.0/8 -j RETURN"
    assert deviation.command == "iptables -t nat -I MASQ -d 192.0.2.0/24 -j RETURN"


@pytest.mark.parametrize(("first", "place"), [(True, 0), (False, 2)])
def test_mending_writes_it_before_or_behind_the_others(first: bool, place: int) -> None:
    wish = expect.iptables("nat", "MASQ", "-d 192.0.2.0/24 -j RETURN", first=first, because="x")
    mended = wish.mend(node())
    assert mended is not None
    assert wish.compare(mended) is None
    assert lines(mended, "MASQ")[place] == "-A MASQ -d 192.0.2.0/24 -j RETURN"


def test_mending_makes_a_chain_that_is_gone() -> None:
    wish = expect.iptables("nat", "MASQ", "-j MASQUERADE", because="x")
    empty = "*nat\n:POSTROUTING ACCEPT [0:0]\nCOMMIT\n"
    mended = wish.mend(node(empty))
    assert mended is not None
    assert wish.compare(mended) is None


def test_without_the_table_there_is_nothing_to_mend() -> None:
    wish = expect.iptables("nat", "MASQ", "-j MASQUERADE", because="x")
    bare = node("")
    assert wish.compare(bare) is not None
    assert wish.mend(bare) is None


def test_rules_that_could_not_be_read_are_not_missing() -> None:
    wish = expect.iptables("nat", "MASQ", "-j MASQUERADE", because="x")
    unread = NetworkNamespace(
        id="x", place=Place("node", "n1"), node="n1", gaps={"iptables-nft": "forbidden: no permission"}
    )
    deviation = wish.compare(unread)
    assert deviation is not None
    assert deviation.state == "unreadable"


def test_a_wish_without_a_rule_is_the_authors_mistake() -> None:
    with pytest.raises(TypeError, match="give a rule"):
        expect.iptables("nat", "MASQ", because="x")


def test_a_route_of_another_table_is_mended_by_the_main_tables_way_to_its_gateway() -> None:
    network = IPv4Network("10.0.0.0/24")
    connected = Route(destination=network, nexthops=(Nexthop(device=2),), scope=SCOPE_LINK)
    ns = NetworkNamespace(
        id="n1/4:1",
        place=Place("node", "n1"),
        node="n1",
        devices={2: Device(index=2, name="eth0")},
        routes=(connected,),
    )
    wish = expect.route("10.244.2.0/24", via="10.0.0.2", table=50, because="the agent adds it")
    mended = wish.mend(ns)
    assert mended is not None
    assert mended.routes[-1].table == 50
    assert mended.routes[-1].nexthops == (Nexthop(device=2, gateway=IPv4Address("10.0.0.2")),)
