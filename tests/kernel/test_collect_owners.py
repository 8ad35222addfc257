"""Buckets of resilient groups, VNI filters, owners of namespaces, programs of control groups."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path

import pytest

from kubectl_skoop.collect.agent import collect_node
from kubectl_skoop.collect.bpf_cgroup import read_cgroup_programs
from kubectl_skoop.collect.userns import UserNamespaces
from kubectl_skoop.model.place import Place
from kubectl_skoop.snapshot.decode import decode_namespace
from kubectl_skoop.snapshot.dump import NamespaceDump
from kubectl_skoop.testing.netns import Namespace, create, delete, lab_prefix
from tests.kernel.bpf_programs import BPF_CGROUP_INET_EGRESS, BPF_PROG_TYPE_CGROUP_SKB, link, load

pytestmark = pytest.mark.kernel

SETUP = """
link set lo up
link add d0 type veth peer name d1
link set d0 up
link set d1 up
address add 10.0.0.1/24 dev d0
nexthop add id 1 via 10.0.0.2 dev d0
nexthop add id 2 via 10.0.0.3 dev d0
nexthop add id 10 group 1,3/2 type resilient buckets 8
route add 10.9.0.0/16 nhid 10
link add vx type vxlan dstport 4789 external vnifilter
link set vx up
"""


@pytest.fixture(scope="module")
def dump() -> Iterator[NamespaceDump]:
    namespace = Namespace(f"{lab_prefix()}own")
    create((namespace.name,))
    try:
        namespace.run("ip", "-batch", "-", text=SETUP)
        namespace.run("bridge", "vni", "add", "vni", "100-110", "dev", "vx")
        node = collect_node("n1", namespace.path, {})
        yield node.namespaces[0]
    finally:
        delete((namespace.name,))


def test_the_buckets_of_a_resilient_group_are_its_weights(dump: NamespaceDump) -> None:
    """8 buckets for weights 3 and 1."""
    ns = decode_namespace(dump, "n1", Place("node", "n1"))
    (route,) = (route for route in ns.routes if str(route.destination) == "10.9.0.0/16")
    sent = {nexthop.gateway: nexthop.weight for nexthop in route.nexthops}
    assert sent == {ip_address("10.0.0.2"): 6, ip_address("10.0.0.3"): 2}


def test_the_vni_filter_of_a_vxlan_device(dump: NamespaceDump) -> None:
    table = dump.tables["vxlan_vnis"]
    assert isinstance(table.data, list)
    (entry,) = table.data
    (span,) = entry["vnis"]
    assert (table.state, span["start"], span["end"]) == ("ok", 100, 110)


def test_the_machine_s_own_namespaces_belong_to_its_user_namespace(dump: NamespaceDump) -> None:
    status = Path("/proc/self/ns/user").stat()
    assert dump.tables["user_namespace"].data == {
        "id": f"{status.st_dev}:{status.st_ino}",
        "uid_map": Path("/proc/self/uid_map").read_text(),
        "gid_map": Path("/proc/self/gid_map").read_text(),
    }


@contextmanager
def in_user_namespace() -> Iterator[Path]:
    """The /proc folder of a process that is root in a user and a network namespace of its own."""
    command = ("unshare", "--user", "--map-root-user", "--net", "sh", "-c", "echo made; read line")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "made\n"
        yield Path(f"/proc/{process.pid}")
        process.communicate("\n")


def test_a_network_namespace_of_another_user_namespace_has_its_maps() -> None:
    with in_user_namespace() as process:
        status = (process / "ns/user").stat()
        descriptor = os.open(process / "ns/net", os.O_RDONLY)
        owned = UserNamespaces().owner(process / "ns/net")
    try:
        orphan = UserNamespaces().owner(Path(f"/proc/self/fd/{descriptor}"))
    finally:
        os.close(descriptor)
    identity = f"{status.st_dev}:{status.st_ino}"
    assert str(owned["uid_map"]).split() == str(owned["gid_map"]).split() == ["0", "0", "1"]
    assert owned["id"] == identity
    assert orphan == {"id": identity, "uid_map": None, "gid_map": None}, "no process is left in it"


def test_a_program_of_a_control_group_is_listed_with_its_group(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    subprocess.run(("mount", "-t", "cgroup2", "none", str(tmp_path)), check=True)
    group = tmp_path / f"{lab_prefix()}group"
    proc = tmp_path_factory.mktemp("proc")
    (proc / "self").mkdir()
    (proc / "self/mounts").write_text(f"none /proc proc rw 0 0\nnone {tmp_path} cgroup2 rw 0 0\n")
    descriptors: list[int] = []
    try:
        group.mkdir()
        descriptors.append(os.open(group, os.O_RDONLY))
        descriptors.append(load(BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_EGRESS, 1))
        descriptors.append(link(descriptors[1], descriptors[0], BPF_CGROUP_INET_EGRESS))
        listed = read_cgroup_programs(proc)
    finally:
        for descriptor in reversed(descriptors):
            os.close(descriptor)
        if group.exists():
            group.rmdir()
        subprocess.run(("umount", str(tmp_path)), check=True)
    here = [(entry["attach"], entry["programs"]) for entry in listed if entry["cgroup"] == f"/{group.name}"]
    assert [(attach, len(programs)) for attach, programs in here if isinstance(programs, list)] == [
        ("egress", 1)
    ]
