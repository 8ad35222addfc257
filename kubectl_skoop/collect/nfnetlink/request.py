"""The header that all of nfnetlink shares (include/uapi/linux/netfilter/nfnetlink.h)."""

import struct

_HEADER = struct.Struct("=BBH")
HEADER_BYTES = _HEADER.size
CTNETLINK, CTNETLINK_EXP, IPSET, NFTABLES, HOOK = 1, 2, 6, 10, 12


def message_type(subsystem: int, message: int) -> int:
    return subsystem << 8 | message


def header(family: int = 0) -> bytes:
    return _HEADER.pack(family, 0, 0)


def family_of(payload: bytes) -> int:
    """Raises: struct.error."""
    return int(_HEADER.unpack_from(payload)[0])
