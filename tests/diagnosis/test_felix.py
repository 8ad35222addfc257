"""The rules that Felix writes for policies, whole and with faults, held against what is meant."""

import re
from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Address, ip_address, ip_network
from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings

from kubectl_skoop.cluster.objects import Object
from kubectl_skoop.cluster.policy.address import address_at
from kubectl_skoop.cluster.policy.interval import contains
from kubectl_skoop.cluster.policy.port import PROTOCOLS, port_at
from kubectl_skoop.cluster.policy.universe import PeerSet
from kubectl_skoop.diagnosis.extension.registry import set_up
from kubectl_skoop.diagnosis.policies.calico import compare, meaning
from kubectl_skoop.diagnosis.policies.calico import written as written_of
from kubectl_skoop.diagnosis.policies.check import EveryPolicy
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.model.packet import Packet, Passage, Protocol, TcpFlags
from kubectl_skoop.model.place import Place
from kubectl_skoop.model.verdict import Choices
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.ipset.save import parse_ipsets
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.netfilter.load import load_netfilter
from kubectl_skoop.netstack.netfilter.outcome import Passed
from kubectl_skoop.netstack.netfilter.traverse import traverse
from kubectl_skoop.netstack.netfilter.types import Hook
from kubectl_skoop.netstack.routing.types import Nexthop, Route
from kubectl_skoop.netstack.stack import Stack
from tests.cluster.policy.random_clusters import PORTS, Random, clusters
from tests.cluster.policy.test_calico import V3, allow, deny, gnp, np, tier
from tests.cluster.policy.world import World, namespace, pod, policy
from tests.diagnosis.conftest import MakeContext
from tests.diagnosis.felix import Felix

Break = Callable[[str], str]
NODE = "n1"
OBJECTS: list[Object] = [
    namespace("shop", team="red"),
    namespace("mail", team="blue"),
    pod("shop/a", "10.0.0.1", {"app": "a"}, [("http", 8080, "TCP")], nodeName=NODE),
    pod("shop/b", "10.0.0.2", {"app": "b"}, nodeName=NODE),
    pod("mail/c", "10.0.0.3", {"app": "b"}, [("http", 9090, "TCP")], nodeName="n2"),
    {"apiVersion": V3, "kind": "IPPool", "metadata": {"name": "p"}, "spec": {"cidr": "10.0.0.0/16"}},
    tier("sec", 100),
    gnp(
        "sec.p", tier="sec", order=1, ingress=[deny(source={"nets": ["203.0.113.0/24"]}), {"action": "Pass"}]
    ),
    np(
        "shop/p",
        selector="app == 'a'",
        ingress=[
            allow(protocol="TCP", source={"selector": "app == 'b'"}, destination={"ports": [80, "90:95"]})
        ],
        egress=[
            allow(protocol="UDP", destination={"ports": [53]}),
            deny(destination={"nets": ["198.51.100.0/24"]}),
            allow(),
        ],
        types=["Ingress", "Egress"],
    ),
    policy(
        "NetworkPolicy",
        "shop/k",
        {
            "podSelector": {"matchLabels": {"app": "a"}},
            "ingress": [
                {
                    "from": [{"namespaceSelector": {"matchLabels": {"team": "blue"}}}],
                    "ports": [{"port": "http"}],
                }
            ],
        },
    ),
]
AGENT: Object = {
    "apiVersion": "apps/v1",
    "kind": "DaemonSet",
    "metadata": {"name": "calico-node", "namespace": "kube-system"},
}


def felix(world: World, node: str = NODE) -> tuple[str, str, dict[str, str]]:
    """The rules, the sets, and the devices by address."""
    (wanted,) = meaning(world.cluster, world.policies)
    devices = {at: f"cali{at}" for at in wanted.on_node.get(node, ())}
    rules, sets = Felix(wanted.universe, world.policies, devices).written()
    return rules, sets, {str(IPv4Address(wanted.party(at).address)): name for at, name in devices.items()}


def node_of(rules: str, sets: str, devices: dict[str, str], node: str = NODE) -> NetworkNamespace:
    netfilter = load_netfilter(
        iptables_legacy=None,
        ip6tables_legacy=None,
        iptables_nft=rules,
        ip6tables_nft=None,
        nft=None,
        nft_raw=None,
        hook_order=None,
        gaps={},
    )
    links = {at: Device(index=at, name=name, kind="veth") for at, name in enumerate(devices.values(), 5)}
    routes = tuple(
        Route(destination=ip_network(address), nexthops=(Nexthop(device=at),))
        for at, address in enumerate(devices, 5)
    )
    place = Place("node", node)
    return NetworkNamespace(
        id=node,
        place=place,
        node=node,
        netfilter=netfilter,
        ipsets=parse_ipsets(sets),
        devices=links,
        routes=routes,
    )


@settings(max_examples=60, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(clusters())
def test_what_is_written_for_random_policies_is_what_they_mean(random: Random) -> None:
    world = World(random.objects)
    wanted = meaning(world.cluster, world.policies)
    for at in range(5 if wanted else 0):
        compared = compare(node_of(*felix(world, f"n{at}"), f"n{at}"), wanted)
        assert not compared.findings
        assert not compared.not_read


@settings(max_examples=15, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(clusters())
def test_and_the_walk_agrees(random: Random) -> None:
    """Of new connections from everybody to the pods of a node, by the hook that they pass there."""
    world = World(random.objects)
    for wanted, at in (
        (one, at) for one in meaning(world.cluster, world.policies) for at in range(len(one.universe.parties))
    ):
        party = wanted.party(at)
        pod = world.cluster.pod(party.name)
        ns = node_of(*felix(world, pod.node), pod.node)
        device = next(one.index for one in ns.devices.values() if one.name == f"cali{at}")
        judged, _ = wanted.judged(at, "ingress")
        for side, port, (name, number) in product(random.sides, PORTS, PROTOCOLS.items()):
            sender = ip_address(side.address)
            if side.name == party.name or sender.version == 6 or side.host_network:
                continue
            peer = wanted.universe.in_block(((address_at(sender),) * 2,))
            asked = PeerSet(peer, () if peer else ((address_at(sender),) * 2,))
            meant = any(
                contains(area.ports, port_at(number, port)) and area.peers & asked for area in judged.allowed
            )
            packet = Packet(
                src=sender,
                dst=pod.addresses[0],
                protocol=Protocol(number),
                sport=40000,
                dport=port,
                flags=TcpFlags.SYN if name == "TCP" else TcpFlags(0),
            )
            stack, passage = Stack(ns=ns, choices=Choices()), Passage(iif=99)
            traverse(stack, Hook.PREROUTING, packet, passage, indev=99, outdev=0)
            end = traverse(stack, Hook.FORWARD, packet, passage, indev=99, outdev=device)
            flow = (side.name or side.address, party.name, port, name)
            assert isinstance(end, Passed) == meant, flow


def as_written(item: Object) -> Object:
    """Before it was cut down."""
    kind = str(item["kind"])
    return {**item, "kind": kind.removeprefix("Calico"), "apiVersion": V3} if "Calico" in kind else item


def told(make_context: MakeContext, rules: Break, sets: Break, *more: Object) -> list[tuple[str, str]]:
    world = World([*OBJECTS, *more])
    written, members, devices = felix(world)
    broken = rules(written), sets(members)
    items = [*map(as_written, (*OBJECTS, *more)), AGENT]
    namespaces = {f"node/{NODE}": node_of(*broken, devices)}
    found = EveryPolicy(set_up(make_context(items, namespaces, Options(network_plugin="calico"))))
    found.compare(NODE)
    return [
        *((one.code, one.message) for one in found.findings()),
        *((one.name, f"{one.value}: {one.source}") for one in found.facts()),
    ]


def same(text: str) -> str:
    return text


def without(pattern: str) -> Break:
    def broken(text: str) -> str:
        changed = re.sub(pattern, "", text, count=1, flags=re.MULTILINE)
        assert changed != text
        return changed

    return broken


def instead(pattern: str, by: str) -> Break:
    def broken(text: str) -> str:
        changed = re.sub(pattern, by, text, count=1, flags=re.MULTILINE)
        assert changed != text
        return changed

    return broken


def test_what_is_whole_is_left_alone(make_context: MakeContext) -> None:
    assert told(make_context, same, same) == []


NO_JUMP = without(r"^-A FORWARD -j cali-FORWARD\n")
NOT_ENFORCED, NOT_MEANT = "policy.not-enforced", "policy.not-meant"
A_ON = "Calico's rules on n1"
NAMED = "-m set --match-set cali40n:0-i0-0 dst,dst"
FAULTS: dict[str, tuple[Break, Break, str, str]] = {
    "no jump to its chains": (
        NO_JUMP,
        same,
        NOT_ENFORCED,
        "no rule leads to Calico's chains for IPv4: policies have no effect on shop/a, shop/b",
    ),
    "a set lacks a peer": (
        same,
        without(r"^add cali40s:1-i0 10.0.0.2\n"),
        NOT_MEANT,
        f"{A_ON} do not let shop/b to shop/a through, ports TCP 80,90-95: the policies do",
    ),
    "a set has a pod that is no peer": (
        same,
        instead(r"^(add cali40s:1-i0 10.0.0.2)", r"\1\nadd cali40s:1-i0 10.0.0.3"),
        NOT_ENFORCED,
        f"{A_ON} let mail/c to shop/a through, ports TCP 80,90-95: the policies do not",
    ),
    "a set has an address of yesterday": (
        same,
        instead(r"^(add cali40s:1-i0 10.0.0.2)", r"\1\nadd cali40s:1-i0 10.0.0.99"),
        "",
        "",
    ),
    "a network is gone from a rule that denies": (
        same,
        without(r"^add cali40s:2-i0 203.0.113.0/24\n"),
        NOT_ENFORCED,
        f"{A_ON} let outside 203.0.113.0/24 to shop/b through, ports all: the policies do not",
    ),
    "another network instead": (
        same,
        instead(r"198.51.100.0/24", "198.51.100.0/25"),
        NOT_ENFORCED,
        f"{A_ON} let shop/a to outside 198.51.100.128/25 through, ports UDP 1-52,54-65535; all other: the "
        "policies do not",
    ),
    "a named port lacks its pod": (
        same,
        without(r"^add cali40n:0-i0-0 10.0.0.1,tcp:8080\n"),
        NOT_MEANT,
        f"{A_ON} do not let mail/c to shop/a through, ports TCP 8080: the policies do",
    ),
    "and has another number": (
        same,
        instead(r"10.0.0.1,tcp:8080", "10.0.0.1,tcp:8081"),
        NOT_MEANT,
        f"{A_ON} do not let mail/c to shop/a through, ports TCP 8080: the policies do",
    ),
    "a rule's port": (
        instead("--dports 80 ", "--dports 80:81 "),
        same,
        NOT_ENFORCED,
        f"{A_ON} let shop/b to shop/a through, ports TCP 81: the policies do not",
    ),
    "a policy is not asked": (
        without(r"^-A cali-tw-cali0 .* -j cali-pi-0\n"),
        same,
        NOT_MEANT,
        f"{A_ON} do not let mail/c to shop/a through, ports TCP 8080: the policies do",
    ),
    "the end of the tier is gone": (
        without(r"^-A cali-fw-cali0 -m mark --mark 0x0/0x20000 -j DROP\n(?=-A cali-fw-cali0 -j cali-pro)"),
        same,
        "",
        "",
    ),
    "a policy that is gone": (
        instead(r"(?<=-A cali-tw-cali1 -j )cali-pri-kns", "cali-pi-0"),
        same,
        NOT_MEANT,
        f"{A_ON} do not let all other pods and outside 0.0.0.0/5, 8.0.0.0/7, 10.1.0.0/16, 10.2.0.0/15, "
        "10.4.0.0/14 and 33 more to shop/b through, ports all: the policies do",
    ),
    "a tier that passes on denies": (
        without(r"^-A cali-pi-2 -j MARK .*\n"),
        same,
        NOT_MEANT,
        f"{A_ON} do not let shop/b to shop/a through, ports TCP 80,90-95: the policies do",
    ),
    "a set with a member that is none": (
        same,
        instead(r"^(add cali40n:0-i0-0 10.0.0.1,tcp:8080)", r"\1\nadd cali40n:0-i0-0 "),
        "policies not compared",
        "shop/a: not understood: ipset cali40n:0-i0-0: ",
    ),
    "a set that holds something else": (
        same,
        instead(r"^add cali40s:1-i0 10.0.0.2", "add cali40s:1-i0 10.0.0.2,tcp:80"),
        "policies not compared",
        "shop/a: not understood: ipset cali40s:1-i0: 10.0.0.2,tcp:80",
    ),
    "a rule that Felix does not write": (
        instead(r"(?<=-A cali-pi-0 -p tcp )", "-m time --timestart 10:00 "),
        same,
        "policies not compared",
        "shop/a: not understood: -A cali-pi-0 -p tcp -m time --timestart 10:00 -m set --match-set "
        f"cali40s:0-i0 src {NAMED} -j MARK --set-xmark 0x10000/0x10000",
    ),
}


@pytest.mark.parametrize(("rules", "sets", "code", "message"), FAULTS.values(), ids=FAULTS)
def test_faults(make_context: MakeContext, rules: Break, sets: Break, code: str, message: str) -> None:
    found = told(make_context, rules, sets)
    assert (code, message) in found if code else found == []


def evaluated(policies: str, more: str = "") -> list[str]:
    """What is said of shop/a, in whose chain a policy's rules are put by hand."""
    (wanted,) = meaning(World(OBJECTS[:5]).cluster, World(OBJECTS[:5]).policies)
    chain = "cali-tw-cali0"
    lines = [
        f"-A {chain} -m mark --mark 0x0/0x20000 -j cali-pi-x",
        f"-A {chain} -m mark --mark 0x10000/0x10000 -j RETURN",
        f"-A {chain} -j DROP",
        *policies.splitlines(),
    ]
    text = "*filter\n:FORWARD ACCEPT [0:0]\n:cali-FORWARD - [0:0]\n:cali-pi-x - [0:0]\n"
    text += f":{chain} - [0:0]\n-A FORWARD -j cali-FORWARD\n" + "\n".join(lines) + "\nCOMMIT\n" + more
    compared = compare(node_of(text, "\n", {"10.0.0.1": "cali0"}), [wanted])
    assert not compared.not_read
    return [one.message for one in compared.findings]


def test_scratch_marks_stand_for_one_of_several_networks() -> None:
    """AppendCIDRMatchBlock and AppendNegatedCIDRMatchBlock: all but 10.0.0.2 and 10.0.0.3 of 10.0.0.0/8, and
    192.168.0.0/16."""
    found = evaluated(
        "-A cali-pi-x -j MARK --set-xmark 0x0/0xc0000\n"
        "-A cali-pi-x -s 10.0.0.0/8 -j MARK --set-xmark 0x40000/0x40000\n"
        "-A cali-pi-x -s 192.168.0.0/16 -j MARK --set-xmark 0x40000/0x40000\n"
        "-A cali-pi-x -s 10.0.0.2/32 -j MARK --set-xmark 0x0/0x40000\n"
        "-A cali-pi-x -p tcp -m multiport --dports 80,90:95 -m mark --mark 0x40000/0x40000 "
        "-j MARK --set-xmark 0x10000/0x10000"
    )
    of_tcp = "TCP 1-79,81-89,96-65535; all other"
    assert found == [
        f"Calico's rules on n1 do not let all other pods and all outside to shop/a through, ports {of_tcp}: "
        "the policies do",
        "Calico's rules on n1 do not let shop/b and outside 0.0.0.0/5, 8.0.0.0/7, 11.0.0.0/8, 12.0.0.0/6, "
        "16.0.0.0/4 and 17 more to shop/a through, ports TCP 80,90-95: the policies do",
    ]


@pytest.mark.parametrize(
    ("rules", "ports"),
    [
        ("-p icmp -m icmp --icmp-type 8", "all but ICMP, ICMPv6"),
        ("-p icmp -m icmp --icmp-type 3", "all"),
        ("! -p tcp", "TCP"),
        ("-p udp -m multiport ! --dports 53,60:70", "UDP 53,60-70; all other"),
    ],
)
def test_ports_of_a_rule(rules: str, ports: str) -> None:
    (found,) = evaluated(f"-A cali-pi-x {rules} -j MARK --set-xmark 0x10000/0x10000")
    assert f"through, ports {ports}: " in found


def test_felix_without_rules_of_iptables_is_not_compared() -> None:
    world = World(OBJECTS)
    ns = node_of(NO_JUMP(felix(world)[0]), "\n", {})
    wanted = meaning(world.cluster, world.policies)
    assert compare(ns, wanted).findings
    ebpf = replace(ns, devices={9: Device(index=9, name="bpfin.cali", kind="veth")})
    assert not compare(ebpf, wanted).findings


def test_chains_that_multiply_are_followed_so_far_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(written_of, "_MOST", 100)
    world = World(OBJECTS)
    rules, sets, devices = felix(world)
    compared = compare(node_of(rules, sets, devices), meaning(world.cluster, world.policies))
    assert set(compared.not_read) == {"more than 100 rules are asked on the node"}
