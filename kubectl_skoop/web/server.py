"""The server: one snapshot, one user. A request is checked before the snapshot is looked at."""

import secrets
import socket
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from kubectl_skoop.model.errors import InputError
from kubectl_skoop.report.escape import safe
from kubectl_skoop.web.address import Listen, host_is_known
from kubectl_skoop.web.pages import Page, page
from kubectl_skoop.web.session import Session

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_FIELDS = 30
"""Words that a request may have."""
_SILENCE = 60
"""Seconds after which a connection that says nothing is closed."""


class Server(ThreadingHTTPServer):
    """Listens from the beginning; `serve_forever` answers."""

    daemon_threads = True

    def __init__(self, session: Session, listen: Listen, *, token: str, remote: bool) -> None:
        """`token`: the first part of every address; empty: none is asked for. Raises: InputError."""
        self.session = session
        self.token = token
        self.remote = remote
        self.address_family = socket.AF_INET6 if listen.address.version == 6 else socket.AF_INET
        try:
            super().__init__((str(listen.address), listen.port), _Handler)
        except OSError as error:
            why = (error.strerror or "cannot be listened at").lower()
            raise InputError(f"address {listen.host}:{listen.port}: {why}") from error
        self.home = f"http://{listen.host}:{self.server_address[1]}/{f'{token}/' if token else ''}"
        """What a browser is to open."""

    def server_bind(self) -> None:
        """Without the look-up of this machine's name that the base class does."""
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def handle_error(self, request: object, client_address: object) -> None:
        """A browser that goes away in the middle is no error."""
        error = sys.exception()
        if error is not None and not isinstance(error, ConnectionError):
            _tell(error)


def new_token() -> str:
    return secrets.token_urlsafe(18)


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: Server
    protocol_version = "HTTP/1.1"
    timeout = _SILENCE

    def do_GET(self) -> None:
        self._send(self._page())

    def do_HEAD(self) -> None:
        self._send(self._page())

    def version_string(self) -> str:
        return "kubectl-skoop"

    def end_headers(self) -> None:
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing: the addresses of requests hold the token."""

    def _page(self) -> Page:
        hosts = self.headers.get_all("Host", [])
        if len(hosts) != 1 or not host_is_known(hosts[0], remote=self.server.remote):
            return _refusal(HTTPStatus.MISDIRECTED_REQUEST, "This server is not known by that name.")
        try:
            address = urlsplit(self.path)
            words = dict(parse_qsl(address.query, max_num_fields=_FIELDS))
        except ValueError:
            return _refusal(HTTPStatus.BAD_REQUEST, "That is no address, or has too many words.")
        path = address.path.removeprefix("/")
        if self.server.token:
            token, slash, path = path.partition("/")
            if not slash or not secrets.compare_digest(token.encode(), self.server.token.encode()):
                return _refusal(HTTPStatus.FORBIDDEN, "The address lacks the token that 'serve' printed.")
        try:
            return page(self.server.session, path, words)
        except Exception as error:  # noqa: BLE001
            # The last resort: the server goes on, and says so where it was started.
            _tell(error)
            return _refusal(
                HTTPStatus.INTERNAL_SERVER_ERROR, "A bug of kubectl skoop; the terminal says more."
            )

    def _send(self, answer: Page) -> None:
        body = answer.body.encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.type)
        self.send_header("Content-Length", str(len(body)))
        if answer.file:
            self.send_header("Content-Disposition", f'attachment; filename="{answer.file}"')
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _refusal(status: HTTPStatus, message: str) -> Page:
    """Plain text: a page would need its style, which is behind the token."""
    return Page(f"{message}\n", "text/plain; charset=utf-8", status)


def _tell(error: BaseException) -> None:
    print(f"error: a bug of kubectl skoop: {safe(f'{type(error).__name__}: {error}')}", file=sys.stderr)
