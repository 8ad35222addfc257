"""Which namespace a link's IFLA_LINK_NETNSID means (K-77; include/uapi/linux/net_namespace.h)."""

import os
import struct
from collections.abc import Collection, Mapping
from pathlib import Path

from kubectl_skoop.collect.netlink.message import pack_attribute
from kubectl_skoop.collect.netlink.schema import read_attributes, s32, schema
from kubectl_skoop.collect.netlink.socket import NetlinkSocket

RTM_GETNSID, NETNSA_NSID, NETNSA_FD = 90, 1, 3
_HEADER = bytes(4)
_ATTRIBUTES = schema((NETNSA_NSID, "nsid", s32))


def read_netnsids(
    socket: NetlinkSocket, wanted: Collection[int], known: Mapping[str, Path]
) -> dict[str, int]:
    """By identity the number by which `socket`'s namespace calls it, for those of `known` that are `wanted`.

    The kernel is asked for one after the other until all are found; those that have vanished are left out.
    Raises: as `NetlinkSocket.request`.
    """
    found: dict[str, int] = {}
    missing = set(wanted)
    for identity, path in known.items():
        if not missing:
            break
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except (FileNotFoundError, ProcessLookupError):
            continue
        try:
            answer = socket.request(
                RTM_GETNSID, _HEADER + pack_attribute(NETNSA_FD, struct.pack("=I", descriptor))
            )
        finally:
            os.close(descriptor)
        number = read_attributes(answer.payload, _ATTRIBUTES, len(_HEADER)).get("nsid")
        if isinstance(number, int) and number in missing:
            found[identity] = number
            missing.remove(number)
    return found
