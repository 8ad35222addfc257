"""tc filters that redirect all that comes in, or networks of what goes out: the bytes of one that does, and
none that is cut off or changed."""

import struct
from ipaddress import IPv4Network
from socket import htons

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_skoop.netstack.device import LedIn
from kubectl_skoop.snapshot.decode.redirects import decode_led_in, decode_redirects

ALL, IPV4 = htons(3), htons(0x0800)
TARGET = 7


def attribute(kind: int, payload: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(payload), kind) + payload + b"\0" * (-len(payload) % 4)


def mirred(way: int = 1) -> bytes:
    parameters = attribute(2, struct.pack("=IIiiiiI", 1, 0, 4, 1, 1, way, TARGET))
    return attribute(1, attribute(1, b"mirred\0") + attribute(2, parameters))


def selector(mask: int = 0, flags: int = 1) -> bytes:
    return struct.pack("=BBBxHHhhI", flags, 0, 1, 0, 0, 0, 0, 0) + struct.pack(">IIii", mask, 0, 0, 0)


def u32(chosen: bytes, actions: bytes) -> bytes:
    return attribute(5, chosen) + attribute(7, actions)


GOOD = u32(selector(), mirred())


def entry(options: bytes, kind: str = "u32", protocol: int = ALL, **fields: int) -> dict[str, object]:
    """A filter for what comes in by device 3."""
    info = 1 << 16 | protocol
    return {"ifindex": 3, "parent": 0xFFFF0000, "info": info, "kind": kind, "options": options, **fields}


@pytest.mark.parametrize(
    ("listed", "found"),
    [
        pytest.param([entry(GOOD)], {3: TARGET}, id="u32"),
        pytest.param([entry(attribute(2, mirred()), "matchall")], {3: TARGET}, id="matchall"),
        pytest.param(
            [entry(b""), entry(attribute(4, b"\1\0\0\0")), entry(GOOD)], {3: TARGET}, id="its tables"
        ),
        pytest.param([entry(GOOD), entry(GOOD)], {}, id="two filters"),
        pytest.param([entry(GOOD, protocol=IPV4)], {}, id="one protocol"),
        pytest.param([entry(GOOD, chain=1)], {}, id="another chain"),
        pytest.param([entry(GOOD, parent=0xFFFFFFF3)], {}, id="egress"),
        pytest.param([entry(u32(selector(mask=0xFFFF0000), mirred()))], {}, id="some packets"),
        pytest.param([entry(u32(selector(flags=0), mirred()))], {}, id="not the last"),
        pytest.param([entry(u32(selector(), mirred(way=2)))], {}, id="a copy"),
        pytest.param([entry(GOOD + attribute(11, struct.pack("=I", 2)))], {}, id="in hardware only"),
        pytest.param([entry(GOOD, "flower")], {}, id="another kind"),
        pytest.param([entry(GOOD[:-8])], {}, id="cut off"),
    ],
)
def test_only_a_redirect_of_everything_counts(listed: list[dict[str, object]], found: dict[int, int]) -> None:
    assert decode_redirects(listed) == found


@given(st.binary(max_size=120), st.sampled_from(["u32", "matchall", "bpf"]))
def test_bytes_that_mean_nothing_are_no_error(options: bytes, kind: str) -> None:
    assert decode_redirects([entry(options, kind)]) == {}


GENERIC = struct.pack("=IIiii", 1, 0, 3, 1, 1)
UNSET = GENERIC + struct.pack("=i", 2)


def action(number: int, kind: bytes, parameters: bytes, **more: bytes) -> bytes:
    options = attribute(2, parameters) + b"".join(attribute(int(key[1:]), more[key]) for key in more)
    return attribute(number, attribute(1, kind + b"\0") + attribute(2, options))


def terway(
    *, host: int = 0, tunnel: bytes = UNSET, way: int = 3, mark: bytes = b"", last: bytes = b"mirred"
) -> bytes:
    """The three actions of plugin/datapath/ipvlan_linux.go."""
    marked = {"_5": mark} if mark else {}
    parameters = struct.pack("=IIiiiiI", 1, 0, 4, 1, 1, way, TARGET)
    return (
        action(1, b"tunnel_key", tunnel)
        + action(2, b"skbedit", GENERIC, _7=struct.pack("=H", host), **marked)
        + action(3, last, parameters)
    )


def to(network: str, *, offset: int = 16) -> bytes:
    parsed = IPv4Network(network)
    key = parsed.netmask.packed + parsed.network_address.packed + struct.pack("=ii", offset, 0)
    return struct.pack("=BBBxHHhhI", 1, 0, 1, 0, 0, 0, 0, 0) + key


def leaving(chosen: bytes, actions: bytes, **fields: int) -> dict[str, object]:
    """A filter for what goes out by device 3."""
    return entry(u32(chosen, actions), "u32", **{"parent": 0xFFFFFFF3, "protocol": IPV4, **fields})


SERVICES, DNS = "10.96.0.0/16", "169.254.20.10/32"
LED = LedIn(IPv4Network(SERVICES), TARGET)


@pytest.mark.parametrize(
    ("listed", "found"),
    [
        pytest.param([leaving(to(SERVICES), terway())], {3: (LED,)}, id="Terway's"),
        pytest.param([leaving(to(SERVICES), mirred(way=3))], {3: (LED,)}, id="mirred alone"),
        pytest.param(
            [leaving(to(DNS), terway()), leaving(to(SERVICES), terway())],
            {3: (LedIn(IPv4Network(DNS), TARGET), LED)},
            id="two networks",
        ),
        pytest.param(
            [leaving(to(SERVICES), terway()), leaving(to(SERVICES, offset=12), terway())],
            {},
            id="one by the source beside it",
        ),
        pytest.param([leaving(to(SERVICES), terway(host=3))], {}, id="for another host"),
        pytest.param([leaving(to(SERVICES), terway(mark=b"\1\0\0\0"))], {}, id="with a mark"),
        pytest.param([leaving(to(SERVICES), terway(tunnel=GENERIC + b"\1\0\0\0"))], {}, id="a tunnel set"),
        pytest.param([leaving(to(SERVICES), terway(way=1))], {}, id="out by it"),
        pytest.param([leaving(to(SERVICES), terway(last=b"gact"))], {}, id="another action"),
        pytest.param([leaving(to(SERVICES), terway(), protocol=ALL)], {}, id="any protocol"),
        pytest.param([leaving(to(SERVICES), terway(), chain=1)], {}, id="another chain"),
        pytest.param([leaving(to(SERVICES)[:-4], terway())], {}, id="cut off"),
        pytest.param([leaving(to(SERVICES), terway(), parent=0xFFFFFFF2)], {}, id="ingress"),
    ],
)
def test_networks_of_what_goes_out(
    listed: list[dict[str, object]], found: dict[int, tuple[LedIn, ...]]
) -> None:
    assert decode_led_in(listed) == found
