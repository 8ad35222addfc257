"""BPF programs that no device shows, sysctls that could not be read, buckets of resilient groups."""

from collections.abc import Mapping
from ipaddress import ip_address

import pytest

from kubectl_skoop.model.place import Place
from kubectl_skoop.model.verdict import Choices
from kubectl_skoop.netstack import gap
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.netfilter.types import IP_HOOKS
from kubectl_skoop.netstack.stack import Stack
from kubectl_skoop.snapshot.decode import decode_namespace
from kubectl_skoop.snapshot.dump import NamespaceDump, Table

NEEDED = {
    **{name: [] for name in ("links", "addresses", "routes", "rules", "neighbours", "fdb", "conntrack")},
    "sockets": [],
    "sysctls": {"net.ipv4.ip_forward": "1"},
    "ipset": "",
    "nft": '{"nftables": []}',
    **{f"{tool}-{engine}": "" for tool in ("iptables", "ip6tables") for engine in ("legacy", "nft")},
}
HERE = {"kind": "netfilter", "id": 1, "program": 7, "family": 2, "hook": 2, "priority": -5, "flags": 0}
ELSEWHERE = {**HERE, "id": 2, "program": 8, "family": 10, "hook": 3}
LISTED = {"family": 2, "hook": 2, "chain": {"type": 2, "desc": {"program": 7}}}
FEATURES = (
    "bpf",
    "ethtool",
    "ipvs",
    "nexthops",
    "proxy_neighbours",
    "route_exceptions",
    "tc_filters",
    "xfrm",
)
DOUBT = " (the kernel does not tell of which namespace)"


def decoded(tables: Mapping[str, Table]) -> NetworkNamespace:
    data = {name: Table(data=value) for name, value in NEEDED.items()}
    data |= dict.fromkeys(FEATURES, Table(state="absent", reason="not in this kernel"))
    dump = NamespaceDump(id="4:99", kind="host", tables={**data, **tables})
    return decode_namespace(dump, "n1", Place("node", "n1"))


def reasons(ns: NetworkNamespace) -> dict[tuple[int, str], list[str]]:
    return {
        (family, hook.value): [unknown.reason for unknown in unknowns]
        for (family, hook), unknowns in ns.netfilter.programs.items()
    }


@pytest.mark.parametrize(
    ("hooks", "wanted"),
    [
        pytest.param(
            Table(data=[LISTED, {"family": 2, "hook": 2, "chain": {"type": 1, "desc": {"table": "t"}}}]),
            {(4, "forward"): ["BPF program 7 at priority -5"]},
            id="the kernel lists the programs of this namespace",
        ),
        pytest.param(Table(data=[]), {}, id="the kernel lists none here"),
        pytest.param(
            Table(state="absent", reason="not loaded"),
            {
                (4, "forward"): [f"BPF program 7 at priority -5{DOUBT}"],
                (6, "output"): [f"BPF program 8 at priority -5{DOUBT}"],
            },
            id="the kernel lists no hooks",
        ),
    ],
)
def test_netfilter_links_are_unknowns_at_their_hook(
    hooks: Table, wanted: Mapping[tuple[int, str], list[str]]
) -> None:
    links = Table(data=[HERE, ELSEWHERE, {"kind": "xdp", "id": 3, "program": 9, "ifindex": 1}])
    ns = decoded({"bpf_links": links, "nft_hooks": hooks})
    assert (reasons(ns), ns.gaps) == (wanted, {})


def test_links_that_could_not_be_listed_may_be_at_each_hook() -> None:
    ns = decoded({"bpf_links": Table(state="forbidden", reason="not root")})
    assert ns.gaps == {"bpf_links": "forbidden: not root"}
    assert set(reasons(ns)) == {(family, hook.value) for family in (4, 6) for hook in IP_HOOKS}


@pytest.mark.parametrize(
    ("group", "attach", "wanted"),
    [
        ("/", "connect4", "connect4 of /"),
        ("/kubepods/burstable/pod1", "egress", "egress of /kubepods/burstable/pod1"),
        ("/kubepods.slice", "sock_ops", ""),
        ("/system.slice/ssh.service", "egress", ""),
    ],
    ids=["of the root", "of a pod", "counts only", "of a service of the node"],
)
def test_programs_of_control_groups_are_a_gap_if_they_may_decide_for_pods(
    group: str, attach: str, wanted: str
) -> None:
    ns = decoded({"bpf_cgroups": Table(data=[{"cgroup": group, "attach": attach, "programs": [3]}])})
    text = f"BPF programs {wanted}, which may drop packets or change addresses"
    assert ns.gaps == ({"bpf_cgroups": text} if wanted else {})


def test_a_sysctl_that_could_not_be_read_does_not_look_absent() -> None:
    key = "net.bridge.bridge-nf-call-iptables"
    ns = decoded({"sysctls_unread": Table(data={key: "Input/output error"})})
    assert ns.gaps == {"sysctls_unread": f"{key} could not be read: Input/output error"}
    assert gap.sysctl(Stack(ns, Choices()), "net.ipv4.ip_forward", key) == (
        f"{key} of {ns.place} could not be read: Input/output error"
    )


def test_a_resilient_group_sends_by_its_buckets() -> None:
    """One nexthop of the group has none, whatever its weight."""
    hop = {"flags": 0, "oif": 2}
    route = {"family": 2, "dst_len": 0, "src_len": 0, "tos": 0, "table": 254, "protocol": 3, "scope": 0}
    members = [{"id": 1, "weight": 1}, {"id": 2, "weight": 1}, {"id": 3, "weight": 9}]
    ns = decoded(
        {
            "routes": Table(data=[{**route, "type": 1, "flags": 0, "nh_id": 10}]),
            "nexthops": Table(
                data=[
                    *({**hop, "id": number, "gateway": f"10.0.0.{number}"} for number in (1, 2, 3)),
                    {"id": 10, "flags": 0, "group": members},
                ]
            ),
            "nexthop_buckets": Table(
                data=[
                    {"id": 10, "bucket": {"index": at, "nh_id": number}}
                    for at, number in enumerate((2, 1, 2))
                ]
            ),
        }
    )
    sent = {nexthop.gateway: nexthop.weight for nexthop in ns.routes[0].nexthops}
    assert sent == {ip_address("10.0.0.1"): 1, ip_address("10.0.0.2"): 2}
