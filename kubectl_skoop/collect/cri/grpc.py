"""A gRPC call with one request and one answer, over a UNIX socket (grpc: doc/PROTOCOL-HTTP2.md).

HTTP/2 is the package h2, pure Python: it goes into any image, and costs a tenth of what grpcio does.
"""

import socket
import struct
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import unquote

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.exceptions import ProtocolError

MAX_ANSWER = 16 << 20
"""As much as the kubelet takes (pkg/kubelet/cri/remote, maxMsgSize)."""
_CHUNK = 64 << 10


class CallFailed(Exception):
    """The server refused, broke off, or did not answer in time."""


class Channel:
    """One call at a time."""

    def __init__(self, path: Path, timeout: float) -> None:
        """Raises: CallFailed."""
        self._deadline = time.monotonic() + timeout
        self._http = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            self._wait_until_deadline()
            self._socket.connect(str(path))
            self._http.initiate_connection()
            self._flush()
        except OSError as error:
            self._socket.close()
            raise CallFailed(error.strerror or str(error)) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def call(self, method: str, request: bytes) -> bytes:
        """The answer's bytes. `method` as `/package.Service/Method`. Raises: CallFailed."""
        try:
            return self._call(method, request)
        except (OSError, ProtocolError) as error:
            raise CallFailed(str(error) or type(error).__name__) from error

    def _call(self, method: str, request: bytes) -> bytes:
        stream = self._http.get_next_available_stream_id()
        headers = [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", method),
            (":authority", "localhost"),
            ("content-type", "application/grpc"),
            ("te", "trailers"),
        ]
        self._http.send_headers(stream, headers)
        self._http.send_data(stream, struct.pack(">BI", 0, len(request)) + request, end_stream=True)
        self._flush()
        body = bytearray()
        told: dict[str, str] = {}
        while True:
            for event in self._receive():
                match event:
                    case ConnectionTerminated():
                        raise CallFailed("the server ended the connection")
                    case StreamReset() if event.stream_id == stream:
                        raise CallFailed("the server broke the call off")
                    case ResponseReceived() | TrailersReceived() if event.stream_id == stream:
                        told |= {str(name): str(value) for name, value in event.headers or ()}
                    case DataReceived() if event.stream_id == stream:
                        body += event.data or b""
                        if len(body) > MAX_ANSWER:
                            raise CallFailed(f"an answer above {MAX_ANSWER} bytes")
                        self._http.acknowledge_received_data(event.flow_controlled_length or 0, stream)
                    case StreamEnded() if event.stream_id == stream:
                        return _message(bytes(body), told)
            self._flush()

    def _receive(self) -> list[Event]:
        self._wait_until_deadline()
        data = self._socket.recv(_CHUNK)
        if not data:
            raise CallFailed("the server closed the connection")
        return self._http.receive_data(data)

    def _flush(self) -> None:
        self._socket.sendall(self._http.data_to_send())

    def _wait_until_deadline(self) -> None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("no answer in time")
        self._socket.settimeout(left)


def _message(body: bytes, told: Mapping[str, str]) -> bytes:
    """One message behind its length; the call's state is in the last headers."""
    if told.get("grpc-status") != "0":
        reason = unquote(told.get("grpc-message", "")) or f"HTTP {told.get(':status')}"
        raise CallFailed(f"state {told.get('grpc-status', 'unknown')}: {reason}")
    if len(body) < 5 or body[0] != 0 or struct.unpack_from(">I", body, 1)[0] != len(body) - 5:
        raise CallFailed("an answer that is no message")
    return body[5:]
