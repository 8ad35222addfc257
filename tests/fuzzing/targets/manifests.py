"""Files of objects as text: YAML, JSON, broken in any way."""

import json
from collections.abc import Iterator

from kubectl_skoop.cluster.workloads import WITH_WORKLOADS
from kubectl_skoop.snapshot.format import pack
from kubectl_skoop.snapshot.objects_file import read_objects
from tests.fuzzing import scratch
from tests.fuzzing.object_examples import examples
from tests.fuzzing.target import Target

YAML = """\
# a comment
apiVersion: v1
kind: Pod
metadata: &meta
  name: a
  namespace: "shop"
  labels: {app: web, 'x/y': "1", on: yes, when: 2020-01-01}
spec:
  nodeName: n1
  containers:
  - name: c
    ports: [{containerPort: 0x50, protocol: TCP}, {containerPort: 1_000}]
---
kind: PodList
apiVersion: v1
items:
- metadata: *meta
- metadata: {<<: *meta, name: b}
--- |
  text
...
"""


def run(data: bytes) -> None:
    """Raises: FormatError."""
    for suffix in ("yaml", "json") if data[:1] in (b"{", b"[") else ("yaml",):
        pack(read_objects([scratch.file(f"objects.{suffix}", data)], WITH_WORKLOADS), large_as_text=True)


def seeds() -> Iterator[bytes]:
    yield YAML.encode()
    for document in YAML.split("---\n"):
        yield document.encode()
    for item in examples():
        yield json.dumps(item).encode()
    yield json.dumps({"kind": "List", "apiVersion": "v1", "items": examples()[:4]}).encode()


TARGET = Target(
    name="manifests",
    run=run,
    seeds=seeds,
    words=(
        "- ",
        ": ",
        "&a ",
        "*a",
        "<<: ",
        "!!",
        "!!python/object:x.y",
        "|\n",
        ">\n",
        "---\n",
        "%YAML 1.1\n",
        "? ",
    ),
)
