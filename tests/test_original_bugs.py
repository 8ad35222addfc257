"""Which test shows that we do not have a defect of the tool that this one is to replace.

The numbers are those of our list of its defects, B-1 to B-74. Those of its CNI checks are asked in labs:
`tests/kernel/plugins/test_original_bugs.py`.
"""

import json
import re
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import pytest

from kubectl_skoop.cluster.cluster import Cluster, PlainObjects
from kubectl_skoop.cluster.node import NodeInfo
from kubectl_skoop.cluster.raw import Object
from kubectl_skoop.diagnosis.diagnose import diagnose
from kubectl_skoop.diagnosis.request import Options, Request
from kubectl_skoop.diagnosis.services.meaning import Meaning
from kubectl_skoop.netstack.netfilter.iptables.save import parse_save
from kubectl_skoop.netstack.netfilter.types import Hook
from kubectl_skoop.snapshot.source import open_snapshot
from tests.cli.run import skoop

ROOT = Path(__file__).parents[1]
LABS = "tests/kernel/plugins/test_original_bugs.py"
THIS = "tests/test_original_bugs.py"
COUNT = 74


class Shown(NamedTuple):
    says: str
    """What the other tool does wrong."""
    path: str
    text: str
    """The beginning of the test, or its row."""


_FAULTS, _SHAPES = "tests/kernel/faults", "tests/e2e/proxy/shapes.py"
_REGISTRY, _DETECTED = "tests/diagnosis/test_registry.py", "tests/diagnosis/test_detected.py"
_FLANNEL, _CALICO = "tests/diagnosis/test_plugins_flannel.py", "tests/diagnosis/test_plugins_calico.py"
_POLICY, _CASES = "tests/cluster/policy/test_networkpolicy.py", "tests/cluster/policy/conformance_upstream.py"
_GUARDS, _WAYS = "tests/providers/aliyun/test_guards.py", "tests/providers/aliyun/test_ways.py"
_BALANCERS = "tests/providers/aliyun/test_balancers.py"

ELSEWHERE: Mapping[int, Shown] = {
    1: Shown(
        "links that nobody followed break the output",
        "tests/report/picture/test_picture.py",
        "def test_a_place_that_a_link_leads_to_unwalked_is_shown",
    ),
    2: Shown(
        "a kubeconfig that is not there means another cluster",
        "tests/collect/live/test_kubeconfig.py",
        "def test_a_file_that_is_named_and_missing_is_an_error",
    ),
    3: Shown("findings are appended to a document", THIS, "def test_a_document_has_nothing_behind_it"),
    4: Shown("no ConfigMap means mode iptables", _DETECTED, "def test_nothing_is_known_of_an_empty_cluster"),
    5: Shown(
        "two cluster CIDRs end the run", _DETECTED, "def test_a_cluster_of_two_families_has_two_networks"
    ),
    6: Shown(
        "an address of two pods is nothing", "tests/kernel/test_plugins_lab.py", "pod.duplicate-address"
    ),
    7: Shown("canal is unknown", _REGISTRY, '("rke2-canal", "canal")'),
    8: Shown(
        "the backend's settings are not read",
        _FLANNEL,
        "def test_direct_routing_is_for_peers_on_the_link",
    ),
    12: Shown(
        "a missing annotation ends the run",
        _FLANNEL,
        "def test_an_annotation_that_is_missing_is_the_finding",
    ),
    14: Shown(
        "hooks see the wrong packet of a tunnel",
        f"{_FAULTS}/8-overlay.yaml",
        "- id: vxlan-port-dropped-out",
    ),
    16: Shown("pools of the CRD are lost", _CALICO, "def test_the_block_of_a_peer_is_reached_by_the_peer"),
    17: Shown("pools with VXLAN are unknown", _CALICO, "def test_vxlan"),
    18: Shown("across subnets means always", _CALICO, "a tunnel across subnets only, peer on the link"),
    19: Shown("the first pool counts", _CALICO, "def test_the_most_specific_pool_counts"),
    20: Shown(
        "nodes are not asked whether they are ready",
        "tests/kernel/plugins/test_node_ready.py",
        "def test_it_is_told_where_a_packet_comes_to_the_node",
    ),
    25: Shown(
        "`::` means both IP versions",
        "tests/netstack/test_socket_lookup.py",
        'id="the IPv6 wildcard alone"',
    ),
    31: Shown("a table without a chain for a hook ends the run", THIS, "def test_a_table_with_one_chain"),
    33: Shown("DNAT changes nothing", f"{_FAULTS}/7-service.yaml", "- id: dnat-to-other-pod"),
    35: Shown(
        "only the first endpoint is followed",
        f"{_FAULTS}/7-service.yaml",
        "- id: service-one-dead-backend",
    ),
    48: Shown("options of SNAT are not read", f"{_FAULTS}/7-service.yaml", "- id: snat-to-own-range"),
    49: Shown("a named target port is 0", _SHAPES, '"named-target"'),
    50: Shown("a port that the service lacks is 0", THIS, "def test_a_port_that_the_service_lacks"),
    51: Shown("only the first address of a service counts", _SHAPES, '"dual"'),
    52: Shown("lists of endpoints end at 1000", THIS, "def test_a_service_of_many_endpoints"),
    53: Shown("policies are not added up", _CASES, '"a second policy adds a port"'),
    54: Shown("no peers means nobody", _CASES, '"everything is allowed"'),
    55: Shown("ports are compared with the source's", _POLICY, '"a named port on ingress is the pod\'s own"'),
    56: Shown(
        "namespaceSelector beside podSelector is ignored",
        _CASES,
        '"pods b and c of every namespace but one"',
    ),
    57: Shown(
        "a namespace is asked for by the pod's name",
        "tests/cluster/policy/test_naive.py",
        "def test_both_agree",
    ),
    58: Shown("SCTP is TCP", "tests/cluster/policy/conformance_cluster.py", '"SCTP"'),
    59: Shown(
        "all denials bear the last name", _POLICY, "def test_the_decision_names_the_rule_and_all_that_select"
    ),
    60: Shown(
        "flannel is said to deny",
        "tests/cluster/policy/test_effect.py",
        "def test_flannel_alone_enforces_nothing",
    ),
    61: Shown(
        "the cloud's own network is never met",
        _GUARDS,
        '"the cloud\'s own services and a group that lets nothing out"',
    ),
    62: Shown("without a common group no rule is asked", _GUARDS, '"no group in common"'),
    63: Shown("priorities are texts", _GUARDS, '"priorities are numbers, not texts"'),
    64: Shown("one end of a rule is enough", _GUARDS, '"both ends of a rule must fit"'),
    65: Shown("the way back reads the region", _WAYS, '"the route to a pod network leads to another node"'),
    66: Shown("no route ends the run", _WAYS, '"no route to a pod network"'),
    67: Shown(
        "UDP listeners are read as TCP",
        _BALANCERS,
        "def test_a_udp_listener_has_its_own_servers_and_health",
    ),
    68: Shown(
        "each server is unexpected",
        "tests/providers/aliyun/test_whole.py",
        "def test_a_healthy_vpc_is_silent",
    ),
    69: Shown(
        "an elastic address changes the packet of all",
        "tests/providers/aliyun/test_flows.py",
        "def test_a_healthy_vpc_lets_it_through",
    ),
    70: Shown(
        "only the first server's health is read",
        _BALANCERS,
        "def test_a_server_that_is_not_healthy_gets_no_connections",
    ),
    71: Shown(
        "a pod that ends costs its node",
        "tests/kernel/test_collect_vanished.py",
        "def test_one_that_vanishes_does_not_cost_the_others",
    ),
    72: Shown(
        "a collector that fails is not heard",
        "tests/collect/live/test_pod_state.py",
        "def test_a_status_says_whether_to_wait",
    ),
    73: Shown(
        "an unknown node ends the run",
        "tests/cluster/test_objects.py",
        "def test_an_unknown_node_names_the_nearest",
    ),
    74: Shown(
        "messages are markup", "tests/report/html/test_answer.py", "def test_hostile_strings_stay_text"
    ),
}


def test_each_defect_has_a_test() -> None:
    asked = {int(number) for number in re.findall(r'"B-(\d+)",', (ROOT / LABS).read_text("utf-8"))}
    assert sorted(asked | set(ELSEWHERE)) == list(range(1, COUNT + 1))


@pytest.mark.parametrize("number", ELSEWHERE, ids=lambda number: f"B-{number}: {ELSEWHERE[number].says}")
def test_another_test_shows_it(number: int) -> None:
    _, path, text = ELSEWHERE[number]
    assert text in (ROOT / path).read_text("utf-8")


@pytest.mark.parametrize(("output", "reads"), [("svg", ElementTree.fromstring), ("json", json.loads)])
def test_a_document_has_nothing_behind_it(output: str, reads: Callable[[str], object]) -> None:
    ran = skoop(
        *("diagnose", "pod/default/a", "svc/default/web", "-p", "81"),
        *("--snapshot", ROOT / "snapshots/healthy-vxlan.skoop", "-o", output),
    )
    assert ran.code == 1
    reads(ran.out)


def test_a_table_with_one_chain() -> None:
    (base,) = parse_save("*nat\n:PREROUTING DROP [0:0]\nCOMMIT\n", 4, "iptables-legacy")
    assert (base.hook, base.policy) == (Hook.PREROUTING, "drop")


def test_a_service_of_many_endpoints() -> None:
    """In slices of 100, as the controller writes them."""
    labels = {"kubernetes.io/service-name": "web"}
    slices: list[Object] = [
        {
            "kind": "EndpointSlice",
            "metadata": {"name": f"web-{part}", "namespace": "shop", "labels": labels},
            "ports": [{"port": 8080, "protocol": "TCP"}],
            "endpoints": [{"addresses": [f"10.244.{part}.{number}"]} for number in range(100)],
        }
        for part in range(15)
    ]
    spec = {"clusterIP": "10.96.0.9", "ports": [{"port": 80}]}
    service: Object = {"kind": "Service", "metadata": {"namespace": "shop", "name": "web"}, "spec": spec}
    known = Cluster(PlainObjects({"Service": [service], "EndpointSlice": slices}))
    (web,) = known.services()
    (wanted,) = Meaning(known).of_node(NodeInfo({"metadata": {"name": "n1"}}))
    assert (len(known.backends(web, web.ports[0])), len(wanted.targets)) == (1500, 1500)


def test_a_port_that_the_service_lacks() -> None:
    asked = Request(source="pod/default/a", destination="svc/default/web", port="81")
    with closing(open_snapshot(ROOT / "snapshots/healthy-vxlan.skoop")) as source:
        told = diagnose(source, asked, Options())
    assert (told.verdict, told.cause and told.cause.code) == ("unreachable", "service.no-port")
