"""Dumps that the kernel marks as torn (K-78), and lists that it does not watch."""

import pytest

from kubectl_skoop.collect.netlink.message import Message
from kubectl_skoop.collect.netlink.socket import ATTEMPTS, NETLINK_ROUTE, Interrupted, NetlinkSocket

Reading = tuple[list[bytes], bool]


class Scripted(NetlinkSocket):
    """Answers one reading after the other; the last for ever."""

    def __init__(self, readings: list[Reading]) -> None:
        super().__init__(NETLINK_ROUTE)
        self.readings = readings
        self.read = 0

    def _dump_once(self, kind: int, payload: bytes) -> tuple[list[Message], bool]:
        entries, whole = self.readings[min(self.read, len(self.readings) - 1)]
        self.read += 1
        return [Message(kind, 0, 0, entry) for entry in entries], whole


@pytest.mark.parametrize(
    ("readings", "identity", "wanted", "times"),
    [
        pytest.param([([b"a"], True)], False, [b"a"], 1, id="a watched list is read once"),
        pytest.param([([b"a"], False), ([b"b"], True)], False, [b"b"], 2, id="a torn one again"),
        pytest.param([([b"a"], True)], True, [b"a"], 2, id="one that is not watched is read twice"),
        pytest.param([([b"a"], True), ([b"b"], True)], True, [b"b"], 3, id="until two readings agree"),
        pytest.param([([], True)], True, [], 1, id="an empty one is whole"),
        pytest.param(
            [([b"a"], True), ([b"a"], False), ([b"a"], True)],
            True,
            [b"a"],
            4,
            id="a torn one counts for nothing",
        ),
        pytest.param(
            [([b"1"], True), ([b"2"], True), ([b"3"], True), ([b"4"], True)],
            True,
            [b"4"],
            ATTEMPTS,
            id="after a bounded number the last one is taken",
        ),
    ],
)
def test_readings(readings: list[Reading], identity: bool, wanted: list[bytes], times: int) -> None:
    with Scripted(readings) as socket:
        found = socket.dump(18, b"", identity=(lambda message: message.payload) if identity else None)
    assert ([message.payload for message in found], socket.read) == (wanted, times)


def test_one_that_is_always_torn_is_no_result() -> None:
    with Scripted([([b"a"], False)]) as socket, pytest.raises(Interrupted, match="at each of"):
        socket.dump(18, b"")
