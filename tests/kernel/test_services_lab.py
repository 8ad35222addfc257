"""Faults put into kube-proxy's rules on a node: each is found and named, the healthy twin is silent."""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from ipaddress import ip_address
from pathlib import Path

import pytest

from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.collect.agent import collect_node
from kubectl_skoop.diagnosis.check import check
from kubectl_skoop.diagnosis.diagnose import diagnose
from kubectl_skoop.diagnosis.request import Options, Request
from kubectl_skoop.diagnosis.services.door import Target
from kubectl_skoop.diagnosis.services.meaning import Meaning
from kubectl_skoop.diagnosis.services.present import present
from kubectl_skoop.model.place import Place
from kubectl_skoop.model.suspicion import Level, Suspicion
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.snapshot.assemble import assemble, write_node_dump
from kubectl_skoop.snapshot.objects_file import read_objects
from kubectl_skoop.snapshot.source import Snapshot, open_snapshot
from kubectl_skoop.testing.breaking import fill, placeholders, run_steps
from kubectl_skoop.testing.cluster_lab import ClusterLab
from kubectl_skoop.testing.topology import BACKENDS, MODES, Backend, Mode
from tests.service_walk import walked

pytestmark = pytest.mark.kernel


@contextmanager
def collected(lab: ClusterLab, folder: Path) -> Iterator[Snapshot]:
    dumps = []
    for node in lab.topology.nodes:
        dumps.append(folder / f"{node.name}.dump")
        write_node_dump(collect_node(node.name, lab.namespace(node.name).path, {}), dumps[-1])
    objects = {"apiVersion": "v1", "kind": "List", "items": lab.objects()}
    (folder / "objects.json").write_text(json.dumps(objects))
    assemble(dumps, read_objects([folder / "objects.json"]), folder / "s", time=1.0)
    with closing(open_snapshot(folder / "s")) as source:
        yield source


def service_findings(source: Snapshot) -> list[Suspicion]:
    return [one for one in check(source, Options()).suspicions if one.code.startswith("service.")]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_healthy_cluster_is_compared_and_silent(mode: Mode, backend: Backend, tmp_path: Path) -> None:
    with ClusterLab(mode, backend) as lab, collected(lab, tmp_path) as source:
        result = check(source, Options())
    assert result.suspicions == ()
    assert [fact for fact in result.facts if fact.name == "services not compared"] == []
    assert result.missing == ()


FAULTS: list[tuple[str, str, str, str]] = [
    ("the table nat is flushed", "iptables -t nat -F", "service.no-rules", "no rules of kube-proxy for IPv4"),
    (
        "the service portal is flushed",
        "iptables -t nat -F KUBE-SERVICES",
        "service.no-rules",
        "no rules of kube-proxy for IPv4",
    ),
    (
        "PREROUTING does not reach the services",
        'iptables -t nat -D PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
        "service.no-rules",
        "PREROUTING does not lead to KUBE-SERVICES",
    ),
    (
        "OUTPUT does not reach the services",
        'iptables -t nat -D OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
        "service.no-rules",
        "OUTPUT does not lead to KUBE-SERVICES",
    ),
    (
        "a service's chain is empty",
        "iptables -t nat -F {chain.pair}",
        "service.untranslated",
        "default/pair at {svc.pair}:80/tcp: no rule translates it",
    ),
    (
        "a backend's chain is empty",
        "iptables -t nat -F {sep.self}",
        "service.untranslated",
        "default/self at {svc.self}:80/tcp: no rule translates it",
    ),
    (
        "one of two backends lost its rule",
        "iptables -t nat -D {chain.pair} 2",
        "service.missing-backend",
        "default/pair at {svc.pair}:80/tcp: no connection is sent to {a2}:8080",
    ),
    (
        "the last of two backends lost its rule",
        "iptables -t nat -D {chain.pair} 3",
        "service.missing-backend",
        "no connection is sent to {b2}:8080",
    ),
    (
        "one backend is gone from the objects, not from the rules",
        "iptables -t nat -R {sep.pair.b2} 2 -p tcp -j DNAT --to-destination 10.244.2.40:8080",
        "service.stale-endpoint",
        "50% of connections are sent to 10.244.2.40:8080, no endpoint of it",
    ),
    (
        "the backend has another port",
        "iptables -t nat -R {sep.web} 2 -p tcp -j DNAT --to-destination {b}:81",
        "service.stale-endpoint",
        "100% of connections are sent to {b}:81, no endpoint of it",
    ),
    (
        "one of two backends gets nearly all",
        "iptables -t nat -R {chain.pair} 2 -m statistic --mode random --probability 0.9 -j {sep.pair.a2}",
        "service.wrong-share",
        "gets 90.0% of connections, not 50.0%",
    ),
    (
        "the first backend gets all",
        "iptables -t nat -R {chain.pair} 2 -j {sep.pair.a2}",
        "service.missing-backend",
        "no connection is sent to {b2}:8080",
    ),
    (
        "the last backend takes only some",
        "iptables -t nat -R {chain.pair} 3 -m statistic --mode random --probability 0.5 -j {sep.pair.b2}",
        "service.wrong-share",
        "25% of connections are not translated",
    ),
    (
        "a service without endpoints is not refused",
        "iptables -F KUBE-SERVICES",
        "service.not-refused",
        "default/empty at {svc.empty}:80/tcp: it has no endpoint",
    ),
    (
        "forwarded packets do not reach the refusal",
        "iptables -F FORWARD",
        "service.not-refused",
        "default/empty at {svc.empty}:80/tcp: it has no endpoint",
    ),
    (
        "a backend that meets itself is not masqueraded",
        "iptables -t nat -D {sep.self} 1",
        "service.missing-masquerade",
        "connections of {a}:8080 that meet themselves are not masqueraded",
    ),
    (
        "the node port is not masqueraded",
        "iptables -t nat -D {ext.web} 1",
        "service.missing-masquerade",
        "default/web at node port 30080/tcp: connections from outside",
    ),
    (
        "one cluster address is not masqueraded for the outside",
        "iptables -t nat -D {chain.dns} 1",
        "service.missing-masquerade",
        "default/dns at {svc.dns}:53/udp: connections from outside",
    ),
    (
        "the mark is not set",
        "iptables -t nat -F KUBE-MARK-MASQ",
        "service.missing-masquerade",
        "KUBE-MARK-MASQ does not set the mark",
    ),
    (
        "what is marked is not masqueraded",
        "iptables -t nat -F KUBE-POSTROUTING",
        "service.missing-masquerade",
        "KUBE-POSTROUTING does not masquerade",
    ),
    (
        "the node port has no rule",
        "iptables -t nat -F KUBE-NODEPORTS",
        "service.untranslated",
        "default/web at node port 30080/tcp: no rule translates it",
    ),
    (
        "something is accepted before kube-proxy's rules",
        "iptables -t nat -I KUBE-SERVICES -d {svc.web} -j ACCEPT",
        "service.untranslated",
        "default/web at {svc.web}:80/tcp: no rule translates it",
    ),
]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("step", "code", "message"), [row[1:] for row in FAULTS], ids=[row[0] for row in FAULTS]
)
def test_a_fault_in_the_rules_is_found_and_named(
    backend: Backend, step: str, code: str, message: str, tmp_path: Path
) -> None:
    with ClusterLab("flannel-host-gw", backend) as lab:
        values = placeholders(lab)
        external = values["chain.web"].replace("KUBE-SVC", "KUBE-EXT")
        values["ext.web"] = external
        run_steps(lab, [f"n1: {fill(step, values)}"])
        with collected(lab, tmp_path) as source:
            (found,) = service_findings(source)
    assert found.code == code
    assert fill(message, values) in found.message
    assert str(found.where.place) == "node/n1"
    assert found.evidence
    assert found.remedy


def test_the_same_fault_on_two_nodes_is_one_finding(tmp_path: Path) -> None:
    with ClusterLab("calico") as lab:
        run_steps(lab, [f"{node}: iptables -t nat -F {{chain.self}}" for node in ("n1", "n2")])
        with collected(lab, tmp_path) as source:
            (found,) = service_findings(source)
    assert "at 2 places: node/n1, node/n2" in found.message


@pytest.mark.parametrize("mode", ["", "nftables"])
def test_nodes_without_rules_of_any_mode(mode: str, tmp_path: Path) -> None:
    with ClusterLab("flannel-host-gw") as lab:
        run_steps(lab, ["n1: iptables -t nat -F", "n2: iptables -t nat -F"])
        with collected(lab, tmp_path) as source:
            result = check(source, Options(proxy_mode=mode))
    found = [one.message for one in result.suspicions if one.code.startswith("service.")]
    missing = "no rules of kube-proxy for IPv4: no service works there (at 2 places: node/n1, node/n2)"
    assert found == [missing]


def test_a_diagnosis_warns_of_the_service_that_it_asks_for(tmp_path: Path) -> None:
    """The flow itself meets the only backend that is left."""
    with ClusterLab("flannel-host-gw") as lab:
        run_steps(
            lab,
            ["n1: iptables -t nat -R {chain.pair} 2 -j {sep.pair.a2}", "n1: iptables -t nat -D {sep.self} 1"],
        )
        with collected(lab, tmp_path) as source:
            request = Request(source="node/n1", destination="svc/default/pair", port="80")
            result = diagnose(source, request, Options())
    found = [one for one in result.suspicions if one.code.startswith("service.")]
    assert [(one.code, one.level) for one in found] == [("service.missing-backend", Level.WARNING)]


SEVERAL = [
    "n1: iptables -t nat -R {chain.pair} 2 -m statistic --mode random --probability 0.9 -j {sep.pair.a2}",
    "n1: iptables -t nat -I {sep.pair.b2} -m statistic --mode random --probability 0.25 -j RETURN",
    "n1: iptables -t nat -A {chain.pair} -m statistic --mode random --probability 0.5 -j {sep.self}",
    "n1: iptables -t nat -I {chain.self} -p udp -j RETURN",
    "n1: iptables -t nat -I {chain.dns} 2 ! -p tcp -d 10.96.0.53 -j {sep.web}",
    "n1: iptables -t nat -I KUBE-SERVICES -s 192.0.2.0/24 -d {svc.web} -j RETURN",
]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("steps", [[], SEVERAL], ids=["healthy", "with odd rules"])
def test_reading_the_chains_gives_what_walking_them_gives(
    backend: Backend, steps: list[str], tmp_path: Path
) -> None:
    with ClusterLab("calico", backend) as lab:
        run_steps(lab, steps)
        with collected(lab, tmp_path) as source:
            cluster = Cluster(source)
            ns = source.namespace(Place("node", "n1"))
            assert isinstance(ns, NetworkNamespace)
            rules = present(ns, 4).used
            assert rules is not None
            doors = [wanted.door for wanted in Meaning(cluster).of_node(cluster.node("n1"))]
            unread = 0
            for door in doors:
                for client in (ip_address("192.0.2.1"), ip_address("10.244.2.9")):
                    leaves = rules.follow(door, client)
                    if any(leaf.unread for leaf in leaves):
                        unread += 1
                        continue
                    shares: dict[Target | None, float] = {}
                    for leaf in leaves:
                        shares[leaf.target] = shares.get(leaf.target, 0.0) + leaf.share
                    assert shares == pytest.approx(walked(ns, door, client))
    assert len(doors) == 7
    assert unread == (2 if steps else 0)
