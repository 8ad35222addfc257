"""A container runtime's socket, served by grpcio: what the agent asks, answered from a table."""

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc

LIST = "/runtime.v1.RuntimeService/ListPodSandbox"
STATUS = "/runtime.v1.RuntimeService/PodSandboxStatus"


def length_delimited(number: int, value: bytes | str) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def varint(value: int) -> bytes:
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + varint(rest) if rest else bytes([low])


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A pod's, as `crictl inspectp` shows it."""

    id: str
    uid: str
    info: object = None
    ready: bool = True

    def listed(self) -> bytes:
        metadata = length_delimited(1, "name") + length_delimited(2, self.uid) + length_delimited(3, "shop")
        state = b"" if self.ready else varint(3 << 3) + varint(1)
        created = varint(4 << 3) + varint(1_700_000_000_000_000_000)
        return length_delimited(1, self.id) + length_delimited(2, metadata) + state + created

    def status(self) -> bytes:
        answer = length_delimited(1, self.listed())
        if self.info is not None:
            entry = length_delimited(1, "info") + length_delimited(2, json.dumps(self.info))
            answer += length_delimited(2, entry)
        return answer


@dataclass
class Runtime:
    """Answers by method; an answer may be an error."""

    sandboxes: Mapping[str, Sandbox]
    asked: list[tuple[str, bytes]] = field(default_factory=list)
    gone: frozenset[str] = frozenset()
    """Ids that are listed, and then no more there."""
    without_cri: bool = False

    def answer(self, method: str, request: bytes, context: grpc.ServicerContext) -> bytes:
        self.asked.append((method, request))
        if method == LIST:
            return b"".join(length_delimited(1, one.listed()) for one in self.sandboxes.values())
        size = request[1]
        wanted = request[2 : 2 + size].decode()
        assert request[2 + size :] == b"\x10\x01", "verbose"
        if wanted in self.gone:
            context.abort(grpc.StatusCode.NOT_FOUND, f"no sandbox {wanted}: «gone»")
        return self.sandboxes[wanted].status()


class _Handler(grpc.GenericRpcHandler):  # type: ignore[misc]
    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        method = details.method
        if self._runtime.without_cri or method not in (LIST, STATUS):
            return None
        return grpc.unary_unary_rpc_method_handler(
            lambda request, context: self._runtime.answer(method, request, context)
        )


@contextmanager
def serving(path: Path, *sandboxes: Sandbox) -> Iterator[Runtime]:
    path.parent.mkdir(parents=True, exist_ok=True)
    runtime = Runtime({one.id: one for one in sandboxes})
    with ThreadPoolExecutor(2) as workers:
        server = grpc.server(workers, handlers=[_Handler(runtime)])
        server.add_insecure_port(f"unix:{path}")
        server.start()
        try:
            yield runtime
        finally:
            server.stop(None).wait()
