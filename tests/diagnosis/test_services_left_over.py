"""Rules that no service has, rules of several modes, and rules that are not understood."""

import json
from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_address

import pytest

from kubectl_skoop.cluster.allow import prune
from kubectl_skoop.cluster.cluster import Cluster, PlainObjects
from kubectl_skoop.cluster.raw import Object
from kubectl_skoop.cluster.service import service_info
from kubectl_skoop.diagnosis.services.kube_proxy_config import node_port_addresses
from kubectl_skoop.diagnosis.services.left_over import Known
from kubectl_skoop.diagnosis.services.nftables import NftablesRules
from kubectl_skoop.diagnosis.services.present import obstacle, present
from kubectl_skoop.diagnosis.services.rules import Entry
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.netfilter.load import load_netfilter
from kubectl_skoop.netstack.netfilter.nft.ruleset import parse_ruleset
from tests.diagnosis.test_services import (
    DOOR,
    OUTSIDE,
    PLACE,
    service,
)
from tests.diagnosis.test_services_recorded import namespace as recorded_namespace
from tests.diagnosis.test_services_recorded import objects as recorded_objects
from tests.diagnosis.test_services_recorded import text as recorded_text


def made(
    *, legacy: str | None = None, native: str | None = None, nft: object = None, **fields: object
) -> NetworkNamespace:
    netfilter = load_netfilter(
        iptables_legacy=legacy,
        ip6tables_legacy=None,
        iptables_nft=native,
        ip6tables_nft=None,
        nft=nft,
        nft_raw=None,
        hook_order=None,
        gaps={},
    )
    ns = NetworkNamespace(id="n1", place=PLACE, node="n1", netfilter=netfilter)
    return replace(ns, **fields)  # type: ignore[arg-type]


def saved(rules: str) -> str:
    return f"*nat\n:PREROUTING ACCEPT [0:0]\n{rules}COMMIT\n"


NFT = json.loads(recorded_text("node2-nftables-v1.36.3"))
IPVS = recorded_namespace("node10", recorded_text("node10-ipvs-v1.36.3"))
PORTAL = "-A KUBE-SERVICES -d 10.96.0.10/32 -p tcp -m tcp --dport 80 -j SVC\n"


@pytest.mark.parametrize(
    ("ns", "configured", "used", "others"),
    [
        (made(), "", None, []),
        (made(native=saved("")), "", None, []),
        (made(native=saved(PORTAL)), "", "iptables", []),
        (made(nft=NFT), "", "nftables", []),
        (made(native=saved(PORTAL), nft=NFT), "", "nftables", ["those of iptables mode (iptables-nft)"]),
        (
            made(native=saved(PORTAL), nft=NFT),
            "iptables",
            "iptables",
            ["those of nftables mode (table ip kube-proxy)"],
        ),
        (
            made(native=saved(PORTAL), legacy=saved(PORTAL * 2)),
            "iptables",
            "iptables",
            ["those of iptables mode (iptables-nft)"],
        ),
    ],
    ids=[
        "no rules",
        "tables without rules of kube-proxy",
        "iptables",
        "nftables",
        "both, and more services in nftables",
        "both, and iptables is configured",
        "both back ends of iptables",
    ],
)
def test_which_rules_are_compared_where_there_are_several(
    ns: NetworkNamespace, configured: str, used: str | None, others: list[str]
) -> None:
    found = present(ns, 4, configured)
    assert (found.used.mode if found.used else None) == used
    assert [one.title for one in found.others] == others


@pytest.mark.parametrize(
    ("ns", "gap", "expected"),
    [
        (made(native=saved(PORTAL)), "nft", ""),
        (made(native=saved(PORTAL)), "ip6tables-legacy", "ip6tables-legacy could not be read"),
        (made(nft=NFT), "iptables-legacy", ""),
        (made(nft=NFT), "nft", "nft could not be read"),
        (made(), "nft", "nft could not be read"),
        (made(), "ipvs", "ipvs could not be read"),
        (made(), "arptables", ""),
        (
            recorded_namespace("node10", recorded_text("node10-ipvs-v1.36.3")),
            "ipset",
            "ipset could not be read",
        ),
    ],
)
def test_what_must_have_been_read(ns: NetworkNamespace, gap: str, expected: str) -> None:
    assert obstacle(replace(ns, gaps={gap: "failed"}), present(ns, 4).used) == expected


def cluster_of(*items: Object) -> Cluster:
    by_kind: dict[str, list[Object]] = {}
    for item in items:
        by_kind.setdefault(str(item["kind"]), []).append(item)
    return Cluster(PlainObjects(by_kind))


def entry(namespace: str, port: int = 80, address: str | None = "10.96.0.77") -> Entry:
    at = ip_address(address) if address else None
    return Entry(at, port, "tcp", f"{namespace}/gone" if namespace else "", "the rule")


def known(*items: Object) -> Known:
    services = [service_info(item) for item in items if item["kind"] == "Service"]
    return Known(cluster_of(*items), services)


NAMESPACE: Object = {"kind": "Namespace", "metadata": {"name": "default"}}


@pytest.mark.parametrize(
    ("namespace", "items", "expected"),
    [
        ("default", [service()], True),
        ("other", [service()], False),
        ("other", [service(), NAMESPACE], True),
        ("", [service()], False),
        ("", [service("kubernetes")], True),
    ],
    ids=[
        "of a namespace whose services are known",
        "of a namespace of which nothing is known",
        "of a namespace that is gone",
        "of nobody, and not all services need be known",
        "of nobody, and the API server's service is known",
    ],
)
def test_whether_a_rule_without_a_service_is_a_fault(
    namespace: str, items: Sequence[Object], expected: bool
) -> None:
    assert known(*items).should_have(entry(namespace)) is expected


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (entry("default", 80, "10.96.0.10"), True),
        (entry("default", 81, "10.96.0.10"), False),
        (entry("default", 30080, None), True),
        (entry("default", 80, None), False),
    ],
)
def test_addresses_and_ports_of_services(found: Entry, expected: bool) -> None:
    item = service(spec={"ports": [{"port": 80, "nodePort": 30080, "name": "p"}]})
    assert known(item).has(found) is expected


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ("mode: nftables\n", ""),
        ("nodePortAddresses: null\nmode: x\n", ""),
        ("nodePortAddresses: []\n", ""),
        ("nodePortAddresses:\n- 127.0.0.0/8\n- 10.0.0.0/8\nmode: x\n", "- 127.0.0.0/8\n- 10.0.0.0/8"),
        ('nodePortAddresses: ["primary"]\n', '["primary"]'),
    ],
)
def test_what_the_configuration_says_of_node_ports(config: str, expected: str) -> None:
    item: Object = {
        "kind": "ConfigMap",
        "metadata": {"name": "kube-proxy", "namespace": "kube-system"},
        "data": {"config.conf": config},
    }
    assert node_port_addresses(cluster_of(item)) == expected
    kept = prune({"apiVersion": "v1", **item})
    assert kept is not None
    assert node_port_addresses(cluster_of(kept)) == expected


def native(*rules: object) -> NftablesRules:
    """The chain `services`, with these statements in a rule each."""
    identity = {"family": "ip", "table": "kube-proxy"}
    listed: list[object] = [{"table": {"family": "ip", "name": "kube-proxy"}}]
    listed.append({"chain": identity | {"name": "services"}})
    listed += [{"rule": identity | {"chain": "services", "expr": rule}} for rule in rules]
    (table,) = parse_ruleset({"nftables": listed})
    return NftablesRules(table)


DADDR = {"payload": {"protocol": "ip", "field": "daddr"}}
PROTOCOL = {"meta": {"key": "l4proto"}}
DNAT = {"dnat": {"addr": "10.244.1.2", "port": 8080}}


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([DNAT], "10.244.1.2:8080"),
        ([{"match": {"op": "==", "left": DADDR, "right": "10.96.0.10"}}, DNAT], "10.244.1.2:8080"),
        ([{"match": {"op": "!=", "left": DADDR, "right": "10.96.0.10"}}, DNAT], "None"),
        ([{"match": {"op": "<", "left": DADDR, "right": "10.96.0.10"}}, DNAT], "unread"),
        ([{"match": {"op": "==", "left": {"meta": {"key": "iifname"}}, "right": "eth0"}}, DNAT], "unread"),
        (
            [{"match": {"op": "==", "left": PROTOCOL, "right": 6}}, DNAT],
            "10.244.1.2:8080",
        ),
        ([{"match": {"op": "==", "left": PROTOCOL, "right": "udp"}}, DNAT], "None"),
        ([{"limit": {"rate": 1, "per": "second"}}, DNAT], "unread"),
        ([{"dnat": {"addr": {"map": {"key": DADDR, "data": "@elsewhere"}}}}], "unread"),
        ([{"dnat": {"addr": "10.244.1.2"}}], "unread"),
        ([{"accept": None}], "None"),
        ([{"mangle": {"key": {"meta": {"key": "mark"}}, "value": 1}}], "unread"),
    ],
    ids=[
        "translated",
        "for the address",
        "for other addresses",
        "for smaller addresses",
        "for a device",
        "for a protocol by its number",
        "for another protocol",
        "limited",
        "by another map",
        "without a port",
        "accepted",
        "another mark",
    ],
)
def test_rules_of_nft_that_are_understood(statements: list[object], expected: str) -> None:
    (leaf,) = native(statements).follow(DOOR, OUTSIDE)
    assert ("unread" if leaf.unread else str(leaf.target)) == expected


def test_the_recorded_objects_are_those_of_the_rules() -> None:
    assert {item["kind"] for item in recorded_objects()} >= {"Service", "EndpointSlice", "Node"}
