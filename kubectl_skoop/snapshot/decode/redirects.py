"""tc filters that send all that comes in by a device on to another one (the bandwidth plugin's ifb).

Attributes: include/uapi/linux/pkt_cls.h, tc_act/tc_mirred.h. What is not certain stays a program.
"""

import struct
from collections import defaultdict
from collections.abc import Iterator, Mapping
from socket import ntohs

from kubectl_skoop.snapshot.decode.entry import Entry, entries

INGRESS = frozenset({0xFFFF0000, 0xFFFFFFF2})
"""Parents of the filters for what comes in: qdiscs ingress and clsact."""
_ETH_P_ALL = 3
_HEADER = struct.Struct("=HH")
_KEY_SIZE, _SELECTOR_SIZE = 16, 16
_U32_DIVISOR, _U32_SELECTOR, _U32_ACTIONS = 4, 5, 7
_U32_NARROWING = frozenset({3, 6, 8, 10})
"""LINK, POLICE, INDEV, MARK."""
_MATCHALL_ACTIONS, _FLAGS = 2, {"u32": 11, "matchall": 3}
_SKIP_SOFTWARE, _TERMINAL = 2, 1
_MIRRED = struct.Struct("=IIiiiiI")
_EGRESS_REDIRECT = 1


def decode_redirects(filters: object) -> dict[int, int]:
    """Index of a device → index of the one that everything goes to. Raises: FormatError."""
    found: dict[int, list[int]] = defaultdict(list)
    for entry in entries(filters, "$.tc_filters"):
        if entry.number("parent") in INGRESS and not _empty(entry):
            found[entry.number("ifindex")].append(_target(entry))
    return {index: targets[0] for index, targets in found.items() if len(targets) == 1 and targets[0]}


def _empty(entry: Entry) -> bool:
    """The head of a list of filters, or a hash table of u32: no filter itself."""
    options = _attributes(entry.octets("options"))
    return not options or (entry.text("kind", "") == "u32" and _U32_DIVISOR in options)


def _target(entry: Entry) -> int:
    """0: it does not send everything on, or more than that."""
    kind, options = entry.text("kind", ""), _attributes(entry.octets("options"))
    everything = ntohs(entry.number("info") & 0xFFFF) == _ETH_P_ALL and not entry.number("chain", 0)
    flags = options.get(_FLAGS.get(kind, 0), b"").ljust(4, b"\0")
    if not everything or struct.unpack("=I", flags[:4])[0] & _SKIP_SOFTWARE:
        return 0
    if kind == "matchall":
        return _redirect(options.get(_MATCHALL_ACTIONS, b""))
    if (
        kind == "u32"
        and not _U32_NARROWING & options.keys()
        and _matches_all(options.get(_U32_SELECTOR, b""))
    ):
        return _redirect(options.get(_U32_ACTIONS, b""))
    return 0


def _matches_all(selector: bytes) -> bool:
    """struct tc_u32_sel: every key has the mask 0."""
    if len(selector) < _SELECTOR_SIZE or not selector[0] & _TERMINAL:
        return False
    keys = selector[_SELECTOR_SIZE:]
    if len(keys) != selector[2] * _KEY_SIZE:
        return False
    return not any(any(keys[start : start + 4]) for start in range(0, len(keys), _KEY_SIZE))


def _redirect(actions: bytes) -> int:
    """The device of the only action, if that is `mirred egress redirect`."""
    listed = _attributes(actions)
    if len(listed) != 1:
        return 0
    action = _attributes(next(iter(listed.values())))
    parameters = _attributes(action.get(2, b"")).get(2, b"")
    if action.get(1, b"").rstrip(b"\0") != b"mirred" or len(parameters) < _MIRRED.size:
        return 0
    *_, way, index = _MIRRED.unpack(parameters[: _MIRRED.size])
    return int(index) if way == _EGRESS_REDIRECT else 0


def _attributes(data: bytes) -> Mapping[int, bytes]:
    """By type, without the flag NLA_F_NESTED; what is cut off is left out."""
    return dict(_split(data))


def _split(data: bytes) -> Iterator[tuple[int, bytes]]:
    start = 0
    while start + _HEADER.size <= len(data):
        length, kind = _HEADER.unpack_from(data, start)
        if length < _HEADER.size or start + length > len(data):
            return
        yield kind & 0x3FFF, data[start + _HEADER.size : start + length]
        start += (length + 3) & ~3
