"""BPF programs of two instructions, and links that attach them (include/uapi/linux/bpf.h)."""

import ctypes
import struct

from kubectl_skoop.collect.bpf_syscall import bpf

BPF_PROG_LOAD, BPF_LINK_CREATE = 5, 28
BPF_PROG_TYPE_SCHED_CLS, BPF_PROG_TYPE_XDP, BPF_PROG_TYPE_CGROUP_SKB = 3, 6, 8
BPF_PROG_TYPE_SK_LOOKUP, BPF_PROG_TYPE_NETFILTER = 30, 32
BPF_CGROUP_INET_EGRESS, BPF_SK_LOOKUP, BPF_XDP = 1, 36, 37
BPF_NETFILTER, BPF_TCX_INGRESS, BPF_TCX_EGRESS = 45, 46, 47
EXIT = struct.pack("=BBhi", 0x95, 0, 0, 0)


def load(kind: int, attach_type: int, answer: int) -> int:
    """A program that gives `answer` for everything."""
    instructions = ctypes.create_string_buffer(struct.pack("=BBhi", 0xB7, 0, 0, answer) + EXIT)
    licence = ctypes.create_string_buffer(b"GPL")
    attributes = struct.pack(
        "=IIQQIIQII16sII",
        *(kind, 2, ctypes.addressof(instructions), ctypes.addressof(licence), 0, 0, 0, 0, 0),
        *(b"skoop", 0, attach_type),
    )
    return bpf(BPF_PROG_LOAD, attributes)[0]


def link(program: int, target: int, place: int, more: bytes = b"") -> int:
    """Attached while the descriptor that is returned is open; `more`: what only this place takes."""
    return bpf(BPF_LINK_CREATE, struct.pack("=IIII48s", program, target, place, 0, more))[0]
