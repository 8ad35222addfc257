"""IPVS services and their destinations, by pyroute2 (which is loaded only where the kernel has IPVS)."""

from collections.abc import Mapping
from typing import Any

from kubectl_skoop.collect.netlink.schema import Fields
from kubectl_skoop.collect.procnet import read_optional
from kubectl_skoop.collect.table import Absent


def read_ipvs() -> list[Fields]:
    """Each service with its attributes, and under `destinations` those of its backends.

    Asking generic netlink for a family that is not there loads it, so /proc/net/ip_vs is looked for first.

    Raises:
        Absent: no IPVS in this kernel.
        OSError: the kernel refused.
    """
    if read_optional("ip_vs") is None:
        raise Absent("ip_vs is not loaded")
    from pyroute2.ipvs import IPVS, IPVSService
    from pyroute2.netlink.exceptions import NetlinkError

    try:
        with IPVS() as ipvs:
            found = []
            for message in ipvs.service("dump"):
                destinations = ipvs.dest("dump", IPVSService.from_message(message))
                fields = attributes_of(message, "IPVS_CMD_ATTR_SERVICE")
                fields["destinations"] = [attributes_of(one, "IPVS_CMD_ATTR_DEST") for one in destinations]
                found.append(fields)
            return found
    except NetlinkError as error:
        raise OSError(error.code, str(error)) from error


def attributes_of(message: Mapping[str, Any], name: str) -> Fields:
    """The attributes in one nested attribute of a message of pyroute2: `IPVS_SVC_ATTR_PORT` as `port`."""
    found = [value for kind, value in message["attrs"] if kind == name]
    return _fields(found[0]) if found else {}


def _fields(value: Mapping[str, Any]) -> Fields:
    return {name.split("_ATTR_", 1)[-1].lower(): _plain(inner) for name, inner in value["attrs"]}


def _plain(value: object) -> object:
    if isinstance(value, dict):
        if value.get("attrs"):
            return _fields(value)
        return {str(key): _plain(item) for key, item in value.items() if key != "header"}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | bytes | int | float | None) else str(value)
