"""Objects in every shape that kubectl prints; what is kept of them; broken files."""

import bz2
import gzip
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from kubectl_skoop.cluster.allow import Allowed
from kubectl_skoop.cluster.raw import Ref, ref_of
from kubectl_skoop.model.errors import FormatError
from kubectl_skoop.snapshot import objects_file
from kubectl_skoop.snapshot.objects_file import read_objects

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "a", "namespace": "shop", "labels": {"app": "web"}},
    "spec": {"nodeName": "n1"},
    "status": {"podIP": "10.0.0.1", "phase": "Running"},
}
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {"clusterIP": "10.96.0.1", "ports": [{"port": 80, "targetPort": "http"}]},
}
KEPT_POD = {key: value for key, value in POD.items() if key != "apiVersion"}
KEPT_SERVICE = {key: value for key, value in SERVICE.items() if key != "apiVersion"}
UNTYPED = {key: value for key, value in POD.items() if key not in ("kind", "apiVersion")}
BOTH = {"Pod": (KEPT_POD,), "Service": (KEPT_SERVICE,)}


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        pytest.param("o.yaml", yaml.safe_dump(POD), {"Pod": (KEPT_POD,)}, id="one object as YAML"),
        pytest.param("o.json", json.dumps(POD), {"Pod": (KEPT_POD,)}, id="one object as JSON"),
        pytest.param("o.txt", json.dumps(POD), {"Pod": (KEPT_POD,)}, id="JSON under another name"),
        pytest.param(
            "o.yaml",
            yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": [POD, SERVICE]}),
            BOTH,
            id="a List as YAML",
        ),
        pytest.param(
            "o.json",
            json.dumps({"apiVersion": "v1", "kind": "List", "items": [POD, SERVICE]}),
            BOTH,
            id="a List as JSON",
        ),
        pytest.param(
            "o.json",
            json.dumps({"apiVersion": "v1", "kind": "PodList", "items": [UNTYPED]}),
            {"Pod": (KEPT_POD,)},
            id="a PodList whose items do not say what they are",
        ),
        pytest.param(
            "o.json",
            json.dumps({"apiVersion": "v1", "kind": "PodList", "items": []}),
            {"Pod": ()},
            id="an empty PodList: there are none",
        ),
        pytest.param(
            "o.yaml", "apiVersion: v1\nkind: List\nitems: []\n", {}, id="an empty List tells nothing"
        ),
        pytest.param("o.yaml", yaml.safe_dump_all([POD, SERVICE]), BOTH, id="several YAML documents"),
        pytest.param(
            "o.yaml", f"---\n---\n{yaml.safe_dump(POD)}---\n", {"Pod": (KEPT_POD,)}, id="empty documents"
        ),
        pytest.param(
            "o.json", json.dumps(POD) + "\n" + json.dumps(SERVICE), BOTH, id="several JSON documents"
        ),
        pytest.param(
            "o.yaml", "\ufeff" + yaml.safe_dump(POD), {"Pod": (KEPT_POD,)}, id="with a byte order mark"
        ),
        pytest.param(
            "o.yaml",
            yaml.safe_dump_all([POD, {**POD, "spec": {"nodeName": "n2"}}]),
            {"Pod": ({**KEPT_POD, "spec": {"nodeName": "n2"}},)},
            id="the last one of two counts",
        ),
        pytest.param("o.yaml", "", {}, id="an empty file"),
        pytest.param(
            "o.yaml",
            "kind: Namespace\napiVersion: v1\n"
            "metadata:\n  name: x\n  deletionTimestamp: 2026-01-02T03:04:05Z\n",
            {
                "Namespace": (
                    {
                        "kind": "Namespace",
                        "metadata": {"name": "x", "deletionTimestamp": "2026-01-02T03:04:05Z"},
                    },
                )
            },
            id="a date stays text",
        ),
    ],
)
def test_every_shape_is_read(tmp_path: Path, name: str, content: str, expected: dict[str, object]) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    assert read_objects([tmp_path / name]) == expected


def test_a_folder_is_read_with_all_below_it(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "pods.json").write_text(json.dumps(POD))
    (tmp_path / "services.yml").write_text(yaml.safe_dump(SERVICE))
    (tmp_path / "README.md").write_text("{")
    assert read_objects([tmp_path]) == BOTH


def test_what_is_no_object_below_a_folder_is_passed_over(tmp_path: Path) -> None:
    """As in unpacked bundles: versions, counts, errors, values of charts."""
    (tmp_path / "pods.json").write_text(json.dumps(POD))
    (tmp_path / "cluster_version.json").write_text('{"info": {"major": "1"}, "string": "v1.34"}')
    (tmp_path / "errors.json").write_text("null")
    (tmp_path / "values.yaml").write_text("replicas: 2\n---\n- a\n")
    assert read_objects([tmp_path]) == {"Pod": (KEPT_POD,)}
    with pytest.raises(FormatError, match="is no Kubernetes object: it has no kind"):
        read_objects([tmp_path / "cluster_version.json"])
    (tmp_path / "pods.json").unlink()
    with pytest.raises(FormatError, match="holds no Kubernetes object"):
        read_objects([tmp_path])


def test_an_object_that_lacks_its_kind_is_not_passed_over(tmp_path: Path) -> None:
    """A policy with a slip would be missed."""
    (tmp_path / "pods.json").write_text(json.dumps(POD))
    (tmp_path / "policy.yaml").write_text("knid: NetworkPolicy\nmetadata: {name: deny}\n")
    with pytest.raises(FormatError, match=r"policy\.yaml: document 1 is no Kubernetes object"):
        read_objects([tmp_path])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        pytest.param("o.yaml", "kind: Pod\nmetadata: [\n", "{file}:3:1: ", id="YAML that ends too early"),
        pytest.param("o.yaml", "kind: Pod\n\tmetadata: x\n", "{file}:2:1: found a tab", id="a tab in YAML"),
        pytest.param(
            "o.yaml", "a: !!python/object/apply:os.system [id]\n", "{file}:1:4: could not", id="a tag"
        ),
        pytest.param("o.yaml", "a: *b\n", "{file}:1:4: found undefined alias", id="an undefined alias"),
        pytest.param("o.json", '{"kind": "Pod",\n "metadata": }', "{file}:2:14: Expecting value", id="JSON"),
        pytest.param("o.yaml", "a: 1\n", "{file}: document 1 is no Kubernetes object", id="no kind"),
        pytest.param("o.yaml", "- a\n", "{file}: document 1 is no Kubernetes object", id="a list"),
        pytest.param("o.yaml", "kind: Pod\napiVersion: v1\n", "{file}: a Pod without a name", id="no name"),
        pytest.param("o.json", "[" * 100_000, "{file}", id="JSON nested too deep"),
        pytest.param("o.yaml", "a: " + "[" * 100_000, "{file}", id="YAML nested too deep"),
    ],
)
def test_a_broken_file_is_named_with_the_place(tmp_path: Path, name: str, content: str, message: str) -> None:
    file = tmp_path / name
    file.write_text(content)
    with pytest.raises(FormatError) as caught:
        read_objects([file])
    assert str(caught.value).startswith(message.format(file=file))
    assert "\n" not in str(caught.value)


def test_aliases_that_multiply_are_refused(tmp_path: Path) -> None:
    lines = ["kind: Pod", "a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    (tmp_path / "o.yaml").write_text("\n".join(lines))
    with pytest.raises(FormatError, match="its aliases stand for too much"):
        read_objects([tmp_path / "o.yaml"])


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "no such file or folder"), (b"\xff\xfe\x00", "is no UTF-8 text")],
    ids=["a missing file", "a binary file"],
)
def test_a_file_that_is_no_text_is_named(tmp_path: Path, content: bytes | None, message: str) -> None:
    file = tmp_path / "o.yaml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(FormatError, match=message):
        read_objects([file])


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"holds no \.yaml, \.yml, \.json file"):
        read_objects([tmp_path])


def test_what_plugins_want_is_kept_beside_the_rest(tmp_path: Path) -> None:
    documents = [
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": "n1", "annotations": {"examplenet.io/vtep-mac": "02:00", "other": "x"}},
        },
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "net", "namespace": "kube-system"},
            "data": {"a": "b"},
        },
        {
            "apiVersion": "examplenet.io/v1",
            "kind": "Peer",
            "metadata": {"name": "p", "annotations": {"secret": "x"}},
            "spec": {"vtep": "10.0.0.1"},
        },
    ]
    (tmp_path / "o.yaml").write_text(yaml.safe_dump_all(documents))
    allowed = Allowed(
        annotations=frozenset({"examplenet.io/vtep-mac"}),
        config_maps=frozenset({"kube-system/net"}),
        kinds=frozenset({"Peer.examplenet.io"}),
    )
    assert read_objects([tmp_path], allowed) == {
        "Node": (
            {
                "kind": "Node",
                "metadata": {"name": "n1", "annotations": {"examplenet.io/vtep-mac": "02:00"}},
            },
        ),
        "ConfigMap": (
            {
                "kind": "ConfigMap",
                "metadata": {"name": "net", "namespace": "kube-system"},
                "data": {"a": "b"},
            },
        ),
        "Peer.examplenet.io": (
            {
                "kind": "Peer.examplenet.io",
                "metadata": {"name": "p"},
                "spec": {"vtep": "10.0.0.1"},
                "status": None,
            },
        ),
    }
    assert read_objects([tmp_path]).keys() == {"Node"}


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/urandom"])
def test_a_device_without_an_end_is_no_text(device: str) -> None:
    with pytest.raises(FormatError, match=r"is no UTF-8 text \(byte \d+\)"):
        read_objects([Path(device)])


def test_a_pipe_is_read_no_further_than_a_file_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects_file, "MAX_FILE", 1 << 20)
    with subprocess.Popen(["yes", "a"], stdout=subprocess.PIPE) as endless:
        assert endless.stdout is not None
        with pytest.raises(FormatError, match="is larger than 1048576 bytes"):
            read_objects([Path(f"/dev/fd/{endless.stdout.fileno()}")])
        endless.kill()


def test_what_kubectl_prints_may_come_by_a_pipe() -> None:
    with subprocess.Popen(["echo", json.dumps(POD)], stdout=subprocess.PIPE) as printed:
        assert printed.stdout is not None
        assert read_objects([Path(f"/dev/fd/{printed.stdout.fileno()}")]) == {"Pod": (KEPT_POD,)}


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress], ids=["gzip", "bzip2"])
def test_a_bundle_that_is_still_packed_is_to_be_unpacked(
    pack: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    path = tmp_path / "bundle.tar.gz"
    path.write_bytes(pack(json.dumps(POD).encode()))
    with pytest.raises(FormatError, match="is no UTF-8 text") as raised:
        read_objects([path])
    assert raised.value.hint == "it is packed: unpack it, and name the folder"


def test_a_name_whose_end_is_left_to_the_cluster(tmp_path: Path) -> None:
    metadata = {"generateName": "job-", "namespace": "shop"}
    path = tmp_path / "job.json"
    path.write_text(json.dumps({**POD, "metadata": metadata}))
    (pod,) = read_objects([path])["Pod"]
    assert ref_of(pod) == Ref("Pod", "shop", "job-…")
