"""Accounting objects that kube-proxy's rules count into (kernel: net/netfilter/nfnetlink_acct.c)."""

import os
import socket
import struct
from collections.abc import Iterable

from kubectl_skoop.testing.netns import LabError, Namespace, entered

_NETLINK_NETFILTER = 12
_NFNL_MSG_ACCT_NEW = 7 << 8
_NLM_F_REQUEST, _NLM_F_ACK, _NLM_F_CREATE = 1, 4, 0x400
_NFACCT_NAME = 1
_NLMSG_ERROR = 2


def create_counters(namespace: Namespace, names: Iterable[str]) -> None:
    """Raises LabError: the kernel refused one."""
    with entered(namespace.path):
        kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER)
    with kernel:
        for name in names:
            kernel.send(_message(name))
            answer = kernel.recv(4096)
            kind = struct.unpack_from("=H", answer, 4)[0]
            error = struct.unpack_from("=i", answer, 16)[0]
            if kind != _NLMSG_ERROR or error:
                raise LabError(f"nfacct {name}: {os.strerror(-error)}")


def _message(name: str) -> bytes:
    text = name.encode() + b"\0"
    attribute = struct.pack("=HH", 4 + len(text), _NFACCT_NAME) + text
    attribute += bytes(-len(attribute) % 4)
    body = struct.pack("=BBH", socket.AF_UNSPEC, 0, 0) + attribute
    flags = _NLM_F_REQUEST | _NLM_F_ACK | _NLM_F_CREATE
    return struct.pack("=IHHII", 16 + len(body), _NFNL_MSG_ACCT_NEW, flags, 1, 0) + body
