"""An HTTP server on loopback with a table of answers: what an API server says by its documentation."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

Answer = tuple[int, Mapping[str, object]]
"""HTTP status and body."""


@dataclass
class Server:
    """Answers by method and path with its query, each list of answers in order, the last one for ever."""

    answers: dict[str, list[Answer]]
    url: str = ""
    asked: list[str] = field(default_factory=list)
    headers: list[list[tuple[str, str]]] = field(default_factory=list)

    def kubeconfig(self, folder: Path, user: Mapping[str, object] | None = None) -> Path:
        path = folder / "kubeconfig"
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "here",
            "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u", "namespace": "shop"}}],
            "clusters": [{"name": "c", "cluster": {"server": self.url}}],
            "users": [{"name": "u", "user": user or {"token": "secret"}}],
        }
        path.write_text(json.dumps(content))
        return path


@contextmanager
def serving(answers: dict[str, list[Answer]]) -> Iterator[Server]:
    server = Server(answers)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer("GET")

        def do_DELETE(self) -> None:
            self._answer("DELETE")

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self._answer("POST")

        def log_message(self, format: str, *args: object) -> None:
            pass

        def _answer(self, method: str) -> None:
            key = f"{method} {self.path}"
            server.asked.append(key)
            server.headers.append(self.headers.items())
            listed = server.answers.get(key, [(404, {"reason": "NotFound", "message": "not found"})])
            status, body = listed.pop(0) if len(listed) > 1 else listed[0]
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    server.url = f"http://127.0.0.1:{http.server_port}"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        thread.join()
        http.server_close()
