"""Policies of each kind mean the same after redaction, or are unknown."""

from collections.abc import Sequence
from ipaddress import ip_address

import pytest

from kubectl_skoop.cluster.objects import Object
from kubectl_skoop.cluster.policy.ends import flows, verdict_of
from kubectl_skoop.cluster.policy.evaluate import Dialect
from kubectl_skoop.cluster.raw import ref_of
from kubectl_skoop.snapshot.redact.left_out import LeftOut
from kubectl_skoop.snapshot.redact.object import redact_object
from kubectl_skoop.snapshot.redact.pseudonyms import Pseudonyms
from tests.cluster.policy import test_admin, test_calico, test_calico_host, test_cilium, test_networkpolicy
from tests.cluster.policy.world import World, policy

NAMES_DECIDE = "at equal order the name decides"
"""Pseudonyms have another order."""
CASES = {
    f"{kind}: {says}": (pods, dialect, *case)
    for kind, pods, dialect, cases in (
        ("calico", test_calico.PODS, None, test_calico.FLOWS),
        ("cilium", test_cilium.PODS, "cilium", test_cilium.FLOWS),
    )
    for says, case in cases.items()
    if says != NAMES_DECIDE
}


def redacted(objects: Sequence[Object], pseudonyms: Pseudonyms) -> list[Object]:
    return [redact_object(ref_of(item).kind, item, pseudonyms, LeftOut()) for item in objects]


def verdict(
    objects: Sequence[Object],
    source: str,
    destination: str,
    port: int = 80,
    protocol: str = "TCP",
    dialect: Dialect | None = None,
) -> str:
    """Of pods and addresses outside."""
    pseudonyms = Pseudonyms(b"0" * 32)
    sender, receiver = (
        pseudonyms.names.pod(end) if "/" in end else str(pseudonyms.address(str(ip_address(end))))
        for end in (source, destination)
    )
    return World(redacted(objects, pseudonyms), dialect).verdict(sender, receiver, port, protocol)


@pytest.mark.parametrize(
    ("pods", "dialect", "written", "source", "destination", "port", "protocol", "expected"),
    CASES.values(),
    ids=CASES,
)
def test_of_calico_and_cilium(
    pods: list[Object],
    dialect: Dialect | None,
    written: list[Object],
    source: str,
    destination: str,
    port: int,
    protocol: str,
    expected: str,
) -> None:
    assert verdict([*pods, *written], source, destination, port, protocol, dialect) == expected


@pytest.mark.parametrize(
    ("written", "source", "destination", "port", "expected"),
    test_calico_host.FLOWS.values(),
    ids=test_calico_host.FLOWS,
)
def test_of_host_endpoints(
    written: list[Object], source: str, destination: str, port: int, expected: str
) -> None:
    pseudonyms = Pseudonyms(b"0" * 32)
    world = World(redacted([*test_calico_host.CLUSTER, *written], pseudonyms))
    sender, receiver = (
        f"{kind}/{pseudonyms.names.pod(name)}" if name else str(pseudonyms.address(str(ip_address(kind))))
        for kind, _, name in (end.partition("/") for end in (source, destination))
    )
    found = flows(world.cluster, world.policies, sender, receiver, str(port), "tcp")
    assert verdict_of(found).value == expected


@pytest.mark.parametrize("protocol", ["TCP", "UDP", "SCTP"])
def test_ports_of_cluster_network_policies(protocol: str) -> None:
    rule = {
        "action": "Deny",
        "to": [{"namespaces": {}}],
        "protocols": [{protocol.lower(): {"destinationPort": {"number": 80}}}],
    }
    objects = [*test_admin.PODS, test_admin.cnp("p", {"egress": [rule]})]
    found = [verdict(objects, "g/0", "s/0", port, protocol) for port in (80, 81)]
    assert found == ["deny", "accept"]


def test_a_field_that_is_not_known_stays_unknown() -> None:
    peer = {"podSelector": {}, "newSelector": {"secret": "s"}}
    objects = [
        *test_networkpolicy.PODS,
        policy("NetworkPolicy", "x/p", {"podSelector": {}, "ingress": [{"from": [peer]}]}),
    ]
    found = redacted(objects, Pseudonyms(b"0" * 32))
    assert "newSelector" not in str(found)
    assert "secret" not in str(found[-1])
    assert [
        problem.reason.partition(":")[0] for problem in World(found).policies.problems if problem.policy
    ] == ["unknown field of a peer"]
