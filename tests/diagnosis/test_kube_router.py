"""What a real kube-router wrote for some policies (`tests.e2e.policies.record`), and faults in it."""

import gzip
import json
import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import pytest

from kubectl_skoop.cluster.raw import Object
from kubectl_skoop.diagnosis.extension.registry import set_up
from kubectl_skoop.diagnosis.policies import told as told_of
from kubectl_skoop.diagnosis.policies.check import every_policy
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.model.place import Place
from kubectl_skoop.netstack.ipset.save import parse_ipsets
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.netfilter.load import load_netfilter
from tests.diagnosis.conftest import MakeContext

FOLDER = Path(__file__).parents[1] / "data" / "kube-router"
NODES = ("node1", "node2")
"""`node1` has the pods a, c of x, b of y, a, c of z; `node2` the others."""
Rules = str
Break = Callable[[Rules], Rules]


@cache
def text(name: str) -> str:
    return gzip.decompress((FOLDER / f"{name}.gz").read_bytes()).decode()


def objects() -> list[Object]:
    found = json.loads(text("objects.json"))
    assert isinstance(found, list)
    return found


def namespace(node: str, rules: Rules) -> NetworkNamespace:
    saved, separator, sets = rules.partition("COMMIT\n")
    netfilter = load_netfilter(
        iptables_legacy=None,
        ip6tables_legacy=None,
        iptables_nft=saved + separator,
        ip6tables_nft=None,
        nft=None,
        nft_raw=None,
        hook_order=None,
        gaps={},
    )
    place = Place("node", node)
    return NetworkNamespace(id=node, place=place, node=node, netfilter=netfilter, ipsets=parse_ipsets(sets))


def told(make_context: MakeContext, items: Sequence[Object], broken: Break | None = None) -> list[str]:
    """Code and message of each finding; `node1` has the fault."""
    rules = {node: text(node) for node in NODES}
    if broken is not None:
        rules["node1"] = broken(rules["node1"])
        assert rules["node1"] != text("node1")
    namespaces = {str(Place("node", node)): namespace(node, rules[node]) for node in NODES}
    setup = set_up(make_context(items, namespaces, Options(network_plugin="flannel")))
    return [f"{one.code}: {one.message}" for one in every_policy(setup)]


def without(pattern: str) -> Break:
    """Lines that have it are gone."""
    return lambda rules: "".join(
        line for line in rules.splitlines(keepends=True) if not re.search(pattern, line)
    )


def chain_of(policy: str) -> str:
    found = re.search(rf"run through nw policy {policy}\" -j (\S+)", text("node1"))
    assert found is not None
    return found[1]


def address_of(pod: str) -> str:
    found = re.search(rf"-d (\S+)/32 .*POD name:{pod} ", text("node1"))
    assert found is not None
    return found[1]


def test_nothing_is_found_where_it_works(make_context: MakeContext) -> None:
    assert told(make_context, objects()) == []


FAULTS = {
    "no jump from FORWARD": (
        without("^-A FORWARD"),
        "policy.not-enforced: no rule leads to kube-router's chains for IPv4: policies have no effect on "
        "x/x-a, x/x-c, y/y-b",
    ),
    "a pod without chain": (
        without(r"KUBE-ROUTER-FORWARD .*-s .*POD name:x-a "),
        "policy.not-enforced: node1 has no chain of kube-router for x/x-a: its policies have no effect",
    ),
    "a chain that rejects nothing": (
        without(r"POD name:x-a namespace: x\" .*-j REJECT"),
        "policy.not-enforced: the chain of kube-router for x/x-a on node1 rejects nothing: "
        "its policies have no effect",
    ),
    "a policy that is not run": (
        without("run through nw policy names"),
        "policy.not-enforced: kube-router's rules on node1 lack NetworkPolicy y/names for y/y-b",
    ),
    "an empty chain": (
        without(f"-A {chain_of('some')} "),
        "policy.not-meant: the chain of NetworkPolicy x/some on node1 is empty: "
        "what the policy allows is refused",
    ),
    "an empty chain of names of ports": (
        without(f"-A {chain_of('names')} "),
        "policy.not-meant: the chain of NetworkPolicy y/names on node1 is empty: "
        "what the policy allows is refused",
    ),
    "a name of a port is missing": (
        without(f"-A {chain_of('names')} .* --dport 81 -j MARK"),
        "policy.not-meant: kube-router's rules on node1 for names of ports of NetworkPolicy y/names lack "
        "tcp 81 of 10.244.1.4, 10.244.2.3, 10.244.2.4, spec.ingress[0]: what the policy allows is refused",
    ),
    "sets that are gone": (
        without("^(create|add) "),
        "policy.not-meant: kube-router's set for spec.podSelector of NetworkPolicy x/some on node1 lacks ",
    ),
}


@pytest.mark.parametrize(("broken", "message"), FAULTS.values(), ids=FAULTS)
def test_a_fault_in_the_rules_is_named(make_context: MakeContext, broken: Break, message: str) -> None:
    found = told(make_context, objects(), broken)
    assert any(one.startswith(message) for one in found), found
    assert len(found) == 1 or message.startswith("policy.not-meant: kube-router's set for")


def test_a_peer_too_many_in_a_set(make_context: MakeContext) -> None:
    (peers,) = re.findall(
        rf"-A {chain_of('some')} .*--match-set (KUBE-SRC-\S+) src .* -j MARK", text("node1")
    )[:1]
    nobody = told(make_context, objects(), lambda rules: f"{rules}add {peers} 10.9.9.9 timeout 0\n")
    assert nobody == []
    other = address_of("z-a")
    found = told(make_context, objects(), lambda rules: f"{rules}add {peers} {other} timeout 0\n")
    assert found == [
        "policy.not-enforced: kube-router's set for spec.ingress[0] of NetworkPolicy x/some on node1 has "
        f"{other}: they are let through"
    ]


def test_a_policy_that_is_gone(make_context: MakeContext) -> None:
    """Both nodes have it still."""
    kept = [one for one in objects() if one["metadata"].get("name") != "names"]  # type: ignore[attr-defined]
    assert told(make_context, kept) == [
        "policy.not-meant: kube-router's rules on node1 still have NetworkPolicy y/names for y/y-b, "
        "which it does not select",
        "policy.not-meant: kube-router's rules on node2 still have NetworkPolicy y/names for y/y-a, y/y-c, "
        "which it does not select",
    ]


def test_without_the_policies_nothing_is_claimed(make_context: MakeContext) -> None:
    kept = [one for one in objects() if one["kind"] != "NetworkPolicy"]
    assert told(make_context, kept) == []


def test_of_many_findings_the_first_are_told(
    make_context: MakeContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(told_of, "MAX_TOLD", 1)
    found = told(make_context, objects(), without("^(create|add) "))
    assert [one[-18:] for one in found] == ["; 10 more on node1"]


def test_a_member_that_is_none_is_nobody(make_context: MakeContext) -> None:
    """The kernel writes none; somebody's file may have one."""

    def broken(rules: Rules) -> Rules:
        return rules + "".join(f"add {name} \n" for name in re.findall(r"^create (\S+)", rules, re.MULTILINE))

    assert told(make_context, objects(), broken) == told(make_context, objects())
