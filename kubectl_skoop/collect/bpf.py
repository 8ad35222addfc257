"""BPF programs that neither tc nor nft lists: tcx and netkit on devices, sk_lookup on the namespace (K-27).

bpf(BPF_PROG_QUERY), include/uapi/linux/bpf.h.
"""

import ctypes
import errno
import os
import struct
from collections.abc import Iterable
from typing import NamedTuple

from kubectl_skoop.collect.bpf_syscall import BPF_PROG_GET_NEXT_ID, BPF_PROG_QUERY, bpf
from kubectl_skoop.collect.netlink.schema import Fields
from kubectl_skoop.collect.netns import OWN_NAMESPACE

ON_DEVICE = {"tcx/ingress": 46, "tcx/egress": 47, "netkit/primary": 54, "netkit/peer": 55}
ON_NAMESPACE = {"flow_dissector": 17, "sk_lookup": 36}
_MAX_PROGRAMS = 64
_ATTRIBUTES = struct.Struct("=IIIIQIIQQQQ")
_NEXT_ID = struct.pack("=III", 0, 0, 0)
_NOT_HERE = frozenset({errno.EINVAL, errno.ENOENT, errno.EOPNOTSUPP, errno.ENODEV})


class Attached(NamedTuple):
    """Ids of what is attached at one place."""

    programs: list[int]
    links: list[int]


def read_bpf(devices: Iterable[int]) -> list[Fields]:
    """Each place with programs: `attach`, `ifindex` (0: the namespace), `programs` and `links` by their ids.

    Raises:
        Absent: a machine without a known number for bpf(2).
        OSError: not allowed.
    """
    if not any_program():
        return []
    found: list[Fields] = []
    for index in devices:
        for name, kind in ON_DEVICE.items():
            found += _place(name, index, query(index, kind, with_links=True))
    descriptor = os.open(OWN_NAMESPACE, os.O_RDONLY | os.O_CLOEXEC)
    try:
        for name, kind in ON_NAMESPACE.items():
            found += _place(name, 0, query(descriptor, kind))
    finally:
        os.close(descriptor)
    return found


def any_program() -> bool:
    """False: the kernel has no program, so none hangs anywhere; true, too, where we may not know.

    What is attached is kept and has an id (kernel/bpf/syscall.c, bpf_prog_alloc_id): one question instead
    of one for each place, of which a node has thousands.

    Raises:
        Absent: see `bpf`.
    """
    try:
        bpf(BPF_PROG_GET_NEXT_ID, _NEXT_ID)
    except OSError as error:
        return error.errno != errno.ENOENT
    return True


def query(target: int, kind: int, *, with_links: bool = False) -> Attached:
    """What hangs at `target` (device index or file descriptor); nothing where the kernel has no such place.

    Raises:
        Absent: see `bpf`.
        OSError: not allowed.
    """
    programs = (ctypes.c_uint32 * _MAX_PROGRAMS)()
    links = (ctypes.c_uint32 * _MAX_PROGRAMS)()
    links_at = ctypes.addressof(links) if with_links else 0
    request = _ATTRIBUTES.pack(
        target, kind, 0, 0, ctypes.addressof(programs), _MAX_PROGRAMS, 0, 0, links_at, 0, 0
    )
    try:
        _, answer = bpf(BPF_PROG_QUERY, request)
    except OSError as error:
        if error.errno in _NOT_HERE:
            return Attached([], [])
        raise
    count = _ATTRIBUTES.unpack(answer)[5]
    return Attached(list(programs[:count]), list(links[:count]) if with_links else [])


def _place(name: str, ifindex: int, attached: Attached) -> list[Fields]:
    if not attached.programs:
        return []
    return [{"attach": name, "ifindex": ifindex, "programs": attached.programs, "links": attached.links}]
