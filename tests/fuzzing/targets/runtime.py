"""What a container runtime answers: protobuf, with JSON in it."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from kubectl_skoop.collect.cri import protobuf, sandboxes
from tests.fuzzing import scratch
from tests.fuzzing.target import Target

if TYPE_CHECKING:
    from kubectl_skoop.collect.cri.grpc import Channel

INFO = {
    "pid": 77,
    "runtimeSpec": {"linux": {"namespaces": [{"type": "network", "path": "/run/netns/cni-1"}]}},
}


class Runtime:
    """Answers all calls with the two messages, which the bytes `--` part."""

    def __init__(self, data: bytes) -> None:
        self._listed, _, self._status = data.partition(b"--")

    def call(self, method: str, request: bytes) -> bytes:
        return self._listed if method.endswith("ListPodSandbox") else self._status


def run(data: bytes) -> None:
    """Raises: MalformedProtobuf, which `read_sandboxes` tells as its trouble."""
    list(sandboxes._namespaces(cast("Channel", Runtime(data)), scratch.folder()))


def _nested(number: int, value: bytes) -> bytes:
    return bytes([number << 3 | protobuf.BYTES, len(value)]) + value


def seeds() -> Iterator[bytes]:
    metadata = _nested(2, protobuf.text_field(2, "0b1c8e5e-8d3f-4a55-9d6e-3a1b2c4d5e60"))
    for info in (INFO, {**INFO, "netNamespaceClosed": True}, {"runtimeSpec": None}):
        entry = protobuf.text_field(1, "info") + protobuf.text_field(2, json.dumps(info))
        status = protobuf.text_field(2, "")[:1] + bytes([len(entry) & 0x7F | 0x80, len(entry) >> 7]) + entry
        yield _nested(1, protobuf.text_field(1, "a" * 64) + metadata) + b"--" + status


TARGET = Target(
    name="runtime",
    run=run,
    seeds=seeds,
    words=("info", "pid", "runtimeSpec", "linux", "namespaces", "network", "type", "path"),
    refuses=(protobuf.MalformedProtobuf,),
)
