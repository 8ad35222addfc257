"""A command in a container: its output as bytes (the channels of v5.channel.k8s.io,
staging/src/k8s.io/apimachinery/pkg/util/remotecommand/constants.go)."""

import json
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import urlencode, urlparse

from kubectl_skoop.cluster.raw import items, text
from kubectl_skoop.collect.live.api import CONNECT_TIMEOUT, Api
from kubectl_skoop.collect.live.errors import ClusterError, Unreachable

if TYPE_CHECKING:
    from websocket import WebSocket

STDIN, STDOUT, STDERR, STATUS = range(4)
PROTOCOLS = "v5.channel.k8s.io,v4.channel.k8s.io"
LARGEST_MESSAGE = 32 << 10
"""Bytes of standard input that are sent at a time."""
KEPT_ERRORS = 4096
"""Bytes of standard error that are kept, the last ones."""
_POLL = 0.5
"""Seconds between two looks at whether to go on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How the command ended."""

    code: int
    errors: str
    """The end of its standard error."""


def execute(
    api: Api,
    namespace: str,
    pod: str,
    container: str,
    command: Sequence[str],
    *,
    stdin: bytes,
    stdout: BinaryIO,
    silence: float,
    go_on: Callable[[], bool],
) -> Ended:
    """`silence`: seconds without a byte after which the command counts as hanging. Ends when `go_on` says no.

    Raises: ClusterError (refused, cut off, hanging, told to stop); what writing to `stdout` does.
    """
    path = f"/api/v1/namespaces/{namespace}/pods/{pod}/exec"
    query = [("container", container), ("stdin", "true"), ("stdout", "true"), ("stderr", "true")]
    query += [("command", word) for word in command]
    socket = _connect(api, f"{path}?{urlencode(query)}")
    try:
        return _converse(socket, stdin, stdout, silence, go_on)
    finally:
        socket.close(timeout=0)


def _connect(api: Api, path: str) -> "WebSocket":
    from websocket import WebSocket, WebSocketBadStatusException, WebSocketException

    settings = api.configuration
    server = urlparse(api.server)
    scheme = "wss" if server.scheme == "https" else "ws"
    options: dict[str, object] = {}
    if settings.verify_ssl:
        options = {"cert_reqs": ssl.CERT_REQUIRED, "check_hostname": settings.assert_hostname is not False}
        if settings.ssl_ca_cert:
            options["ca_certs"] = settings.ssl_ca_cert
    else:
        options = {"cert_reqs": ssl.CERT_NONE, "check_hostname": False}
    if settings.cert_file:
        options |= {"certfile": settings.cert_file, "keyfile": settings.key_file}
    if settings.tls_server_name:
        options["server_hostname"] = settings.tls_server_name
    proxy: dict[str, object] = {}
    if settings.proxy:
        through = urlparse(settings.proxy)
        proxy = {
            "http_proxy_host": through.hostname,
            "http_proxy_port": through.port,
            "proxy_type": through.scheme,
        }
    headers = [f"Sec-WebSocket-Protocol: {PROTOCOLS}", *(f"{name}: {value}" for name, value in api.headers())]
    socket = WebSocket(sslopt=options, skip_utf8_validation=True)
    socket.settimeout(CONNECT_TIMEOUT)
    try:
        socket.connect(
            f"{scheme}://{server.netloc}{server.path}{path}", header=headers, suppress_origin=True, **proxy
        )
    except WebSocketBadStatusException as error:
        raise _refused(error.status_code, error.resp_body) from error
    except (WebSocketException, OSError) as error:
        raise Unreachable(f"the connection to the pod failed: {error}") from error
    return socket


def _converse(
    socket: "WebSocket", stdin: bytes, stdout: BinaryIO, silence: float, go_on: Callable[[], bool]
) -> Ended:
    errors = b""
    status = b""
    for channel, data in _said(socket, stdin, silence, go_on):
        if channel == STDOUT:
            stdout.write(data)
        elif channel == STDERR:
            errors = (errors + data)[-KEPT_ERRORS:]
        elif channel == STATUS:
            status += data
            break
    return Ended(code=exit_code(status), errors=errors.decode(errors="replace").strip())


def _said(
    socket: "WebSocket", stdin: bytes, silence: float, go_on: Callable[[], bool]
) -> Iterator[tuple[int, bytes]]:
    """What the command says, each piece with its channel, after it was told `stdin`.

    Errors of who writes it down are not the connection's: they do not pass through here.
    """
    from websocket import ABNF, WebSocketException, WebSocketTimeoutException

    try:
        for at in range(0, len(stdin), LARGEST_MESSAGE):
            part = stdin[at : at + LARGEST_MESSAGE]
            socket.send(bytes([STDIN]) + part, opcode=ABNF.OPCODE_BINARY)
        socket.settimeout(_POLL)
        heard = time.monotonic()
        while True:
            try:
                opcode, frame = socket.recv_data_frame(True)
            except WebSocketTimeoutException:
                if not go_on():
                    raise ClusterError("stopped") from None
                if time.monotonic() - heard > silence:
                    raise ClusterError(f"it has sent nothing for {silence:.0f} s") from None
                continue
            heard = time.monotonic()
            if opcode == ABNF.OPCODE_CLOSE:
                return
            if opcode in (ABNF.OPCODE_BINARY, ABNF.OPCODE_TEXT) and frame.data:
                yield frame.data[0], frame.data[1:]
    except (WebSocketException, OSError) as error:
        raise Unreachable(f"the connection to the pod was lost: {error}") from error


def exit_code(status: bytes) -> int:
    """Of the Status object that ends a conversation. Raises: ClusterError where it is no end of a command."""
    try:
        answer = json.loads(status)
    except ValueError:
        raise Unreachable("the connection to the pod was cut off") from None
    if text(answer, "status") == "Success":
        return 0
    for cause in items(answer, "details", "causes"):
        if text(cause, "reason") == "ExitCode" and text(cause, "message").isdigit():
            return int(text(cause, "message"))
    raise ClusterError(f"the command could not be run: {text(answer, 'message') or 'no reason is given'}")


def _refused(status: int, body: bytes | str | None) -> ClusterError:
    try:
        message = text(json.loads(body or b""), "message")
    except ValueError:
        message = ""
    return ClusterError(f"exec was refused: {message or f'HTTP {status}'}", status=status)
