"""The texts of tools: what stays, what is replaced, and what becomes unknown."""

import gzip
import json
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path

import pytest

from kubectl_skoop.netstack.ipset import parse_ipsets
from kubectl_skoop.netstack.netfilter.iptables import header, match, target
from kubectl_skoop.netstack.netfilter.iptables.rule import parse_rule
from kubectl_skoop.snapshot.redact import Pseudonyms, iptables
from kubectl_skoop.snapshot.redact.comment import comment
from kubectl_skoop.snapshot.redact.config import config_data
from kubectl_skoop.snapshot.redact.ipset import ipset_text
from kubectl_skoop.snapshot.redact.iptables import iptables_text
from kubectl_skoop.snapshot.redact.left_out import LeftOut
from kubectl_skoop.snapshot.redact.nft import chain_name, nft_text
from kubectl_skoop.snapshot.redact.selector import SelectorNotKept, selector_text
from kubectl_skoop.snapshot.redact.text import reason

DATA = Path(__file__).parents[2] / "data"


@pytest.fixture
def pseudonyms() -> Pseudonyms:
    return Pseudonyms(b"k" * 32, [ip_network("10.244.0.0/16"), ip_network("10.244.1.0/24")])


def rule(text: str, pseudonyms: Pseudonyms, left_out: LeftOut | None = None) -> str:
    return iptables_text(text, pseudonyms, left_out or LeftOut(), "iptables")


def test_a_rule_of_kube_proxy_keeps_its_form(pseudonyms: Pseudonyms) -> None:
    before = (
        "[1:60] -A KUBE-SVC-LOLE4ISW44XBNF3G ! -s 10.244.0.0/16 -d 10.96.0.10/32 -p tcp -m comment"
        ' --comment "shop/web:http cluster IP" -m tcp --dport 80 -j KUBE-MARK-MASQ'
    )
    name, chain = pseudonyms.name, pseudonyms.name("KUBE-SVC-LOLE4ISW44XBNF3G")
    assert chain.startswith("KUBE-SVC-")
    assert chain != "KUBE-SVC-LOLE4ISW44XBNF3G"
    pods, service = pseudonyms.masked("10.244.0.0/16"), pseudonyms.address("10.96.0.10")
    assert rule(before, pseudonyms) == (
        f"[1:60] -A {chain} ! -s {pods} -d {service}/32 -p tcp -m comment"
        f' --comment "{name("shop")}/{name("web")}:http cluster IP" -m tcp --dport 80 -j KUBE-MARK-MASQ'
    )


@pytest.mark.parametrize(
    "text",
    [
        "-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
        "-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000",
        "-A INPUT -i eth0 -p tcp -m multiport --dports 80,443:445 -j DROP",
        "-A INPUT -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -m limit --limit 5/min -j REJECT"
        " --reject-with tcp-reset",
        "-A FORWARD -i cali+ -o flannel.1 -m statistic --mode random --probability 0.50000000000 -j RETURN",
        "-A POSTROUTING -s 127.0.0.0/8 ! -d 224.0.0.0/4 -j MASQUERADE --random-fully",
    ],
)
def test_a_rule_that_names_nothing_of_a_site_stays(text: str, pseudonyms: Pseudonyms) -> None:
    assert rule(text, pseudonyms) == text


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ('-A INPUT -m string --string "acme-token" --algo bm -j DROP', "acme-token"),
        ("-A INPUT -m string --hex-string |61636d65| --algo bm -j DROP", "61636d65"),
        ("-A INPUT -m u32 --u32 0xc=0xaf40107 -j DROP", "0xaf40107"),
        ('-A INPUT -j LOG --log-prefix "acme-fw: "', "acme"),
        ("-A INPUT -m owner --uid-owner acmeuser -j DROP", "acmeuser"),
        ("-A INPUT -m acme --acme-key 10.1.2.3 -j DROP", "acme"),
        ("-A INPUT -j ACME --acme-key 10.1.2.3", "10.1.2.3"),
        ("-A INPUT -m set --match-set acme-blocked src -j DROP", "acme"),
        ("-A INPUT -m mac --mac-source 00:1B:21:AA:BB:CC -j DROP", "00:1b:21"),
        ("-A INPUT -m comment --comment acme-firewall -j ACME-CHAIN", "acme"),
        ("-A INPUT -m recent --name acmehits --rcheck -j DROP", "acme"),
        ("-A INPUT -s 10.1.0.3/255.255.0.255 -j DROP", "10.1.0.3"),
        ("-A INPUT --acme 10.1.2.3 -j DROP", "10.1.2.3"),
        ("# acme wrote this", "acme"),
        ("acme", "acme"),
    ],
)
def test_nothing_of_it_passes(text: str, secret: str, pseudonyms: Pseudonyms) -> None:
    assert secret not in rule(text, pseudonyms).lower()


@pytest.mark.parametrize(
    "text",
    [
        "-A INPUT -m acme --acme-key 10.1.2.3 -j DROP",
        "-A INPUT -m u32 --u32 0xc=0xaf40107 -j DROP",
        "-A INPUT -m iprange --src-range 10.1.2.3-10.1.2.9 -j DROP",
        "-A INPUT -j ACME --acme-key 10.1.2.3",
        '-A INPUT -m comment --comment "no end',
    ],
)
def test_what_goes_leaves_a_rule_that_is_unknown(text: str, pseudonyms: Pseudonyms) -> None:
    left_out = LeftOut()
    parsed = str(parse_rule(rule(text, pseudonyms, left_out), 4))
    assert "Unsupported" in parsed
    assert left_out.lines()


def test_each_option_with_a_value_has_a_kind() -> None:
    kinds = [match.kind_of(name) for name in match.MODULES] + [
        target.kind_of(name) for name in target.MODULES
    ]
    arities: list[Mapping[str, int]] = [header.ARITY, *(kind.arity for kind in kinds if kind)]
    valued = {option for arity in arities for option, count in arity.items() if count}
    known = frozenset().union(*iptables.KINDS, iptables.GOES)
    assert valued <= known


def test_a_range_that_is_a_network_stays_one(pseudonyms: Pseudonyms) -> None:
    network = pseudonyms.masked("10.9.8.0/24")
    first, last = ip_network(network)[0], ip_network(network)[-1]
    text = rule("-A INPUT -m iprange --src-range 10.9.8.0-10.9.8.255 -j DROP", pseudonyms)
    assert f"--src-range {first}-{last}" in text


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("kubernetes service portals", "kubernetes service portals"),
        ("shop/web has no endpoints", "{shop}/{web} has no endpoints"),
        ("shop/web:https -> 10.244.1.3:8080", "{shop}/{web}:https -> {10.244.1.3}:8080"),
        ("masquerade traffic for shop/web external destinations",) * 1
        + ("masquerade traffic for {shop}/{web} external destinations",),
        ("Profile kns.shop ingress", "Profile kns.{shop} ingress"),
        ("ask Jane in room 5", "{ask Jane in room 5}"),
    ],
)
def test_comments(text: str, wanted: str, pseudonyms: Pseudonyms) -> None:
    for word in ("shop", "web", "ask Jane in room 5"):
        wanted = wanted.replace(f"{{{word}}}", pseudonyms.name(word))
    wanted = wanted.replace("{10.244.1.3}", pseudonyms.address("10.244.1.3"))
    assert comment(text, pseudonyms) == wanted


def test_sets_keep_what_their_members_match(pseudonyms: Pseudonyms) -> None:
    text = "\n".join(
        [
            "create acme-nets hash:net family inet hashsize 1024 maxelem 65536 comment",
            'add acme-nets 10.9.0.0/16 comment "head office"',
            "add acme-nets 10.9.1.0/24 nomatch",
            "create acme-ports hash:ip,port,ip family inet hashsize 64 maxelem 10",
            "add acme-ports 10.9.1.7,tcp:80,10.9.1.7",
            "create acme-range bitmap:ip range 10.9.4.0/24",
            "add acme-range 10.9.4.7",
            "create acme-all list:set size 8",
            "add acme-all acme-nets",
            "create acme-odd acme:type family inet",
            "add acme-odd 10.9.9.9",
            "",
        ]
    )
    left_out = LeftOut()
    found = ipset_text(text, pseudonyms, left_out, "ipset")
    assert "acme" not in found
    assert "10.9." not in found.replace(pseudonyms.masked("10.9.0.0/16"), "")
    assert "head office" not in found
    sets, name, address = parse_ipsets(found), pseudonyms.name, pseudonyms.address
    assert set(sets) == {name(f"acme-{one}") for one in ("nets", "ports", "range", "all")}
    assert f"{address('10.9.1.7')},tcp:80,{address('10.9.1.7')}" in sets[name("acme-ports")].entries
    assert f"{pseudonyms.masked('10.9.1.0/24')} nomatch" in sets[name("acme-nets")].entries
    assert sets[name("acme-all")].entries == (name("acme-nets"),)
    assert sets[name("acme-range")].options["range"] == pseudonyms.masked("10.9.4.0/24")
    assert len(left_out.lines()) == 2


def test_nft_keeps_keywords_and_replaces_the_rest(pseudonyms: Pseudonyms) -> None:
    listed = {
        "nftables": [
            {"chain": {"family": "ip", "table": "acme", "name": "acme-in", "hook": "input", "prio": 0}},
            {
                "rule": {
                    "family": "ip",
                    "table": "acme",
                    "chain": "acme-in",
                    "comment": "for Jane",
                    "expr": [
                        {"match": {"op": "==", "left": {"meta": {"key": "iifname"}}, "right": "acme0"}},
                        {
                            "match": {
                                "op": "==",
                                "left": {"payload": {"protocol": "ip", "field": "saddr"}},
                                "right": {"set": [{"range": ["10.9.0.1", "10.9.0.6"]}, "10.9.7.7"]},
                            }
                        },
                        {"acme": {"key": "10.9.9.9"}},
                        {"jump": {"target": "acme-rest"}},
                    ],
                }
            },
        ]
    }
    left_out = LeftOut()
    text = nft_text(json.dumps(listed), pseudonyms, left_out, "nft")
    assert "acme" not in text
    assert "Jane" not in text
    assert "10.9." not in text
    expressions = json.loads(text)["nftables"][1]["rule"]["expr"]
    assert expressions[0]["match"]["right"] == pseudonyms.name("acme0")
    networks = [
        ip_network(f"{one['prefix']['addr']}/{one['prefix']['len']}")
        for one in expressions[1]["match"]["right"]["set"][:-1]
    ]
    assert sum(network.num_addresses for network in networks) == 6
    assert expressions[2] == {"redacted": None}
    assert expressions[3] == {"jump": {"target": pseudonyms.name("acme-rest")}}
    assert left_out.lines() == ["nft: a statement that is not known"]


@pytest.mark.parametrize("address", ["10.244.1.3", "fd00.244.1..63"])
def test_chains_of_kube_proxy_still_tell_their_service(address: str, pseudonyms: Pseudonyms) -> None:
    name = pseudonyms.name
    found = chain_name(f"endpoint-5OJB2KTY-shop/web/tcp/http__{address}/8080", pseudonyms)
    assert f"-{name('shop')}/{name('web')}/tcp/http__" in found
    assert found.startswith("endpoint-")
    assert found.endswith("/8080")
    assert "5OJB2KTY" not in found
    assert address not in found


@pytest.mark.parametrize("recorded", sorted((DATA / "iptables").glob("*.ipt")), ids=lambda path: path.name)
def test_rules_of_real_nodes_keep_their_number_and_lose_their_names(
    recorded: Path, pseudonyms: Pseudonyms
) -> None:
    before, left_out = recorded.read_text("utf-8"), LeftOut()
    after = iptables_text(before, pseudonyms, left_out, "iptables")
    assert after.count("-A ") == before.count("-A ")
    assert "redacted" not in after, left_out.lines()
    assert not [line for line in left_out.lines() if "rule" in line]


@pytest.mark.parametrize("recorded", sorted((DATA / "services").glob("*nftables*.gz")), ids=lambda p: p.name)
def test_nft_of_real_nodes_has_nothing_unknown(recorded: Path, pseudonyms: Pseudonyms) -> None:
    left_out = LeftOut()
    after = nft_text(gzip.decompress(recorded.read_bytes()).decode(), pseudonyms, left_out, "nft")
    assert left_out.lines() == []
    assert "shapes" not in after
    assert "10.244." not in after


def test_selectors_of_calico(pseudonyms: Pseudonyms) -> None:
    names = pseudonyms.names
    found = selector_text("app == 'web' && !has(acme.com/team)", names)
    assert found == f"app == '{names.name('web')}' && ! has({names.name('acme.com')}/{names.name('team')})"
    with pytest.raises(SelectorNotKept):
        selector_text("app contains 'we'", names)


@pytest.mark.parametrize("text", ["", "ip_vs is not loaded", "it was not asked for"])
def test_reasons_that_say_nothing_of_a_site_stay(text: str) -> None:
    assert reason(text) == text


def test_other_reasons_go() -> None:
    assert "acme" not in reason("ssh: acme-node-7 is unreachable")


def test_of_cilium_s_settings_the_modes_are_kept(pseudonyms: Pseudonyms) -> None:
    given = {"routing-mode": "native", "tunnel-protocol": "ours", "cluster-name": "native"}
    assert config_data(given, pseudonyms, LeftOut()) == {"routing-mode": "native"}


def test_whether_kube_proxy_masquerades_all_is_kept(pseudonyms: Pseudonyms) -> None:
    data = {"config.conf": "iptables:\n  masqueradeAll: true\n  secret: s3cr3t\nmode: iptables\n"}
    kept = config_data(data, pseudonyms, LeftOut())
    assert kept == {"config.conf": "mode: iptables\niptables:\n  masqueradeAll: true\n"}
