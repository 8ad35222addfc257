"""Which control groups are looked at: all of the node, never only the agent's own."""

import os
from pathlib import Path

import pytest

from kubectl_skoop.collect import bpf_cgroup
from kubectl_skoop.collect.bpf import Attached
from kubectl_skoop.collect.bpf_cgroup import read_cgroup_programs
from kubectl_skoop.collect.table import Absent

OWN = "none /sys/fs/cgroup cgroup2 rw 0 0\n"


@pytest.fixture
def proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The node's tree has a group `kubepods` with a program; the container's own has none."""
    for name in ("self", "1/root/sys/fs/cgroup/kubepods", "own/part"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "self/mounts").write_text("")
    (tmp_path / "1/mounts").write_text(OWN)
    whole = os.stat(tmp_path / "1/root/sys/fs/cgroup").st_ino
    monkeypatch.setattr(bpf_cgroup, "ROOT_INODE", whole)

    def query(target: int, kind: int) -> Attached:
        inside = os.readlink(f"/proc/self/fd/{target}").endswith("kubepods") and kind == 0
        return Attached([7] if inside else [], [])

    monkeypatch.setattr(bpf_cgroup, "query", query)
    monkeypatch.setattr(bpf_cgroup, "any_program", lambda: True)
    return tmp_path


FOUND = [{"cgroup": "/kubepods", "attach": "ingress", "programs": [7]}]


def test_a_container_without_control_groups_sees_the_nodes(proc: Path) -> None:
    assert read_cgroup_programs(proc) == FOUND


def test_a_containers_own_part_is_not_taken_for_all(proc: Path) -> None:
    (proc / "self/mounts").write_text(f"none {proc / 'own'} cgroup2 rw 0 0\n")
    assert read_cgroup_programs(proc) == FOUND
    (proc / "1/mounts").write_text("")
    with pytest.raises(OSError, match="only a part"):
        read_cgroup_programs(proc)


def test_on_the_node_itself_its_own_mount_is_used(proc: Path) -> None:
    (proc / "self/mounts").write_text(f"none {proc / '1/root/sys/fs/cgroup'} cgroup2 rw 0 0\n")
    (proc / "1/mounts").unlink()
    assert read_cgroup_programs(proc) == FOUND


def test_nowhere_mounted_is_absent(proc: Path) -> None:
    (proc / "1/mounts").write_text("none /proc proc rw 0 0\n")
    with pytest.raises(Absent):
        read_cgroup_programs(proc)


def test_a_kernel_without_programs_is_not_asked_for_each_group(
    proc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bpf_cgroup, "any_program", lambda: False)
    assert read_cgroup_programs(proc) == []
    (proc / "1/mounts").unlink()
    with pytest.raises(OSError, match="No such file"):
        read_cgroup_programs(proc)
