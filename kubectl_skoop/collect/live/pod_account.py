"""The account of the pod that this program runs in, without the Kubernetes client, which the image lacks."""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kubectl_skoop.model.errors import InputError

if TYPE_CHECKING:
    from urllib3 import PoolManager

FOLDER = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where the kubelet puts token and certificate (plugin/pkg/admission/serviceaccount)."""
HOST, PORT = "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"
SERVERS = "SKOOP_API_SERVERS"
"""Environment: `ADDRESS:PORT,…` of the API servers themselves, tried where the service does not answer."""
SERVER_NAME = "kubernetes.default.svc"
"""What the certificate of each API server is for, whatever its address."""
_PATIENCE = 3.0
"""Seconds that an address may take to answer, if there are others."""


@dataclass(slots=True, kw_only=True)
class PodAccount:
    """What a request needs to know; the names are those of the Kubernetes client's Configuration."""

    host: str
    ssl_ca_cert: str
    tls_server_name: str | None = None
    verify_ssl: bool = True
    assert_hostname: bool | None = None
    cert_file: str | None = None
    key_file: str | None = None
    proxy: str | None = None
    connection_pool_maxsize: int = 4
    retries: bool = False

    def get_api_key_with_prefix(self, name: str) -> str:
        """The token of now: the kubelet puts a new one there before the old one ends."""
        return f"Bearer {(FOLDER / 'token').read_text().strip()}"

    def pool(self) -> "PoolManager":
        import urllib3

        return urllib3.PoolManager(
            maxsize=self.connection_pool_maxsize,
            cert_reqs="CERT_REQUIRED",
            ca_certs=self.ssl_ca_cert,
            server_hostname=self.tls_server_name,
        )


def pod_account(environment: Mapping[str, str] = os.environ) -> PodAccount:
    """By the service, as any pod; past it, if it does not answer and it is known where to.

    Raises: InputError where the pod has no account.
    """
    certificate = FOLDER / "ca.crt"
    if not certificate.is_file() or not (FOLDER / "token").is_file():
        raise InputError(
            f"this is a pod without an account: {FOLDER} is missing",
            hint="--kubeconfig FILE, or --snapshot FILE for a saved state",
        )
    service = f"{_bracketed(environment.get(HOST, ''))}:{environment.get(PORT, '443')}"
    servers = [server for server in environment.get(SERVERS, "").split(",") if server]
    if servers and not _answers(service):
        server = next(filter(_answers, servers), None)
        if server is not None:
            return PodAccount(
                host=f"https://{server}", ssl_ca_cert=str(certificate), tls_server_name=SERVER_NAME
            )
    return PodAccount(host=f"https://{service}", ssl_ca_cert=str(certificate))


def _answers(server: str) -> bool:
    host, _, port = server.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=_PATIENCE):
            return True
    except (OSError, ValueError):
        return False


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address
