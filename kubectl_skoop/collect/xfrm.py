"""IPsec: which policies there are and how many states. States hold keys, so they are only counted (K-67)."""

import struct
from socket import inet_ntop

from kubectl_skoop.collect.netlink.schema import Fields
from kubectl_skoop.collect.netlink.socket import NetlinkSocket

XFRM_MSG_GETSA, XFRM_MSG_GETPOLICY = 0x12, 0x15
_SELECTOR = struct.Struct("=16s16s8sHBBBxxxiI")
_DIRECTION_AT = 160
_DIRECTIONS = ("in", "out", "fwd")


def read_xfrm(socket: NetlinkSocket) -> dict[str, object]:
    """Raises: as `NetlinkSocket.dump`; struct.error."""
    policies = [_policy(message.payload) for message in socket.dump(XFRM_MSG_GETPOLICY, b"")]
    return {"policies": policies, "states": len(socket.dump(XFRM_MSG_GETSA, b""))}


def _policy(payload: bytes) -> Fields:
    """struct xfrm_userpolicy_info"""
    destination, source, _ports, family, dst_len, src_len, protocol, device, _user = _SELECTOR.unpack_from(
        payload
    )
    direction, action = struct.unpack_from("=BB", payload, _DIRECTION_AT)
    size = 16 if family == 10 else 4
    known = family in (2, 10)
    return {
        "dst": f"{inet_ntop(family, destination[:size])}/{dst_len}" if known else "",
        "src": f"{inet_ntop(family, source[:size])}/{src_len}" if known else "",
        "protocol": protocol,
        "ifindex": device,
        "direction": _DIRECTIONS[direction] if direction < len(_DIRECTIONS) else str(direction),
        "action": "block" if action else "allow",
    }
