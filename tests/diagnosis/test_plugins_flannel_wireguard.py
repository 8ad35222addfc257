"""What flannel's backend wireguard wants, by objects alone: a device for each IP version, or one for both."""

import json
from base64 import b64decode
from ipaddress import ip_address
from typing import Any

import pytest

from kubectl_skoop.api import Expectation, Passing, Suspicion, key_digest
from kubectl_skoop.diagnosis.extension.registry import set_up
from kubectl_skoop.model.packet import Packet, Protocol
from kubectl_skoop.testing.flannel_wireguard import PUBLIC
from kubectl_skoop.testing.objects import cluster_objects
from kubectl_skoop.testing.topology import standard

Objects = list[dict[str, Any]]
PREFIX = "flannel.alpha.coreos.com/"
DIGEST = key_digest(b64decode(PUBLIC[1]))
"""Of n2's key."""
V4, V6 = ("10.244.1.2", "10.244.2.2"), ("fd00:244:1::2", "fd00:244:2::2")


def cluster(
    mode: str, *, public_ip: str = "10.0.0.{}", public_ipv6: str = "fd00:10::{}", **backend: object
) -> Objects:
    """Two nodes with both IP versions."""
    objects = cluster_objects("flannel-wireguard", standard())
    for item in objects:
        name = item["metadata"]["name"]
        if name == "kube-flannel-cfg":
            told = {"EnableIPv6": True, "Network": "10.244.0.0/16", "IPv6Network": "fd00:244::/32"}
            told["Backend"] = {"Type": "wireguard", "Mode": mode, **backend}
            item["data"]["net-conf.json"] = json.dumps(told)
        elif item["kind"] == "Node":
            number = int(name[1:])
            key = PUBLIC[number - 1]
            item["spec"]["podCIDRs"].append(f"fd00:244:{number}::/64")
            item["metadata"]["annotations"] |= {
                f"{PREFIX}public-ip": public_ip.format(number),
                f"{PREFIX}public-ipv6": public_ipv6.format(number),
                f"{PREFIX}backend-data": json.dumps({"PublicKey": key, "Port": 51820}),
                f"{PREFIX}backend-v6-data": json.dumps({"PublicKey": key, "Port": 51821}),
            }
        elif item["kind"] == "Pod" and name in ("a", "b"):
            item["status"]["podIPs"].append({"ip": V6["ab".index(name)]})
    return objects


def wishes(make_context: Any, objects: Objects, flow: tuple[str, str]) -> list[Any]:
    """Of n1, for a packet from pod a to pod b."""
    ctx = make_context(objects)
    action = set_up(ctx).plugin.create_node(ctx.cluster.node("n1"))
    source, destination = map(ip_address, flow)
    packet = Packet(src=source, dst=destination, protocol=Protocol.TCP, dport=80)
    return list(action.wishes(Passing(upstream=None, arrived=packet, left=(packet,))))


def wants(found: list[Any]) -> list[str]:
    return [wish.want for wish in found if isinstance(wish, Expectation)]


def peer(endpoint: str, allowed: str) -> str:
    return f"peer {DIGEST} endpoint {endpoint} allowed ips {allowed}"


@pytest.mark.parametrize(
    ("mode", "more", "flow", "expected"),
    [
        pytest.param(
            "separate",
            {},
            V4,
            ["10.244.0.0/16 dev flannel-wg scope link", peer("10.0.0.2:51820", "10.244.2.0/24")],
            id="a device for IPv4",
        ),
        pytest.param(
            "separate",
            {},
            V6,
            ["fd00:244::/32 dev flannel-wg-v6", peer("[fd00:10::2]:51821", "fd00:244:2::/64")],
            id="a device for IPv6",
        ),
        pytest.param(
            "auto",
            {},
            V4,
            [
                "10.244.0.0/16 dev flannel-wg scope link",
                peer("10.0.0.2:51820", "10.244.2.0/24"),
                peer("10.0.0.2:51820", "fd00:244:2::/64"),
            ],
            id="one device for both, private addresses: IPv4 outside",
        ),
        pytest.param(
            "auto",
            {"public_ipv6": "2001:db9::{}"},
            V4,
            [
                "10.244.0.0/16 dev flannel-wg scope link",
                peer("[2001:db9::2]:51821", "10.244.2.0/24"),
                peer("[2001:db9::2]:51821", "fd00:244:2::/64"),
            ],
            id="one device for both, only IPv6 is public",
        ),
        pytest.param(
            "ipv6",
            {},
            V6,
            [
                "fd00:244::/32 dev flannel-wg",
                peer("[fd00:10::2]:51821", "10.244.2.0/24"),
                peer("[fd00:10::2]:51821", "fd00:244:2::/64"),
            ],
            id="one device for both, IPv6 outside",
        ),
    ],
)
def test_the_way_to_a_peer(
    make_context: Any, mode: str, more: dict[str, str], flow: tuple[str, str], expected: list[str]
) -> None:
    assert wants(wishes(make_context, cluster(mode, **more), flow)) == expected


def test_a_node_wants_its_devices_with_its_key_and_port(make_context: Any) -> None:
    ctx = make_context(cluster("separate", ListenPort=52000))
    found = wants(list(set_up(ctx).plugin.create_node(ctx.cluster.node("n1")).always()))
    own = key_digest(b64decode(PUBLIC[0]))
    assert f"flannel-wg wireguard dstport 52000 key digest {own} up" in found
    assert f"flannel-wg-v6 wireguard dstport 51821 key digest {own} up" in found
    assert "flannel-wg inet 10.244.1.0/32" in found


@pytest.mark.parametrize("data", ["null", "{}", '{"PublicKey": 7}', '{"PublicKey": "%"}', "[", ""])
def test_a_key_that_is_not_told_is_the_finding(make_context: Any, data: str) -> None:
    objects = cluster("separate")
    for item in objects:
        if (item["kind"], item["metadata"]["name"]) == ("Node", "n2"):
            item["metadata"]["annotations"][f"{PREFIX}backend-data"] = data
    found = [one for one in wishes(make_context, objects, V4) if isinstance(one, Suspicion)]
    assert [one.code for one in found] == ["flannel.annotation.missing"]
