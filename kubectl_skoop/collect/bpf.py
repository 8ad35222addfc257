"""BPF programs that neither tc nor nft lists: tcx and netkit on devices, sk_lookup on the namespace (K-27).

bpf(BPF_PROG_QUERY), include/uapi/linux/bpf.h.
"""

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Iterable

from kubectl_skoop.collect.netlink.schema import Fields
from kubectl_skoop.collect.netns import OWN_NAMESPACE
from kubectl_skoop.collect.table import Absent

BPF_PROG_QUERY = 16
ON_DEVICE = {"tcx/ingress": 46, "tcx/egress": 47, "netkit/primary": 54, "netkit/peer": 55}
ON_NAMESPACE = {"flow_dissector": 17, "sk_lookup": 36}
SYSCALL = {"x86_64": 321, "aarch64": 280, "riscv64": 280, "ppc64le": 361, "s390x": 351}
_MAX_PROGRAMS = 64
_ATTRIBUTES = struct.Struct("=IIIIQIIQQQQ")
_NOT_HERE = frozenset({errno.EINVAL, errno.ENOENT, errno.EOPNOTSUPP, errno.ENODEV})
_libc = ctypes.CDLL(None, use_errno=True)


def read_bpf(devices: Iterable[int]) -> list[Fields]:
    """Each place with programs: `attach`, `ifindex` (0: the namespace), `programs` and `links` by their ids.

    Raises:
        Absent: a kernel or machine without bpf(2).
        OSError: not allowed.
    """
    call = SYSCALL.get(platform.machine())
    if call is None:
        raise Absent(f"bpf(2) on {platform.machine()}: number not known")
    found: list[Fields] = []
    for index in devices:
        for name, kind in ON_DEVICE.items():
            found += _query(call, name, kind, target=index, ifindex=index)
    descriptor = os.open(OWN_NAMESPACE, os.O_RDONLY | os.O_CLOEXEC)
    try:
        for name, kind in ON_NAMESPACE.items():
            found += _query(call, name, kind, target=descriptor, ifindex=0)
    finally:
        os.close(descriptor)
    return found


def _query(call: int, name: str, kind: int, *, target: int, ifindex: int) -> list[Fields]:
    programs = (ctypes.c_uint32 * _MAX_PROGRAMS)()
    links = (ctypes.c_uint32 * _MAX_PROGRAMS)()
    links_at = ctypes.addressof(links) if ifindex else 0
    request = ctypes.create_string_buffer(
        _ATTRIBUTES.pack(target, kind, 0, 0, ctypes.addressof(programs), _MAX_PROGRAMS, 0, 0, links_at, 0, 0),
        _ATTRIBUTES.size,
    )
    if _libc.syscall(call, BPF_PROG_QUERY, request, _ATTRIBUTES.size) != 0:
        code = ctypes.get_errno()
        if code in _NOT_HERE:
            return []
        raise OSError(code, os.strerror(code))
    count = _ATTRIBUTES.unpack(request.raw)[5]
    if not count:
        return []
    return [
        {
            "attach": name,
            "ifindex": ifindex,
            "programs": list(programs[:count]),
            "links": list(links[:count]) if ifindex else [],
        }
    ]
