"""IPVS services with their real servers."""

from kubectl_skoop.netstack.ipvs.service import Method, RealServer, VirtualService
from kubectl_skoop.snapshot.decode.entry import Entry, entries

_METHODS: tuple[Method, ...] = ("masquerade", "local", "tunnel", "route", "bypass")
_METHOD_MASK = 0x7
_FAMILIES = {2: 4, 10: 6}


def decode_ipvs(data: object) -> tuple[VirtualService, ...]:
    """Raises: FormatError."""
    return tuple(_service(entry) for entry in entries(data, "$.ipvs"))


def _service(entry: Entry) -> VirtualService:
    fwmark = entry.number("fwmark", 0)
    family = _FAMILIES.get(entry.number("af"))
    if family is None:
        raise entry.wrong("af", "neither IPv4 (2) nor IPv6 (10)")
    return VirtualService(
        family=family,
        protocol=0 if fwmark else entry.number("protocol"),
        address=None if fwmark else entry.address("addr"),
        port=0 if fwmark else entry.number("port"),
        fwmark=fwmark,
        scheduler=entry.text("sched_name", "none"),
        flags=entry.entry("flags").number("flags", 0),
        timeout=entry.number("timeout", 0),
        servers=tuple(_server(server) for server in entry.entries("destinations")),
    )


def _server(entry: Entry) -> RealServer:
    method = entry.number("fwd_method", 0) & _METHOD_MASK
    if method >= len(_METHODS):
        raise entry.wrong("fwd_method", f"no forwarding method: {method}")
    return RealServer(
        address=entry.address("addr"),
        port=entry.number("port"),
        method=_METHODS[method],
        weight=entry.number("weight", 1),
        upper_threshold=entry.number("u_thresh", 0),
        active=entry.number("active_conns", 0),
        inactive=entry.number("inact_conns", 0),
    )
