"""Which socket gets a packet (compute_score), from outside and from the same host."""

from ipaddress import ip_address

import pytest

from kubectl_skoop.netstack.l4.socket_types import Socket
from tests.netstack.builders import changed, routed, walk

FROM_A, FROM_B, BY_LOOPBACK = "a tcp 10.2.0.2", "b tcp 10.2.0.2", "b tcp 127.0.0.1"
REFUSED = "connection refused"
SERVED = {
    FROM_A: "answer, b sees 10.1.0.2",
    FROM_B: "answer, b sees 10.2.0.2",
    BY_LOOPBACK: "answer, b sees 127.0.0.1",
}
LO, ETH0 = 1, 2


def listener(address: str, *, device: int = 0, v6only: bool = False, queue: int = 0) -> Socket:
    return Socket(
        protocol=6,
        state="listen",
        local=ip_address(address),
        port=80,
        device=device,
        v6only=v6only,
        queue=queue,
        backlog=1,
    )


@pytest.mark.parametrize(
    ("socket", "served"),
    [
        pytest.param(listener("0.0.0.0"), {FROM_A, FROM_B, BY_LOOPBACK}, id="the wildcard"),
        pytest.param(listener("10.2.0.2"), {FROM_A, FROM_B}, id="the address"),
        pytest.param(listener("127.0.0.1"), {BY_LOOPBACK}, id="the loopback address"),
        pytest.param(listener("::"), {FROM_A, FROM_B, BY_LOOPBACK}, id="the IPv6 wildcard"),
        pytest.param(listener("::", v6only=True), set(), id="the IPv6 wildcard alone"),
        pytest.param(listener("::ffff:10.2.0.2"), {FROM_A, FROM_B}, id="the mapped address"),
        pytest.param(listener("0.0.0.0", device=ETH0), {FROM_A, FROM_B}, id="bound to the address's device"),
        pytest.param(listener("0.0.0.0", device=LO), {BY_LOOPBACK}, id="bound to lo"),
        pytest.param(
            listener("0.0.0.0", queue=1), {FROM_A, FROM_B, BY_LOOPBACK}, id="a queue that is just full"
        ),
    ],
)
def test_a_listener(socket: Socket, served: set[str]) -> None:
    hosts = changed(routed(), "b", sockets=(socket,))
    for flow, answer in SERVED.items():
        assert walk(hosts, flow) == (answer if flow in served else REFUSED), flow


def test_a_queue_that_is_more_than_full_drops() -> None:
    assert walk(changed(routed(), "b", sockets=(listener("0.0.0.0", queue=2),)), FROM_A) == "timeout"


@pytest.mark.parametrize("state", ["established", "other", "unconnected"])
def test_only_listeners_take_connections(state: str) -> None:
    socket = Socket(protocol=6, state=state, local=ip_address("0.0.0.0"), port=80)  # type: ignore[arg-type]
    assert walk(changed(routed(), "b", sockets=(socket,)), FROM_A) == REFUSED
