"""Backends of one service that fail for different reasons: the first line, and the cause of each branch.

The shipped cluster, whose node n1 has a service more; what is said of shares is what its rules draw.
"""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import cast

import pytest

from kubectl_skoop.diagnosis.diagnose import diagnose
from kubectl_skoop.diagnosis.request import Options, Request
from kubectl_skoop.diagnosis.result import Backends, Diagnosis
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.place import Place
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.snapshot.source import Snapshot, open_snapshot
from kubectl_skoop.testing.topology import LabBackend, LabService
from tests.bench.endpoints import SERVICE, SHIPPED, OneMore, objects, rules

A2 = LabBackend("10.244.1.3", 8080, "n1")
"""It answers, and so do B and B2, which are on n2."""
B, B2 = LabBackend("10.244.2.2", 8080, "n2"), LabBackend("10.244.2.3", 8080, "n2")
CLOSED = LabBackend("10.244.1.3", 81, "n1")
CLOSED_ELSEWHERE = LabBackend("10.244.2.2", 81, "n2")
NOBODY = LabBackend("10.244.1.77", 8080, "n1")
N2_PODS = ip_network("10.244.2.0/24")


def asked(
    backends: Sequence[LabBackend],
    *,
    route: bool = True,
    known: Sequence[LabBackend] = (),
    mode: str = "iptables",
    source: str = "pod/default/a",
) -> Diagnosis:
    """From a sender on n1. `route`: n1 has one to the pods of n2; `known`: the endpoints, else `backends`."""
    service = LabService("many", SERVICE, 80, tuple(backends))
    meant = replace(service, backends=tuple(known or backends))
    with closing(open_snapshot(SHIPPED)) as shipped:
        ns = shipped.namespace(Place("node", "n1"))
        assert not isinstance(ns, NotCollected)
        changed = {ns.place: _node(ns, mode, service, route)}
        file = cast(Snapshot, OneMore(shipped, changed, objects(meant)))
        return diagnose(file, Request(source=source, destination="svc/default/many", port="80"), Options())


def _node(ns: NetworkNamespace, mode: str, service: LabService, route: bool) -> NetworkNamespace:
    kept = tuple(one for one in ns.routes if route or one.destination != N2_PODS)
    return replace(ns, netfilter=rules(mode, service), routes=kept)


THREE = (A2, B, NOBODY)
REFUSED = "pod/default/a2: nothing listens on 10.244.1.3:81/tcp"
GONE = "node/n1: connections are sent to 10.244.1.77:8080, which is no endpoint of service default/many"
NO_ROUTE = "node/n1: the route to 10.244.2.0/24 is missing"


@pytest.mark.parametrize("mode", ["iptables", "nftables"])
@pytest.mark.parametrize("source", ["pod/default/a", "node/n1"])
def test_one_of_three_backends_is_gone(mode: str, source: str) -> None:
    answer = asked(THREE, known=(A2, B, B2), mode=mode, source=source)
    assert answer.headline == (
        f"partial, 2 of 3 backends answer, 33 % of connections fail (no route to host): {GONE}"
    )
    assert answer.backends == Backends(total=3, answering=2, sometimes=0, failing=1, unknown=0)
    assert {str(one.backend): one.cause.code if one.cause else "" for one in answer.branches} == {
        "10.244.1.3:8080": "",
        "10.244.2.2:8080": "",
        "10.244.1.77:8080": "service.stale-endpoint",
    }


def test_backends_fail_for_different_causes_and_each_is_told() -> None:
    """The route to n2 is gone, so two fail alike; another refuses."""
    answer = asked((A2, CLOSED, B, B2), route=False)
    told = answer.headline.removeprefix("partial, 1 of 4 backends answers, 75 % of connections fail: 50 % (")
    assert told != answer.headline
    assert f") {NO_ROUTE}" in told
    assert told.endswith(f"; 25 % (connection refused) {REFUSED}")
    causes = {str(one.backend): one.cause.code for one in answer.branches if one.cause}
    assert causes["10.244.2.2:8080"] == causes["10.244.2.3:8080"] == answer.cause.code  # type: ignore[union-attr]
    assert "route" in causes["10.244.2.2:8080"]
    assert causes["10.244.1.3:81"] == "socket.closed"


def test_what_stops_one_backend_is_not_behind_what_stops_another() -> None:
    answer = asked((CLOSED, B, B2), route=False)
    assert not [one.message for one in answer.suspicions if one.message.startswith("behind that")]


def test_what_is_behind_an_obstacle_is_told_of_the_same_backend() -> None:
    answer = asked((A2, CLOSED_ELSEWHERE), route=False)
    behind = [one.message for one in answer.suspicions if one.message.startswith("behind that")]
    assert behind == ["behind that: nothing listens on 10.244.2.2:81/tcp"]


def test_none_answers() -> None:
    answer = asked((CLOSED, CLOSED_ELSEWHERE))
    assert answer.headline.startswith(
        "unreachable, none of 2 backends answers (connection refused): pod/default/"
    )
    assert answer.headline.endswith(":81/tcp, and 1 more like it")


def test_equal_causes_are_counted() -> None:
    more = LabBackend("10.244.1.78", 8080, "n1")
    answer = asked((A2, NOBODY, more), known=(A2,))
    assert answer.headline.startswith("partial, 1 of 3 backends answers, 67 % of connections fail (no route")
    assert answer.headline.endswith("is no endpoint of service default/many, and 1 more like it")


def test_a_single_backend_is_not_counted() -> None:
    assert asked((CLOSED,)).headline == f"unreachable (connection refused): {REFUSED}"
    assert asked((CLOSED,)).backends is None


def test_shares_are_those_of_the_rules_not_of_the_number_of_backends() -> None:
    """The same endpoint three times, as weights are written: it gets three quarters."""
    answer = asked((A2, A2, A2, CLOSED))
    assert answer.headline == (
        f"partial, 1 of 2 backends answers, 25 % of connections fail (connection refused): {REFUSED}"
    )


def test_a_packet_lost_in_its_tunnel_went_to_no_other_backend() -> None:
    """The outer packet goes to a node: no translation led there, so what is mended counts."""
    with closing(open_snapshot(SHIPPED)) as shipped:
        ns = shipped.namespace(Place("node", "n1"))
        assert not isinstance(ns, NotCollected)
        (index,) = (one.index for one in ns.devices.values() if one.vxlan is not None)
        device = ns.devices[index]
        assert device.vxlan is not None
        other = replace(device, vxlan=device.vxlan._replace(local=ip_address("10.0.0.77")))
        ns = replace(ns, devices={**ns.devices, index: other})
        file = cast(Snapshot, OneMore(shipped, {ns.place: ns}, {}))
        found = diagnose(file, Request(source="node/n1", destination="pod/default/b", port="8080"), Options())
    assert found.cause is not None
    assert found.cause.code == "flannel.device.differs"
