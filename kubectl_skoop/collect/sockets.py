"""TCP and UDP sockets (SOCK_DIAG_BY_FAMILY; include/uapi/linux/inet_diag.h)."""

import struct
from socket import AF_INET, AF_INET6, IPPROTO_TCP, IPPROTO_UDP, inet_ntop

from kubectl_skoop.collect.netlink.message import MalformedMessage
from kubectl_skoop.collect.netlink.schema import Fields, raw, read_attributes, schema, u8, u32, u64
from kubectl_skoop.collect.netlink.socket import NetlinkSocket

SOCK_DIAG_BY_FAMILY = 20
ALL_STATES = 0xFFF
_REQUEST = struct.Struct("=BBBxI48x")
_HEAD = struct.Struct(">BBBBHH16s16s")
_TAIL = struct.Struct("=I8sIIIII")
_ATTRIBUTES = schema(
    (8, "shutdown", u8), (11, "skv6only", u8), (15, "mark", u32), (21, "cgroup_id", u64), (22, "sockopt", raw)
)


def read_sockets(socket: NetlinkSocket) -> list[Fields]:
    """Every state, TIME_WAIT included. Raises: as `NetlinkSocket.dump`; struct.error."""
    found: list[Fields] = []
    for family in (AF_INET, AF_INET6):
        for protocol in (IPPROTO_TCP, IPPROTO_UDP):
            request = _REQUEST.pack(family, protocol, 0, ALL_STATES)
            for message in socket.dump(SOCK_DIAG_BY_FAMILY, request):
                found.append({"protocol": int(protocol), **_socket(message.payload)})
    return found


def _socket(payload: bytes) -> Fields:
    """struct inet_diag_msg: ports and addresses in network order, the rest in the machine's.

    Raises: MalformedMessage; struct.error.
    """
    family, state, timer, retransmits, sport, dport, source, destination = _HEAD.unpack_from(payload)
    device, cookie, expires, rqueue, wqueue, uid, inode = _TAIL.unpack_from(payload, _HEAD.size)
    if family not in (AF_INET, AF_INET6):
        raise MalformedMessage(f"a socket of family {family}")
    size = 4 if family == AF_INET else 16
    return {
        "family": family,
        "state": state,
        "timer": timer,
        "retransmits": retransmits,
        "src": inet_ntop(family, source[:size]),
        "sport": sport,
        "dst": inet_ntop(family, destination[:size]),
        "dport": dport,
        "if": device,
        "cookie": cookie,
        "expires": expires,
        "rqueue": rqueue,
        "wqueue": wqueue,
        "uid": uid,
        "inode": inode,
        **read_attributes(payload, _ATTRIBUTES, _HEAD.size + _TAIL.size),
    }
