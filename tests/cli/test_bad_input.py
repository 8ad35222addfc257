"""What is wrong is said in one clear line, with the right exit code and without a traceback."""

import gzip
import io
import os
import tarfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from kubectl_skoop.snapshot.source import open_snapshot
from tests.cli.run import Ran, skoop


def _one_line(ran: Ran) -> str:
    """The error, which must be all that standard error holds."""
    assert ran.err.startswith("error: ")
    assert ran.err.count("\n") == 1
    assert "Traceback" not in ran.err
    return ran.err.removeprefix("error: ").rstrip("\n")


@dataclass(frozen=True)
class Files:
    """Files that are wrong, made of a snapshot that is right."""

    snapshot: Path
    objects: Path
    dumps: dict[str, Path]
    folder: Path

    def path(self, name: str) -> str:
        match name:
            case "good":
                return str(self.snapshot)
            case "objects" | "n1" | "n2":
                return str({"objects": self.objects, **self.dumps}[name])
            case "cut off in its header":
                content = self.snapshot.read_bytes()[:40]
            case "text":
                content = b"apiVersion: v1\n"
            case "empty":
                content = b""
            case "packed by gzip":
                content = gzip.compress(self.snapshot.read_bytes())
            case "packed by tar":
                packed = io.BytesIO()
                with tarfile.open(fileobj=packed, mode="w") as archive:
                    archive.add(self.snapshot, "bundle/cluster.skoop")
                content = packed.getvalue()
            case "of a later version":
                content = self.snapshot.read_bytes().replace(b"\xa6format\x01", b"\xa6format\x63", 1)
            case "broken YAML":
                content = b"kind: Pod\nmetadata: {name: a\n"
            case "broken JSON":
                content = b'{"kind": "Pod", "metadata": '
            case "no objects":
                content = b"- a\n- b\n"
            case _:
                return str(self.folder / name)
        path = self.folder / f"{name}.{'json' if 'JSON' in name else 'yaml' if 'YAML' in name else 'skoop'}"
        path.write_bytes(content)
        return str(path)


@pytest.fixture
def files(snapshot: Path, objects: Path, dumps: dict[str, Path], tmp_path: Path) -> Files:
    return Files(snapshot, objects, dumps, tmp_path)


UNPACK = "(it is packed: unpack it, and name the folder or the .skoop file in it)"
FILES = {
    "a missing file": ("missing.skoop", "no such file"),
    "a folder without one": (".", "holds no .skoop file"),
    "a file that is no snapshot": ("text", "is no snapshot of kubectl-skoop"),
    "a bundle that is still packed": ("packed by gzip", f"is no snapshot of kubectl-skoop {UNPACK}"),
    "an archive of tar": ("packed by tar", f"is no snapshot of kubectl-skoop {UNPACK}"),
    "an empty file": ("empty", "is empty"),
    "a file that ends in its header": ("cut off in its header", "is cut off in its header"),
    "a file of a later version": ("of a later version", "has snapshot format 99"),
}


@pytest.mark.parametrize("command", ["diagnose", "check", "inspect"])
@pytest.mark.parametrize(("name", "text"), FILES.values(), ids=FILES)
def test_a_file_that_is_no_snapshot_is_refused(command: str, name: str, text: str, files: Files) -> None:
    words = ["pod/default/a", "pod/default/b", "-p", "80"] if command == "diagnose" else []
    ran = skoop(command, *words, "--snapshot", files.path(name))
    assert (ran.code, ran.out) == (2, "")
    assert text in _one_line(ran)


NAMES = {
    "an unknown pod, with the nearest": (["pod/default/aa", "pod/default/b", "-p", "80"], "default/a"),
    "an unknown pod without a namespace": (["pod/x", "pod/default/b", "-p", "80"], "there is no pod x"),
    "an unknown service, with the nearest": (["pod/default/a", "svc/shop/wep", "-p", "80"], "shop/web"),
    "an unknown node, with the nearest": (["node/n3", "pod/default/b", "-p", "80"], "n2"),
    "an unknown namespace": (["pod/a", "pod/default/b", "-p", "80", "-n", "prod"], "a"),
    "a name of no form": (["what", "pod/default/b", "-p", "80"], "what"),
    "an unknown port name": (["pod/default/a", "svc/shop/web", "-p", "htpp"], "http"),
    "a service of two ports and none chosen": (["pod/default/a", "svc/shop/web"], "http"),
    "a pod and no port": (["pod/default/a", "pod/default/b"], "port"),
    "another family": (["pod/default/a", "fd00::1", "-p", "80"], "IPv6"),
    "a broken address": (["pod/default/a", "10.0.0.300", "-p", "80"], "10.0.0.300"),
    "no destination": (["pod/default/a"], "the destination is missing"),
    "a port that is too large": (["pod/default/a", "pod/default/b", "-p", "70000"], "70000"),
    "an unknown plugin, with what there is": (
        ["pod/default/a", "pod/default/b", "-p", "80", "--network-plugin", "flanel"],
        "flannel",
    ),
    "an unknown provider": (
        ["pod/default/a", "pod/default/b", "-p", "80", "--cloud-provider", "x"],
        "generic",
    ),
    "an unknown proxy mode": (
        ["pod/default/a", "pod/default/b", "-p", "80", "--proxy-mode", "x"],
        "--proxy-mode",
    ),
    "an unknown option of a plugin": (
        ["pod/default/a", "pod/default/b", "-p", "80", "--network-plugin", "flannel", "--flannel-x", "1"],
        "--flannel-x",
    ),
    "an unknown option of a plugin that the cluster does not have": (
        ["pod/default/a", "pod/default/b", "-p", "80", "--network-plugin", "any", "--flannel-x", "1"],
        "no such option: --flannel-x",
    ),
    "an unknown option of a provider": (
        ["pod/default/a", "pod/default/b", "-p", "80", "--aws-x", "1"],
        "no such option: --aws-x",
    ),
    "a value that an option of a plugin does not take": (
        [
            "pod/default/a",
            "pod/default/b",
            "-p",
            "80",
            "--network-plugin",
            "flannel",
            "--flannel-pod-mtu",
            "x",
        ],
        "--flannel-pod-mtu",
    ),
}


@pytest.mark.parametrize(("words", "text"), NAMES.values(), ids=NAMES)
def test_a_request_that_is_wrong_is_refused(words: list[str], text: str, snapshot: Path) -> None:
    ran = skoop("diagnose", *words, env={"SKOOP_SNAPSHOT": str(snapshot)})
    assert (ran.code, ran.out) == (2, "")
    assert text in _one_line(ran)


@pytest.mark.parametrize(
    "command", [["diagnose", "a/a", "b/b"], ["check"], ["inspect"], ["plugins", "--detect"]]
)
def test_without_a_snapshot_the_way_to_one_is_shown(command: list[str]) -> None:
    ran = skoop(*command)
    assert (ran.code, ran.out) == (2, "")
    assert "no cluster to ask" in _one_line(ran)
    assert "--snapshot FILE" in _one_line(ran)


OBJECTS = {
    "broken YAML, with the place": ("broken YAML", "broken YAML.yaml:"),
    "broken JSON, with the place": ("broken JSON", "broken JSON.json:"),
    "a document that is no object": ("no objects", "is no Kubernetes object"),
    "a file that is missing": ("missing.yaml", "no such file or folder"),
    "an empty folder": (".", "holds no"),
}


@pytest.mark.parametrize(("name", "text"), OBJECTS.values(), ids=OBJECTS)
def test_objects_that_cannot_be_read_are_refused(name: str, text: str, files: Files) -> None:
    target = files.folder / "out.skoop"
    ran = skoop("snapshot", "-f", target, "--node-dump", files.path("n1"), "--objects", files.path(name))
    assert (ran.code, ran.out) == (2, "")
    assert text in _one_line(ran)
    assert not target.exists()


def test_one_node_in_two_dumps_is_refused(files: Files) -> None:
    ran = skoop("snapshot", "-f", files.folder / "s", "--node-dump", files.path("n1"), files.path("n1"))
    assert ran.code == 2
    assert "node n1 is in two dumps" in _one_line(ran)


def test_without_dumps_and_without_a_cluster_no_snapshot_is_made(files: Files) -> None:
    ran = skoop("snapshot", "-f", files.folder / "s")
    assert ran.code == 2
    assert "no cluster to ask" in _one_line(ran)
    assert not list(files.folder.glob("*s*.partial"))


def test_objects_without_dumps_are_refused(files: Files) -> None:
    ran = skoop("snapshot", "-f", files.folder / "s", "--objects", files.folder)
    assert ran.code == 2
    assert "--objects without --node-dump" in _one_line(ran)


def test_a_kubeconfig_that_does_not_exist_is_refused(files: Files) -> None:
    ran = skoop("check", "--kubeconfig", files.folder / "missing")
    assert ran.code == 2
    assert "missing: no such file" in _one_line(ran)


def test_a_file_and_a_cluster_cannot_both_be_asked(snapshot: Path) -> None:
    ran = skoop("check", "--snapshot", snapshot, "--context", "c")
    assert ran.code == 2
    assert "ask a file or a cluster, not both" in _one_line(ran)


def test_a_target_that_cannot_be_written_is_an_error(files: Files) -> None:
    ran = skoop("snapshot", "-f", files.folder / "no" / "s", "--node-dump", files.path("n1"))
    assert ran.code == 2
    assert "there is no folder" in _one_line(ran)


def test_a_disk_that_is_full_is_an_error_that_names_the_file(files: Files) -> None:
    target = files.folder / "s.skoop"
    target.with_name(f".{target.name}.{os.getpid()}.partial").symlink_to("/dev/full")
    ran = skoop("snapshot", "-f", target, "--node-dump", files.path("n1"))
    assert ran.code == 2
    assert _one_line(ran) == f"{target}: No space left on device"


def test_a_node_that_is_not_in_the_dumps_is_said_and_the_file_written(files: Files) -> None:
    target = files.folder / "s.skoop"
    ran = skoop("snapshot", "-f", target, "--node-dump", files.path("n1"), "--objects", files.path("objects"))
    assert ran.code == 3
    assert "node/n2: not collected" in _one_line(ran)
    with closing(open_snapshot(target)) as written:
        assert written.nodes() == ("n1", "n2")


@pytest.fixture
def one_node(files: Files) -> Path:
    target = files.folder / "one.skoop"
    skoop("snapshot", "-f", target, "--node-dump", files.path("n1"), "--objects", files.path("objects"))
    return target


def test_a_sender_on_a_node_that_was_not_collected_gives_no_verdict(one_node: Path) -> None:
    ran = skoop("diagnose", "pod/default/b", "pod/default/a", "-p", "80", "--snapshot", one_node)
    assert ran.code == 3
    assert "no verdict" in _one_line(ran)
    assert ran.out.startswith("unknown")
    assert "not collected" in ran.out


def test_a_check_says_what_it_could_not_check(one_node: Path) -> None:
    ran = skoop("check", "--network-plugin", "any", "--snapshot", one_node)
    assert ran.code == 3
    assert "not everything could be checked" in _one_line(ran)
    assert "node/n2: not collected" in ran.out


def test_what_was_not_collected_cannot_be_inspected(one_node: Path) -> None:
    ran = skoop("inspect", "pod/default/b", "routes", "--snapshot", one_node)
    assert (ran.code, ran.out) == (3, "")
    assert "pod/default/b: not collected" in _one_line(ran)


SHIPPED = Path(__file__).parents[2] / "snapshots" / "healthy-vxlan.skoop"
FLOW = ("diagnose", "pod/default/a", "pod/default/b", "-p", "8080")
CUTS = {
    "where the other node begins": (
        0.6,
        3,
        "unknown: node/n1: node/n2 was not collected",
        "error: no verdict: ",
    ),
    "where only the index is lost": (0.99, 0, "reachable", "warning: "),
}


@pytest.mark.parametrize(("part", "code", "answer", "told"), CUTS.values(), ids=CUTS)
def test_a_file_that_was_cut_off_still_gives_what_it_can(
    part: float, code: int, answer: str, told: str, tmp_path: Path
) -> None:
    content = SHIPPED.read_bytes()
    cut = tmp_path / "cut.skoop"
    cut.write_bytes(content[: int(len(content) * part)])
    ran = skoop(*FLOW, "--snapshot", cut)
    assert ran.code == code
    assert ran.out.startswith(answer)
    assert ran.err.startswith(told)
    assert ran.err.count("\n") == 1


def test_a_table_that_was_not_collected_is_no_empty_table(snapshot: Path) -> None:
    ran = skoop("diagnose", "pod/default/a", "pod/default/b", "-p", "80", "--snapshot", snapshot)
    assert ran.code == 3
    assert "of pod/default/a could not be read" in _one_line(ran)


INSPECT = {
    "an unknown table, with the nearest": (["node/n1", "route"], "did you mean routes?"),
    "an unknown node": (["node/n9", "routes"], "there is no node n9"),
    "a service": (["svc/shop/web", "routes"], "name a node or a pod"),
    "an unknown pod": (["pod/default/zz", "routes"], "zz"),
}


@pytest.mark.parametrize(("words", "text"), INSPECT.values(), ids=INSPECT)
def test_what_cannot_be_inspected_is_refused(words: list[str], text: str, snapshot: Path) -> None:
    ran = skoop("inspect", *words, "--snapshot", snapshot)
    assert (ran.code, ran.out) == (2, "")
    assert text in _one_line(ran)
