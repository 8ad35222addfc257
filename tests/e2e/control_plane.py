"""etcd, the API server, the controllers and the scheduler, in a room of their own."""

import secrets
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.errors import ClusterError
from tests.e2e.kubeconfig import Server, write_kubeconfig
from tests.e2e.room import Daemon, Room, open_room
from tests.e2e.slot import Slot
from tests.e2e.underlay import CONTROL_PLANE, POD_NETWORK, SERVICE_NETWORK, control_plane_address

_ETCD = "http://127.0.0.1:2379"
_ADMIN = "admin"
_READY_TIMEOUT = 180


@dataclass(slots=True)
class ControlPlane:
    room: Room
    server: Server
    tokens: dict[str, str]
    """By the name of the user."""

    @property
    def api_server(self) -> Daemon:
        return self.room.daemons["kube-apiserver"]

    def kubeconfig(self, user: str = _ADMIN) -> Path:
        path = self.room.folder / f"{user.replace(':', '-')}.kubeconfig"
        return path if path.exists() else write_kubeconfig(path, self.server, self.tokens[user])


def start(slot: Slot, programs: Path, nodes: Sequence[str]) -> ControlPlane:
    """Returns when the API server is ready.

    Raises:
        ClusterError: it does not become ready.
    """
    plane = start_api_server(slot, programs, nodes)
    room = plane.room
    room.start(
        str(programs / "kube-controller-manager"),
        f"--kubeconfig={plane.kubeconfig('system:kube-controller-manager')}",
        f"--service-account-private-key-file={room.folder}/service-accounts.key",
        f"--root-ca-file={room.folder}/certificates/apiserver.crt",
        f"--cluster-cidr={POD_NETWORK}",
        "--use-service-account-credentials",
        *_alone(room.folder),
    )
    room.start(
        str(programs / "kube-scheduler"),
        f"--kubeconfig={plane.kubeconfig('system:kube-scheduler')}",
        *_alone(room.folder),
    )
    return plane


def start_api_server(
    slot: Slot, programs: Path, nodes: Sequence[str], *, services: str = str(SERVICE_NETWORK)
) -> ControlPlane:
    """Objects stay as they were written: nothing but etcd and the API server runs. `services`: networks.

    Raises:
        ClusterError: it does not become ready.
    """
    room = open_room(slot, CONTROL_PLANE)
    tokens = _write_users(room.folder / "users.csv", nodes)
    _write_keys(room.folder)
    room.start(
        "etcd",
        f"--data-dir={room.folder}/etcd",
        f"--listen-client-urls={_ETCD}",
        f"--advertise-client-urls={_ETCD}",
        "--listen-peer-urls=http://127.0.0.1:2380",
        "--unsafe-no-fsync",
    )
    address = control_plane_address(slot)
    room.start(str(programs / "kube-apiserver"), *_api_server_options(room.folder, str(address), services))
    certificate = _await_ready(room, f"https://{address}:6443")
    return ControlPlane(room, Server(f"https://{address}:6443", certificate), tokens)


def _api_server_options(folder: Path, address: str, services: str) -> tuple[str, ...]:
    """As kubeadm sets them, but for client certificates: users have tokens here."""
    return (
        f"--etcd-servers={_ETCD}",
        f"--advertise-address={address}",
        f"--cert-dir={folder}/certificates",
        f"--token-auth-file={folder}/users.csv",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged",
        f"--service-cluster-ip-range={services}",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={folder}/service-accounts.pub",
        f"--service-account-signing-key-file={folder}/service-accounts.key",
        "--kubelet-preferred-address-types=InternalIP",
    )


def _alone(folder: Path) -> tuple[str, ...]:
    return ("--leader-elect=false", "--bind-address=127.0.0.1", f"--cert-dir={folder}/certificates")


def _write_users(path: Path, nodes: Sequence[str]) -> dict[str, str]:
    """The users that the built-in roles are bound to, by plugin/pkg/auth/authorizer/rbac/bootstrappolicy."""
    groups = {_ADMIN: "system:masters"}
    groups |= {f"system:kube-{name}": "" for name in ("controller-manager", "scheduler", "proxy")}
    groups |= {f"system:node:{node}": "system:nodes" for node in nodes}
    tokens = {user: secrets.token_hex(16) for user in groups}
    path.touch(mode=0o600)
    path.write_text("".join(f'{tokens[user]},{user},{user},"{groups[user]}"\n' for user in groups))
    return tokens


def _write_keys(folder: Path) -> None:
    """The pair that signs service account tokens."""
    private, public = folder / "service-accounts.key", folder / "service-accounts.pub"
    for command in (
        ("openssl", "genrsa", "-out", str(private), "2048"),
        ("openssl", "rsa", "-in", str(private), "-pubout", "-out", str(public)),
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ClusterError(f"openssl: {done.stderr.strip()}")


def _await_ready(room: Room, url: str) -> bytes:
    """The certificate that the API server made for itself when it started, and that it is ready."""
    certificate = room.folder / "certificates/apiserver.crt"
    end = time.monotonic() + _READY_TIMEOUT
    last = "no certificate"
    while time.monotonic() < end:
        room.check()
        if certificate.exists():
            try:
                context = ssl.create_default_context(cafile=str(certificate))
                with urllib.request.urlopen(f"{url}/readyz", context=context, timeout=2):
                    return certificate.read_bytes()
            except (urllib.error.URLError, ssl.SSLError, OSError) as error:
                last = str(error)
        time.sleep(0.05)
    raise ClusterError(f"the API server is not ready after {_READY_TIMEOUT} s: {last}")
