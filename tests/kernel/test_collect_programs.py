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


def test_a_netfilter_link_is_listed_with_its_hook() -> None:
    """Read alone and at once removed: it is seen from every namespace of the machine."""
    namespace = Namespace(f"{lab_prefix()}nfl")
    create((namespace.name,))
    descriptors = [load(BPF_PROG_TYPE_NETFILTER, BPF_NETFILTER, 1)]
    try:
        before = {entry["id"] for entry in read_bpf_links()}
        with entered(namespace.path):
            forward_of_ipv6 = struct.pack("=IIiI", 10, 2, -7, 0)
            descriptors.append(link(descriptors[0], 0, BPF_NETFILTER, forward_of_ipv6))
            links = read_bpf_links()
    finally:
        for descriptor in reversed(descriptors):
            os.close(descriptor)
        delete((namespace.name,))
    (added,) = (entry for entry in links if entry["id"] not in before and entry["kind"] == "netfilter")
    wanted = {"kind": "netfilter", "family": 10, "hook": 2, "priority": -7, "flags": 0}
    assert {name: added[name] for name in wanted} == wanted


def test_links_on_devices_and_namespaces_are_listed_with_their_place(collected: NetworkNamespace) -> None:
    index = collected.device_by_name["x0"].index
    inode = int(collected.id.rsplit(":", 1)[1])
    places = [
        (entry["kind"], entry.get("attach_type"), entry.get("ifindex") or entry.get("netns"))
        for entry in read_bpf_links()
    ]
    wanted = [("tcx", 46, index), ("tcx", 47, index), ("xdp", None, index), ("netns", 36, inode)]
    assert [place for place in wanted if place not in places] == []
