"""The system call bpf(2), which the C library does not wrap (include/uapi/linux/bpf.h)."""

import ctypes
import os
import platform

from kubectl_skoop.collect.table import Absent

BPF_PROG_GET_NEXT_ID, BPF_OBJ_GET_INFO_BY_FD, BPF_PROG_QUERY = 11, 15, 16
BPF_LINK_GET_FD_BY_ID, BPF_LINK_GET_NEXT_ID = 30, 31
SYSCALL = {"x86_64": 321, "aarch64": 280, "riscv64": 280, "ppc64le": 361, "s390x": 351}
_libc = ctypes.CDLL(None, use_errno=True)


def bpf(command: int, attributes: bytes) -> tuple[int, bytes]:
    """What the call returned, and the attributes as the kernel left them.

    Raises:
        Absent: a machine whose number for the call is not known.
        OSError: the kernel's refusal.
    """
    call = SYSCALL.get(platform.machine())
    if call is None:
        raise Absent(f"bpf(2) on {platform.machine()}: number not known")
    buffer = ctypes.create_string_buffer(attributes, len(attributes))
    result = _libc.syscall(call, command, buffer, len(attributes))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result, buffer.raw
