"""What `nft -j` and the save tools leave out: table flags, generations, parameters of xt matches and targets.

K-25; include/uapi/linux/netfilter/{nf_tables,nf_tables_compat}.h.
"""

from collections.abc import Container, Iterator
from typing import NamedTuple

from kubectl_skoop.collect.netlink.message import MalformedMessage, Message, split_attributes
from kubectl_skoop.collect.netlink.schema import (
    Fields,
    be32,
    be64,
    nested,
    raw,
    read_attributes,
    schema,
    text,
)
from kubectl_skoop.collect.netlink.socket import NetlinkSocket
from kubectl_skoop.collect.nfnetlink.nft_checks import read_checks
from kubectl_skoop.collect.nfnetlink.request import HEADER_BYTES, NFTABLES, family_of, header, message_type

NFT_MSG_GETTABLE, NFT_MSG_GETCHAIN, NFT_MSG_GETRULE, NFT_MSG_GETSET, NFT_MSG_GETGEN = 1, 4, 7, 10, 16
NFPROTO_INET, NFPROTO_IPV4, NFPROTO_ARP, NFPROTO_NETDEV = 1, 2, 3, 5
NFPROTO_BRIDGE, NFPROTO_IPV6 = 7, 10
NFTA_DEVICE_PREFIX = 2
_TABLE = schema(
    (1, "name", text),
    (2, "flags", be32),
    (3, "use", be32),
    (4, "handle", be64),
    (6, "userdata", raw),
    (7, "owner", be32),
)


def _device_names(payload: bytes) -> object:
    """What stands for all names that begin like it ends in `*`."""
    return [
        f"{text(value)}*" if kind == NFTA_DEVICE_PREFIX else text(value)
        for kind, value in split_attributes(payload)
    ]


_HOOK = schema((3, "device", text), (4, "devices", _device_names))
_CHAIN = schema((1, "table", text), (3, "name", text), (4, "hook", nested(_HOOK)))
_SET = schema((1, "table", text))
_RULE = schema(
    (1, "table", text),
    (2, "chain", text),
    (3, "handle", be64),
    (4, "expressions", raw),
    (5, "compat", raw),
    (6, "position", be64),
    (7, "userdata", raw),
)
_EXPRESSION = schema((1, "name", text), (2, "data", raw))
_XT_NAMES = (b"match\0", b"target\0")
_XT = schema((1, "name", text), (2, "revision", be32), (3, "info", raw))


def generation(socket: NetlinkSocket) -> int:
    """Counts the transactions of this namespace. Raises: as `NetlinkSocket.request`; MalformedMessage."""
    answer = socket.request(message_type(NFTABLES, NFT_MSG_GETGEN), header())
    number = read_attributes(answer.payload, schema((1, "id", be32)), HEADER_BYTES).get("id")
    if not isinstance(number, int):
        raise MalformedMessage("no number of the generation")
    return number


def read_nft_tables(socket: NetlinkSocket) -> list[Fields]:
    """Name, family, flags (dormant is 1) and handle of each. Raises: as `NetlinkSocket.dump`."""
    messages = socket.dump(message_type(NFTABLES, NFT_MSG_GETTABLE), header())
    return [
        {"family": family_of(message.payload), **read_attributes(message.payload, _TABLE, HEADER_BYTES)}
        for message in messages
    ]


def read_tables_of_sets(socket: NetlinkSocket) -> set[tuple[int, object]]:
    """Family and name of those that have a set, be it without a name. Raises: as `NetlinkSocket.dump`."""
    messages = socket.dump(message_type(NFTABLES, NFT_MSG_GETSET), header())
    return {
        (family_of(message.payload), read_attributes(message.payload, _SET, HEADER_BYTES).get("table"))
        for message in messages
    }


def read_device_chains(socket: NetlinkSocket) -> list[Fields]:
    """Those at devices, with the names of these. Raises: as `NetlinkSocket.dump`."""
    chains: list[Fields] = []
    for message in socket.dump(message_type(NFTABLES, NFT_MSG_GETCHAIN), header()):
        fields = read_attributes(message.payload, _CHAIN, HEADER_BYTES)
        hook = fields.pop("hook", {})
        assert isinstance(hook, dict)
        devices = hook.get("devices") or [name for name in (hook.get("device"),) if name]
        if devices:
            chains.append({"family": family_of(message.payload), **fields, "devices": devices})
    return chains


class RawRules(NamedTuple):
    """Of all tables but those whose save text has everything."""

    with_xt: list[Fields]
    """Those that have an xt match or target, with all expressions."""
    checks: Fields
    """See `nft_checks.read_checks`."""


def read_rules(socket: NetlinkSocket, saved: Container[tuple[int, object]]) -> RawRules:
    """`saved`: family and name of tables that are left out.

    Raises: as `NetlinkSocket.fold`; MalformedMessage.
    """

    def take(messages: Iterator[Message]) -> RawRules:
        with_xt: list[Fields] = []

        def native() -> Iterator[tuple[int, str, int, bytes]]:
            for message in messages:
                fields, family = (
                    read_attributes(message.payload, _RULE, HEADER_BYTES),
                    family_of(message.payload),
                )
                data, handle = fields.get("expressions", b""), fields.get("handle")
                if (family, fields.get("table")) in saved:
                    continue
                assert isinstance(data, bytes)
                if not isinstance(handle, int):
                    raise MalformedMessage("a rule without a handle")
                if any(mark in data for mark in _XT_NAMES):
                    expressions = [_expression(item) for _, item in split_attributes(data)]
                    if any(expression.get("name") in ("match", "target") for expression in expressions):
                        with_xt.append({"family": family, **fields, "expressions": expressions})
                yield family, str(fields.get("table")), handle, data

        return RawRules(checks=read_checks(native()), with_xt=with_xt)

    return socket.fold(message_type(NFTABLES, NFT_MSG_GETRULE), header(), take)


def _expression(item: bytes) -> Fields:
    """`xt`, `revision` and `info` (struct xt_*_info) of a match or target; else `data`, its attributes."""
    fields = read_attributes(item, _EXPRESSION)
    data = fields.pop("data", b"")
    assert isinstance(data, bytes)
    if fields.get("name") in ("match", "target"):
        parameters = read_attributes(data, _XT)
        fields["xt"] = parameters.pop("name", "")
        fields.update(parameters)
    else:
        fields["data"] = data
    return fields
