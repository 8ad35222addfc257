"""By which of its addresses a router leads to a node."""

from ipaddress import ip_address

import pytest

from kubectl_skoop.cluster.node import NodeInfo
from kubectl_skoop.diagnosis.walk.router import beside
from tests.netstack.builders import End, host

WRITTEN = ("10.0.0.7", "10.9.0.7", "fd00::7")
NODE = NodeInfo(
    {
        "metadata": {"name": "n"},
        "status": {"addresses": [{"type": "InternalIP", "address": each} for each in WRITTEN]},
    }
)


@pytest.mark.parametrize(
    ("router", "node", "expected"),
    [
        pytest.param("10.0.0.254", NODE, ["10.0.0.7"], id="of the sender's network"),
        pytest.param("10.9.0.254", NODE, [], id="of no network of the sender"),
        pytest.param("fd00::fe", NODE, [], id="of another family"),
        pytest.param("", NODE, [], id="without a router, as where the destination is on the link"),
        pytest.param("10.0.0.254", None, [], id="of nobody that an object tells"),
    ],
)
def test_addresses_beside_a_router(router: str, node: NodeInfo | None, expected: list[str]) -> None:
    sender = host("s", End(name="eth0", index=2, peer=("x", 2), address="10.0.0.1/24"))
    found = beside(ip_address(router) if router else None, sender, sender.devices[2], node)
    assert [str(address) for address in found] == expected
