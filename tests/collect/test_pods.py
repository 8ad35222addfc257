"""Pods by the control groups of their processes, in all forms in which kubelets and runtimes name them."""

import os
from pathlib import Path
from shutil import rmtree

import pytest

from kubectl_skoop.collect.cri.sandboxes import Sandboxes
from kubectl_skoop.collect.pods import ExpectedPod, find_pods, parse_expected
from kubectl_skoop.model.errors import FormatError

UID = "0b1c8e5e-8d3f-4a55-9d6e-3a1b2c4d5e6f"
OTHER = "1b1c8e5e-8d3f-4a55-9d6e-3a1b2c4d5e6f"
HASH = "0123456789abcdef0123456789abcdef"
UNDERSCORED = UID.replace("-", "_")
GROUPS = {
    "cgroupfs, version 2": f"0::/kubepods/burstable/pod{UID}/4f5a",
    "guaranteed": f"0::/kubepods/pod{UID}/4f5a",
    "systemd, version 2": "0::/kubepods.slice/kubepods-burstable.slice/"
    f"kubepods-burstable-pod{UNDERSCORED}.slice/cri-containerd-4f5a.scope",
    "CRI-O": f"0::/kubepods.slice/kubepods-pod{UNDERSCORED}.slice/crio-4f5a.scope/container",
    "version 1": f"12:pids:/system.slice\n3:cpu,cpuacct:/kubepods/besteffort/pod{UID}/4f5a\n1:name=systemd:/",
    "a group of the node's own": f"0::/kn1/kubepods/burstable/pod{UID}/4f5a",
    "seen from another control group": f"0::/../../kubepods/burstable/pod{UID}/4f5a",
    "docker": f"0::/kubepods.slice/kubepods-besteffort-pod{UNDERSCORED}.slice/docker-4f5a.scope",
}


def _process(proc: Path, number: int, groups: str, began: int = 0) -> Path:
    folder = proc / str(number)
    (folder / "ns").mkdir(parents=True)
    (folder / "cgroup").write_text(f"{groups}\n")
    fields = ["S", *["0"] * 18, str(began or number), "0"]
    (folder / "stat").write_text(f"{number} (a) b) {' '.join(fields)}\n")
    (folder / "ns" / "net").write_text(str(number))
    return folder


@pytest.mark.parametrize("groups", GROUPS.values(), ids=GROUPS)
def test_a_process_is_the_pods_whose_group_it_is_in(groups: str, tmp_path: Path) -> None:
    _process(tmp_path, 1, "0::/init.scope")
    _process(tmp_path, 7, groups)
    found = find_pods([ExpectedPod("shop/a", UID)], tmp_path)
    assert found.paths["shop/a"].read_text() == "7"
    assert not found.lost


def test_a_static_pod_is_found_by_its_hash(tmp_path: Path) -> None:
    _process(tmp_path, 7, f"0::/kubepods/burstable/pod{HASH}/4f5a")
    found = find_pods([ExpectedPod("kube-system/etcd", UID, HASH)], tmp_path)
    assert list(found.paths) == ["kube-system/etcd"]
    assert not found.lost


def test_a_program_inside_of_a_pod_does_not_speak_for_it(tmp_path: Path) -> None:
    """A container in a container is deeper; what a VPN makes for itself is younger."""
    group = f"0::/kubepods/pod{UID}/4f5a"
    _process(tmp_path, 5, f"{group}/docker/77", began=10)
    _process(tmp_path, 6, group, began=90)
    _process(tmp_path, 900, f"0::/kubepods/pod{UID}/pause", began=20)
    found = find_pods([ExpectedPod("shop/a", UID)], tmp_path)
    assert found.paths["shop/a"].read_text() == "900"


def test_the_runtimes_word_outweighs(tmp_path: Path) -> None:
    _process(tmp_path, 7, f"0::/kubepods/pod{UID}/4f5a")
    told, other = tmp_path / "told", tmp_path / "other"
    told.write_text("told")
    other.write_text("other")
    expected = [
        ExpectedPod("shop/a", UID),
        ExpectedPod("shop/b", OTHER),
        ExpectedPod("kube-system/etcd", "x", HASH),
    ]
    sandboxes = Sandboxes({UID: told, OTHER: other, HASH: other, "of nobody": other})
    found = find_pods(expected, tmp_path, sandboxes)
    assert {pod: path.read_text() for pod, path in found.paths.items()} == {
        "shop/a": "told",
        "shop/b": "other",
        "kube-system/etcd": "other",
    }
    assert (found.lost, found.ended()) == ({}, {})
    rmtree(tmp_path / "7")
    assert list(found.ended()) == ["shop/a"], "those without a process from the start are not missed"


def test_what_the_runtime_tells_and_is_gone_changes_nothing(tmp_path: Path) -> None:
    _process(tmp_path, 7, f"0::/kubepods/pod{UID}/4f5a")
    found = find_pods([ExpectedPod("shop/a", UID)], tmp_path, Sandboxes({UID: tmp_path / "gone"}))
    assert found.paths["shop/a"].read_text() == "7"


def test_a_lost_pod_tells_why_the_runtime_was_not_asked(tmp_path: Path) -> None:
    found = find_pods([ExpectedPod("shop/a", UID)], tmp_path, Sandboxes(trouble="there is no /run/x.sock"))
    assert found.lost["shop/a"].endswith(" or not begun (there is no /run/x.sock)")


def test_a_namespace_outlives_its_process(tmp_path: Path) -> None:
    process = _process(tmp_path, 7, f"0::/kubepods/pod{UID}/4f5a")
    found = find_pods([ExpectedPod("shop/a", UID)], tmp_path)
    (process / "ns" / "net").unlink()
    assert os.stat(found.paths["shop/a"]).st_size == 1


def test_a_pod_without_a_process_is_lost_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "8").mkdir()
    found = find_pods([ExpectedPod("shop/a", UID)], tmp_path)
    assert list(found.lost) == ["shop/a"]
    assert "no process of it" in found.lost["shop/a"]


def test_a_pod_that_ends_meanwhile_is_told(tmp_path: Path) -> None:
    _process(tmp_path, 6, f"0::/kubepods/pod{OTHER}/1")
    first = _process(tmp_path, 7, f"0::/kubepods/pod{UID}/4f5a")
    found = find_pods([ExpectedPod("shop/a", UID), ExpectedPod("shop/b", OTHER)], tmp_path)
    assert found.ended() == {}
    rmtree(first)
    assert found.ended() == {"shop/a": "it has ended while its node was read"}
    _process(tmp_path, 9, f"0::/kubepods/pod{UNDERSCORED}/5")
    assert found.ended() == {}


def test_a_pod_with_the_nodes_network_has_no_namespace_of_its_own(tmp_path: Path) -> None:
    _process(tmp_path, 7, f"0::/kubepods/pod{UID}/4f5a")
    found = find_pods([ExpectedPod("shop/a", UID, host_network=True)], tmp_path)
    assert (found.host, found.paths, found.lost) == (["shop/a"], {}, {})


@pytest.mark.parametrize("text", ["", "{", "{}", "[1]", '[{"pod": "a/b"}]', '[{"pod": 1, "uid": "x"}]'])
def test_a_list_that_is_no_list_of_pods_is_refused(text: str) -> None:
    with pytest.raises(FormatError, match="--pods"):
        parse_expected(text)


def test_a_list_as_the_live_side_sends_it() -> None:
    text = (
        '[{"pod":"a/b","uid":"u","hostNetwork":true},{"pod":"a/c","uid":"v","hash":"h","hostNetwork":false}]'
    )
    assert parse_expected(text) == (ExpectedPod("a/b", "u", "", True), ExpectedPod("a/c", "v", "h"))
