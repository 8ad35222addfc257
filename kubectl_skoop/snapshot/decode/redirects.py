"""tc filters that send all that comes in by a device on to another one (the bandwidth plugin's ifb), or some
networks of what goes out in by another one (Terway's ipvlan).

Attributes: include/uapi/linux/pkt_cls.h, tc_act/tc_mirred.h. What is not certain stays a program.
"""

import struct
from collections import defaultdict
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address, IPv4Network
from socket import ntohs

from kubectl_skoop.netstack.device import LedIn
from kubectl_skoop.snapshot.decode.entry import Entry, entries

INGRESS = frozenset({0xFFFF0000, 0xFFFFFFF2})
"""Parents of the filters for what comes in: qdiscs ingress and clsact."""
EGRESS = 0xFFFFFFF3
_ETH_P_ALL, _ETH_P_IP = 3, 0x0800
_HEADER = struct.Struct("=HH")
_KEY_SIZE, _SELECTOR_SIZE = 16, 16
_U32_DIVISOR, _U32_SELECTOR, _U32_ACTIONS = 4, 5, 7
_U32_NARROWING = frozenset({3, 6, 8, 10})
"""LINK, POLICE, INDEV, MARK."""
_MATCHALL_ACTIONS, _FLAGS = 2, {"u32": 11, "matchall": 3}
_SKIP_SOFTWARE, _TERMINAL = 2, 1
_MIRRED = struct.Struct("=IIiiiiI")
_EGRESS_REDIRECT, _INGRESS_REDIRECT = 1, 3
_DESTINATION = 16
"""Offset of the destination in an IPv4 header."""
_KEY = struct.Struct("!4s4s")
_PLACE = struct.Struct("=ii")
_PARAMETERS = 2
"""Of an action: struct tc_gen and what follows."""
_GENERIC_SIZE = 20
_TUNNEL_KEY_RELEASE = 2
_SKBEDIT_PTYPE, _SKBEDIT_HARMLESS = 7, frozenset({1, 2, 6, 7})
"""PTYPE; TM, PARMS, PAD."""


def decode_redirects(filters: object) -> dict[int, int]:
    """Index of a device → index of the one that everything goes to. Raises: FormatError."""
    found: dict[int, list[int]] = defaultdict(list)
    for entry in entries(filters, "$.tc_filters"):
        if entry.number("parent") in INGRESS and not _empty(entry):
            found[entry.number("ifindex")].append(_target(entry))
    return {index: targets[0] for index, targets in found.items() if len(targets) == 1 and targets[0]}


def decode_led_in(filters: object) -> dict[int, tuple[LedIn, ...]]:
    """By the index of a device, in the order in which they are asked; only where all filters for what goes
    out are of this kind. Raises: FormatError."""
    found: dict[int, list[LedIn | None]] = defaultdict(list)
    for entry in entries(filters, "$.tc_filters"):
        if entry.number("parent") == EGRESS and not _empty(entry):
            found[entry.number("ifindex")].append(_led_in(entry))
    known = {index: tuple(one for one in each if one is not None) for index, each in found.items()}
    return {index: each for index, each in known.items() if len(each) == len(found[index])}


def _led_in(entry: Entry) -> LedIn | None:
    options = _attributes(entry.octets("options"))
    ip = ntohs(entry.number("info") & 0xFFFF) == _ETH_P_IP and not entry.number("chain", 0)
    if entry.text("kind", "") != "u32" or not ip or _U32_NARROWING & options.keys() or _skips(entry, options):
        return None
    network = _destination(options.get(_U32_SELECTOR, b""))
    target = _redirect(options.get(_U32_ACTIONS, b""), _INGRESS_REDIRECT)
    return LedIn(network, target) if network is not None and target else None


def _destination(selector: bytes) -> IPv4Network | None:
    """The network that the destination must be in, if the selector asks for that alone."""
    if len(selector) != _SELECTOR_SIZE + _KEY_SIZE or not selector[0] & _TERMINAL or selector[2] != 1:
        return None
    mask, value = _KEY.unpack_from(selector, _SELECTOR_SIZE)
    if _PLACE.unpack_from(selector, _SELECTOR_SIZE + _KEY.size) != (_DESTINATION, 0):
        return None
    try:
        return IPv4Network((value, str(IPv4Address(mask))))
    except ValueError:
        return None


def _empty(entry: Entry) -> bool:
    """The head of a list of filters, or a hash table of u32: no filter itself."""
    options = _attributes(entry.octets("options"))
    return not options or (entry.text("kind", "") == "u32" and _U32_DIVISOR in options)


def _target(entry: Entry) -> int:
    """0: it does not send everything on, or more than that."""
    kind, options = entry.text("kind", ""), _attributes(entry.octets("options"))
    everything = ntohs(entry.number("info") & 0xFFFF) == _ETH_P_ALL and not entry.number("chain", 0)
    if not everything or _skips(entry, options):
        return 0
    if kind == "matchall":
        return _redirect(options.get(_MATCHALL_ACTIONS, b""), _EGRESS_REDIRECT)
    if (
        kind == "u32"
        and not _U32_NARROWING & options.keys()
        and _matches_all(options.get(_U32_SELECTOR, b""))
    ):
        return _redirect(options.get(_U32_ACTIONS, b""), _EGRESS_REDIRECT)
    return 0


def _skips(entry: Entry, options: Mapping[int, bytes]) -> bool:
    """It is for the device's hardware alone."""
    flags = options.get(_FLAGS.get(entry.text("kind", ""), 0), b"").ljust(4, b"\0")
    return bool(struct.unpack("=I", flags[:4])[0] & _SKIP_SOFTWARE)


def _matches_all(selector: bytes) -> bool:
    """struct tc_u32_sel: every key has the mask 0."""
    if len(selector) < _SELECTOR_SIZE or not selector[0] & _TERMINAL:
        return False
    keys = selector[_SELECTOR_SIZE:]
    if len(keys) != selector[2] * _KEY_SIZE:
        return False
    return not any(any(keys[start : start + 4]) for start in range(0, len(keys), _KEY_SIZE))


def _redirect(actions: bytes, wanted: int) -> int:
    """The device of the last action, if that is `mirred` of this way, and none before it decides anything."""
    *before, last = [_attributes(action) for action in _attributes(actions).values()] or [{}]
    parameters = _attributes(last.get(2, b"")).get(_PARAMETERS, b"")
    if _kind(last) != "mirred" or len(parameters) < _MIRRED.size or not all(map(_harmless, before)):
        return 0
    *_, way, index = _MIRRED.unpack(parameters[: _MIRRED.size])
    return int(index) if way == wanted else 0


def _kind(action: Mapping[int, bytes]) -> str:
    return action.get(1, b"").rstrip(b"\0").decode("ascii", "replace")


def _harmless(action: Mapping[int, bytes]) -> bool:
    """`tunnel_key unset`, or `skbedit ptype host`: what is led in by a device is taken as for it."""
    options = _attributes(action.get(2, b""))
    parameters = options.get(_PARAMETERS, b"")
    match _kind(action):
        case "tunnel_key":
            return parameters[_GENERIC_SIZE : _GENERIC_SIZE + 4] == struct.pack("=i", _TUNNEL_KEY_RELEASE)
        case "skbedit":
            host = options.get(_SKBEDIT_PTYPE, b"")[:2] == b"\0\0"
            return host and options.keys() <= _SKBEDIT_HARMLESS
        case _:
            return False


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
