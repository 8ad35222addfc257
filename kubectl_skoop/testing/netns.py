"""Network namespaces for labs: created by name, entered by setns, deleted again.

All names begin with a prefix of this process, so that a lab never touches what it did not make.
"""

import ctypes
import fcntl
import os
import secrets
import shutil
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kubectl_skoop.collect.netlink.schema import Fields
from kubectl_skoop.collect.netlink.socket import NETLINK_ROUTE, Interrupted, NetlinkSocket
from kubectl_skoop.collect.rtnetlink.tables import DUMPS, LINK_HEADER

CLONE_NEWNET = 0x40000000
SIOCGIFFLAGS, SIOCSIFFLAGS = 0x8913, 0x8914
IFF_UP, IFF_LOWER_UP = 0x1, 0x10000
IF_OPER_DOWN, IF_OPER_UP = 2, 6
IPV6_ADDR_LINKLOCAL, IFA_F_OPTIMISTIC, IFA_F_DADFAILED, IFA_F_TENTATIVE = 0x20, 0x04, 0x08, 0x40
RTF_LOCAL = 0x80000000
NAMED = Path("/run/netns")
SYSCTL = Path("/proc/sys")
TOOLS = ("ip", "bridge", "iptables-nft", "iptables-legacy", "ipset", "nft", "conntrack", "ethtool")
COMMAND = 120
"""Seconds that a command may take: `iptables-restore` took more than 20 in an emulated machine under load."""
SETTLE, SETTLE_PAUSE = 10, 0.02
"""Seconds to wait at most, and between two looks."""
FOLDERS = "/usr/sbin:/sbin:/usr/bin:/bin"

_FLAGS = struct.Struct("=16sH14x")
"""struct ifreq with ifr_flags"""
_libc = ctypes.CDLL(None, use_errno=True)


class LabError(RuntimeError):
    """A command of the lab itself failed: no statement about the kernel is possible."""


def lab_prefix() -> str:
    """A fresh prefix: process id and a random part."""
    return f"sk{os.getpid()}-{secrets.token_hex(2)}-"


def why_no_lab() -> str:
    """Why no lab can start here; empty if one can."""
    if os.geteuid() != 0:
        return "labs need root (network namespaces)"
    missing = [tool for tool in TOOLS if shutil.which(tool, path=FOLDERS) is None]
    return f"labs need {', '.join(missing)}" if missing else ""


@contextmanager
def entered(path: Path) -> Iterator[None]:
    """The calling thread is in the namespace of this file; sockets and processes made here stay in it."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        target = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _setns(target)
        finally:
            os.close(target)
        try:
            yield
        finally:
            _setns(home)
    finally:
        os.close(home)


def _setns(descriptor: int) -> None:
    if _libc.setns(descriptor, CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, f"setns: {os.strerror(number)}")


@dataclass(frozen=True, slots=True)
class Namespace:
    """A named network namespace."""

    name: str

    @property
    def path(self) -> Path:
        return NAMED / self.name

    def start(self, *command: str) -> "subprocess.Popen[str]":
        """The command, started inside; feed and await it with `finish`."""
        with entered(self.path):
            return subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )

    def run(self, *command: str, text: str = "") -> str:
        """What the command printed.

        Raises:
            LabError: it failed.
        """
        return finish(self.start(*command), text)

    def set_up(self, devices: Iterable[str]) -> None:
        """As `ip link set … up`, without a process (netdevice(7)). Raises: LabError: no such device."""
        with entered(self.path):
            asked = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with asked:
            for device in devices:
                try:
                    _set_up(asked, device)
                except OSError as error:
                    raise LabError(f"{self.name}: {device} does not come up: {error.strerror}") from error

    def set_sysctls(self, values: Mapping[str, object]) -> None:
        """Names as sysctl writes them (`net.ipv4.ip_forward`; a dot inside a device name is `/`)."""
        with entered(self.path):
            for name, value in values.items():
                sysctl_file(name).write_text(str(value))

    def set_for_each_device(self, tree: str, name: str, value: object) -> None:
        """`tree` is `net.ipv4.conf`, `net.ipv4.neigh` …"""
        with entered(self.path):
            for folder in sysctl_file(tree).iterdir():
                (folder / name).write_text(str(value))


def _set_up(asked: socket.socket, device: str) -> None:
    name = device.encode()
    answer = fcntl.ioctl(asked, SIOCGIFFLAGS, _FLAGS.pack(name, 0))
    _, flags = _FLAGS.unpack(answer)
    fcntl.ioctl(asked, SIOCSIFFLAGS, _FLAGS.pack(name, flags | IFF_UP))


def ready_for_ipv6(namespace: Namespace) -> bool:
    """Devices get link-local addresses a moment after their carrier (linkwatch), and use them a bit later."""
    return links_settled(namespace) and not _tentative(namespace) and _optimistic_are_local(namespace)


def links_settled(namespace: Namespace) -> bool:
    """The kernel has dealt with every change of carrier (linkwatch, up to a second late): before that a port
    of a bridge does not forward, and a neighbour that is asked for is forgotten when the loss is noticed.

    A link that is asked for by itself is dealt with at once (rtnl_getlink, since Linux 6.8).
    """
    return _settle(namespace, lambda link: True)


def ports_settled(namespace: Namespace) -> bool:
    """As `links_settled`, of ports of bridges and bonds alone."""
    return _settle(namespace, lambda link: "master" in link)


def addresses_settled(namespace: Namespace) -> bool:
    """No IPv6 address is tentative any more, but for those that somebody else has. Such as need no detection
    are so for a moment, too (addrconf_dad_work); what becomes of anycast addresses depends on it."""
    return not any(flags & IFA_F_TENTATIVE and not flags & IFA_F_DADFAILED for _, flags in _flags6(namespace))


def _settle(namespace: Namespace, wanted: Callable[[Fields], bool]) -> bool:
    links = DUMPS["links"]
    with entered(namespace.path), NetlinkSocket(NETLINK_ROUTE) as netlink:
        try:
            late = [link for link in links.read(netlink) if wanted(link) and not _settled(link)]
            requests = [LINK_HEADER.request(index=_number(link, "index")) for link in late]
            asked = links.entries([netlink.request(links.request, payload) for payload in requests])
        except Interrupted:
            return False
    return all(map(_settled, asked))


def _settled(link: Fields) -> bool:
    flags, state = _number(link, "flags"), _number(link, "operstate")
    return not flags & IFF_UP or state != (IF_OPER_DOWN if flags & IFF_LOWER_UP else IF_OPER_UP)


def _number(link: Fields, name: str) -> int:
    value = link[name]
    assert isinstance(value, int)
    return value


def _tentative(namespace: Namespace) -> bool:
    """It has a link-local address that is not used yet."""
    return any(
        scope == IPV6_ADDR_LINKLOCAL and flags & IFA_F_TENTATIVE for scope, flags in _flags6(namespace)
    )


def _optimistic_are_local(namespace: Namespace) -> bool:
    """Such an address is used before its detection ends, but for the moment before that begins: then it gets
    its local route (addrconf_dad_begin)."""
    words = [line.split() for line in _proc_net(namespace, "if_inet6").splitlines()]
    optimistic = {address for address, *_, flags, _ in words if int(flags, 16) & IFA_F_OPTIMISTIC}
    if not optimistic:
        return True
    routes = [line.split() for line in _proc_net(namespace, "ipv6_route").splitlines()]
    return optimistic <= {route[0] for route in routes if int(route[-2], 16) & RTF_LOCAL}


def _flags6(namespace: Namespace) -> list[tuple[int, int]]:
    """Scope and flags of each IPv6 address (net/ipv6/addrconf.c, if6_seq_show)."""
    addresses = (line.split() for line in _proc_net(namespace, "if_inet6").splitlines())
    return [(int(scope, 16), int(flags, 16)) for _, _, _, scope, flags, _ in addresses]


def _proc_net(namespace: Namespace, name: str) -> str:
    with entered(namespace.path):
        return Path(f"/proc/thread-self/net/{name}").read_text()


def await_each(namespaces: Iterable[Namespace], ready: Callable[[Namespace], bool] = links_settled) -> None:
    """Raises: LabError: one is not ready in time."""
    end = time.monotonic() + SETTLE
    for namespace in namespaces:
        while not ready(namespace):
            if time.monotonic() > end:
                raise LabError(f"{namespace.name}: a device does not get ready within {SETTLE} s")
            time.sleep(SETTLE_PAUSE)


def sysctl_file(name: str) -> Path:
    """sysctl(8): a `/` in a dotted name stands for a dot inside one of its parts."""
    return SYSCTL / "/".join(part.replace("/", ".") for part in name.split("."))


def finish(process: "subprocess.Popen[str]", text: str = "") -> str:
    """Feed a started command, wait for it, return what it printed.

    Raises:
        LabError: it failed, or did not end in time.
    """
    try:
        out, err = process.communicate(text, timeout=COMMAND)
    except subprocess.TimeoutExpired as error:
        process.kill()
        process.communicate()
        raise LabError(f"{process.args!r}: no end after {COMMAND} s") from error
    if process.returncode:
        raise LabError(f"{process.args!r}: {err.strip() or out.strip()}\n{text}")
    return out


def create(names: Iterable[str]) -> None:
    run_batch(f"netns add {name}" for name in names)


def delete(names: Iterable[str]) -> None:
    run_batch(f"netns del {name}" for name in names if (NAMED / name).exists())


def run_batch(lines: Iterable[str]) -> None:
    text = "".join(f"{line}\n" for line in lines)
    done = subprocess.run(("ip", "-batch", "-"), input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"ip -batch: {done.stderr.strip()}\n{text}")
