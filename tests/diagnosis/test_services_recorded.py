"""What real kube-proxies wrote for services of every shape, as `tests.e2e.proxy.record` keeps it."""

import gzip
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from random import Random

import pytest

from kubectl_skoop.cluster.raw import Object, ref_of
from kubectl_skoop.cluster.raw import text as text_of
from kubectl_skoop.diagnosis.extension.context import Context
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.diagnosis.services.every import Compared, every_service
from kubectl_skoop.diagnosis.services.kube_proxy_config import masquerades_all
from kubectl_skoop.model.packet import Protocol
from kubectl_skoop.model.place import Place
from kubectl_skoop.model.suspicion import Level
from kubectl_skoop.netstack.l4.socket_types import Socket
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.netfilter.load import load_netfilter
from kubectl_skoop.snapshot.decode.namespace import decode_namespace
from kubectl_skoop.snapshot.decode.netfilter import ALL
from kubectl_skoop.snapshot.dump import NamespaceDump, Table
from kubectl_skoop.snapshot.redact import Pseudonyms
from kubectl_skoop.snapshot.redact.iptables import iptables_text
from kubectl_skoop.snapshot.redact.left_out import LeftOut
from kubectl_skoop.snapshot.redact.nft import nft_text
from kubectl_skoop.snapshot.redact.object import redact_object
from kubectl_skoop.snapshot.redact.table import redact_table
from tests.e2e.proxy.faults import Fault, Names, broken
from tests.e2e.proxy.iptables_faults import IPTABLES
from tests.e2e.proxy.shapes import pod

FOLDER = Path(__file__).parents[1] / "data" / "services"
RECORDED = sorted(path.name.removesuffix(".gz") for path in FOLDER.glob("node*.gz"))
LETS_IN = "nftables-v1.29.6"
"""It asks for the source ranges of a load balancer when its address is translated already."""
MakeContext = Callable[..., Context]


@cache
def text(name: str) -> str:
    return gzip.decompress((FOLDER / f"{name}.gz").read_bytes()).decode()


@cache
def objects() -> Sequence[Object]:
    found = json.loads(text("objects.json"))
    assert isinstance(found, list)
    return found


def namespace(node: str, rules: str) -> NetworkNamespace:
    if rules.startswith('{"links"'):
        return of_guest(node, json.loads(rules))
    saved = rules if rules.startswith("*") else None
    tables = saved.split("*nat") if saved else None
    netfilter = load_netfilter(
        iptables_legacy=None,
        ip6tables_legacy=None,
        iptables_nft=f"*nat{tables[1]}" if tables else None,
        ip6tables_nft=f"*nat{tables[2]}" if tables else None,
        nft=None if saved else json.loads(rules),
        nft_raw=None,
        hook_order=None,
        gaps={},
    )
    return NetworkNamespace(id=node, place=Place("node", node), node=node, netfilter=netfilter)


def of_guest(node: str, tables: dict[str, object]) -> NetworkNamespace:
    """As the agent read them in the mode ipvs."""
    absent = {name: Table(state="absent") for name in ALL}
    read = {name: Table(data=data) for name, data in tables.items()}
    dump = NamespaceDump(id="1:1", kind="host", tables=absent | read)
    return decode_namespace(dump, node, Place("node", node))


def compared(make_context: MakeContext, recorded: str, rules: str, mode: str = "") -> Compared:
    node = recorded.partition("-")[0]
    ctx = make_context(
        objects(), {str(Place("node", node)): namespace(node, rules)}, Options(proxy_mode=mode)
    )
    return every_service(ctx, [node])


def codes(found: Compared) -> set[str]:
    return {one.code for one in found.findings}


def test_there_are_recordings() -> None:
    assert {recorded.split("-")[1] for recorded in RECORDED} == {"iptables", "ipvs", "nftables"}


@pytest.mark.parametrize("recorded", RECORDED)
def test_what_kube_proxy_wrote_is_what_is_meant(make_context: MakeContext, recorded: str) -> None:
    found = compared(make_context, recorded, text(recorded), recorded.split("-")[1])
    expected = {"service.wrong-source-ranges"} if recorded.endswith(LETS_IN) else set()
    assert codes(found) == expected, [one.message for one in found.findings]
    assert (found.facts, found.unread) == ((), ())


MASQUERADES_ALL = {
    "iptables": (" ! -s 10.244.0.0/16 ", " "),
    "nftables": (
        '{"match":{"op":"!=","left":{"payload":{"protocol":"ip","field":"saddr"}},'
        '"right":{"prefix":{"addr":"10.244.0.0","len":16}}}},',
        "",
    ),
    "ipvs": (" ! -s 10.244.0.0/16 ", " "),
}
"""How rules with `masqueradeAll` differ (pkg/proxy/*/proxier.go): they ask for no sender. Of IPv4 alone."""


@pytest.mark.parametrize("recorded", [one for one in RECORDED if one.endswith("v1.36.3")])
def test_a_kube_proxy_that_masquerades_all(make_context: MakeContext, recorded: str) -> None:
    mode = recorded.split("-")[1]
    rules = text(recorded).replace(*MASQUERADES_ALL[mode])
    assert rules != text(recorded)
    assert codes(compared(make_context, recorded, rules, mode)) == set()


CONFIGURATION = {"kind": "ConfigMap", "metadata": {"namespace": "kube-system", "name": "kube-proxy"}}


@pytest.mark.parametrize("rewritten", [False, True])
@pytest.mark.parametrize("recorded", [one for one in RECORDED if one.endswith("v1.36.3")])
def test_a_kube_proxy_that_was_not_restarted_spares_the_pods(
    make_context: MakeContext, recorded: str, rewritten: bool
) -> None:
    node, mode = recorded.split("-")[:2]
    rules = text(recorded).replace(*MASQUERADES_ALL[mode]) if rewritten else text(recorded)
    section = "nftables" if mode == "nftables" else "iptables"
    data = {"config.conf": f"mode: {mode}\n{section}:\n  masqueradeBit: 14\n  masqueradeAll: true\n"}
    ctx = make_context(
        [*(item for item in objects() if item["kind"] != "ConfigMap"), {**CONFIGURATION, "data": data}],
        {str(Place("node", node)): namespace(node, rules)},
        Options(cluster_cidr="10.244.0.0/16"),
    )
    found = every_service(ctx, [node]).findings
    assert [(one.code, one.level) for one in found] == (
        [] if rewritten else [("service.missing-masquerade", Level.WARNING)]
    )


def test_a_long_section_without_the_setting_is_read_at_once(make_context: MakeContext) -> None:
    data = {"config.conf": "iptables:\n" + "        comment: '1'\n" * 100 + "mode: iptables\n"}
    ctx = make_context([{**CONFIGURATION, "data": data}])
    assert not masquerades_all(ctx.cluster)


DIFFERENCES: dict[str, tuple[str, dict[str, tuple[str, str]]]] = {
    "an endpoint": (
        "service.stale-endpoint",
        {
            "iptables": ("10.244.3.10:8080", "10.244.3.99:8080"),
            "nftables": ("10.244.3.10", "10.244.3.99"),
            "ipvs": ('"addr":"10.244.3.10"', '"addr":"10.244.3.99"'),
        },
    ),
    "chances": (
        "service.wrong-share",
        {
            "iptables": ("--probability 0.333", "--probability 0.233"),
            "nftables": ('"mod":3', '"mod":4'),
        },
    ),
    "a service's port": (
        "service.untranslated",
        {
            "iptables": ("--dport 514 ", "--dport 515 "),
            "nftables": ('"udp",514]', '"udp",515]'),
            "ipvs": ('"port":514,', '"port":515,'),
        },
    ),
    "affinity": (
        "service.wrong-affinity",
        {
            "iptables": ("--seconds 60 ", "--seconds 6 "),
            "nftables": ('"timeout":60', '"timeout":6'),
            "ipvs": ('"timeout":60,', '"timeout":6,'),
        },
    ),
    "source ranges": (
        "service.wrong-source-ranges",
        {
            "iptables": ("192.0.2.128/25 ", "192.0.2.128/26 "),
            "nftables": ('"192.0.2.128","len":25', '"192.0.2.128","len":26'),
            "ipvs": ("192.0.2.128/25", "192.0.2.128/26"),
        },
    ),
}


CASES = [
    pytest.param(recorded, code, changes[recorded.split("-")[1]], id=f"{what} {recorded}")
    for what, (code, changes) in DIFFERENCES.items()
    for recorded in RECORDED
    if recorded.split("-")[1] in changes and not recorded.endswith(LETS_IN)
]


@pytest.mark.parametrize(("recorded", "code", "change"), CASES)
def test_a_difference_is_seen_in_the_recording_of_each_version(
    make_context: MakeContext, recorded: str, code: str, change: tuple[str, str]
) -> None:
    rules = text(recorded)
    changed = rules.replace(*change)
    assert changed != rules
    assert code in codes(compared(make_context, recorded, changed))


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("", set()),
        ("nftables", set()),
        ("iptables", {"service.other-mode"}),
        ("ipvs", {"service.other-mode"}),
    ],
)
def test_the_mode_that_is_configured(make_context: MakeContext, mode: str, expected: set[str]) -> None:
    recorded = "node2-nftables-v1.36.3"
    assert codes(compared(make_context, recorded, text(recorded), mode)) == expected


JUNK: Sequence[object] = (
    None,
    -1,
    1 << 70,
    "",
    "@",
    "!",
    "x" * 300,
    [],
    [[]],
    {},
    {"set": 1},
    {"elem": {}},
    True,
)


def damaged(json: object, random: Random) -> object:
    """One value somewhere in it is another."""
    if isinstance(json, dict) and json and random.random() < 0.95:
        key = random.choice(list(json))
        return {**json, key: damaged(json[key], random)}
    if isinstance(json, list) and json and random.random() < 0.95:
        position = random.randrange(len(json))
        return [*json[:position], damaged(json[position], random), *json[position + 1 :]]
    return random.choice(JUNK)


@pytest.mark.parametrize("seed", range(30))
def test_damage_in_the_rules_of_nft_is_no_crash(make_context: MakeContext, seed: int) -> None:
    random = Random(seed)
    recorded = random.choice([one for one in RECORDED if "nftables" in one])
    rules = json.loads(text(recorded))
    for _ in range(20):
        position = random.randrange(len(rules["nftables"]))
        rules["nftables"][position] = damaged(rules["nftables"][position], random)
    assert isinstance(compared(make_context, recorded, json.dumps(rules)), Compared)


@pytest.mark.parametrize("seed", range(15))
def test_damage_in_the_rules_of_iptables_is_no_crash(make_context: MakeContext, seed: int) -> None:
    random = Random(seed)
    recorded = random.choice([one for one in RECORDED if "iptables" in one])
    head, *lines = text(recorded).split("\n")
    for _ in range(50):
        position = random.randrange(len(lines))
        if lines[position].startswith("-A"):
            words = lines[position].split(" ")
            words[random.randrange(2, len(words))] = random.choice(("", "!", "-j", "--dport", "x", '"', "-d"))
            lines[position] = " ".join(words)
    assert isinstance(compared(make_context, recorded, "\n".join([head, *lines])), Compared)


@pytest.mark.parametrize("recorded", RECORDED)
def test_what_kube_proxy_wrote_is_still_what_is_meant_with_pseudonyms(
    make_context: MakeContext, recorded: str
) -> None:
    """Of the objects, and of the rules in each of the three modes."""
    pseudonyms, left_out = Pseudonyms(b"k" * 32), LeftOut()
    node, mode = recorded.split("-")[:2]
    rules = redacted_rules(text(recorded), pseudonyms, left_out)
    named = [redact_object(str(item["kind"]), item, pseudonyms, left_out) for item in objects()]
    name = pseudonyms.name(node)
    ctx = make_context(named, {str(Place("node", name)): namespace(name, rules)}, Options(proxy_mode=mode))
    found = every_service(ctx, [name])
    expected = {"service.wrong-source-ranges"} if recorded.endswith(LETS_IN) else set()
    assert codes(found) == expected, [one.message for one in found.findings]
    assert (found.facts, found.unread) == ((), ())
    assert not re.search(r"shapes|balancer-|node\d", rules)


def redacted_rules(rules: str, pseudonyms: Pseudonyms, left_out: LeftOut) -> str:
    if rules.startswith("*"):
        return iptables_text(rules, pseudonyms, left_out, "iptables")
    if not rules.startswith('{"links"'):
        return nft_text(rules, pseudonyms, left_out, "nft")
    tables = {
        name: redact_table(name, Table(data=data), pseudonyms, left_out)
        for name, data in json.loads(rules).items()
    }
    return json.dumps({name: table.data for name, table in tables.items() if table})


def test_marks_of_an_older_kube_proxy_that_nobody_drops(make_context: MakeContext) -> None:
    """In mode ipvs, 1.24 marks those outside of a load balancer's ranges, and kubelet's rules drop them."""
    recorded = "node11-ipvs-v1.24.17"
    rules = text(recorded)
    assert codes(compared(make_context, recorded, rules, "ipvs")) == set()
    for rule in ("-A INPUT -j KUBE-FIREWALL", "--mark 0x8000/0x8000 -j DROP", "-A KUBE-MARK-DROP -j MARK"):
        assert rule in rules
        without = rules.replace(rule, rule.replace("KUBE-", "SITE-").replace("-j DROP", "-j RETURN"))
        assert codes(compared(make_context, recorded, without)) == {"service.wrong-source-ranges"}


@pytest.mark.parametrize(
    ("address", "server", "port", "expected"),
    [
        (False, True, 0, {"service.not-refused"}),
        (True, False, 0, set()),
        (True, False, 80, {"service.not-refused"}),
        (True, False, 81, set()),
    ],
    ids=["packets are forwarded", "the kernel answers", "another program has the port", "another port"],
)
def test_who_refuses_connections_in_mode_ipvs(
    make_context: MakeContext, address: bool, server: bool, port: int, expected: set[str]
) -> None:
    recorded = "node11-ipvs-v1.24.17"
    (service,) = (one for one in objects() if ref_of(one).name == "no-slice")
    at = ip_address(text_of(service, "spec", "clusterIP"))
    ns = namespace("node11", text(recorded))
    listener = Socket(Protocol.TCP, "listen", ip_address("0.0.0.0"), port)
    ns = replace(
        ns,
        addresses=tuple(one for one in ns.addresses if address or one.address != at),
        ipvs=tuple(one for one in ns.ipvs if server or one.address != at),
        sockets=(listener,) if port else (),
    )
    ctx = make_context(objects(), {"node/node11": ns}, Options(proxy_mode="ipvs"))
    assert codes(every_service(ctx, ["node11"])) == expected


FAULTY = "node1-iptables-v1.36.3"


@pytest.mark.parametrize("fault", IPTABLES, ids=[fault.what for fault in IPTABLES])
def test_a_fault_in_the_rules_of_iptables_is_found_and_named(make_context: MakeContext, fault: Fault) -> None:
    """The table that `tests.e2e.proxy` puts into a kernel."""
    by_name = {ref_of(one).name: one for one in objects() if one["kind"] == "Service"}
    names = Names({**by_name, "own": {"spec": {"clusterIP": pod(1, 10)}}}, text(FAULTY))
    found = compared(make_context, FAULTY, broken(fault, names), "iptables")
    message = names.fill(fault.message)
    if not fault.code:
        assert found.findings == ()
        assert [one.what for one in found.unread if message in one.what]
        return
    assert codes(found) == {fault.code}, [f"{one.code} {one.message}" for one in found.findings]
    assert [one for one in found.findings if message in one.message], [one.message for one in found.findings]
