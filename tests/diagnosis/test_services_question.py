"""The service that a diagnosis asks for, in each mode of kube-proxy."""

import pytest

from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.diagnosis.services.question import in_question
from kubectl_skoop.model.place import Endpoint
from kubectl_skoop.model.probe import Probe
from kubectl_skoop.model.suspicion import Level, Suspicion
from tests.diagnosis.test_services_recorded import MakeContext, namespace, objects, text

CHANGES = {
    "node1-iptables-v1.36.3": ("10.244.3.10:8080", "10.244.3.99:8080"),
    "node2-nftables-v1.36.3": ("10.244.3.10", "10.244.3.99"),
    "node10-ipvs-v1.36.3": ('"addr":"10.244.3.10"', '"addr":"10.244.3.99"'),
}


def asked(make_context: MakeContext, recorded: str, rules: str, *told: Suspicion) -> list[Suspicion]:
    node = recorded.partition("-")[0]
    ctx = make_context(objects(), {f"node/{node}": namespace(node, rules)}, Options())
    service = ctx.cluster.service("shapes/plain")
    own = ctx.cluster.node(node).addresses[0]
    probe = Probe(
        source=Endpoint(kind="node", name=node, address=own),
        destination=Endpoint(kind="service", name=service.key, address=service.cluster_addresses[0]),
        protocol=6,
        dport=80,
    )
    return list(in_question(ctx, probe, told))


@pytest.mark.parametrize("recorded", CHANGES)
def test_rules_as_meant_are_not_remarked(make_context: MakeContext, recorded: str) -> None:
    assert asked(make_context, recorded, text(recorded)) == []


@pytest.mark.parametrize("recorded", CHANGES)
def test_an_endpoint_that_is_none_is_a_warning_once(make_context: MakeContext, recorded: str) -> None:
    rules = text(recorded).replace(*CHANGES[recorded])
    (found,) = asked(make_context, recorded, rules)
    assert (found.code, found.level) == ("service.stale-endpoint", Level.WARNING)
    assert "10.244.3.99:8080, no endpoint of it" in found.message
    assert asked(make_context, recorded, rules, found) == []
