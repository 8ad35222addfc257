"""Where Cilium or Calico serve services in BPF programs nothing is claimed of kube-proxy's rules."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from kubectl_skoop.cluster.allow import Allowed
from kubectl_skoop.cluster.raw import Object
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.diagnosis.services.every import Compared, every_service
from kubectl_skoop.model.place import Place
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.plugins.cilium import Cilium
from tests.diagnosis.conftest import MakeContext
from tests.diagnosis.test_services_recorded import namespace, objects, text

NODE = "node1"
PROGRAMS = ("BPF tcx_ingress program 12",)


def config(name: str, **data: str) -> Object:
    metadata = {"name": name, "namespace": "kube-system"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


LEFT_CONFIG = config("kube-proxy", **{"config.conf": "mode: \n"})
"""kubeadm writes it even where kube-proxy was removed."""


def cilium(value: str) -> Object:
    return config("cilium-config", **{"kube-proxy-replacement": value})


def node(devices: Mapping[str, Sequence[str]] = {}, **gaps: str) -> NetworkNamespace:
    """`devices`: the programs of each."""
    made = [
        Device(index=number, name=name, kind="veth", programs=tuple(programs))
        for number, (name, programs) in enumerate(devices.items(), start=1)
    ]
    ns = NetworkNamespace(id=NODE, place=Place("node", NODE), node=NODE, gaps=gaps)
    return replace(ns, devices={one.index: one for one in made})


def compared(make_context: MakeContext, ns: NetworkNamespace, *more: Object) -> Compared:
    allowed = Allowed(config_maps=frozenset(Cilium.wants.config_maps))
    ctx = make_context([*objects(), *more], {f"node/{NODE}": ns}, Options(), allowed=allowed)
    return every_service(ctx, [NODE])


CILIUM_NODE = {"cilium_host": (), "lxc1a2b": PROGRAMS}
CALICO_NODE = {"bpfin.cali": (), "bpfout.cali": (), "cali1a2b": PROGRAMS}
CASES = {
    "Cilium by its settings": (
        node(CILIUM_NODE),
        [LEFT_CONFIG, cilium("true")],
        "Cilium serves them in BPF programs, which are not read "
        "(ConfigMap kube-system/cilium-config: kube-proxy-replacement: true)",
    ),
    "an older Cilium": (
        node(CILIUM_NODE),
        [LEFT_CONFIG, cilium("strict")],
        "Cilium serves them in BPF programs, which are not read "
        "(ConfigMap kube-system/cilium-config: kube-proxy-replacement: strict)",
    ),
    "Cilium whose settings were not collected": (
        node(CILIUM_NODE),
        [LEFT_CONFIG],
        "Cilium may serve them in BPF programs, which are not read (programs on lxc1a2b)",
    ),
    "Cilium by programs of control groups": (
        node({"cilium_host": ()}, bpf_cgroups="BPF programs connect4 of /"),
        [LEFT_CONFIG],
        "Cilium may serve them in BPF programs, which are not read (BPF programs connect4 of /)",
    ),
    "Calico's eBPF mode": (
        node(CALICO_NODE),
        [LEFT_CONFIG],
        "Calico's eBPF mode serves them in BPF programs, which are not read "
        "(device bpfin.cali, BPF programs on cali1a2b)",
    ),
    "somebody else": (
        node({"eth0": PROGRAMS}),
        [LEFT_CONFIG],
        "somebody may serve them in BPF programs, which are not read (programs on eth0)",
    ),
}


@pytest.mark.parametrize(("ns", "more", "reason"), CASES.values(), ids=CASES)
def test_the_node_is_not_compared_and_the_reason_is_told(
    make_context: MakeContext, ns: NetworkNamespace, more: Sequence[Object], reason: str
) -> None:
    result = compared(make_context, ns, *more)
    assert [one.message for one in result.findings if one.code.startswith("service.")] == []
    (fact,) = result.facts
    assert (fact.name, fact.value, fact.source) == ("services not compared", NODE, reason)


@pytest.mark.parametrize(
    ("ns", "more"),
    [(node(), []), (node({"cilium_host": ()}), [cilium("false")])],
    ids=["nobody is there", "Cilium without programs and replacement"],
)
def test_without_any_sign_of_programs_rules_are_missed(
    make_context: MakeContext, ns: NetworkNamespace, more: Sequence[Object]
) -> None:
    result = compared(make_context, ns, LEFT_CONFIG, *more)
    assert {one.code for one in result.findings} == {"service.no-rules"}


def with_rules(devices: Mapping[str, Sequence[str]]) -> NetworkNamespace:
    rules = namespace(NODE, text("node1-iptables-v1.36.3"))
    return replace(rules, devices=node(devices).devices)


def test_rules_that_kube_proxy_left_beside_them(make_context: MakeContext) -> None:
    result = compared(make_context, with_rules(CILIUM_NODE), LEFT_CONFIG, cilium("true"))
    assert {one.code for one in result.findings} == {"service.two-modes"}
    assert "beside BPF programs that serve the services" in result.findings[0].message
    assert len(result.facts) == 1


def test_rules_are_compared_where_programs_only_may_serve(make_context: MakeContext) -> None:
    """Cilium beside kube-proxy has programs on all pods' devices, too."""
    result = compared(make_context, with_rules(CILIUM_NODE), LEFT_CONFIG, cilium("false"))
    assert (result.findings, result.facts) == ((), ())
