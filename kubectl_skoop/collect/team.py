"""Options of team devices (linux/if_team.h), whose mode and port in use rtnetlink does not tell."""

import struct
from collections.abc import Iterable, Iterator, Sequence

from kubectl_skoop.collect.netlink.generic import HEADER, family_number
from kubectl_skoop.collect.netlink.message import Message, pack_attribute, split_attributes
from kubectl_skoop.collect.netlink.schema import Fields, read_attributes, s32, schema, text, u8, u32
from kubectl_skoop.collect.netlink.socket import NetlinkSocket

TEAM_CMD_OPTIONS_GET = 2
TEAM_ATTR_TEAM_IFINDEX, TEAM_ATTR_LIST_OPTION = 1, 2
TEAM_ATTR_OPTION_DATA, TEAM_ATTR_OPTION_ARRAY_INDEX = 4, 7
NLA_U32, NLA_STRING, NLA_FLAG, NLA_S32 = 3, 5, 6, 14
_READERS = {NLA_U32: u32, NLA_STRING: text, NLA_S32: s32}
_OPTION = schema((1, "name", text), (3, "type", u8), (6, "port", u32))
_KEPT = frozenset({"name", "port"})


def read_teams(socket: NetlinkSocket, devices: Sequence[int]) -> list[Fields]:
    """Each device with its `options`, of it or of one `port`, without arrays (statistics, what a hash leads
    to); of a program that computes a hash only its option is named.

    Raises: as `NetlinkSocket.dump`; MalformedMessage.
    """
    if not devices:
        return []
    family = family_number(socket, "team")
    return [
        {"ifindex": index, "options": list(options(socket.answers(family, _asking(index))))}
        for index in devices
    ]


def _asking(index: int) -> bytes:
    attribute = pack_attribute(TEAM_ATTR_TEAM_IFINDEX, struct.pack("=I", index))
    return HEADER.pack(TEAM_CMD_OPTIONS_GET, 1) + attribute


def options(messages: Iterable[Message]) -> Iterator[Fields]:
    """Raises: MalformedMessage."""
    for message in messages:
        for kind, listed in split_attributes(message.payload, HEADER.size):
            if kind == TEAM_ATTR_LIST_OPTION:
                for _, item in split_attributes(listed):
                    told = read_attributes(item, _OPTION)
                    if str(TEAM_ATTR_OPTION_ARRAY_INDEX) not in told:
                        yield _option(told)


def _option(told: Fields) -> Fields:
    """A flag's data are there or not."""
    kept = {name: value for name, value in told.items() if name in _KEPT}
    kind, data = told.get("type"), told.get(str(TEAM_ATTR_OPTION_DATA))
    if kind == NLA_FLAG:
        return {**kept, "value": data is not None}
    reader = _READERS.get(kind) if isinstance(kind, int) else None
    if reader is None or not isinstance(data, bytes):
        return kept
    try:
        return {**kept, "value": reader(data)}
    except struct.error:
        return kept
