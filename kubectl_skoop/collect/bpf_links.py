"""BPF links of the node that touch packets or sockets (K-27): no listing of nft shows netfilter links.

bpf(BPF_LINK_GET_NEXT_ID), bpf(BPF_OBJ_GET_INFO_BY_FD): kernel/bpf/syscall.c; nf_bpf_link.c for netfilter.
"""

import ctypes
import errno
import os
import struct
from typing import NamedTuple

from kubectl_skoop.collect.bpf_syscall import (
    BPF_LINK_GET_FD_BY_ID,
    BPF_LINK_GET_NEXT_ID,
    BPF_OBJ_GET_INFO_BY_FD,
    bpf,
)
from kubectl_skoop.collect.netlink.schema import Fields
from kubectl_skoop.collect.table import Absent

_GET_ID = struct.Struct("=III")
_GET_INFO = struct.Struct("=IIQ")
_HEAD = struct.Struct("=III4x")
_INFO_BYTES = 128
_MAX_LINKS = 1 << 16


class _Kind(NamedTuple):
    name: str
    layout: struct.Struct
    fields: tuple[str, ...]


_KINDS = {
    3: _Kind("cgroup", struct.Struct("=QI"), ("cgroup", "attach_type")),
    5: _Kind("netns", struct.Struct("=II"), ("netns", "attach_type")),
    6: _Kind("xdp", struct.Struct("=I"), ("ifindex",)),
    10: _Kind("netfilter", struct.Struct("=IIiI"), ("family", "hook", "priority", "flags")),
    11: _Kind("tcx", struct.Struct("=II"), ("ifindex", "attach_type")),
    13: _Kind("netkit", struct.Struct("=II"), ("ifindex", "attach_type")),
}


def read_bpf_links() -> list[Fields]:
    """Each link: `kind`, `id`, `program` (id), and where it is attached. Links of tracing are left out.

    `netns` is the inode of the namespace; the kernel does not tell that of a netfilter link.

    Raises:
        Absent: a kernel without BPF links (before 5.8).
        OSError: not allowed.
    """
    found: list[Fields] = []
    number = 0
    for _ in range(_MAX_LINKS):
        following = _next_id(number)
        if following is None:
            return found
        number = following
        info = _info(number)
        if info is not None:
            found += parse_link(info)
    raise OSError(f"more than {_MAX_LINKS} BPF links")


def parse_link(info: bytes) -> list[Fields]:
    """struct bpf_link_info; nothing for a kind that touches no packets."""
    number, link, program = _HEAD.unpack_from(info)
    kind = _KINDS.get(number)
    if kind is None:
        return []
    values = zip(kind.fields, kind.layout.unpack_from(info, _HEAD.size), strict=True)
    return [{"kind": kind.name, "id": link, "program": program, **dict(values)}]


def _next_id(number: int) -> int | None:
    try:
        _, answer = bpf(BPF_LINK_GET_NEXT_ID, _GET_ID.pack(number, 0, 0))
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno == errno.EINVAL:
            raise Absent("this kernel has no BPF links") from error
        raise
    return int(_GET_ID.unpack(answer)[1])


def _info(number: int) -> bytes | None:
    """None: gone meanwhile."""
    try:
        descriptor, _ = bpf(BPF_LINK_GET_FD_BY_ID, _GET_ID.pack(number, 0, 0))
    except OSError as error:
        if error.errno in {errno.ENOENT, errno.EAGAIN}:
            return None
        raise
    try:
        info = ctypes.create_string_buffer(_INFO_BYTES)
        bpf(BPF_OBJ_GET_INFO_BY_FD, _GET_INFO.pack(descriptor, _INFO_BYTES, ctypes.addressof(info)))
        return info.raw
    finally:
        os.close(descriptor)
