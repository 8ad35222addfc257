"""IPsec policies (the table `xfrm`)."""

from ipaddress import ip_network

from kubectl_skoop.model.packet import Network
from kubectl_skoop.netstack.ipsec_types import Ipsec, Policy
from kubectl_skoop.snapshot.decode.entry import Entry, table_map


def decode_ipsec(data: object) -> Ipsec:
    """The kernel lists the newest policy first. Raises: FormatError."""
    table = Entry(table_map(data, "$.xfrm"), "$.xfrm")
    return Ipsec(
        policies=tuple(_policy(entry) for entry in table.entries("policies"))[::-1],
        blocks=frozenset(table.texts("blocks")),
    )


def _policy(entry: Entry) -> Policy:
    """Older agents told neither templates nor priorities: where such a policy selects, nothing is known."""
    known = "templates" in entry.fields
    return Policy(
        direction=entry.text("direction"),
        source=_network(entry, "src"),
        destination=_network(entry, "dst"),
        protocol=entry.number("protocol", 0),
        sport=(entry.number("sport", 0), entry.number("sport_mask", 0)),
        dport=(entry.number("dport", 0), entry.number("dport_mask", 0)),
        priority=entry.number("priority", 0),
        block=entry.text("action", "") == "block",
        templates=entry.number("templates", 1),
        optional=entry.flag("optional", not known),
        unmodelled=_unmodelled(entry) if known else "what an older agent left out",
    )


def _unmodelled(entry: Entry) -> str:
    names = ("ifindex", "mark", "if_id", "type")
    return ", ".join(name for name in names if entry.number(name, 0))


def _network(entry: Entry, name: str) -> Network:
    try:
        return ip_network(entry.text(name), strict=False)
    except ValueError as error:
        raise entry.wrong(name, str(error)) from error
