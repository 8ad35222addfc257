"""Tables and objects: known fields, and nothing else."""

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from kubectl_skoop.snapshot.dump import Table
from kubectl_skoop.snapshot.packed_rows import PackedRows
from kubectl_skoop.snapshot.redact import Pseudonyms
from kubectl_skoop.snapshot.redact.left_out import LeftOut
from kubectl_skoop.snapshot.redact.netlink import DROPPED, FIELDS
from kubectl_skoop.snapshot.redact.object import redact_object
from kubectl_skoop.snapshot.redact.rewrite import KNOWN_CLOUDS
from kubectl_skoop.snapshot.redact.table import redact_table


@pytest.fixture
def pseudonyms() -> Pseudonyms:
    return Pseudonyms(b"k" * 32)


def table(name: str, data: object, pseudonyms: Pseudonyms, left_out: LeftOut | None = None) -> Any:
    found = redact_table(name, Table(data=data), pseudonyms, left_out or LeftOut())
    return found.data if found else None


ATTRIBUTES = """
import gc, importlib, pkgutil
import kubectl_skoop.collect
from kubectl_skoop.collect.netlink.schema import Attribute

for module in pkgutil.walk_packages(kubectl_skoop.collect.__path__, "kubectl_skoop.collect."):
    importlib.import_module(module.name)
print(*{item.name for item in gc.get_objects() if isinstance(item, Attribute)})
"""
"""A program of its own: other tests make attributes, too."""


def test_each_attribute_that_the_agent_names_is_known() -> None:
    """A new one must be thought about: it may hold a name in a form that is not looked for."""
    ran = subprocess.run([sys.executable, "-c", ATTRIBUTES], capture_output=True, text=True, check=True)
    named = set(ran.stdout.split())
    assert len(named) > 200
    assert named <= FIELDS | DROPPED


def test_a_link(pseudonyms: Pseudonyms) -> None:
    left_out = LeftOut()
    link = {
        "index": 4,
        "ifname": "acme-uplink",
        "ifalias": "10.1.1.1",
        "address": "00:1b:21:aa:bb:cc",
        "linkinfo": {"kind": "vxlan", "data": {"local": "10.1.2.3", "root_id": b"\x80\x00\x00\x1b\x21"}},
        "62": b"acme",
        "acme": "acme",
    }
    (found,) = table("links", [link], pseudonyms, left_out)
    assert found == {
        "index": 4,
        "ifname": pseudonyms.name("acme-uplink"),
        "ifalias": pseudonyms.name("10.1.1.1"),
        "address": pseudonyms.mac("00:1b:21:aa:bb:cc"),
        "linkinfo": {
            "kind": "vxlan",
            "data": {"local": pseudonyms.address("10.1.2.3"), "root_id": b""},
        },
        "62": b"",
    }
    assert left_out.lines() == ["links: a field that is not known"]


def test_a_state_of_ipsec_keeps_what_both_ends_must_agree_on(pseudonyms: Pseudonyms) -> None:
    state = {"src": "10.1.1.1", "dst": "10.1.2.3", "spi": 17, "aead": "rfc4106(gcm(aes))", "auth": "acme"}
    (found,) = table("xfrm", {"policies": [], "associations": [state]}, pseudonyms)["associations"]
    ends = {"src": pseudonyms.address("10.1.1.1"), "dst": pseudonyms.address("10.1.2.3")}
    assert found == {**ends, "spi": 17, "aead": "rfc4106(gcm(aes))", "auth": pseudonyms.name("acme")}


def test_what_ipsec_puts_into_udp_and_whose_policy_a_socket_has_are_kept(pseudonyms: Pseudonyms) -> None:
    ports = {"encap_type": 2, "encap_sport": 4500, "encap_dport": 6000}
    left_out = LeftOut()
    found = table(
        "xfrm", {"policies": [{"direction": "socket-in"}], "associations": [ports]}, pseudonyms, left_out
    )
    assert found == {"policies": [{"direction": "socket-in"}], "associations": [ports]}
    assert not left_out.lines()


def test_a_route_to_a_large_network_ends_in_zeros(pseudonyms: Pseudonyms) -> None:
    (found,) = table("routes", [{"dst": "172.18.0.0", "dst_len": 16}], pseudonyms)
    assert found["dst"].endswith(".0.0")


def test_a_table_of_packed_rows_stays_one(pseudonyms: Pseudonyms) -> None:
    packed = PackedRows()
    packed.append({"family": 2, "orig": {"ip": {"src": "10.1.2.3"}}})
    found = table("conntrack", packed, pseudonyms)
    assert isinstance(found, PackedRows)
    assert list(found) == [{"family": 2, "orig": {"ip": {"src": pseudonyms.address("10.1.2.3")}}}]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("02:00:00:00:00:01", 0b10),
        ("00:1b:21:aa:bb:cc", 0b00),
        ("03:1b:21:aa:bb:cc", 0b11),
    ],
)
def test_a_mac_keeps_what_kind_it_is(text: str, kept: int, pseudonyms: Pseudonyms) -> None:
    found = pseudonyms.mac(text)
    assert int(found[:2], 16) & 3 == kept
    assert found[3:] != text[3:]


@pytest.mark.parametrize(
    "text",
    ["00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "ee:ee:ee:ee:ee:ee", "01:00:5e:00:00:16", "33:33:00:00:00:01"],
)
def test_a_mac_that_everybody_has_stays(text: str, pseudonyms: Pseudonyms) -> None:
    assert pseudonyms.mac(text) == text


def test_the_mac_of_a_group_follows_the_group(pseudonyms: Pseudonyms) -> None:
    group = pseudonyms.address("ff02::1:ff12:3456")
    low = f"{int(group.rpartition(':')[2], 16) | int(group.split(':ff')[1][:2], 16) << 16:06x}"
    assert pseudonyms.mac("33:33:ff:12:34:56") == f"33:33:ff:{low[:2]}:{low[2:4]}:{low[4:]}"


def test_settings(pseudonyms: Pseudonyms) -> None:
    found = table(
        "sysctls",
        {
            "net.ipv4.ip_forward": "1",
            "net.ipv4.conf.acme0.forwarding": "1",
            "net.ipv4.conf.flannel/1.forwarding": "1",
            "net.ipv6.conf.eth0.stable_secret": "2001:db8::1",
            "net.ipv4.tcp_congestion_control": "bbr",
            "net.core.acme": "acme",
            "kernel.osrelease": "6.1.0-acme-7",
        },
        pseudonyms,
    )
    assert found == {
        "net.ipv4.ip_forward": "1",
        f"net.ipv4.conf.{pseudonyms.name('acme0')}.forwarding": "1",
        "net.ipv4.conf.flannel/1.forwarding": "1",
        "net.ipv4.tcp_congestion_control": "bbr",
        "kernel.osrelease": "6.1.0",
    }


@pytest.mark.parametrize("name", ["acme", "counters", "links"])
def test_a_table_of_an_unknown_form_goes(name: str, pseudonyms: Pseudonyms) -> None:
    left_out = LeftOut()
    assert table(name, "acme", pseudonyms, left_out) is None
    assert left_out.lines() == [f"{name if name != 'acme' else 'a table'}: a table that is not known"]


def test_the_other_tables(pseudonyms: Pseudonyms) -> None:
    address, name = pseudonyms.address, pseudonyms.name
    assert table("conntrack_cut", {"only": ["10.1.2.3-10.1.2.4"], "left_out": 7}, pseudonyms) == {
        "only": [f"{address('10.1.2.3')}-{address('10.1.2.4')}"],
        "left_out": 7,
    }
    waited = {"tuple": {"ip": {"src": "10.1.2.3"}}, "mask": {"source_bits": 32, "port_mask": 0}, "nat": b"x"}
    assert table("expectations", [waited], pseudonyms) == [
        {**waited, "tuple": {"ip": {"src": address("10.1.2.3")}}, "nat": b""}
    ]
    options = [{"name": "mode", "value": "random"}, {"name": "enabled", "port": 2, "value": True}]
    assert table("team", [{"ifindex": 4, "options": options}], pseudonyms) == [
        {"ifindex": 4, "options": options}
    ]
    line = "src=10.1.2.3 ttl: 64 last_seen: 5 oldest_pkt: 1 5"
    assert table("xt_recent", {"jiffies": 9, "lists": {"acme": f"{line}\nacme\n"}}, pseudonyms) == {
        "jiffies": 9,
        "lists": {name("acme"): line.replace("10.1.2.3", address("10.1.2.3")) + "\n"},
    }
    assert table("ethtool", {"acme0": {"driver": "acme", "features": {"rx": True}}}, pseudonyms) == {
        name("acme0"): {"features": {"rx": True}}
    }
    (group,) = table("bpf_cgroups", [{"cgroup": "/kubepods.slice/pod1234", "attach": "ingress"}], pseudonyms)
    assert group == {"cgroup": f"/kubepods.slice/{name('pod1234')}", "attach": "ingress"}


def test_an_object_keeps_the_allowed_fields_and_its_relations(pseudonyms: Pseudonyms) -> None:
    pod = {
        "kind": "Pod",
        "metadata": {
            "name": "web-1",
            "namespace": "shop",
            "uid": "8f14e45f-ceea-467f-a0e6-8e3b0f5c1a11",
            "labels": {"app": "web", "acme.com/team": "blue"},
            "annotations": {"acme.com/owner": "jane", "projectcalico.org/IPv4Address": "10.1.2.3/24"},
        },
        "spec": {"nodeName": "worker-7", "containers": [{"name": "acme", "env": [{"value": "secret"}]}]},
        "status": {"phase": "Running", "podIP": "10.1.2.9", "acme": "acme"},
    }
    left_out = LeftOut()
    found: Any = redact_object("Pod", pod, pseudonyms, left_out)
    name = pseudonyms.name
    assert found["metadata"]["labels"] == {
        "app": name("web"),
        f"{name('acme.com')}/{name('team')}": name("blue"),
    }
    assert found["metadata"]["annotations"] == {
        "projectcalico.org/IPv4Address": f"{pseudonyms.address('10.1.2.3')}/24"
    }
    assert found["spec"] == {"nodeName": name("worker-7"), "containers": [{"name": name("acme")}]}
    assert found["status"] == {"phase": "Running", "podIP": pseudonyms.address("10.1.2.9")}
    assert left_out.lines() == ["Pod: a field that is not known (2)", "Pod: an annotation"]


@pytest.mark.parametrize(
    ("field", "text", "wanted"),
    [
        ("image", "registry.acme.com/net/calico:v3.1-acme", "{registry.acme.com}/{net}/{calico}:v3.1"),
        ("image", "docker.io/calico/node:v3.30.3", "docker.io/calico/node:v3.30.3"),
    ],
)
def test_images(field: str, text: str, wanted: str, pseudonyms: Pseudonyms) -> None:
    item = {
        "kind": "DaemonSet",
        "metadata": {"name": "x"},
        "spec": {"template": {"spec": {"containers": [{field: text}]}}},
    }
    for word in ("registry.acme.com", "net", "calico"):
        wanted = wanted.replace(f"{{{word}}}", pseudonyms.name(word))
    found: Any = redact_object("DaemonSet", item, pseudonyms, LeftOut())
    assert found["spec"]["template"]["spec"]["containers"] == [{field: wanted}]


@pytest.mark.parametrize("port", ["80", "8080:8090", 443])
def test_ports_of_calico_and_cilium_are_texts(port: object, pseudonyms: Pseudonyms) -> None:
    policy = {
        "kind": "CalicoNetworkPolicy",
        "metadata": {"name": "deny", "namespace": "shop"},
        "spec": {"selector": "app == 'web'", "ingress": [{"destination": {"ports": [port]}}]},
    }
    found: Any = redact_object("CalicoNetworkPolicy", policy, pseudonyms, LeftOut())
    assert found["spec"]["selector"] == f"app == '{pseudonyms.name('web')}'"
    assert found["spec"]["ingress"] == [{"destination": {"ports": [port]}}]


def test_a_policy(pseudonyms: Pseudonyms) -> None:
    policy = {
        "kind": "NetworkPolicy",
        "metadata": {"name": "deny", "namespace": "shop"},
        "spec": {
            "podSelector": {"matchLabels": {"app": "web"}},
            "ingress": [
                {
                    "from": [{"ipBlock": {"cidr": "10.1.0.0/16", "except": ["10.1.2.0/24"]}}],
                    "ports": [{"protocol": "TCP", "port": "http", "acme": 1}],
                }
            ],
            "policyTypes": ["Ingress"],
        },
    }
    found = redact_object("NetworkPolicy", policy, pseudonyms, LeftOut())
    assert found["spec"] == {
        "podSelector": {"matchLabels": {"app": pseudonyms.name("web")}},
        "ingress": [
            {
                "from": [
                    {
                        "ipBlock": {
                            "cidr": pseudonyms.masked("10.1.0.0/16"),
                            "except": [pseudonyms.masked("10.1.2.0/24")],
                        }
                    }
                ],
                "ports": [{"protocol": "TCP", "port": "http", pseudonyms.name("acme"): True}],
            }
        ],
        "policyTypes": ["Ingress"],
    }


def test_gaps_of_our_own_providers_keep_their_names() -> None:
    """Else a provider does not find its own, and says that nobody asked its cloud."""
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text("utf-8"))["project"]
    ours = project["entry-points"]["kubectl_skoop.providers"]
    assert {f"infra/{name}" for name in ours} == KNOWN_CLOUDS
