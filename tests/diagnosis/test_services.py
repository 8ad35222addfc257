"""Services against kube-proxy's rules: recorded tables, rules by hand, objects of every shape."""

from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_address
from pathlib import Path

import pytest

from kubectl_skoop.cluster.cluster import Cluster, PlainObjects
from kubectl_skoop.cluster.node import NodeInfo
from kubectl_skoop.cluster.raw import Object
from kubectl_skoop.diagnosis.extension.context import Context
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.diagnosis.services.bounded import MAX_SERVICES
from kubectl_skoop.diagnosis.services.compare import compare_door
from kubectl_skoop.diagnosis.services.door import Door, Target
from kubectl_skoop.diagnosis.services.every import Compared, every_service
from kubectl_skoop.diagnosis.services.iptables import IptablesRules
from kubectl_skoop.diagnosis.services.meaning import Meaning, Wanted
from kubectl_skoop.diagnosis.services.sources import covers
from kubectl_skoop.model.place import Place
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.netfilter.iptables.save import SavedTable
from kubectl_skoop.netstack.netfilter.load import load_netfilter

DUMPS = Path(__file__).parents[1] / "data" / "iptables"
NODE = NodeInfo(
    {
        "metadata": {"name": "n1", "labels": {"topology.kubernetes.io/zone": "a"}},
        "status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.1"}]},
    }
)
PLACE = Place("node", "n1")
OUTSIDE = ip_address("192.0.2.1")
MakeContext = Callable[..., Context]


def service(
    name: str = "web",
    address: str = "10.96.0.10",
    port: int = 80,
    *,
    spec: Mapping[str, object] | None = None,
    **metadata: object,
) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "default", **metadata},
        "spec": {
            "clusterIP": address,
            "clusterIPs": [address],
            "ports": [{"port": port, "protocol": "TCP", "name": "p"}],
            **(spec or {}),
        },
    }


def endpoint(address: str, node: str = "n1", fields: Object | None = None) -> Object:
    return {"addresses": [address], "conditions": {"ready": True}, "nodeName": node, **(fields or {})}


def endpoint_slice(
    endpoints: Sequence[Object], name: str = "web", port: int = 8080, labels: Mapping[str, str] | None = None
) -> Object:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"{name}-1",
            "namespace": "default",
            "labels": {"kubernetes.io/service-name": name, **(labels or {})},
        },
        "addressType": "IPv4",
        "endpoints": endpoints,
        "ports": [{"name": "p", "port": port, "protocol": "TCP"}],
    }


def wanted(*objects: Object) -> list[Wanted]:
    by_kind: dict[str, list[Object]] = {"Service": [], "EndpointSlice": []}
    for item in objects:
        by_kind.setdefault(str(item["kind"]), []).append(item)
    return [*Meaning(Cluster(PlainObjects(by_kind))).of_node(NODE)]


def shown(targets: frozenset[Target]) -> list[str]:
    return sorted(str(target) for target in targets)


LOCAL: Mapping[str, object] = {"internalTrafficPolicy": "Local"}
GONE: Mapping[str, object] = {"conditions": {"ready": False, "serving": True, "terminating": True}}
NOT_READY: Mapping[str, object] = {"conditions": {"ready": False}}
A, B = "10.244.1.2", "10.244.2.2"


@pytest.mark.parametrize(
    ("spec", "endpoints", "expected"),
    [
        ({}, [endpoint(A), endpoint(B, "n2")], [f"{A}:8080", f"{B}:8080"]),
        ({}, [endpoint(A), endpoint(A)], [f"{A}:8080"]),
        ({}, [endpoint(A), endpoint(B, fields=NOT_READY)], [f"{A}:8080"]),
        ({}, [endpoint(A), endpoint(B, fields=GONE)], [f"{A}:8080"]),
        ({}, [endpoint(B, fields=GONE)], [f"{B}:8080"]),
        ({}, [endpoint(B, fields=NOT_READY)], []),
        (LOCAL, [endpoint(A), endpoint(B, "n2")], [f"{A}:8080"]),
        (LOCAL, [endpoint(A, fields=GONE), endpoint(B, "n2")], [f"{A}:8080"]),
        (LOCAL, [endpoint(B, "n2")], []),
    ],
    ids=[
        "all that are ready",
        "each once",
        "not those that are not ready",
        "not those that terminate beside ready ones",
        "those that terminate if there is nothing else",
        "none if none is ready",
        "with the policy Local those of the node",
        "of the node even if they terminate",
        "with the policy Local none of others",
    ],
)
def test_which_endpoints_a_node_uses(
    spec: Mapping[str, object], endpoints: list[Object], expected: list[str]
) -> None:
    (one,) = wanted(service(spec=spec), endpoint_slice(endpoints))
    assert shown(one.targets) == expected


def test_which_addresses_and_ports_a_service_has() -> None:
    spec = {
        "externalIPs": ["198.51.100.7"],
        "externalTrafficPolicy": "Local",
        "ports": [{"port": 80, "nodePort": 30080, "name": "p"}],
    }
    doors = wanted(service(spec=spec), endpoint_slice([endpoint(A), endpoint(B, "n2")]))
    assert [(str(one.door), shown(one.targets), one.masqueraded) for one in doors] == [
        ("10.96.0.10:80/tcp", [f"{A}:8080", f"{B}:8080"], False),
        ("198.51.100.7:80/tcp", [f"{A}:8080"], False),
        ("node port 30080/tcp", [f"{A}:8080"], False),
    ]


@pytest.mark.parametrize(
    ("ranges", "expected"),
    [
        ([], ()),
        (["192.0.2.0/24 ", "2001:db8::/32"], ("192.0.2.0/24",)),
        (["192.0.2.0/24", "0.0.0.0/0"], ()),
        (["2001:db8::/32"], ()),
    ],
    ids=["without ranges", "those of its family", "all addresses are as without", "none of its family"],
)
def test_which_addresses_of_a_load_balancer_nodes_serve_and_for_whom(
    ranges: list[str], expected: tuple[str, ...]
) -> None:
    ingress = [{"ip": "203.0.113.7", "ipMode": "VIP"}, {"ip": "203.0.113.8", "ipMode": "Proxy"}]
    balanced = {
        **service(spec={"type": "LoadBalancer", "loadBalancerSourceRanges": ranges}),
        "status": {"loadBalancer": {"ingress": ingress}},
    }
    doors = wanted(balanced, endpoint_slice([endpoint(A)]))
    assert [(str(one.door), one.ranges) for one in doors] == [
        ("10.96.0.10:80/tcp", ()),
        ("203.0.113.7:80/tcp", expected),
    ]


def test_a_load_balancer_for_pods_only_is_not_compared() -> None:
    balanced = {
        **service(spec={"type": "LoadBalancer", "loadBalancerSourceRanges": ["10.244.0.0/16"]}),
        "status": {"loadBalancer": {"ingress": [{"ip": "203.0.113.7"}]}},
    }
    _, door = wanted(balanced, endpoint_slice([endpoint(A)]))
    compared = compare_door(saved_rules(""), door, PLACE, ["10.244.0.0/16"])
    assert compared.findings == ()
    assert compared.unread == "no sender to try in its source ranges but pods: 10.244.0.0/16"


@pytest.mark.parametrize(
    "item",
    [
        service(address="None"),
        service(spec={"type": "ExternalName", "externalName": "example.org"}),
        service(labels={"service.kubernetes.io/service-proxy-name": "other"}),
        service(labels={"service.kubernetes.io/headless": ""}),
    ],
    ids=["a headless one", "an ExternalName", "one of another proxy", "one that is labelled as headless"],
)
def test_services_that_kube_proxy_leaves_alone(item: Object) -> None:
    assert wanted(item, endpoint_slice([endpoint(A)])) == []


def test_slices_that_kube_proxy_leaves_alone() -> None:
    hidden = endpoint_slice([endpoint(A)], labels={"service.kubernetes.io/headless": ""})
    assert [one.known for one in wanted(service(), hidden)] == [frozenset()]
    assert [shown(one.known) for one in wanted(service(), endpoint_slice([endpoint(A)]))] == [[f"{A}:8080"]]


def saved_rules(nat: str, filtered: str = "") -> IptablesRules:
    return IptablesRules(
        SavedTable("nat", 4, native=True, text=f"\n{nat}\n"),
        SavedTable("filter", 4, native=True, text=f"\n{filtered}\n"),
    )


CHAINS = """
-A KUBE-SERVICES -d 10.96.0.10/32 -p tcp -m comment --comment "default/web:p \\"cluster\\" IP" -m tcp --dport 80 -j SVC
-A SVC ! -s 10.244.0.0/16 -d 10.96.0.10/32 -p tcp -m tcp --dport 80 -j KUBE-MARK-MASQ
-A SVC -m statistic --mode random --probability 0.50000000000 -j SEP-A
-A SVC -j SEP-B
-A SEP-A -s 10.244.1.2/32 -j KUBE-MARK-MASQ
-A SEP-A -p tcp -m tcp -j DNAT --to-destination 10.244.1.2:8080
-A SEP-B -s 10.244.2.2/32 -j KUBE-MARK-MASQ
-A SEP-B -p tcp -m tcp -j DNAT --to-destination 10.244.2.2:8080
"""  # noqa: E501
REFUSED = "-A KUBE-SERVICES -d 10.96.0.10/32 -p tcp -m tcp --dport 80 -j REJECT\n"
DOOR = Door("cluster", ip_address("10.96.0.10"), 80, "tcp")


FIREWALL = (
    CHAINS.replace("10.96.0.10", "203.0.113.7").replace("-j SVC", "-j FW")
    + "-A FW -s 203.0.113.0/29 -j SVC\n-A FW -s 203.0.113.8/32 -j SVC\n"
)


@pytest.mark.parametrize(
    ("ranges", "address", "message"),
    [
        (["203.0.113.0/29"], "203.0.113.8", ""),
        (["203.0.113.0/29"], "203.0.113.7", "connections from 203.0.113.8 get in"),
        (["203.0.113.0/28"], "203.0.113.7", "connections from 203.0.113.15 do not get in"),
        (["203.0.113.1/32"], "203.0.113.8", "connections from 203.0.113.0 get in"),
    ],
    ids=["the balancer itself beside its ranges", "one too many", "one too few", "a range that is too large"],
)
def test_who_is_let_in_by_a_load_balancer(ranges: list[str], address: str, message: str) -> None:
    balanced = {
        **service(spec={"type": "LoadBalancer", "loadBalancerSourceRanges": ranges}),
        "status": {"loadBalancer": {"ingress": [{"ip": address}]}},
    }
    _, door = wanted(balanced, endpoint_slice([endpoint(A), endpoint(B, "n2")]))
    rules = saved_rules(FIREWALL.replace("203.0.113.7", address))
    found = [
        one for one in compare_door(rules, door, PLACE).findings if one.code != "service.missing-masquerade"
    ]
    assert [one.code for one in found] == (["service.wrong-source-ranges"] if message else [])
    assert all(message in one.message for one in found)


def test_the_ways_of_a_connection_with_shares_and_masquerade() -> None:
    leaves = saved_rules(CHAINS).follow(DOOR, OUTSIDE)
    assert [(str(leaf.target), leaf.share) for leaf in leaves] == [(f"{A}:8080", 0.5), (f"{B}:8080", 0.5)]
    masqueraded = {
        source: [leaf.masquerades(ip_address(source)) for leaf in leaves]
        for source in ("192.0.2.1", A, "10.244.9.9")
    }
    assert masqueraded == {"192.0.2.1": [True, True], A: [True, False], "10.244.9.9": [False, False]}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("", "", []),
        ("--probability 0.50000000000", "--probability 0.70000000000", ["service.wrong-share"]),
        ("--probability 0.50000000000", "--probability 0.50000000047", []),
        ("-A SVC -j SEP-B\n", "", ["service.missing-backend"]),
        ("10.244.2.2:8080", "10.244.2.2:8081", ["service.stale-endpoint"]),
        ("10.244.2.2:8080", "10.244.1.2:8080", ["service.missing-backend", "service.missing-masquerade"]),
        ("-A SEP-A -s 10.244.1.2/32 -j KUBE-MARK-MASQ\n", "", ["service.missing-masquerade"]),
        ("-d 10.96.0.10/32 -p tcp", "-d 10.96.0.10/32 -p udp", ["service.untranslated"]),
        ("-d 10.96.0.10/32 -p tcp", "-d 10.96.0.99/32 -p tcp", ["service.untranslated"]),
        ("--dport 80 -j SVC", "--dport 81 -j SVC", ["service.untranslated"]),
        ("-A SVC -j SEP-B", "-A SVC -j RETURN\n-A SVC -j SEP-B", ["service.missing-backend"]),
        ("-A SVC -j SEP-B", "-A SVC -j SVC", ["service.missing-backend"]),
        ("-A SVC -m stat", "-A SVC -m recent --rcheck --seconds 9 --reap -j SEP-A\n-A SVC -m stat", []),
    ],
    ids=[
        "as meant",
        "another probability",
        "a probability that is rounded",
        "a rule less",
        "another port",
        "one backend twice",
        "no mark for itself",
        "another protocol",
        "another address",
        "another service port",
        "a return before the last",
        "a loop",
        "session affinity",
    ],
)
def test_rules_that_differ(old: str, new: str, expected: list[str]) -> None:
    (one,) = wanted(service(), endpoint_slice([endpoint(A), endpoint(B)]))
    assert old in CHAINS
    compared = compare_door(saved_rules(CHAINS.replace(old, new) if old else CHAINS), one, PLACE)
    assert [finding.code for finding in compared.findings] == expected
    assert compared.unread == ""


def hinted(address: str, zones: str, nodes: str = "", node: str = "n1", ready: bool = True) -> Object:
    hints = {
        "forZones": [{"name": one} for one in zones],
        "forNodes": [{"name": one} for one in nodes.split()],
    }
    return endpoint(address, node, {"hints": hints, "conditions": {"ready": ready}})


@pytest.mark.parametrize(
    ("endpoints", "expected"),
    [
        ([hinted(A, "a"), hinted(B, "b")], [[A], [A, B]]),
        ([hinted(A, "ab"), hinted(B, "b")], [[A], [A, B]]),
        ([hinted(A, "b"), hinted(B, "b")], [[A, B]]),
        ([hinted(A, "a"), endpoint(B)], [[A, B]]),
        ([endpoint(A), hinted(B, "a")], [[A, B]]),
        ([hinted(A, "a"), endpoint(B, fields=NOT_READY)], [[A], [A]]),
        ([hinted(A, "a", "n1"), hinted(B, "a", "n2")], [[A], [A, B], [A, B]]),
        ([hinted(A, "a", "n3"), hinted(B, "a", "n2")], [[A, B], [A, B]]),
        ([hinted(A, "a", ready=False)], [[]]),
        ([endpoint(A, fields=GONE)], [[A], []]),
    ],
    ids=[
        "for the node's zone, or all by an older kube-proxy",
        "for several zones",
        "for no endpoint of the node's zone",
        "for some endpoints only",
        "for some endpoints only, not the first",
        "of the ready ones",
        "for the node before the zone",
        "for other nodes",
        "without a ready endpoint",
        "of those that terminate, or none by an older kube-proxy",
    ],
)
def test_sets_of_endpoints_of_which_a_node_uses_one(
    endpoints: list[Object], expected: list[list[str]]
) -> None:
    (one,) = wanted(service(), endpoint_slice(endpoints))
    assert [sorted(str(target.address) for target in targets) for targets in one.choices] == expected


@pytest.mark.parametrize(
    ("endpoints", "codes"),
    [
        ([hinted(A, "a"), hinted(B, "b")], []),
        ([hinted(A, "a"), hinted(B, "a")], ["service.missing-backend"]),
        ([hinted(A, "b"), hinted(B, "a")], ["service.missing-backend"]),
    ],
    ids=["one that is hinted", "one of two that are hinted", "the other one"],
)
def test_rules_for_one_endpoint_beside_hints(endpoints: list[Object], codes: list[str]) -> None:
    (one,) = wanted(service(), endpoint_slice(endpoints))
    only_a = CHAINS.replace("-A SVC -j SEP-B\n", "").replace(
        "-m statistic --mode random --probability 0.50000000000 ", ""
    )
    found = compare_door(saved_rules(only_a), one, PLACE).findings
    assert [finding.code for finding in found] == codes


def test_a_rule_that_is_not_understood_leaves_the_service_open() -> None:
    (one,) = wanted(service(), endpoint_slice([endpoint(A), endpoint(B)]))
    strange = "-A SVC -m length --length 40 -j SEP-A"
    compared = compare_door(saved_rules(CHAINS.replace("-A SVC -j SEP-B", strange)), one, PLACE)
    assert (compared.findings, compared.unread) == ((), strange)


def test_endpoints_that_are_left_in_the_rules_of_a_service_without_any() -> None:
    (one,) = wanted(service(), endpoint_slice([endpoint(A, fields=NOT_READY)]))
    (found,) = compare_door(saved_rules(CHAINS), one, PLACE).findings
    assert found.code == "service.stale-endpoint"
    assert "50% of connections are sent to 10.244.2.2:8080, no endpoint of it" in found.message


@pytest.mark.parametrize(
    ("filtered", "expected"),
    [
        (f"{REFUSED}-A FORWARD -j KUBE-SERVICES\n", []),
        (f"{REFUSED.replace('80', '81')}-A FORWARD -j KUBE-SERVICES\n", ["service.not-refused"]),
        (REFUSED, ["service.not-refused"]),
        ("", ["service.not-refused"]),
    ],
    ids=["refused", "another port is refused", "the rule is not reached", "not refused"],
)
def test_a_service_without_endpoints(filtered: str, expected: list[str]) -> None:
    (one,) = wanted(service())
    rules = saved_rules("-A KUBE-SERVICES -d 10.96.0.1/32 -j SVC\n", filtered)
    assert [finding.code for finding in compare_door(rules, one, PLACE).findings] == expected


@pytest.mark.parametrize(
    ("wanted_source", "address", "expected"),
    [("10.0.0.0/8", "10.1.1.1", True), ("!10.0.0.0/8", "10.1.1.1", False), ("", "10.1.1.1", True)],
)
def test_sources(wanted_source: str, address: str, expected: bool) -> None:
    assert covers(wanted_source, ip_address(address)) is expected


def namespace(text: str) -> NetworkNamespace:
    netfilter = load_netfilter(
        iptables_legacy=None,
        ip6tables_legacy=None,
        iptables_nft=text,
        ip6tables_nft=None,
        nft=None,
        nft_raw=None,
        hook_order=None,
        gaps={},
    )
    return NetworkNamespace(id="n1", place=PLACE, node="n1", netfilter=netfilter)


def node_object() -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "n1"},
        "status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.1"}]},
    }


def on_node(make_context: MakeContext, text: str, *objects: Object, mode: str = "") -> Compared:
    ctx = make_context((node_object(), *objects), {str(PLACE): namespace(text)}, Options(proxy_mode=mode))
    return every_service(ctx, ["n1"])


def recorded(*pods: str) -> list[Object]:
    """What the API server had when the tables were saved."""
    return [
        service(spec={"ports": [{"port": 80, "nodePort": 30080, "name": "p"}]}),
        endpoint_slice([endpoint(pod, f"n{number}") for number, pod in enumerate(pods, 1)]),
        service("kubernetes", "10.96.0.1", 443),
        endpoint_slice([endpoint("10.0.0.253")], "kubernetes", 6443),
    ]


EARLY, LATE = (A, B, "10.244.3.2"), ("10.244.1.17", "10.244.2.17", "10.244.3.16")
RECORDED = recorded(*EARLY)


@pytest.mark.parametrize(
    ("dump", "pods"),
    [("real-kn1-1.36.2.ipt", EARLY), ("real-kn1-1.20.2.ipt", EARLY), ("real-kn3.ipt", LATE)],
)
def test_what_kube_proxy_wrote_is_what_is_meant(
    make_context: MakeContext, dump: str, pods: tuple[str, ...]
) -> None:
    assert on_node(make_context, (DUMPS / dump).read_text(), *recorded(*pods)) == Compared()


def test_the_recorded_rules_are_really_read(make_context: MakeContext) -> None:
    text = (DUMPS / "real-kn1-1.36.2.ipt").read_text().replace("0.33333333349", "0.5")
    (found,) = on_node(make_context, text, *RECORDED).findings
    assert found.code == "service.wrong-share"
    assert "10.244.1.2:8080 gets 50.0% of connections, not 33.3%" in found.message


@pytest.mark.parametrize(
    ("mode", "codes", "reasons"),
    [
        ("iptables", ["service.no-rules"], []),
        ("ipvs", ["service.no-rules"], []),
        ("nftables", ["service.no-rules"], []),
        ("", [], ["proxy mode not known"]),
    ],
)
def test_a_node_without_rules(
    make_context: MakeContext, mode: str, codes: list[str], reasons: list[str]
) -> None:
    result = on_node(make_context, "", *RECORDED, mode=mode)
    assert [found.code for found in result.findings] == codes
    assert [fact.source for fact in result.facts] == reasons


def test_of_many_services_the_first_are_told(make_context: MakeContext) -> None:
    text = (DUMPS / "real-kn1-1.36.2.ipt").read_text()
    many = [service(f"s{number}", f"10.97.0.{number}") for number in range(1, 51)]
    slices = [endpoint_slice([endpoint(A)], f"s{number}") for number in range(1, 51)]
    found = on_node(make_context, text, *RECORDED, *many, *slices).findings
    assert [one.code for one in found] == ["service.untranslated"] * MAX_SERVICES
    assert found[-1].message.endswith("the same of 30 more service ports")
