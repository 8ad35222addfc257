"""Ports and blocks of policies in both families, as a real kube-router wrote them, and faults in them.

`tests.e2e.policies.record_dual` tells how: of IPv6 kube-router 2.1.0 itself writes no rules at all.
"""

import gzip
import json
import re
from collections import ChainMap
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from kubectl_skoop.cluster.policy.kube_router import Family, peer_set
from kubectl_skoop.cluster.raw import Object
from kubectl_skoop.diagnosis.extension.registry import set_up
from kubectl_skoop.diagnosis.policies.check import every_policy
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.model.place import Place
from kubectl_skoop.netstack.ipset.save import parse_ipsets
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.netfilter.load import load_netfilter
from kubectl_skoop.snapshot.redact import Pseudonyms
from kubectl_skoop.snapshot.redact.ipset import ipset_text
from kubectl_skoop.snapshot.redact.iptables import iptables_text
from kubectl_skoop.snapshot.redact.left_out import LeftOut
from kubectl_skoop.snapshot.redact.name import NameMap, policy_sets
from kubectl_skoop.snapshot.redact.object import redact_object
from tests.diagnosis.conftest import MakeContext

FOLDER = Path(__file__).parents[1] / "data" / "kube-router" / "dual"
NODE = "node1"
AGENT: Object = {
    "apiVersion": "apps/v1",
    "kind": "DaemonSet",
    "metadata": {"name": "kube-router", "namespace": "kube-system"},
}
Break = Callable[[str], str]


@cache
def text(name: str) -> str:
    return gzip.decompress((FOLDER / f"{name}.gz").read_bytes()).decode()


def objects() -> list[Object]:
    found = json.loads(text("objects.json"))
    assert isinstance(found, list)
    return [*found, AGENT]


def namespace(rules: str) -> NetworkNamespace:
    four, six, sets = rules.split("COMMIT\n")
    netfilter = load_netfilter(
        iptables_legacy=None,
        ip6tables_legacy=None,
        iptables_nft=f"{four}COMMIT\n",
        ip6tables_nft=f"{six}COMMIT\n",
        nft=None,
        nft_raw=None,
        hook_order=None,
        gaps={},
    )
    place = Place("node", NODE)
    return NetworkNamespace(id=NODE, place=place, node=NODE, netfilter=netfilter, ipsets=parse_ipsets(sets))


def told(make_context: MakeContext, rules: str, items: Sequence[Object] = ()) -> list[str]:
    """Code and message of each finding."""
    namespaces = {f"node/{NODE}": namespace(rules)}
    setup = set_up(make_context(items or objects(), namespaces, Options(network_plugin="flannel")))
    return [f"{one.code}: {one.message}" for one in every_policy(setup)]


def test_nothing_is_found_where_it_works(make_context: MakeContext) -> None:
    assert told(make_context, text(f"{NODE}-mended")) == []


def test_the_release_that_writes_nothing_of_ipv6(make_context: MakeContext) -> None:
    """Its log has `ip6tables-restore … Set KUBE-SRC-… doesn't exist`; IPv4 is as it should be."""
    assert told(make_context, text(NODE)) == [
        f"policy.not-enforced: node1 has no chain of kube-router for {pod}: its policies have no effect"
        for pod in ("x/a", "x/b", "y/a", "y/b")
    ]


def replaced(pattern: str, new: str) -> Break:
    return lambda rules: re.sub(pattern, new, rules, flags=re.MULTILINE)


def without(pattern: str) -> Break:
    return replaced(rf"^.*{pattern}.*\n", "")


IN = "NetworkPolicy x/in on node1"
OUT = "NetworkPolicy x/out on node1"
NAMED = "names of ports of NetworkPolicy y/named"
ALLOWED = "what the policy allows is refused"
FAULTS: dict[str, tuple[Break, list[str]]] = {
    "a port is missing for pods": (
        without(r"from source pods .* policy name in .* --dport 80 -j MARK"),
        [f"policy.not-meant: the chain of {IN} lacks tcp 80 for spec.ingress[0]: {ALLOWED}"],
    ),
    "a port is missing for blocks": (
        without(r"specified ipBlocks .* policy name: in .* --dport 81:90 -j MARK"),
        [f"policy.not-meant: the chain of {IN} lacks udp 81:90 for spec.ingress[0]: {ALLOWED}"],
    ),
    "a range of ports is another": (
        replaced(r"(specified ipBlocks .* policy name: in .* --dport) 81:90 -j MARK", r"\1 81:99 -j MARK"),
        [
            f"policy.not-meant: the chain of {IN} lacks udp 81:90 for spec.ingress[0]: {ALLOWED}",
            f"policy.not-enforced: the chain of {IN} has udp 81:99 for spec.ingress[0]: it is let through",
        ],
    ),
    "every port is open": (
        replaced(
            r"(-A \S+) -p tcp (.* specified ipBlocks .* policy name: out .*) -m tcp --dport 443 -j MARK",
            r"\1 \2 -j MARK",
        ),
        [
            f"policy.not-meant: the chain of {OUT} lacks tcp 443 for spec.egress[0]: {ALLOWED}",
            f"policy.not-enforced: the chain of {OUT} has all ports for spec.egress[0]: it is let through",
        ],
    ),
    "a port to everybody is missing": (
        without(r"all destinations .* policy name: out .* --dport 53 -j MARK"),
        [f"policy.not-meant: the chain of {OUT} lacks udp 53 for spec.egress[1]: {ALLOWED}"],
    ),
    "a block is missing": (
        without(r"^add \S+ (10\.0\.0\.0/8|fd00::/16) .*"),
        [
            f"policy.not-meant: kube-router's set for spec.ingress[0] of {IN} lacks 10.0.0.0/8: {ALLOWED}",
            f"policy.not-meant: kube-router's set for spec.ingress[0] of {IN} lacks fd00::/16: {ALLOWED}",
        ],
    ),
    "an exception is missing": (
        without(r"^add \S+ (10\.244\.9\.0/24|fd00:0:9::/64) .*"),
        [
            f"policy.not-enforced: kube-router's set for spec.ingress[0] of {IN} does not except "
            f"{block}: it is let through"
            for block in ("10.244.9.0/24", "fd00:0:9::/64")
        ],
    ),
    "a block is no exception": (
        replaced(r"^(add \S+ (?:10\.244\.9\.0/24|fd00:0:9::/64) .*) nomatch", r"\1"),
        [
            f"policy.not-enforced: kube-router's set for spec.ingress[0] of {IN} {what}: it is let through"
            for block in ("10.244.9.0/24", "fd00:0:9::/64")
            for what in (f"does not except {block}", f"has {block}")
        ],
    ),
    "more is excepted": (
        replaced(r"^(add \S+) (10\.244\.9\.0/24|fd00:0:9::/64) (.*)", r"\g<0>\n\1 10.1.0.0/16 \3"),
        [f"policy.not-meant: kube-router's set for spec.ingress[0] of {IN} excepts 10.1.0.0/16: {ALLOWED}"]
        * 2,
    ),
    "half of all addresses": (
        without(r"^add \S+ (0\.0\.0\.0/1|2000::/3) .*"),
        [
            f"policy.not-meant: kube-router's set for spec.egress[0] of {OUT} lacks {half}: {ALLOWED}"
            for half in ("0.0.0.0/1", "2000::/3")
        ],
    ),
    "the chain lets others in": (
        replaced(
            r"^(-A KUBE-NWPLCY-\S+ -p tcp .* specified ipBlocks .* policy name: in .*?)"
            r"-m set --match-set \S+ src (.*--dport 80 -j MARK.*)",
            r"\g<0>\n\1\2",
        ),
        [
            f"policy.not-enforced: the chain of {IN} lets tcp 80 through, ingress, for everybody: "
            "no rule of the policy does"
        ],
    ),
    "a name of a port is missing": (
        without(r"policy name named .* --dport 8080 -j MARK"),
        [
            f"policy.not-meant: kube-router's rules on node1 for {NAMED} lack tcp 8080 of {address}, "
            f"spec.ingress[0]: {ALLOWED}"
            for address in ("10.244.1.22", "fd00:244:1::22")
        ],
    ),
    "a name of a port is another number": (
        replaced(r"(policy name named .* --dport) 8080 -j MARK", r"\1 8081 -j MARK"),
        [
            f"{code}: kube-router's rules on node1 for {NAMED} {verb} {address}, {where}"
            for address in ("10.244.1.22", "fd00:244:1::22")
            for code, verb, where in (
                ("policy.not-meant", "lack tcp 8080 of", f"spec.ingress[0]: {ALLOWED}"),
                ("policy.not-enforced", "have tcp 8081 of", "ingress: it is let through"),
            )
        ],
    ),
    "another pod can be asked at a name of a port": (
        replaced(r"^add KUBE-DST-3GHEUKZUCKGX5JHY .*", r"\g<0>\nadd KUBE-DST-3GHEUKZUCKGX5JHY 10.244.1.21"),
        [
            f"policy.not-enforced: kube-router's rules on node1 for {NAMED} have tcp 8080 of 10.244.1.21, "
            "spec.ingress[0]: it is let through"
        ],
    ),
    "no rule is left": (
        without(r"-A KUBE-NWPLCY-\S+ .*policy name:? (in|open) .*"),
        [
            f"policy.not-meant: the chain of {policy} is empty: {ALLOWED}"
            for policy in (IN, "NetworkPolicy y/open on node1")
        ],
    ),
}


@pytest.mark.parametrize(("broken", "messages"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_named(make_context: MakeContext, broken: Break, messages: list[str]) -> None:
    """In each family that has it; what is told of both is told twice."""
    edited = broken(text(f"{NODE}-mended"))
    assert edited != text(f"{NODE}-mended")
    found = told(make_context, edited)
    assert set(found) == set(messages)
    assert len(found) in (len(messages), 2 * len(messages))


PODS_OF_Y: dict[Family, tuple[str, str]] = {
    4: ("10.244.1.21", "10.244.1.22"),
    6: ("fd00:244:1::21", "fd00:244:1::22"),
}


def second_egress(**rule: object) -> list[Object]:
    """The second rule of the policy `out` is for the port `web`, of these."""
    items = json.loads(json.dumps(objects()))
    for item in items:
        if item["kind"] == "NetworkPolicy" and item["metadata"]["name"] == "out":
            item["spec"]["egress"][1] = {**rule, "ports": [{"protocol": "TCP", "port": "web"}]}
    assert isinstance(items, list)
    return items


def written_for_it(*, with_set: bool) -> str:
    """After policy.go, processEgressRules: the rules for its ports, and with peers the sets for both."""
    lines = []
    for line in text(f"{NODE}-mended").splitlines():
        if "all destinations" in line and "policy name: out" in line:
            if " -p udp " in line:
                continue
            name = peer_set("x", "out", "egress", 1, 6 if "inet6:" in line else 4, "0namedport")
            asked = (f"-m set --match-set {name} dst " if with_set else "") + "-m tcp --dport 8080 "
            line = re.sub(r"(?<= src )(?=-j|-m mark)", asked, line)
        lines.append(line)
    for family, addresses in PODS_OF_Y.items() if with_set else ():
        for what in ("pod", "0namedport"):
            name = peer_set("x", "out", "egress", 1, family, what)
            lines.append(f"create {name} hash:ip family inet{'6' * (family == 6)} timeout 0")
            lines += [f"add {name} {address} timeout 0" for address in addresses]
    return "\n".join(lines) + "\n"


def test_names_of_ports_out_to_pods(make_context: MakeContext) -> None:
    items = second_egress(to=[{"namespaceSelector": {"matchLabels": {"ns": "y"}}}])
    rules = written_for_it(with_set=True)
    assert told(make_context, rules, items) == []
    name = peer_set("x", "out", "egress", 1, 4, "0namedport")
    what = "kube-router's rules on node1 for names of ports of NetworkPolicy x/out"
    assert told(make_context, without(rf"add {name} 10\.244\.1\.21 ")(rules), items) == [
        f"policy.not-meant: {what} lack tcp 8080 of 10.244.1.21, spec.egress[1]: {ALLOWED}"
    ]
    assert told(make_context, f"{rules}add {name} 10.244.1.12 timeout 0\n", items) == [
        f"policy.not-enforced: {what} have tcp 8080 of 10.244.1.12, spec.egress[1]: it is let through"
    ]


def test_a_name_of_a_port_out_to_everybody_is_a_number(make_context: MakeContext) -> None:
    """The one that it has in the namespace of the policy."""
    assert told(make_context, written_for_it(with_set=False), second_egress()) == []


def test_a_name_that_no_pod_has_opens_every_port(make_context: MakeContext) -> None:
    """For peers that are pods kube-router writes a rule without ports then (processIngressRules)."""
    items = json.loads(json.dumps(objects()))
    for item in items:
        if item["kind"] == "NetworkPolicy" and item["metadata"]["name"] == "named":
            item["spec"]["ingress"][0]["ports"] = [{"protocol": "TCP", "port": "nobody"}]
    rules = text(f"{NODE}-mended")
    for named, own in (
        ("KUBE-DST-3GHEUKZUCKGX5JHY", "KUBE-DST-URSDT6S2UK7DD4BK"),
        ("KUBE-DST-5YRLKBFLWAHLHBIO", "KUBE-DST-XOE7P4T4FKASGZ7C"),
    ):
        rules = re.sub(rf"-p tcp (.*){named} dst -m tcp --dport 8080", rf"\1{own} dst", rules)
    found = told(make_context, rules, items)
    assert len(found) == 2
    assert {re.sub("for (inet6:)?KUBE-SRC-[A-Z0-9]+", "for SET", one) for one in found} == {
        "policy.not-enforced: the chain of NetworkPolicy y/named on node1 lets all ports through, ingress, "
        "for SET: no rule of the policy does"
    }


def test_nothing_is_claimed_of_peers_that_nobody_can_tell(make_context: MakeContext) -> None:
    """The labels of a namespace that is not there are unknown."""
    kept = [one for one in objects() if one["kind"] != "Namespace"]
    found = told(make_context, text(f"{NODE}-mended"), kept)
    assert [one for one in found if not one.startswith("policy.invalid")] == []


def test_a_policy_with_an_invalid_block_is_compared_as_far_as_it_can_be_read(
    make_context: MakeContext,
) -> None:
    items = json.loads(json.dumps(objects()))
    for item in items:
        if item["kind"] == "NetworkPolicy" and item["metadata"]["name"] == "in":
            item["spec"]["ingress"][0]["from"][1]["ipBlock"]["cidr"] = "10.0.0.0/33"
    found = told(make_context, text(f"{NODE}-mended"), items)
    assert [one for one in found if not one.startswith("policy.invalid")] == []


def test_with_pseudonyms(make_context: MakeContext) -> None:
    """The names of kube-router's sets are made of those of the policies."""
    key = b"k" * 32
    policies = [one for one in objects() if one["kind"] == "NetworkPolicy"]
    sets_of = [policy_sets(NameMap(key), one) for one in policies]
    pseudonyms, left_out = Pseudonyms(key, names=dict(ChainMap(*sets_of))), LeftOut()
    four, six, sets = text(f"{NODE}-mended").split("COMMIT\n")
    tables = [iptables_text(f"{one}COMMIT\n", pseudonyms, left_out, "iptables") for one in (four, six)]
    rules = "".join((*tables, ipset_text(sets, pseudonyms, left_out, "ipset")))
    named = [redact_object(str(item["kind"]), item, pseudonyms, left_out) for item in objects()]
    node = pseudonyms.name(NODE)
    namespaces = {f"node/{node}": replace(namespace(rules), place=Place("node", node))}
    setup = set_up(make_context(named, namespaces, Options(network_plugin="flannel")))
    assert [one.message for one in every_policy(setup)] == []
    assert left_out.total == 0
    broken = without(r"-m set --match-set KUBE-SRC-\S+ src .* --dport 81:90 -j MARK")(rules)
    assert broken != rules
    namespaces = {f"node/{node}": replace(namespace(broken), place=Place("node", node))}
    setup = set_up(make_context(named, namespaces, Options(network_plugin="flannel")))
    assert {one.code for one in every_policy(setup)} == {"policy.not-meant"}
