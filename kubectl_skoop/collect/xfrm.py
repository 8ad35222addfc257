"""IPsec: which policies there are and how many states. States hold keys, so they are only counted (K-67)."""

import struct
from errno import EINVAL
from socket import inet_ntop

from kubectl_skoop.collect.netlink.message import split_attributes
from kubectl_skoop.collect.netlink.schema import Fields
from kubectl_skoop.collect.netlink.socket import NetlinkSocket

XFRM_MSG_GETSA, XFRM_MSG_GETPOLICY, XFRM_MSG_GETDEFAULT = 0x12, 0x15, 0x28
XFRMA_TMPL, XFRMA_POLICY_TYPE, XFRMA_MARK, XFRMA_IF_ID = 5, 16, 21, 31
_SELECTOR = struct.Struct("=16s16s4s4sHBBBxxxiI")
_PORTS = struct.Struct(">HH")
_PRIORITY_AT, _DIRECTION_AT, _ATTRIBUTES_AT = 152, 160, 168
_TEMPLATE_SIZE, _OPTIONAL_AT = 64, 50
_DIRECTIONS = ("in", "out", "fwd")
_BLOCK = 1
"""XFRM_USERPOLICY_BLOCK of a default."""


def read_xfrm(socket: NetlinkSocket) -> dict[str, object]:
    """Raises: as `NetlinkSocket.dump`; struct.error."""
    policies = [_policy(message.payload) for message in socket.dump(XFRM_MSG_GETPOLICY, b"")]
    states = len(socket.dump(XFRM_MSG_GETSA, b""))
    return {"policies": policies, "states": states, "blocks": _blocks(socket)}


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
    destination, source, dports, sports, family, dst_len, src_len, protocol, device, _user = (
        _SELECTOR.unpack_from(payload)
    )
    (priority,) = struct.unpack_from("=I", payload, _PRIORITY_AT)
    direction, action = struct.unpack_from("=BB", payload, _DIRECTION_AT)
    attributes = dict(split_attributes(payload, _ATTRIBUTES_AT))
    size = 16 if family == 10 else 4
    known = family in (2, 10)
    (dport, dport_mask), (sport, sport_mask) = _PORTS.unpack(dports), _PORTS.unpack(sports)
    return {
        "dst": f"{inet_ntop(family, destination[:size])}/{dst_len}" if known else "",
        "src": f"{inet_ntop(family, source[:size])}/{src_len}" if known else "",
        "protocol": protocol,
        "sport": sport,
        "sport_mask": sport_mask,
        "dport": dport,
        "dport_mask": dport_mask,
        "ifindex": device,
        "direction": _DIRECTIONS[direction] if direction < len(_DIRECTIONS) else str(direction),
        "action": "block" if action else "allow",
        "priority": priority,
        **_templates(attributes.get(XFRMA_TMPL, b"")),
        **_selected_by(attributes),
    }


def _templates(payload: bytes) -> Fields:
    """struct xfrm_user_tmpl, several in a row."""
    parts = [payload[at : at + _TEMPLATE_SIZE] for at in range(0, len(payload), _TEMPLATE_SIZE)]
    optional = bool(parts) and all(struct.unpack_from("=B", part, _OPTIONAL_AT)[0] for part in parts)
    return {"templates": len(parts), "optional": optional}


def _selected_by(attributes: dict[int, bytes]) -> Fields:
    """What else a packet must have, if anything: a mark (its mask), an xfrm interface, the type `sub`."""
    mark = struct.unpack_from("=II", attributes.get(XFRMA_MARK, bytes(8)))[1]
    (interface,) = struct.unpack_from("=I", attributes.get(XFRMA_IF_ID, bytes(4)))
    (kind,) = struct.unpack_from("=B", attributes.get(XFRMA_POLICY_TYPE, bytes(1)))
    found = {"mark": mark, "if_id": interface, "type": kind}
    return {name: value for name, value in found.items() if value}
