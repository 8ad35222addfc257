"""IPsec: which policies and states there are. States hold keys, of which nothing is read (K-67)."""

import struct
from collections.abc import Mapping
from errno import EINVAL
from socket import AF_INET6, inet_ntop

from kubectl_skoop.collect.netlink.message import split_attributes
from kubectl_skoop.collect.netlink.schema import Fields
from kubectl_skoop.collect.netlink.socket import NetlinkSocket

XFRM_MSG_GETSA, XFRM_MSG_GETPOLICY, XFRM_MSG_GETDEFAULT = 0x12, 0x15, 0x28
XFRMA_ENCAP, XFRMA_TMPL, XFRMA_POLICY_TYPE, XFRMA_MARK = 4, 5, 16, 21
XFRMA_ALG_AUTH, XFRMA_ALG_CRYPT, XFRMA_ALG_AEAD, XFRMA_ALG_AUTH_TRUNC = 1, 2, 18, 20
XFRMA_OFFLOAD_DEV, XFRMA_SET_MARK, XFRMA_SET_MARK_MASK, XFRMA_IF_ID, XFRMA_SA_DIR = 28, 29, 30, 31, 33
_SELECTOR = struct.Struct("=16s16s4s4sHBBBxxxiI")
_PORTS = struct.Struct(">HH")
_PRIORITY_AT, _DIRECTION_AT, _ATTRIBUTES_AT = 152, 160, 168
_DIRECTIONS = ("in", "out", "fwd", "socket-in", "socket-out")
"""The last two are of a socket's own policies: which socket's is not told."""
_BLOCK = 1
"""XFRM_USERPOLICY_BLOCK of a default."""
_ID = struct.Struct("=16s4sB3x")
_STATE_ID_AT, _STATE_SOURCE_AT, _STATE_LIMITS_AT, _STATE_USED_AT, _STATE_MODE_AT = 56, 80, 96, 160, 208
_STATE_ATTRIBUTES_AT = 224
_TEMPLATE_SIZE, _TEMPLATE_SOURCE_AT, _TEMPLATE_MODE_AT = 64, 28, 44
_ALGORITHMS = {
    XFRMA_ALG_CRYPT: "enc",
    XFRMA_ALG_AUTH: "auth",
    XFRMA_ALG_AUTH_TRUNC: "auth",
    XFRMA_ALG_AEAD: "aead",
}
_ENCAPSULATION = struct.Struct(">HH")
"""Ports of struct xfrm_encap_tmpl, behind its type."""
_NAME_SIZE, _TAG_AT = 64, 68
"""Of an algorithm: its name, and behind the length of its key that of its tag in bits; then the key."""


def read_xfrm(socket: NetlinkSocket) -> dict[str, object]:
    """Raises: as `NetlinkSocket.dump`; struct.error."""
    policies = [_policy(message.payload) for message in socket.dump(XFRM_MSG_GETPOLICY, b"")]
    states = [_state(message.payload) for message in socket.dump(XFRM_MSG_GETSA, b"")]
    return {
        "policies": policies,
        "states": len(states),
        "associations": states,
        "blocks": _blocks(socket),
    }


def _blocks(socket: NetlinkSocket) -> list[str]:
    """Directions in which is dropped what no policy selects; kernels before 5.15 have no such setting."""
    try:
        answer = socket.request(XFRM_MSG_GETDEFAULT, bytes(3))
    except OSError as error:
        if error.errno != EINVAL:
            raise
        return []
    defaults = zip(("in", "fwd", "out"), struct.unpack_from("=BBB", answer.payload), strict=True)
    return [direction for direction, value in defaults if value == _BLOCK]


def _policy(payload: bytes) -> Fields:
    """struct xfrm_userpolicy_info and its attributes."""
    (priority,) = struct.unpack_from("=I", payload, _PRIORITY_AT)
    direction, action = struct.unpack_from("=BB", payload, _DIRECTION_AT)
    attributes = dict(split_attributes(payload, _ATTRIBUTES_AT))
    return {
        **_selector(payload),
        "direction": _DIRECTIONS[direction] if direction < len(_DIRECTIONS) else str(direction),
        "action": "block" if action else "allow",
        "priority": priority,
        **_templates(attributes.get(XFRMA_TMPL, b"")),
        **_selected_by(attributes),
    }


def _selector(payload: bytes) -> Fields:
    """struct xfrm_selector; family 0 of a state's: it selects all."""
    destination, source, dports, sports, family, dst_len, src_len, protocol, device, _user = (
        _SELECTOR.unpack_from(payload)
    )
    (dport, dport_mask), (sport, sport_mask) = _PORTS.unpack(dports), _PORTS.unpack(sports)
    return {
        "dst": _network(family, destination, dst_len),
        "src": _network(family, source, src_len),
        "protocol": protocol,
        "sport": sport,
        "sport_mask": sport_mask,
        "dport": dport,
        "dport_mask": dport_mask,
        "ifindex": device,
    }


def _templates(payload: bytes) -> Fields:
    """struct xfrm_user_tmpl, several in a row."""
    found = [_template(payload[at : at + _TEMPLATE_SIZE]) for at in range(0, len(payload), _TEMPLATE_SIZE)]
    optional = bool(found) and all(one["optional"] for one in found)
    return {"templates": len(found), "optional": optional, **({"transforms": found} if found else {})}


def _template(payload: bytes) -> Fields:
    destination, spi, protocol = _ID.unpack_from(payload)
    (family,) = struct.unpack_from("=H", payload, _ID.size)
    (source,) = struct.unpack_from("=16s", payload, _TEMPLATE_SOURCE_AT)
    reqid, mode, _share, optional, auth = struct.unpack_from("=IBBBxI", payload, _TEMPLATE_MODE_AT)
    return {
        "src": _address(family, source),
        "dst": _address(family, destination),
        "proto": protocol,
        "spi": int.from_bytes(spi, "big"),
        "reqid": reqid,
        "mode": mode,
        "optional": bool(optional),
        **({} if auth == 0xFFFFFFFF else {"algorithms": auth}),
    }


def _selected_by(attributes: Mapping[int, bytes]) -> Fields:
    """What else a packet must have, if anything: a mark, an xfrm interface, the type `sub`."""
    (kind,) = struct.unpack_from("=B", attributes.get(XFRMA_POLICY_TYPE, bytes(1)))
    return {**_bound_to(attributes), **({"type": kind} if kind else {})}


def _bound_to(attributes: Mapping[int, bytes]) -> Fields:
    """Marks, xfrm interface and device of a policy or a state, if any."""
    value, mask = struct.unpack_from("=II", attributes.get(XFRMA_MARK, bytes(8)))
    (interface,) = struct.unpack_from("=I", attributes.get(XFRMA_IF_ID, bytes(4)))
    return {
        **({"mark": mask, "mark_value": value} if mask else {}),
        **({"if_id": interface} if interface else {}),
        **({"offload": 1} if XFRMA_OFFLOAD_DEV in attributes else {}),
    }


def _state(payload: bytes) -> Fields:
    """struct xfrm_usersa_info and its attributes, without any key."""
    destination, spi, protocol = _ID.unpack_from(payload, _STATE_ID_AT)
    (source,) = struct.unpack_from("=16s", payload, _STATE_SOURCE_AT)
    _, most_bytes, _, most_packets = struct.unpack_from("=4Q", payload, _STATE_LIMITS_AT)
    used_bytes, used_packets, added = struct.unpack_from("=3Q", payload, _STATE_USED_AT)
    reqid, family, mode, window, flags = struct.unpack_from("=IHBBB", payload, _STATE_MODE_AT)
    attributes = dict(split_attributes(payload, _STATE_ATTRIBUTES_AT))
    (set_mark,) = struct.unpack_from("=I", attributes.get(XFRMA_SET_MARK, bytes(4)))
    (set_mask,) = struct.unpack_from("=I", attributes.get(XFRMA_SET_MARK_MASK, b"\xff" * 4))
    (direction,) = struct.unpack_from("=B", attributes.get(XFRMA_SA_DIR, bytes(1)))
    more = {
        "set_mark": set_mark,
        "set_mask": set_mask if XFRMA_SET_MARK in attributes else 0,
        "dir": direction,
        "used_up": int(used_bytes >= most_bytes or used_packets >= most_packets),
    }
    return {
        "src": _address(family, source),
        "dst": _address(family, destination),
        "proto": protocol,
        "spi": int.from_bytes(spi, "big"),
        "reqid": reqid,
        "mode": mode,
        "window": window,
        "flags": flags,
        "created": added,
        "selector": _selector(payload) if payload[40:42] != bytes(2) else {},
        **_algorithms(attributes),
        **_bound_to(attributes),
        **_encapsulation(attributes),
        **{name: value for name, value in more.items() if value},
    }


def _encapsulation(attributes: Mapping[int, bytes]) -> Fields:
    """struct xfrm_encap_tmpl: ESP in UDP or TCP, with both ports as the sender has them."""
    if (payload := attributes.get(XFRMA_ENCAP)) is None:
        return {}
    (kind,) = struct.unpack_from("=H", payload)
    sport, dport = _ENCAPSULATION.unpack_from(payload, 2)
    return {"encap_type": kind, "encap_sport": sport, "encap_dport": dport}


def _algorithms(attributes: Mapping[int, bytes]) -> Fields:
    """Their names, and the length of the tag in bits."""
    found: Fields = {}
    for kind, payload in sorted(attributes.items()):
        if name := _ALGORITHMS.get(kind):
            found[name] = payload[:_NAME_SIZE].partition(b"\0")[0].decode("ascii", "replace")
            if kind in (XFRMA_ALG_AEAD, XFRMA_ALG_AUTH_TRUNC):
                (found["tag_bits"],) = struct.unpack_from("=I", payload, _TAG_AT)
    return found


def _network(family: int, address: bytes, length: int) -> str:
    return f"{_address(family, address)}/{length}" if family in (2, AF_INET6) else ""


def _address(family: int, address: bytes) -> str:
    return inet_ntop(family, address[: 16 if family == AF_INET6 else 4]) if family in (2, AF_INET6) else ""
