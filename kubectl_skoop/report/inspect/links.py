"""Devices with their details and addresses, after `ip -d address`."""

from collections.abc import Iterator

from kubectl_skoop.report.inspect.state import State
from kubectl_skoop.report.inspect.words import (
    DEVICE_FLAGS,
    LINK_TYPES,
    OPERATIONAL_STATES,
    PORT_STATES,
    SCOPES,
    word,
    words,
)
from kubectl_skoop.snapshot.decode.entry import Entry

_ADDRESS_FLAGS = {0x01: "secondary", 0x20: "deprecated", 0x40: "tentative", 0x08: "dadfailed"}
_PERMANENT_ADDRESS = 0x80
_FIRST_DETAILS = ("state", "id", "local", "group", "link", "port")
"""Of a kind's data, printed before the rest."""


def print_links(state: State) -> Iterator[str]:
    addresses: dict[int, list[Entry]] = {}
    for row in state.rows("addresses"):
        addresses.setdefault(row.number("index"), []).append(row)
    for row in state.rows("links"):
        index = row.number("index")
        yield " ".join(_first_line(state, row, index))
        yield "    " + " ".join(_hardware(row))
        info = row.entry("linkinfo")
        if kind := info.text("kind", ""):
            yield "    " + " ".join([kind, *_details(info.entry("data"))])
        if kind := info.text("slave_kind", ""):
            yield "    " + " ".join([f"{kind}_slave", *_details(info.entry("slave_data"), PORT_STATES)])
        for entry in addresses.get(index, ()):
            yield "    " + " ".join(_address(entry))


def _first_line(state: State, row: Entry, index: int) -> Iterator[str]:
    name = row.text("ifname")
    if "link" in row.fields:
        other = row.number("link")
        elsewhere = "link_netnsid" in row.fields
        name += f"@if{other}" if elsewhere or other == 0 else f"@{state.device(other)}"
    yield f"{index}: {name}:"
    flags = row.number("flags")
    names = words(DEVICE_FLAGS, flags)
    if flags & 0x1 and not row.number("carrier", 1):
        names.insert(0, "NO-CARRIER")
    yield f"<{','.join(names)}>"
    yield f"mtu {row.number('mtu')}"
    if qdisc := row.text("qdisc", ""):
        yield f"qdisc {qdisc}"
    if master := row.number("master", 0):
        yield f"master {state.device(master)}"
    yield f"state {word(OPERATIONAL_STATES, row.number('operstate', 0))}"
    xdp = row.entry("xdp")
    if xdp.number("attached", 0):
        yield f"xdp prog id {xdp.fields.get('prog_id', '?')}"


def _hardware(row: Entry) -> Iterator[str]:
    yield f"link/{word(LINK_TYPES, row.number('type', 0))}"
    if "address" in row.fields:
        yield str(row.fields["address"])
    if "broadcast" in row.fields:
        yield f"brd {row.fields['broadcast']}"
    if "link_netnsid" in row.fields:
        yield f"link-netnsid {row.number('link_netnsid')}"


def _details(data: Entry, states: dict[int, str] | None = None) -> Iterator[str]:
    """What iproute2 knows has a name; attributes that only have a number are left to `-o json`."""
    names = [name for name in _FIRST_DETAILS if name in data.fields]
    names += [name for name in data.fields if name not in names and not name.isdecimal()]
    for name in names:
        value = data.fields[name]
        if name == "state" and states and isinstance(value, int):
            value = word(states, value)
        if isinstance(value, str | int) and value != "":
            yield f"{name} {value}"


def _address(row: Entry) -> Iterator[str]:
    yield "inet" if row.family() == 4 else "inet6"
    own = row.text("local", "") or row.text("address", "")
    peer = row.text("address", "")
    yield (
        f"{own} peer {peer}/{row.number('prefixlen')}" if peer != own else f"{own}/{row.number('prefixlen')}"
    )
    if "broadcast" in row.fields:
        yield f"brd {row.text('broadcast')}"
    yield f"scope {word(SCOPES, row.number('scope'))}"
    flags = row.number("flags", 0)
    yield from words(_ADDRESS_FLAGS, flags)
    if not flags & _PERMANENT_ADDRESS:
        yield "dynamic"
    if label := row.text("label", ""):
        yield label
