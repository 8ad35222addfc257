"""BPF programs that no listing of tc or nft shows (K-27): loaded and attached with bpf(2), then collected."""

import os
import socket
import struct
from collections.abc import Iterator

import pytest

from kubectl_skoop.collect.agent import collect_node
from kubectl_skoop.collect.bpf_links import read_bpf_links
from kubectl_skoop.model.place import Place
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.snapshot.decode import decode_namespace
from kubectl_skoop.testing.netns import Namespace, create, delete, entered, lab_prefix
from tests.kernel.bpf_programs import (
    BPF_NETFILTER,
    BPF_PROG_TYPE_NETFILTER,
    BPF_PROG_TYPE_SCHED_CLS,
    BPF_PROG_TYPE_SK_LOOKUP,
    BPF_PROG_TYPE_XDP,
    BPF_SK_LOOKUP,
    BPF_TCX_EGRESS,
    BPF_TCX_INGRESS,
    BPF_XDP,
    link,
    load,
)

pytestmark = pytest.mark.kernel

NF_DROP, NF_INET_LOCAL_OUT = 0, 3


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
                descriptors.append(link(program, target, place))
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


def test_a_netfilter_link_drops_in_its_namespace_alone_and_is_listed_with_its_hook() -> None:
    """Removed at once: the list is the same for every namespace of the machine."""
    inside, other = Namespace(f"{lab_prefix()}nfl"), Namespace(f"{lab_prefix()}nfo")
    create((inside.name, other.name))
    descriptors = [load(BPF_PROG_TYPE_NETFILTER, BPF_NETFILTER, NF_DROP)]
    try:
        for namespace in (inside, other):
            namespace.run("ip", "link", "set", "lo", "up")
        assert [may_send(inside), may_send(other)] == [True, True]
        before = {entry["id"] for entry in read_bpf_links()}
        with entered(inside.path):
            output_of_ipv6 = struct.pack("=IIiI", socket.AF_INET6, NF_INET_LOCAL_OUT, -7, 0)
            descriptors.append(link(descriptors[0], 0, BPF_NETFILTER, output_of_ipv6))
        links = read_bpf_links()
        assert [may_send(inside), may_send(other)] == [False, True]
    finally:
        for descriptor in reversed(descriptors):
            os.close(descriptor)
        delete((inside.name, other.name))
    (added,) = (entry for entry in links if entry["id"] not in before and entry["kind"] == "netfilter")
    wanted = {"family": socket.AF_INET6, "hook": NF_INET_LOCAL_OUT, "priority": -7, "flags": 0}
    assert {name: added[name] for name in wanted} == wanted


def may_send(namespace: Namespace) -> bool:
    """A datagram to ::1: what the hook of local output drops is an error at once."""
    with entered(namespace.path), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sender:
        try:
            sender.sendto(b"x", ("::1", 9))
        except PermissionError:
            return False
        return True


def test_links_on_devices_and_namespaces_are_listed_with_their_place(collected: NetworkNamespace) -> None:
    index = collected.device_by_name["x0"].index
    inode = int(collected.id.rsplit(":", 1)[1])
    places = [
        (entry["kind"], entry.get("attach_type"), entry.get("ifindex") or entry.get("netns"))
        for entry in read_bpf_links()
    ]
    wanted = [("tcx", 46, index), ("tcx", 47, index), ("xdp", None, index), ("netns", 36, inode)]
    assert [place for place in wanted if place not in places] == []
