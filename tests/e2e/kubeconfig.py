"""Kubeconfig files of the cluster's users."""

import base64
import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Server:
    """What a client must know to reach the API server."""

    url: str
    certificate: bytes
    """PEM of what signed its certificate."""


def write_kubeconfig(path: Path, server: Server, token: str, *, namespace: str = "default") -> Path:
    """JSON is YAML, so no YAML writer is needed."""
    cluster = {
        "server": server.url,
        "certificate-authority-data": base64.b64encode(server.certificate).decode(),
    }
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "e2e", "cluster": cluster}],
        "users": [{"name": "user", "user": {"token": token}}],
        "contexts": [{"name": "e2e", "context": {"cluster": "e2e", "user": "user", "namespace": namespace}}],
        "current-context": "e2e",
    }
    path.touch(mode=0o600)
    path.write_text(json.dumps(config, indent=1))
    return path
