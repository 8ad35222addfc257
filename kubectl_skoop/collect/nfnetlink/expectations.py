"""Connections that helpers (FTP, SIP …) expect (ctnetlink_exp_dump_table)."""

from ipaddress import ip_address

from kubectl_skoop.collect.netlink.schema import (
    Fields,
    be16,
    be32,
    nested,
    raw,
    read_attributes,
    schema,
    text,
)
from kubectl_skoop.collect.netlink.socket import NetlinkSocket
from kubectl_skoop.collect.nfnetlink.conntrack import TUPLE
from kubectl_skoop.collect.nfnetlink.request import (
    CTNETLINK_EXP,
    HEADER_BYTES,
    family_of,
    header,
    message_type,
)

IPCTNL_MSG_EXP_GET = 1


def _mask(payload: bytes) -> dict[str, int]:
    """How much of the sender counts: leading bits of its address, and bits of its port."""
    told = read_attributes(payload, TUPLE)
    address, ports = told.get("ip"), told.get("proto")
    text = str(address.get("src")) if isinstance(address, dict) else "0.0.0.0"
    port = ports.get("src_port", 0) if isinstance(ports, dict) else 0
    return {"source_bits": int(ip_address(text)).bit_count(), "port_mask": int(port)}


EXPECTATION = schema(
    (1, "master", nested(TUPLE)),
    (2, "tuple", nested(TUPLE)),
    (3, "mask", _mask),
    (4, "timeout", be32),
    (6, "helper", text),
    (7, "zone", be16),
    (8, "flags", be32),
    (10, "nat", raw),
)


def read_expectations(socket: NetlinkSocket) -> list[Fields]:
    """Raises: as `NetlinkSocket.dump`."""
    return [
        {
            "family": family_of(message.payload),
            **read_attributes(message.payload, EXPECTATION, HEADER_BYTES),
        }
        for message in socket.dump(message_type(CTNETLINK_EXP, IPCTNL_MSG_EXP_GET), header())
    ]
