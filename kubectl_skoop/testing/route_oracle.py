"""The kernel's own answer to a route lookup (RTM_GETROUTE), and the state it answers from.

Blind spots (K-72): EINVAL stands for a blackhole, a martian and a refused source alike; FORWARD, neighbours
and exceptions are not asked.
"""

import errno
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from socket import AF_INET, AF_INET6
from types import TracebackType
from typing import Self

from kubectl_skoop.collect.netlink.message import pack_attribute
from kubectl_skoop.collect.netlink.socket import NETLINK_ROUTE, NetlinkSocket
from kubectl_skoop.collect.rtnetlink.tables import DUMPS, ROUTE_HEADER
from kubectl_skoop.collect.sysctls import read_sysctls
from kubectl_skoop.collect.table import read_table
from kubectl_skoop.model.place import Place
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.routing.flow import FlowKey
from kubectl_skoop.netstack.routing.types import Route
from kubectl_skoop.snapshot.decode.namespace import decode_namespace
from kubectl_skoop.snapshot.decode.routes import ROUTES
from kubectl_skoop.snapshot.dump import NamespaceDump
from kubectl_skoop.testing.netns import entered

RTM_GETROUTE = 26
RTM_F_LOOKUP_TABLE, RTM_F_FIB_MATCH = 0x1000, 0x2000
_DST, _SRC, _IIF, _OIF, _MARK, _UID, _PROTOCOL, _SPORT, _DPORT = 1, 2, 3, 4, 16, 25, 27, 28, 29
_TABLES = ("links", "addresses", "routes", "rules", "neighbours", "nexthops", "address_labels")


@dataclass(frozen=True, slots=True)
class Answer:
    """The route, or the name of the error."""

    route: Route | None = None
    errno: str = ""


class RouteOracle:
    """Asks the kernel of one namespace. Belongs to one thread."""

    def __init__(self, path: Path) -> None:
        with entered(path):
            self._socket = NetlinkSocket(NETLINK_ROUTE)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.__exit__(kind, error, trace)

    def ask(self, key: FlowKey) -> Answer:
        """The entry of the table that matches. `key.iif` 0: as for a packet of our own."""
        return self._ask(key, RTM_F_FIB_MATCH)

    def ask_way(self, key: FlowKey) -> Answer:
        """What a packet would use: one nexthop, and as `prefsrc` the source chosen, if `key` has none."""
        return self._ask(key, 0)

    def _ask(self, key: FlowKey, flags: int) -> Answer:
        try:
            message = self._socket.request(RTM_GETROUTE, _question(key, flags))
        except OSError as error:
            return Answer(errno=errno.errorcode[error.errno or 0])
        fields = DUMPS["routes"].entries([message])
        for entry in fields:
            entry["flags"] = 0
        (route,) = ROUTES.all(fields)
        return Answer(route=route)


def read_state(path: Path) -> NetworkNamespace:
    """What routing needs of the namespace, read as the agent reads it."""
    with entered(path), NetlinkSocket(NETLINK_ROUTE, strict=True) as socket:
        readings: dict[str, Callable[[], object]] = {
            name: partial(DUMPS[name].read, socket) for name in _TABLES
        }
        readings["sysctls"] = read_sysctls
        tables = {name: read_table(reading) for name, reading in readings.items()}
    dump = NamespaceDump(id="0:0", kind="host", tables=tables)
    return decode_namespace(dump, "lab", Place("node", "lab"))


def _question(key: FlowKey, flags: int) -> bytes:
    bits = key.dst.max_prefixlen
    header = ROUTE_HEADER.request(
        family=AF_INET if key.family == 4 else AF_INET6,
        dst_len=bits,
        src_len=bits if key.src is not None else 0,
        tos=key.tos,
        flags=flags | (RTM_F_LOOKUP_TABLE if key.family == 4 else 0),
    )
    numbers = ((_UID, key.uid), (_MARK, key.mark), (_IIF, key.iif), (_OIF, key.oif))
    attributes = [(_DST, key.dst.packed)]
    attributes += [(kind, struct.pack("=I", value)) for kind, value in numbers if value or kind == _UID]
    if key.src is not None:
        attributes.append((_SRC, key.src.packed))
    if key.protocol:
        attributes.append((_PROTOCOL, bytes([key.protocol])))
        for number, port in ((_SPORT, key.sport), (_DPORT, key.dport)):
            if port:
                attributes.append((number, struct.pack("!H", port)))
    return header + b"".join(pack_attribute(number, payload) for number, payload in attributes)
