"""Pods with a second network, as Multus adds one: its addresses are the pod's, no plugin speaks of it."""

import json
from contextlib import closing
from pathlib import Path

import pytest

from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.diagnosis.check import check
from kubectl_skoop.diagnosis.diagnose import diagnose
from kubectl_skoop.diagnosis.extension.context import Context
from kubectl_skoop.diagnosis.extension.detected import detected
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.diagnosis.result import Diagnosis
from kubectl_skoop.model.suspicion import Level
from kubectl_skoop.snapshot.source import open_snapshot
from kubectl_skoop.testing.cluster_lab import ClusterLab
from kubectl_skoop.testing.comparing import check_flow, request_of, take_snapshot
from kubectl_skoop.testing.flows import Flow
from kubectl_skoop.testing.objects import Object, daemon_set
from kubectl_skoop.testing.probes import ANSWER, Outcome, run_flows
from kubectl_skoop.testing.topology import POD_PORT

pytestmark = pytest.mark.kernel
SECOND = {"a": "172.20.0.1", "b": "172.20.0.2"}
"""Addresses on `net1`, a macvlan of the node's own device: the pods' nodes are no part of that network."""
TCP = Flow("pod/default/a", SECOND["b"], SECOND["b"], "tcp", POD_PORT)
PING = Flow("pod/default/a", SECOND["b"], SECOND["b"], "icmp")


class MultusLab(ClusterLab):
    def __init__(self) -> None:
        super().__init__("flannel-host-gw")

    def connect_pods(self) -> None:
        super().connect_pods()
        for name, address in SECOND.items():
            pod = self.topology.pod(name)
            node, inside = self.namespace(pod.node.name), self.namespace(name)
            device = ("net1", "netns", inside.name, "type", "macvlan", "mode", "bridge")
            node.run("ip", "link", "add", "link", "eth0", *device)
            inside.run("ip", "addr", "add", f"{address}/24", "dev", "net1")
            inside.run("ip", "link", "set", "net1", "up")

    def objects(self) -> list[Object]:
        objects = super().objects()
        for item in objects:
            if item["kind"] == "Pod" and (name := item["metadata"]["name"]) in SECOND:
                status = [
                    {"name": "cbr0", "interface": "eth0", "ips": [item["status"]["podIP"]], "default": True},
                    {"name": "default/storage", "interface": "net1", "ips": [SECOND[name]]},
                ]
                key = "k8s.v1.cni.cncf.io/network-status"
                item["metadata"]["annotations"] = {key: json.dumps(status)}
        agent: Object = {"name": "kube-multus", "image": "ghcr.io/k8snetworkplumbingwg/multus-cni:v4.2.3"}
        return [*objects, daemon_set("kube-multus-ds", "kube-system", len(self.topology.nodes), agent)]


def asked(lab: MultusLab, folder: Path) -> list[tuple[Flow, Outcome, Diagnosis]]:
    snapshot = take_snapshot(lab, folder)
    outcomes = run_flows(lab, [TCP, PING])
    with closing(open_snapshot(snapshot)) as source:
        return [
            (flow, found, diagnose(source, request_of(flow), Options())) for flow, found in outcomes.items()
        ]


def test_the_address_of_a_second_network_is_the_pods(tmp_path: Path) -> None:
    with MultusLab() as lab:
        for flow, outcome, told in asked(lab, tmp_path):
            assert outcome.symptom == ANSWER
            assert check_flow(flow, [outcome], told) == []
            assert (told.request.destination.kind, told.request.destination.name) == ("pod", "default/b")
            assert [one for one in told.suspicions if one.level >= Level.WARNING] == []
        with closing(open_snapshot(tmp_path / "lab.skoop")) as source:
            assert check(source, Options()).suspicions == ()
            also = [each.value for each in detected(Context(source=source, cluster=Cluster(source)))]
    assert "network default/storage: 2 pods have it beside their own" in also
    assert "Multus: no plugin speaks for it" in also


def test_a_second_network_that_is_down_is_told_by_the_kernels_state(tmp_path: Path) -> None:
    with MultusLab() as lab:
        lab.namespace("b").run("ip", "link", "set", "net1", "down")
        told = asked(lab, tmp_path)
    for flow, outcome, diagnosis in told:
        assert outcome.symptom != ANSWER
        assert check_flow(flow, [outcome], diagnosis) == []
        assert diagnosis.cause is not None
        assert not diagnosis.cause.code.startswith("flannel.")
