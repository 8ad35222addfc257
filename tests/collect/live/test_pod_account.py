"""What a pod knows of its cluster: its account, and the API servers where the service does not answer."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from kubectl_skoop.collect.live import pod_account as module
from kubectl_skoop.collect.live.kubeconfig import Access, configuration
from kubectl_skoop.collect.live.pod_account import HOST, PORT, SERVER_NAME, SERVERS, pod_account
from kubectl_skoop.model.errors import InputError


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "token").write_text("first\n")
    (tmp_path / "ca.crt").write_text("certificate")
    monkeypatch.setattr(module, "FOLDER", tmp_path)
    return tmp_path


@pytest.fixture
def listening() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def closed() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def test_without_a_kubeconfig_a_pod_asks_by_its_account(
    account: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/nonexistent")
    made = configuration(Access(), {HOST: "10.96.0.1", PORT: "443"})
    assert (made.host, made.ssl_ca_cert) == ("https://10.96.0.1:443", str(account / "ca.crt"))
    assert made.get_api_key_with_prefix("BearerToken") == "Bearer first"


def test_the_token_is_that_of_now(account: Path) -> None:
    made = pod_account({HOST: "10.96.0.1"})
    (account / "token").write_text("second")
    assert made.get_api_key_with_prefix("BearerToken") == "Bearer second"


def test_a_service_of_ipv6_is_bracketed(account: Path) -> None:
    assert pod_account({HOST: "fd00::1", PORT: "6443"}).host == "https://[fd00::1]:6443"


def test_a_server_is_asked_itself_only_if_the_service_does_not_answer(
    account: Path, listening: int, closed: int
) -> None:
    servers = f"127.0.0.1:{closed},127.0.0.1:{listening}"
    past = pod_account({HOST: "127.0.0.1", PORT: str(closed), SERVERS: servers})
    assert (past.host, past.tls_server_name) == (f"https://127.0.0.1:{listening}", SERVER_NAME)
    by_service = pod_account({HOST: "127.0.0.1", PORT: str(listening), SERVERS: servers})
    assert (by_service.host, by_service.tls_server_name) == (f"https://127.0.0.1:{listening}", None)
    neither = pod_account({HOST: "127.0.0.1", PORT: str(closed), SERVERS: f"127.0.0.1:{closed}"})
    assert (neither.host, neither.tls_server_name) == (f"https://127.0.0.1:{closed}", None)


def test_a_pod_without_an_account_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FOLDER", tmp_path)
    with pytest.raises(InputError, match="a pod without an account"):
        pod_account({HOST: "10.96.0.1"})
