"""Remarks on policies: that one denies the flow, that one has no effect, that one cannot be read."""

from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any

import pytest

from kubectl_skoop.diagnosis.extension.registry import Setup, set_up
from kubectl_skoop.diagnosis.policies.check import every_policy
from kubectl_skoop.diagnosis.policies.intent import of_flow
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.model.packet import Protocol
from kubectl_skoop.model.place import Endpoint, Place, Where
from kubectl_skoop.model.probe import Probe
from kubectl_skoop.model.suspicion import Level, Suspicion
from tests.cluster.policy.world import namespace, pod, policy

Objects = list[Any]
DENY = policy("NetworkPolicy", "shop/deny", {"podSelector": {"matchLabels": {"app": "b"}}})
DENY_ELSEWHERE = policy("NetworkPolicy", "other/deny", {"podSelector": {}})
CALICO_DENY = {
    "apiVersion": "projectcalico.org/v3",
    "kind": "GlobalNetworkPolicy",
    "metadata": {"name": "rule"},
    "spec": {"selector": "app == 'b'", "types": ["Ingress"], "ingress": [{"action": "Deny"}]},
}
BROKEN = policy(
    "NetworkPolicy",
    "shop/broken",
    {"podSelector": {"matchLabels": {"app": "z"}}, "ingress": [{"ports": [{"port": 0}]}]},
)
ELSEWHERE = policy(
    "NetworkPolicy", "other/broken", {"podSelector": {}, "ingress": [{"ports": [{"port": 0}]}]}
)


def agent(name: str) -> Any:
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": name, "namespace": "kube-system"},
    }


def service(backend: str = "10.0.0.2") -> Objects:
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "api", "namespace": "shop"},
            "spec": {"clusterIP": "10.96.0.9", "ports": [{"port": 80, "protocol": "TCP"}]},
        },
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": "api-1",
                "namespace": "shop",
                "labels": {"kubernetes.io/service-name": "api"},
            },
            "addressType": "IPv4",
            "ports": [{"port": 8080, "protocol": "TCP"}],
            "endpoints": [{"addresses": [backend], "conditions": {"ready": True}}],
        },
    ]


def setup(make_context: Any, plugin: str, *more: Any) -> Setup:
    objects = [
        namespace("shop"),
        namespace("other"),
        pod("shop/a", "10.0.0.1", {"app": "a"}),
        pod("shop/b", "10.0.0.2", {"app": "b"}),
        *more,
    ]
    return set_up(make_context(objects, options=Options(network_plugin=plugin)))


def probe(destination: Endpoint) -> Probe:
    source = Endpoint("pod", "shop/a", ip_address("10.0.0.1"))
    return Probe(source=source, destination=destination, protocol=Protocol.TCP, dport=80)


TO_B = probe(Endpoint("pod", "shop/b", ip_address("10.0.0.2")))
TO_SERVICE = probe(Endpoint("service", "shop/api", ip_address("10.96.0.9")))
TO_SELF = probe(Endpoint("pod", "shop/a", ip_address("10.0.0.1")))


def told(found: Sequence[Suspicion]) -> list[tuple[str, str, str]]:
    return [(one.code, one.level.name.lower(), one.message) for one in found]


DENIED = (
    "policy.denies",
    "info",
    "by its policies pod/shop/b does not let this flow through (ingress): "
    "no rule of NetworkPolicy shop/deny lets it through",
)


@pytest.mark.parametrize(
    ("plugin", "more", "asked", "expected"),
    [
        pytest.param("flannel", [], TO_B, [], id="without policies there is nothing to say"),
        pytest.param("calico", [DENY], TO_B, [DENIED], id="a policy that the CNI enforces denies the flow"),
        pytest.param(
            "calico",
            [DENY, *service()],
            TO_SERVICE,
            [DENIED],
            id="a service's policies are those of its backends",
        ),
        pytest.param(
            "calico",
            [pod("other/c", "10.0.0.3"), DENY_ELSEWHERE, *service("10.0.0.3")],
            TO_SERVICE,
            [
                (
                    "policy.denies",
                    "info",
                    "by its policies pod/other/c does not let this flow through (ingress): "
                    "no rule of NetworkPolicy other/deny lets it through",
                )
            ],
            id="also where they are in another namespace",
        ),
        pytest.param("calico", [DENY, *service()], TO_SELF, [], id="policies of others do not matter"),
        pytest.param(
            "calico",
            [CALICO_DENY],
            TO_B,
            [
                (
                    "policy.denies",
                    "info",
                    "by its policies pod/shop/b does not let this flow through (ingress): "
                    "globalnetworkpolicies.projectcalico.org rule denies it in spec.ingress[0]",
                )
            ],
            id="Calico enforces its own kinds",
        ),
        pytest.param(
            "flannel",
            [DENY, agent("kube-flannel-ds")],
            TO_B,
            [
                (
                    "policy.no-effect",
                    "warning",
                    "NetworkPolicy shop/deny has no effect here: flannel does not enforce NetworkPolicy",
                )
            ],
            id="flannel alone enforces nothing, so nothing is denied",
        ),
        pytest.param(
            "flannel", [DENY, agent("kube-router")], TO_B, [DENIED], id="an agent beside flannel enforces"
        ),
        pytest.param(
            "any",
            [DENY, agent("some-cni")],
            TO_B,
            [
                (
                    "policy.no-effect",
                    "info",
                    "NetworkPolicy shop/deny may have no effect here: "
                    "nothing that is known enforces NetworkPolicy",
                )
            ],
            id="of a CNI that nobody knows nothing is claimed",
        ),
        pytest.param(
            "flannel",
            [DENY],
            TO_B,
            [
                (
                    "policy.no-effect",
                    "info",
                    "NetworkPolicy shop/deny may have no effect here: "
                    "nothing that is known enforces NetworkPolicy",
                )
            ],
            id="nor where the agents were not collected",
        ),
        pytest.param(
            "calico",
            [BROKEN, ELSEWHERE],
            TO_B,
            [
                (
                    "policy.invalid",
                    "warning",
                    "NetworkPolicy shop/broken: spec.ingress[0]: port 0: 1 to 65535",
                )
            ],
            id="broken policies are named where they are near",
        ),
    ],
)
def test_remarks_on_a_flow(
    make_context: Any, plugin: str, more: Objects, asked: Probe, expected: Any
) -> None:
    assert told(of_flow(setup(make_context, plugin, *more), asked)) == expected


def test_the_whole_cluster_is_asked_for_policies_without_effect_and_broken_ones(make_context: Any) -> None:
    found = every_policy(setup(make_context, "flannel", DENY, BROKEN, ELSEWHERE, agent("kube-flannel-ds")))
    assert [(one.code, one.message.partition(":")[0]) for one in found] == [
        ("policy.no-effect", "NetworkPolicy shop/deny has no effect here"),
        ("policy.invalid", "NetworkPolicy shop/broken"),
        ("policy.invalid", "NetworkPolicy other/broken"),
    ]
    assert found[0].evidence == ("it selects shop/b", "enforced here: no kind of policy")


def test_calico_enforces_the_policies_of_host_endpoints(make_context: Any) -> None:
    host = {
        "apiVersion": "projectcalico.org/v3",
        "kind": "HostEndpoint",
        "metadata": {"name": "n1-eth0"},
        "spec": {"node": "n1", "interfaceName": "eth0"},
    }
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}}
    assert every_policy(setup(make_context, "calico", DENY, host, node)) == ()


def test_a_healthy_cluster_is_left_alone(make_context: Any) -> None:
    assert every_policy(setup(make_context, "flannel")) == ()
    assert every_policy(setup(make_context, "calico", DENY)) == ()


REJECTS = (
    '-A KUBE-POD-FW-ELDSUQ4HZLZMFAHV -m comment --comment "rule to REJECT traffic destined for POD name:b '
    'namespace: shop" -m mark ! --mark 0x10000/0x10000 -j REJECT --reject-with icmp-port-unreachable'
)
INVALID = "-A KUBE-POD-FW-ELDSUQ4HZLZMFAHV -m conntrack --ctstate INVALID -j DROP"
CALICO_ENDS = (
    '-A cali-tw-cali1234 -m comment --comment "cali:x" -m comment --comment "End of tier default. Drop if no '
    'policies passed packet" -m mark --mark 0x0/0x20000 -j DROP'
)
OTHERS = '-A FORWARD -m comment --comment "ours" -j REJECT'


def rule(text: str) -> Suspicion:
    where = Where(place=Place("node", "n1"), table="filter", chain=text.split()[1])
    return Suspicion(
        code="netfilter.reject", level=Level.FATAL, where=where, message="rejects", evidence=(text,)
    )


def test_what_is_denied_and_arrives_is_not_enforced(make_context: Any) -> None:
    (found,) = of_flow(setup(make_context, "calico", DENY), TO_B, (), "reachable")
    assert (found.code, found.level) == ("policy.not-enforced", Level.WARNING)
    assert found.message == (
        "by its policies pod/shop/b does not let this flow through (ingress), but the rules of n1 do: "
        "no rule of NetworkPolicy shop/deny lets it through"
    )


@pytest.mark.parametrize("decided", ["unreachable", "partial", "unknown"])
def test_what_is_denied_and_does_not_arrive_is_a_remark(make_context: Any, decided: Any) -> None:
    (found,) = of_flow(setup(make_context, "calico", DENY), TO_B, (), decided)
    assert found.code == "policy.denies"


def test_an_agent_that_stops_what_is_allowed(make_context: Any) -> None:
    made = setup(make_context, "flannel", DENY_ELSEWHERE, agent("kube-router"))
    (found,) = of_flow(made, TO_B, (rule(REJECTS),), "unreachable")
    assert (found.code, found.level, str(found.where)) == (
        "policy.not-meant",
        Level.CRITICAL,
        "node/n1 filter KUBE-POD-FW-ELDSUQ4HZLZMFAHV",
    )
    assert found.evidence == (
        REJECTS,
        "egress of pod/shop/a: no policy selects it",
        "ingress of pod/shop/b: no policy selects it",
    )


@pytest.mark.parametrize(
    ("stopping", "more", "codes"),
    [
        pytest.param(REJECTS, [DENY], ["policy.denies"], id="what is denied is stopped rightly"),
        pytest.param(INVALID, [DENY_ELSEWHERE], [], id="an invalid state is no matter of policies"),
        pytest.param(OTHERS, [DENY_ELSEWHERE], [], id="a rule of somebody else"),
        pytest.param(REJECTS, [], [], id="no policies were collected"),
        pytest.param(CALICO_ENDS, [DENY_ELSEWHERE], [], id="Calico's policies were not collected"),
    ],
)
def test_what_is_not_said_of_a_rule(make_context: Any, stopping: str, more: Objects, codes: Any) -> None:
    made = setup(make_context, "flannel", agent("kube-router"), *more)
    assert [one.code for one in of_flow(made, TO_B, (rule(stopping),), "unreachable")] == codes


def test_a_rule_of_calico(make_context: Any) -> None:
    elsewhere = {
        "apiVersion": "projectcalico.org/v3",
        "kind": "NetworkPolicy",
        "metadata": {"name": "deny", "namespace": "other"},
        "spec": {"selector": "all()"},
    }
    nobody = CALICO_DENY | {"spec": {"selector": "!all()"}}
    made = setup(make_context, "calico", DENY_ELSEWHERE, elsewhere, nobody)
    (found,) = of_flow(made, TO_B, (rule(CALICO_ENDS),), "unreachable")
    assert (found.code, found.message) == (
        "policy.not-meant",
        "the policies let this flow through, a rule of calico-node does not",
    )


def test_a_connection_from_before_the_policy_goes_on(make_context: Any) -> None:
    earlier = TO_B._replace(sport=40000)
    (found,) = of_flow(setup(make_context, "calico", DENY), earlier, (), "reachable")
    assert found.code == "policy.denies"
