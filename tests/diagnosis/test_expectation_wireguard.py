"""Peers of a WireGuard device, compared with what is wanted."""

from ipaddress import ip_address, ip_network

import pytest

from kubectl_skoop.api import Device, NetworkNamespace, Place, expect
from kubectl_skoop.netstack.devices.wireguard_types import Wireguard, WireguardPeer

BLOCK, OTHER = ip_network("10.244.2.0/26"), ip_network("10.244.3.0/26")
HERE = (ip_address("10.0.0.2"), 51820)
RIGHT = WireguardPeer(key="aa", endpoint=HERE, allowed=(BLOCK, OTHER))
WISH = expect.wireguard_peer("wg0", "aa", endpoint="10.0.0.2", port=51820, allowed=BLOCK, because="x")


def namespace(*peers: WireguardPeer, key: str = "own") -> NetworkNamespace:
    device = Device(index=2, name="wg0", kind="wireguard", wireguard=Wireguard(key, 51820, 0, peers))
    return NetworkNamespace(id="n/4:1", place=Place("node", "n"), node="n", devices={2: device})


@pytest.mark.parametrize(
    "ns",
    [
        pytest.param(namespace(RIGHT), id="as wanted"),
        pytest.param(namespace(RIGHT._replace(allowed=(ip_network("10.244.0.0/16"),))), id="more is allowed"),
        pytest.param(namespace(RIGHT._replace(key=""), key=""), id="no keys were collected"),
        pytest.param(NetworkNamespace(id="n/4:1", place=Place("node", "n"), node="n"), id="no device"),
    ],
)
def test_nothing_is_said(ns: NetworkNamespace) -> None:
    assert WISH.compare(ns) is None


@pytest.mark.parametrize(
    ("peers", "state", "text"),
    [
        pytest.param((), "missing", "the peer for 10.0.0.2 of wg0 is missing", id="no peer"),
        pytest.param((RIGHT._replace(key="bb"),), "missing", "is missing", id="an old key"),
        pytest.param((RIGHT._replace(endpoint=None),), "differs", "asked at nowhere", id="no endpoint"),
        pytest.param(
            (RIGHT._replace(endpoint=(ip_address("fd00::1"), 7)),),
            "differs",
            "asked at [fd00::1]:7, not at 10.0.0.2:51820",
            id="another endpoint",
        ),
        pytest.param(
            (RIGHT._replace(allowed=(OTHER,)), WireguardPeer(key="bb", allowed=(BLOCK,))),
            "differs",
            "may not have 10.244.2.0/26",
            id="another peer has the block",
        ),
    ],
)
def test_what_differs_is_told_and_mended(peers: tuple[WireguardPeer, ...], state: str, text: str) -> None:
    ns = namespace(*peers)
    deviation = WISH.compare(ns)
    assert deviation is not None
    assert (deviation.state, text in deviation.problem) == (state, True)
    mended = WISH.mend(ns)
    assert mended is not None
    assert WISH.compare(mended) is None
    settings = mended.devices[2].wireguard
    assert settings is not None
    assert [peer.key for peer in settings.peers if BLOCK in peer.allowed] == ["aa"]
