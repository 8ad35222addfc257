"""BPF programs that no listing of tc or nft shows (K-27): loaded and attached with bpf(2), then collected."""

import ctypes
import os
import platform
import socket
import struct
from collections.abc import Iterator

import pytest

from kubectl_skoop.collect.agent import collect_node
from kubectl_skoop.collect.bpf import SYSCALL
from kubectl_skoop.model.place import Place
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.snapshot.decode import decode_namespace
from kubectl_skoop.testing.netns import Namespace, create, delete, entered, lab_prefix

pytestmark = pytest.mark.kernel

BPF_PROG_LOAD, BPF_LINK_CREATE = 5, 28
BPF_PROG_TYPE_SCHED_CLS, BPF_PROG_TYPE_XDP, BPF_PROG_TYPE_SK_LOOKUP = 3, 6, 30
BPF_XDP, BPF_SK_LOOKUP, BPF_TCX_INGRESS, BPF_TCX_EGRESS = 37, 36, 46, 47
EXIT = struct.pack("=BBhi", 0x95, 0, 0, 0)


def bpf(command: int, attributes: bytes) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(attributes, len(attributes))
    descriptor = libc.syscall(SYSCALL[platform.machine()], command, buffer, len(attributes))
    if descriptor < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return int(descriptor)


def load(kind: int, attach_type: int, answer: int) -> int:
    """A program that gives `answer` for everything."""
    instructions = ctypes.create_string_buffer(struct.pack("=BBhi", 0xB7, 0, 0, answer) + EXIT)
    licence = ctypes.create_string_buffer(b"GPL")
    attributes = struct.pack(
        "=IIQQIIQII16sII",
        *(kind, 2, ctypes.addressof(instructions), ctypes.addressof(licence), 0, 0, 0, 0, 0),
        *(b"skoop", 0, attach_type),
    )
    return bpf(BPF_PROG_LOAD, attributes)


@pytest.fixture(scope="module")
def collected() -> Iterator[NetworkNamespace]:
    namespace = Namespace(f"{lab_prefix()}bpf")
    create((namespace.name,))
    descriptors = []
    try:
        namespace.run("ip", "link", "add", "x0", "type", "veth", "peer", "name", "x1")
        with entered(namespace.path):
            index = socket.if_nametoindex("x0")
            here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
            descriptors.append(here)
            for kind, place, answer, target in (
                (BPF_PROG_TYPE_SCHED_CLS, BPF_TCX_INGRESS, -1, index),
                (BPF_PROG_TYPE_SCHED_CLS, BPF_TCX_EGRESS, -1, index),
                (BPF_PROG_TYPE_XDP, BPF_XDP, 2, index),
                (BPF_PROG_TYPE_SK_LOOKUP, BPF_SK_LOOKUP, 1, here),
            ):
                program = load(kind, place, answer)
                descriptors.append(program)
                descriptors.append(bpf(BPF_LINK_CREATE, struct.pack("=IIII48x", program, target, place, 0)))
        dump = collect_node("n1", namespace.path, {})
        yield decode_namespace(dump.namespaces[0], "n1", Place("node", "n1"))
    finally:
        for descriptor in reversed(descriptors):
            os.close(descriptor)
        delete((namespace.name,))


def test_xdp_and_tcx_are_programs_of_their_device(collected: NetworkNamespace) -> None:
    programs = collected.device_by_name["x0"].programs
    assert [text.rsplit(" ", 1)[0] for text in programs] == [
        "XDP program",
        "BPF tcx/ingress program",
        "BPF tcx/egress program",
    ]
    assert collected.device_by_name["x1"].programs == ()


def test_a_program_that_chooses_sockets_is_a_gap(collected: NetworkNamespace) -> None:
    assert collected.gaps == {"bpf": "BPF programs sk_lookup, which choose sockets"}
