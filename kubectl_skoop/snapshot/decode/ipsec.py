"""IPsec policies and states (the table `xfrm`)."""

from ipaddress import ip_network

from kubectl_skoop.model.packet import Address, Network, Protocol
from kubectl_skoop.netstack.xfrm.ipsec_tables import Ipsec
from kubectl_skoop.netstack.xfrm.ipsec_types import (
    TRANSPORT,
    TUNNEL,
    InUdp,
    Mark,
    Overhead,
    Policy,
    Selector,
    State,
    Template,
)
from kubectl_skoop.snapshot.decode.entry import Entry, table_map

XFRM_STATE_NOPMTUDISC, XFRM_STATE_WILDRECV, XFRM_STATE_ALIGN4 = 4, 8, 64
UDP_ENCAP_ESPINUDP = 2
_DIRECTION_IN = 1
"""XFRM_SA_DIR_IN"""
_OLDER = "what an older agent left out"
_OF_SOCKETS = {"3": "socket-in", "4": "socket-out"}
"""Directions that older agents gave as numbers."""
_NO_DIGEST = "digest_null"
_CIPHERS = {
    "ecb(cipher_null)": (0, 1),
    "cbc(aes)": (16, 16),
    "cbc(des3_ede)": (8, 8),
    "cbc(camellia)": (16, 16),
    "rfc3686(ctr(aes))": (8, 1),
    "rfc4106(gcm(aes))": (8, 1),
    "rfc4309(ccm(aes))": (8, 1),
    "rfc4543(gcm(aes))": (8, 1),
    "rfc7539esp(chacha20,poly1305)": (8, 1),
}
"""Lengths of the initialisation vector and of a block, bytes (crypto/*.c)."""


def decode_ipsec(data: object) -> Ipsec:
    """The kernel lists the newest policy first, and the newest state. Raises: FormatError."""
    table = Entry(table_map(data, "$.xfrm"), "$.xfrm")
    counted_only = "associations" not in table.fields and table.number("states", 0) > 0
    states = tuple(_state(entry) for entry in table.entries("associations") if entry.number("spi"))
    return Ipsec(
        policies=tuple(_policy(entry) for entry in table.entries("policies"))[::-1],
        blocks=frozenset(table.texts("blocks")),
        states=None if counted_only else states,
    )


def _policy(entry: Entry) -> Policy:
    """Older agents told neither templates nor priorities: where such a policy selects, nothing is known."""
    known = "templates" in entry.fields
    mark = _mark(entry)
    return Policy(
        direction=_OF_SOCKETS.get(direction := entry.text("direction"), direction),
        selector=_selector(entry),
        priority=entry.number("priority", 0),
        block=entry.text("action", "") == "block",
        templates=_templates(entry),
        mark=mark or Mark(),
        unmodelled=_unmodelled(entry, ("ifindex", "if_id", "type", "offload"), mark) if known else _OLDER,
    )


def _templates(entry: Entry) -> tuple[Template, ...]:
    """Older agents counted them only."""
    if "transforms" in entry.fields:
        return tuple(_template(one) for one in entry.entries("transforms"))
    optional = entry.flag("optional", "templates" not in entry.fields)
    unknown = Template(Protocol.ESP, TRANSPORT, None, None, optional=optional, unmodelled=_OLDER)
    return (unknown,) * min(entry.number("templates", 1), 1)


def _template(entry: Entry) -> Template:
    mode, protocol = entry.number("mode"), entry.number("proto")
    return Template(
        protocol=protocol,
        mode=mode,
        source=_address(entry, "src"),
        destination=_address(entry, "dst"),
        spi=entry.number("spi", 0),
        reqid=entry.number("reqid", 0),
        optional=entry.flag("optional"),
        unmodelled=_kind(protocol, mode) or ("algorithms" if "algorithms" in entry.fields else ""),
    )


def _state(entry: Entry) -> State:
    mark, mode, protocol = _mark(entry), entry.number("mode"), entry.number("proto")
    ports = _ports(entry)
    unmodelled = _unmodelled(entry, ("if_id", *([] if ports else ["encap_type"]), "offload", "used_up"), mark)
    flags = entry.number("flags", 0)
    selector = entry.entry("selector")
    overhead = _of_ah(entry) if protocol == Protocol.AH else _of_esp(entry)
    return State(
        source=_address(entry, "src"),
        destination=entry.address("dst"),
        protocol=protocol,
        spi=entry.number("spi"),
        mode=mode,
        reqid=entry.number("reqid", 0),
        selector=_selector(selector) if selector.fields else None,
        mark=mark or Mark(),
        set_mark=Mark(entry.number("set_mark", 0), entry.number("set_mask", 0)),
        created=entry.number("created", 0),
        algorithm=_algorithm(entry),
        overhead=overhead,
        encapsulation=ports,
        keeps_df=not flags & XFRM_STATE_NOPMTUDISC,
        incoming={0: None, _DIRECTION_IN: True}.get(entry.number("dir", 0), False),
        unmodelled=", ".join(
            filter(
                None,
                [_kind(protocol, mode), unmodelled, "wildrecv" if flags & XFRM_STATE_WILDRECV else ""],
            )
        ),
    )


def _algorithm(entry: Entry) -> str:
    cipher, tag = entry.text("aead", "") or entry.text("enc", ""), entry.number("tag_bits", 0)
    return " ".join(filter(None, [cipher, entry.text("auth", ""), f"{tag}" if tag else ""]))


def _of_esp(entry: Entry) -> Overhead | None:
    sizes = _CIPHERS.get(entry.text("aead", "") or entry.text("enc", ""))
    return Overhead(*sizes, entry.number("tag_bits", 0) // 8) if sizes is not None else None


def _of_ah(entry: Entry) -> Overhead | None:
    """ah_init_state, ah6_init_state: IPv6 knows no steps of four bytes."""
    tag = entry.number("tag_bits", 0)
    if not tag and entry.text("auth", "") != _NO_DIGEST:
        return None
    by_four = entry.number("flags", 0) & XFRM_STATE_ALIGN4 and entry.address("dst").version == 4
    return Overhead(0, 4 if by_four else 8, tag // 8)


def _ports(entry: Entry) -> InUdp | None:
    """Older agents told the type only."""
    if entry.number("encap_type", 0) != UDP_ENCAP_ESPINUDP or "encap_dport" not in entry.fields:
        return None
    return InUdp(entry.number("encap_sport"), entry.number("encap_dport"))


def _kind(protocol: int, mode: int) -> str:
    """What of a transformation is not modelled, whatever else it is; empty: nothing."""
    words = ([] if protocol in (Protocol.ESP, Protocol.AH) else [f"protocol {protocol}"]) + (
        [] if mode in (TRANSPORT, TUNNEL) else [f"mode {mode}"]
    )
    return ", ".join(words)


def _selector(entry: Entry) -> Selector:
    return Selector(
        source=_network(entry, "src"),
        destination=_network(entry, "dst"),
        protocol=entry.number("protocol", 0),
        sport=(entry.number("sport", 0), entry.number("sport_mask", 0)),
        dport=(entry.number("dport", 0), entry.number("dport_mask", 0)),
    )


def _mark(entry: Entry) -> Mark | None:
    """None: an older agent told the mask only."""
    mask = entry.number("mark", 0)
    if mask and "mark_value" not in entry.fields and "transforms" not in entry.fields:
        return None
    return Mark(entry.number("mark_value", 0), mask)


def _unmodelled(entry: Entry, names: tuple[str, ...], mark: Mark | None) -> str:
    found = [name for name in names if entry.number(name, 0)]
    return ", ".join([*([] if mark else ["mark"]), *found])


def _address(entry: Entry, name: str) -> Address | None:
    """0.0.0.0 and :: stand for any address; empty: of no family."""
    if not entry.text(name, ""):
        return None
    address = entry.address(name)
    return address if int(address) else None


def _network(entry: Entry, name: str) -> Network:
    try:
        return ip_network(entry.text(name), strict=False)
    except ValueError as error:
        raise entry.wrong(name, str(error)) from error
