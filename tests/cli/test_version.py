"""`version`: what was found."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from kubectl_skoop import __version__
from kubectl_skoop.cli.version import _tools
from tests.cli.run import skoop


def _rows(*words: str, **variables: str) -> dict[str, str]:
    ran = skoop("version", *words, env=variables)
    first, *rows = ran.out.splitlines()
    assert (ran.code, ran.err, first) == (0, "", f"kubectl-skoop {__version__}")
    return {row[:14].strip(): row[15:] for row in rows}


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Iterator[Path]:
    """Of a server that says its version."""

    class Server(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"gitVersion": "v1.36.3"}')

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        path = tmp_path / "config"
        address = f"http://127.0.0.1:{server.server_port}"
        path.write_text(
            json.dumps(
                {
                    "clusters": [{"name": "c", "cluster": {"server": address}}],
                    "contexts": [{"name": "c", "context": {"cluster": "c"}}],
                    "current-context": "c",
                }
            )
        )
        yield path
        server.shutdown()


def test_what_is_on_this_machine() -> None:
    rows = _rows("--client")
    assert list(rows) == ["Python", "kernel", "tools", "configuration", "plugins", "providers", "libraries"]
    assert rows["configuration"] == "none"
    assert {"any", "calico", "flannel"} <= set(rows["plugins"].split(", "))
    assert "kubernetes " in rows["libraries"]
    assert "missing" not in rows["libraries"]


def test_the_api_server_says_its_version(kubeconfig: Path) -> None:
    said = _rows(KUBECONFIG=str(kubeconfig))["API server"]
    assert said.startswith("v1.36.3 at http://127.0.0.1:")


def test_without_an_api_server_the_reason_is_told() -> None:
    assert _rows()["API server"].startswith("none: no cluster to ask: there is no ~/.kube/config")


def test_the_configuration_file_is_named(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.touch()
    assert _rows("--client", SKOOP_CONFIG=str(config))["configuration"] == str(config)


def test_the_back_end_of_iptables_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "xtables-legacy-multi"
    program.touch(mode=0o755)
    (tmp_path / "iptables").symlink_to(program)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("kubectl_skoop.cli.version._ADMINISTRATORS", "/nonexistent")
    assert list(_tools()) == ["iptables (legacy)"]
